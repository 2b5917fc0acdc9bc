// SPDX-License-Identifier: MIT
// Handle tables and the derivation tree: what each lookup says, generations and their end, growth
// to the last slot, deriving, revoking over closed handles and moved ones, moves that fail without
// a trace. Random operations: test_handle_model.c.
#include "obj_setup.h"

#define INDEX(h)      ((h) & 0xffffu)
#define GENERATION(h) ((h) >> 16)
#define SLOTS_MAX     65535u // slot 65,535 is never used

static struct notification *thing_make(void)
{
    struct notification *n = NULL;
    assert_int_equal(notification_create(test_job, &n), OK);
    return n;
}

static handle_t derive(struct process *p, handle_t h, rights_t rights)
{
    return share(p, h, p, rights);
}

// --- lookups ------------------------------------------------------------------------------------

static void a_lookup_checks_handle_then_type_then_rights(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct notification *n = thing_make();
    handle_t h = give(t->process, &n->object, RIGHT_WAIT);
    struct handle_arg arg;
    assert_int_equal(handle_arg_get(t, HANDLE_NONE, OBJ_JOB, RIGHT_SIGNAL, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_arg_get(t, h + 1, OBJ_JOB, RIGHT_SIGNAL, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_arg_get(t, h + 0x10000, OBJ_JOB, RIGHT_SIGNAL, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_arg_get(t, h | 1ull << 32, OBJ_NOTIFICATION, 0, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_arg_get(t, 0xffffffffu, OBJ_ANY, 0, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_arg_get(t, UINT64_MAX, OBJ_ANY, 0, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_arg_get(t, h, OBJ_JOB, RIGHT_SIGNAL, &arg), ERR_WRONG_TYPE);
    assert_int_equal(handle_arg_get(t, h, OBJ_NOTIFICATION, RIGHT_SIGNAL | RIGHT_WAIT, &arg),
                     ERR_ACCESS_DENIED);
    assert_int_equal(handle_arg_get(t, h, OBJ_ANY, RIGHT_SIGNAL, &arg), ERR_ACCESS_DENIED);
    assert_int_equal(handle_arg_get(t, h, OBJ_NOTIFICATION, RIGHT_WAIT, &arg), OK);
    assert_ptr_equal(arg.object, &n->object);
    assert_int_equal(arg.rights, RIGHT_WAIT);
    assert_int_equal(n->object.refs, 3); // creator, handle, argument
    handle_arg_put(&arg);
    object_put(&n->object);
    assert_int_equal(handle_close(&t->process->handles, h), OK);
    assert_int_equal(handle_close(&t->process->handles, h), ERR_BAD_HANDLE);
}

static void the_lookup_of_an_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct handle_arg arg;
    assert_int_equal(handle_arg_get(t, 1u << 16, OBJ_ANY, 0, &arg), ERR_BAD_HANDLE);
    assert_int_equal(handle_close(&t->process->handles, 1u << 16), ERR_BAD_HANDLE);
    assert_int_equal(handle_revoke(&t->process->handles, 1u << 16), ERR_BAD_HANDLE);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, HANDLE_NONE), OK);
}

static void a_value_is_not_used_again_and_a_worn_out_slot_retires(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t first = give(p, &n->object, RIGHT_WAIT), h = first;
    for (uint32_t i = 1; i <= 0xffff; i++) {
        assert_int_equal(INDEX(h), INDEX(first));
        assert_int_equal(GENERATION(h), i);
        assert_int_equal(handle_close(&p->handles, h), OK);
        h = give(p, &n->object, RIGHT_WAIT);
    }
    assert_int_not_equal(INDEX(h), INDEX(first)); // its values would begin again
    for (uint32_t generation = 0; generation <= 0xffff; generation++) {
        assert_false(handle_valid(p, generation << 16 | INDEX(first)));
    }
    object_put(&n->object);
}

// --- growth -------------------------------------------------------------------------------------

static void fill_to(struct process *p, struct object *o, uint32_t used)
{
    while (p->handles.used < used) {
        give(p, o, RIGHT_TRANSFER);
    }
}

static void a_table_grows_to_its_last_slot_and_then_says_so(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t h = HANDLE_NONE;
    fill_to(p, &n->object, SLOTS_MAX);
    assert_int_equal(handle_create(&p->handles, &n->object, 0, &h), ERR_NO_SPACE);
    assert_int_equal(test_job->quota.used[LIMIT_HANDLES], SLOTS_MAX);
    assert_int_equal(handle_close(&p->handles, 1u << 16 | 300), OK);
    h = give(p, &n->object, 0);
    assert_int_equal(h, 2u << 16 | 300);
    object_put(&n->object);
}

static void growing_for_a_move_loses_no_slot(void **state)
{
    (void)state;
    struct process *p = process_make(), *from = process_make();
    struct notification *n = thing_make();
    handle_t values[8], out[8];
    // The last page is added while a few slots of the one before are free.
    fill_to(p, &n->object, (HANDLE_SLOT_PAGES - 1) * HANDLE_SLOTS_PER_PAGE - 3);
    for (unsigned i = 0; i < 8; i++) {
        values[i] = give(from, &n->object, RIGHT_TRANSFER);
    }
    assert_int_equal(handle_move(&from->handles, values, 8, &p->handles, out), OK);
    fill_to(p, &n->object, SLOTS_MAX);
    assert_int_equal(handle_create(&p->handles, &n->object, 0, &out[0]), ERR_NO_SPACE);
    object_put(&n->object);
}

static void a_move_into_an_almost_full_table_moves_all_or_none(void **state)
{
    (void)state;
    struct process *p = process_make(), *from = process_make();
    struct notification *n = thing_make();
    handle_t values[2], out[2];
    fill_to(p, &n->object, SLOTS_MAX - 1);
    values[0] = give(from, &n->object, RIGHT_TRANSFER);
    values[1] = give(from, &n->object, RIGHT_TRANSFER);
    assert_int_equal(handle_move(&from->handles, values, 2, &p->handles, out), ERR_NO_SPACE);
    assert_true(handle_valid(from, values[0]) && handle_valid(from, values[1]));
    assert_int_equal(handle_move(&from->handles, values, 1, &p->handles, out), OK);
    assert_int_equal(p->handles.used, SLOTS_MAX);
    object_put(&n->object);
}

// --- deriving -----------------------------------------------------------------------------------

static void a_derived_handle_has_a_subset_of_the_rights(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t out = HANDLE_NONE, h = give(p, &n->object, RIGHT_WAIT | RIGHT_SIGNAL);
    struct thread t = {.process = p};
    struct handle_arg arg;
    assert_int_equal(
        handle_derive(&p->handles, h, &p->handles, RIGHT_WAIT | RIGHT_MANAGE, NULL, &out),
        ERR_INVALID_ARGS);
    assert_int_equal(
        handle_derive(&p->handles, h, &p->handles, RIGHTS_SAME | RIGHT_WAIT, NULL, &out),
        ERR_INVALID_ARGS);
    assert_int_equal(handle_derive(&p->handles, h + 1, &p->handles, RIGHT_WAIT, NULL, &out),
                     ERR_BAD_HANDLE);
    assert_int_equal(p->handles.used, 1);
    assert_int_equal(handle_arg_get(&t, derive(p, h, RIGHT_WAIT), OBJ_ANY, 0, &arg), OK);
    assert_int_equal(arg.rights, RIGHT_WAIT);
    handle_arg_put(&arg);
    assert_int_equal(handle_arg_get(&t, derive(p, h, RIGHTS_SAME), OBJ_ANY, 0, &arg), OK);
    assert_int_equal(arg.rights, RIGHT_WAIT | RIGHT_SIGNAL);
    handle_arg_put(&arg);
    assert_int_equal(handle_arg_get(&t, derive(p, h, 0), OBJ_ANY, 0, &arg), OK);
    assert_int_equal(arg.rights, 0);
    handle_arg_put(&arg);
    object_put(&n->object);
}

static void derivations_nest_to_a_bounded_depth(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t first = give(p, &n->object, RIGHT_WAIT), h = first;
    for (unsigned depth = 1; depth < HANDLE_DEPTH_MAX; depth++) {
        h = derive(p, h, RIGHTS_SAME);
    }
    handle_t out = HANDLE_NONE;
    assert_int_equal(handle_derive(&p->handles, h, &p->handles, RIGHTS_SAME, NULL, &out),
                     ERR_OUT_OF_RANGE);
    assert_int_equal(FINISH(handle_revoke(&p->handles, first)), OK);
    assert_int_equal(p->handles.used, 1);
    object_put(&n->object);
}

static void a_handle_can_be_handed_down_any_number_of_times(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t root = give(p, &n->object, RIGHT_WAIT), h = derive(p, root, RIGHTS_SAME);
    for (unsigned i = 0; i < 4 * HANDLE_DEPTH_MAX; i++) {
        handle_t next = derive(p, h, RIGHTS_SAME);
        assert_int_equal(handle_close(&p->handles, h), OK); // the chain closes up
        h = next;
    }
    assert_int_equal(FINISH(handle_revoke(&p->handles, root)), OK);
    assert_false(handle_valid(p, h));
    object_put(&n->object);
}

// --- revoking -----------------------------------------------------------------------------------

static void revoking_reaches_children_of_closed_handles_in_every_process(void **state)
{
    (void)state;
    struct process *a = process_make(), *b = process_make();
    struct notification *n = thing_make();
    handle_t root = give(a, &n->object, RIGHT_WAIT | RIGHT_TRANSFER);
    handle_t other = give(a, &n->object, RIGHT_WAIT);
    handle_t middle = share(a, root, b, RIGHTS_SAME);
    handle_t leaf[3] = {share(b, middle, a, RIGHTS_SAME), share(b, middle, b, RIGHTS_SAME),
                        share(b, middle, b, RIGHTS_SAME)};
    assert_int_equal(handle_close(&b->handles, middle), OK); // a tombstone joins the leaves
    handle_t moved;
    assert_int_equal(handle_move(&b->handles, &leaf[2], 1, &a->handles, &moved), OK);
    assert_int_equal(handle_revoke(&a->handles, root), OK);
    assert_false(handle_valid(a, leaf[0]) || handle_valid(b, leaf[1]) || handle_valid(a, moved));
    assert_true(handle_valid(a, root) && handle_valid(a, other));
    assert_int_equal(n->object.handles, 2);
    object_put(&n->object);
}

static void revoking_a_leaf_or_a_stale_handle_destroys_nothing(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t root = give(p, &n->object, RIGHT_WAIT), leaf = derive(p, root, RIGHTS_SAME),
             gone = derive(p, root, 0);
    assert_int_equal(handle_close(&p->handles, gone), OK);
    assert_int_equal(handle_revoke(&p->handles, leaf), OK);
    assert_int_equal(handle_revoke(&p->handles, gone), ERR_BAD_HANDLE);
    assert_int_equal(p->handles.used, 2);
    object_put(&n->object);
}

static void revoking_works_in_slices_and_through_the_system_call(void **state)
{
    (void)state;
    struct thread *t = actor();
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    handle_t middle = kernel_make(t, SYS_HANDLE_DUPLICATE, n, RIGHTS_SAME);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(kernel_call(t, SYS_HANDLE_DUPLICATE, i % 2 ? n : middle, RIGHTS_SAME), OK);
    }
    restarts = 0;
    assert_int_equal(kernel_call(t, SYS_HANDLE_REVOKE, n), OK);
    assert_in_range(restarts, 1000 / 32, 1000 / 16);
    assert_int_equal(t->process->handles.used, 1);
}

static void the_last_handle_ends_the_object_when_a_revoke_takes_it(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct process *other = process_make();
    handle_t process = give(t->process, &other->object, RIGHTS_DEFAULT_PROCESS);
    handle_t copy = derive(t->process, process, RIGHTS_SAME),
             last = derive(t->process, copy, RIGHTS_SAME);
    assert_int_equal(handle_close(&t->process->handles, copy), OK);
    assert_int_equal(handle_revoke(&t->process->handles, process), OK);
    assert_false(handle_valid(t->process, last));
    assert_int_equal(handle_close(&t->process->handles, process), OK);
    settle();
    assert_int_equal(other->state, PROCESS_DEAD); // it was new and nobody can name it
}

// --- moving -------------------------------------------------------------------------------------

static void a_move_that_cannot_be_made_leaves_everything(void **state)
{
    (void)state;
    struct process *a = process_make(), *b = process_make();
    struct notification *n = thing_make();
    handle_t good[2] = {give(a, &n->object, RIGHT_TRANSFER), give(a, &n->object, RIGHT_TRANSFER)};
    handle_t fixed = give(a, &n->object, RIGHT_WAIT), out[3];
    const struct {
        handle_t values[3];
        status_t status;
    } tries[] = {
        {{good[0], good[1], good[0]}, ERR_BAD_HANDLE},
        {{good[0], good[1], good[1]}, ERR_BAD_HANDLE},
        {{good[0], good[1], HANDLE_NONE}, ERR_BAD_HANDLE},
        {{good[0], good[1], good[1] + 0x10000}, ERR_BAD_HANDLE},
        {{good[0], good[1], fixed}, ERR_ACCESS_DENIED},
        {{fixed, HANDLE_NONE, good[0]}, ERR_ACCESS_DENIED},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(tries); i++) {
        assert_int_equal(handle_move(&a->handles, tries[i].values, 3, &b->handles, out),
                         tries[i].status);
        assert_true(handle_valid(a, good[0]) && handle_valid(a, good[1]) && handle_valid(a, fixed));
        assert_int_equal(b->handles.used, 0);
    }
    assert_int_equal(handle_move(&a->handles, good, 2, &b->handles, out), OK);
    assert_false(handle_valid(a, good[0]) || handle_valid(a, good[1]));
    assert_true(handle_valid(b, out[0]) && handle_valid(b, out[1]));
    assert_int_equal(n->object.handles, 3);
    object_put(&n->object);
}

static void handles_move_within_one_table_too(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct notification *n = thing_make();
    handle_t values[8], out[8];
    for (unsigned i = 0; i < 8; i++) {
        values[i] = give(p, &n->object, RIGHT_TRANSFER);
    }
    assert_int_equal(handle_move(&p->handles, values, 8, &p->handles, out), OK);
    for (unsigned i = 0; i < 8; i++) {
        assert_false(handle_valid(p, values[i]));
        assert_true(handle_valid(p, out[i]));
    }
    assert_int_equal(p->handles.used, 8);
    object_put(&n->object);
}

static void a_moved_handle_is_charged_to_its_new_job(void **state)
{
    (void)state;
    struct job *small = NULL;
    assert_int_equal(job_create(test_job, "small", &small), OK);
    struct process *a = process_make(), *b = process_make_in(small);
    struct notification *n = thing_make();
    handle_t values[3], out[3];
    for (unsigned i = 0; i < 3; i++) {
        values[i] = give(a, &n->object, RIGHT_TRANSFER);
    }
    quota_set_limit(&small->quota, LIMIT_HANDLES, 2);
    assert_int_equal(handle_move(&a->handles, values, 3, &b->handles, out), ERR_QUOTA);
    assert_int_equal(a->handles.used, 3);
    assert_int_equal(small->quota.used[LIMIT_HANDLES], 0);
    assert_int_equal(handle_move(&a->handles, values, 2, &b->handles, out), OK);
    assert_int_equal(small->quota.used[LIMIT_HANDLES], 2);
    assert_int_equal(test_job->quota.used[LIMIT_HANDLES], 3);
    assert_int_equal(handle_move(&b->handles, out, 2, &a->handles, out), OK);
    assert_int_equal(small->quota.used[LIMIT_HANDLES], 0);
    object_put(&n->object);
    object_put(&small->object);
}

// --- failing allocations ------------------------------------------------------------------------

static void making_handles_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct process *a = process_make(), *b = process_make();
    struct notification *n = thing_make();
    handle_t h = HANDLE_NONE, out = HANDLE_NONE;
    EACH_ALLOCATION_FAILS(handle_create(&a->handles, &n->object, RIGHT_TRANSFER, &h), {
        assert_int_equal(n->object.handles, 0);
        assert_int_equal(test_job->quota.used[LIMIT_HANDLES], 0);
        assert_int_equal(a->handles.used, 0);
    });
    EACH_ALLOCATION_FAILS(handle_derive(&a->handles, h, &b->handles, RIGHTS_SAME, NULL, &out),
                          assert_int_equal(n->object.handles, 1));
    assert_int_equal(handle_close(&b->handles, out), OK);
    object_put(&n->object);
}

static void moving_handles_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct job *other = NULL;
    assert_int_equal(job_create(test_job, "other", &other), OK);
    struct process *a = process_make(), *b = process_make_in(other);
    struct notification *n = thing_make();
    handle_t values[2] = {give(a, &n->object, RIGHT_TRANSFER), give(a, &n->object, RIGHT_TRANSFER)},
             out[2];
    EACH_ALLOCATION_FAILS(handle_move(&a->handles, values, 2, &b->handles, out), {
        assert_true(handle_valid(a, values[0]) && handle_valid(a, values[1]));
        assert_int_equal(b->handles.used, 0);
        assert_int_equal(other->quota.used[LIMIT_HANDLES], 0);
    });
    assert_true(handle_valid(b, out[0]) && handle_valid(b, out[1]));
    object_put(&n->object);
    object_put(&other->object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(a_lookup_checks_handle_then_type_then_rights),
        OBJ_TEST(the_lookup_of_an_empty_table_finds_nothing),
        OBJ_TEST(a_value_is_not_used_again_and_a_worn_out_slot_retires),
        OBJ_TEST(a_table_grows_to_its_last_slot_and_then_says_so),
        OBJ_TEST(growing_for_a_move_loses_no_slot),
        OBJ_TEST(a_move_into_an_almost_full_table_moves_all_or_none),
        OBJ_TEST(a_derived_handle_has_a_subset_of_the_rights),
        OBJ_TEST(derivations_nest_to_a_bounded_depth),
        OBJ_TEST(a_handle_can_be_handed_down_any_number_of_times),
        OBJ_TEST(revoking_reaches_children_of_closed_handles_in_every_process),
        OBJ_TEST(revoking_a_leaf_or_a_stale_handle_destroys_nothing),
        OBJ_TEST(revoking_works_in_slices_and_through_the_system_call),
        OBJ_TEST(the_last_handle_ends_the_object_when_a_revoke_takes_it),
        OBJ_TEST(a_move_that_cannot_be_made_leaves_everything),
        OBJ_TEST(handles_move_within_one_table_too),
        OBJ_TEST(a_moved_handle_is_charged_to_its_new_job),
        OBJ_TEST(making_handles_fails_cleanly_at_each_allocation),
        OBJ_TEST(moving_handles_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
