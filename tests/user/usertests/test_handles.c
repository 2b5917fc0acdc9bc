// SPDX-License-Identifier: MIT
// Handles: values, rights, derivation, revocation, granting.
#include "tests/user/usertests/harness.h"

static bool close_zero_is_ok_and_twice_is_not(void)
{
    handle_t n;
    EXPECT(sys_handle_close(HANDLE_NONE), OK);
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_handle_close(n), OK);
    EXPECT(sys_handle_close(n), ERR_BAD_HANDLE);
    return true;
}

static bool a_stale_handle_never_names_a_later_object(void)
{
    handle_t first, next;
    EXPECT(sys_notification_create(&first), OK);
    EXPECT(sys_handle_close(first), OK);
    for (int i = 0; i < 1000; i++) {
        EXPECT(sys_notification_create(&next), OK);
        CHECK(next != first);
        EXPECT(sys_notification_signal(first, 1), ERR_BAD_HANDLE);
        EXPECT(sys_handle_close(next), OK);
    }
    return true;
}

static bool a_slot_survives_all_its_generations(void)
{
    handle_t h;
    for (int i = 0; i < 70000; i++) {
        EXPECT(sys_notification_create(&h), OK);
        CHECK(h != HANDLE_NONE && h >> 16 != 0);
        EXPECT(sys_handle_close(h), OK);
    }
    return true;
}

static bool duplicates_have_at_most_the_same_rights(void)
{
    handle_t n, d, e;
    struct handle_info info;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_handle_duplicate(n, RIGHT_SIGNAL | RIGHT_DUPLICATE, &d), OK);
    EXPECT(sys_handle_info(d, &info), OK);
    EXPECT(info.type, OBJ_NOTIFICATION);
    EXPECT(info.rights, RIGHT_SIGNAL | RIGHT_DUPLICATE);
    EXPECT(sys_handle_duplicate(d, RIGHT_SIGNAL | RIGHT_WAIT, &e), ERR_INVALID_ARGS);
    EXPECT(sys_handle_duplicate(d, RIGHTS_SAME, &e), OK);
    EXPECT(sys_handle_info(e, &info), OK);
    EXPECT(info.rights, RIGHT_SIGNAL | RIGHT_DUPLICATE);
    uint64_t bits;
    EXPECT(sys_notification_wait(e, DEADLINE_POLL, &bits), ERR_ACCESS_DENIED);
    handle_t bare;
    EXPECT(sys_handle_duplicate(d, 0, &bare), OK);
    EXPECT(sys_handle_duplicate(bare, 0, &e), ERR_ACCESS_DENIED);
    handle_t all[] = {n, d, bare};
    EXPECT(close_all(all, 3), OK);
    // e is overwritten only on success
    EXPECT(sys_handle_close(e), OK);
    return true;
}

static bool revoking_destroys_what_was_derived_and_nothing_else(void)
{
    handle_t n, child, grandchild, sibling;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_handle_duplicate(n, RIGHTS_SAME, &child), OK);
    EXPECT(sys_handle_duplicate(child, RIGHTS_SAME, &grandchild), OK);
    EXPECT(sys_handle_duplicate(n, RIGHTS_SAME, &sibling), OK);
    EXPECT(sys_handle_revoke(child), OK);
    EXPECT(sys_notification_signal(grandchild, 1), ERR_BAD_HANDLE);
    EXPECT(sys_notification_signal(child, 1), OK);
    EXPECT(sys_notification_signal(sibling, 1), OK);
    EXPECT(sys_handle_revoke(n), OK);
    EXPECT(sys_notification_signal(child, 1), ERR_BAD_HANDLE);
    EXPECT(sys_notification_signal(sibling, 1), ERR_BAD_HANDLE);
    EXPECT(sys_notification_signal(n, 1), OK);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static bool revoking_reaches_through_closed_handles(void)
{
    handle_t n, a, b, c;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_handle_duplicate(n, RIGHTS_SAME, &a), OK);
    EXPECT(sys_handle_duplicate(a, RIGHTS_SAME, &b), OK);
    EXPECT(sys_handle_duplicate(a, RIGHTS_SAME, &c), OK);
    EXPECT(sys_handle_close(a), OK); // stays as a tombstone with two children
    EXPECT(sys_handle_close(b), OK); // the tombstone gives way to c
    EXPECT(sys_notification_signal(c, 1), OK);
    EXPECT(sys_handle_revoke(n), OK);
    EXPECT(sys_notification_signal(c, 1), ERR_BAD_HANDLE);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static bool revoking_a_thousand_takes_several_slices(void)
{
    static handle_t many[1000];
    handle_t n;
    EXPECT(sys_notification_create(&n), OK);
    for (int i = 0; i < 1000; i++) {
        // A tree: each derived from one of the earlier ones.
        EXPECT(sys_handle_duplicate(i < 10 ? n : many[i / 10], RIGHTS_SAME, &many[i]), OK);
    }
    EXPECT(sys_handle_revoke(n), OK);
    for (int i = 0; i < 1000; i++) {
        EXPECT(sys_handle_close(many[i]), ERR_BAD_HANDLE);
    }
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static bool derivation_depth_is_bounded(void)
{
    handle_t h[300];
    EXPECT(sys_notification_create(&h[0]), OK);
    int i = 1;
    status_t s = OK;
    for (; i < 300; i++) {
        s = sys_handle_duplicate(h[i - 1], RIGHTS_SAME, &h[i]);
        if (s != OK) {
            break;
        }
    }
    EXPECT(s, ERR_OUT_OF_RANGE);
    EXPECT(i, 256);
    EXPECT(sys_handle_revoke(h[0]), OK);
    EXPECT(sys_handle_close(h[0]), OK);
    return true;
}

static bool handle_numbers_above_32_bits_are_refused(void)
{
    handle_t n;
    EXPECT(sys_notification_create(&n), OK);
    uint64_t r[8] = {n | 1ull << 32, 1};
    EXPECT(sys_any(SYS_NOTIFICATION_SIGNAL, r), ERR_BAD_HANDLE);
    uint64_t q[8] = {n, 1ull << 40};
    EXPECT(sys_any(SYS_HANDLE_DUPLICATE, q), ERR_INVALID_ARGS);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static bool many_handles_grow_the_table(void)
{
    static handle_t many[2000];
    for (int i = 0; i < 2000; i++) {
        EXPECT(sys_notification_create(&many[i]), OK);
    }
    for (int i = 0; i < 2000; i++) {
        EXPECT(sys_notification_signal(many[i], 1), OK);
        EXPECT(sys_handle_close(many[i]), OK);
    }
    return true;
}

static int child_signals_granted(void)
{
    handle_t n = startup_handle("n");
    return sys_notification_signal(n, 0x40) == OK ? 7 : 8;
}

static bool a_granted_handle_works_in_the_child_until_revoked(void)
{
    handle_t n;
    uint64_t bits;
    struct spawn_result child;
    struct process_info info;
    EXPECT(sys_notification_create(&n), OK);
    struct child_handle give = {"n", n};
    EXPECT(child_start("signals_granted", HANDLE_NONE, &give, 1, &child), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_code, 7);
    EXPECT(sys_notification_wait(n, DEADLINE_POLL, &bits), OK);
    EXPECT(bits, 0x40);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static int child_sees_revocation(void)
{
    handle_t n = startup_handle("n"), ready = startup_handle("ready");
    (void)sys_notification_signal(ready, 1);
    for (uint64_t end = in_good_time(); now_ns() < end;) {
        status_t s = sys_notification_signal(n, 1);
        if (s == ERR_BAD_HANDLE) {
            return 5;
        }
        (void)sys_thread_yield();
    }
    return 6;
}

static bool revoking_takes_a_handle_out_of_another_process(void)
{
    handle_t n, ready;
    uint64_t bits;
    struct spawn_result child;
    struct process_info info;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_notification_create(&ready), OK);
    struct child_handle give[] = {{"n", n}, {"ready", ready}};
    EXPECT(child_start("sees_revocation", HANDLE_NONE, give, 2, &child), OK);
    EXPECT(sys_notification_wait(ready, in_good_time(), &bits), OK);
    EXPECT(sys_handle_revoke(n), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_code, 5);
    handle_t all[] = {n, ready};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool handle_limits_of_a_job_hold(void)
{
    handle_t job, process, vmar, granted, n;
    EXPECT(sys_job_create(root_job, "limited", 7, &job), OK);
    EXPECT(sys_process_create(job, "p", 1, &process, &vmar), OK);
    EXPECT(sys_job_set_limit(job, LIMIT_HANDLES, 3), OK);
    EXPECT(sys_notification_create(&n), OK);
    for (int i = 0; i < 3; i++) {
        EXPECT(sys_handle_grant(process, n, RIGHTS_SAME, &granted), OK);
    }
    EXPECT(sys_handle_grant(process, n, RIGHTS_SAME, &granted), ERR_QUOTA);
    EXPECT(sys_process_kill(process), OK);
    EXPECT(sys_handle_grant(process, n, RIGHTS_SAME, &granted), ERR_BAD_STATE);
    handle_t all[] = {job, process, vmar, n};
    EXPECT(close_all(all, 4), OK);
    return true;
}

const struct test handle_tests[] = {
    {"handle.close_zero_is_ok_and_twice_is_not", close_zero_is_ok_and_twice_is_not},
    {"handle.a_stale_handle_never_names_a_later_object", a_stale_handle_never_names_a_later_object},
    {"handle.a_slot_survives_all_its_generations", a_slot_survives_all_its_generations},
    {"handle.duplicates_have_at_most_the_same_rights", duplicates_have_at_most_the_same_rights},
    {"handle.revoking_destroys_what_was_derived_and_nothing_else",
     revoking_destroys_what_was_derived_and_nothing_else},
    {"handle.revoking_reaches_through_closed_handles", revoking_reaches_through_closed_handles},
    {"handle.revoking_a_thousand_takes_several_slices", revoking_a_thousand_takes_several_slices},
    {"handle.derivation_depth_is_bounded", derivation_depth_is_bounded},
    {"handle.numbers_above_32_bits_are_refused", handle_numbers_above_32_bits_are_refused},
    {"handle.many_handles_grow_the_table", many_handles_grow_the_table},
    {"handle.a_granted_handle_works_in_the_child",
     a_granted_handle_works_in_the_child_until_revoked},
    {"handle.revoking_takes_a_handle_out_of_another_process",
     revoking_takes_a_handle_out_of_another_process},
    {"handle.limits_of_a_job_hold", handle_limits_of_a_job_hold},
    {NULL, NULL},
};

const struct child_entry handle_children[] = {
    {"signals_granted", child_signals_granted},
    {"sees_revocation", child_sees_revocation},
    {NULL, NULL},
};
