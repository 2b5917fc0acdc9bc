// SPDX-License-Identifier: MIT
// Processes: the life cycle from new to dead through the reaper's slices, what ends one, watches,
// and every allocation failing.
#include "obj_setup.h"

static enum process_state state_of(struct process *p)
{
    struct process_info info;
    process_info(p, &info);
    return (enum process_state)info.state;
}

static void a_process_is_new_until_a_thread_starts_and_dead_after_its_exit(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct process_info info;
    assert_int_equal(state_of(p), PROCESS_NEW);
    struct thread *t = thread_make(p);
    process_info(p, &info);
    assert_int_equal(info.state, PROCESS_RUNNING);
    assert_int_equal(info.threads, 1);
    assert_int_equal(info.exit_reason, EXIT_NONE);
    assert_int_equal(kernel_call(t, SYS_PROCESS_EXIT, 42), STATUS_DEAD);
    settle();
    process_info(p, &info);
    assert_int_equal(info.state, PROCESS_DEAD);
    assert_int_equal(info.exit_reason, EXIT_NORMAL);
    assert_int_equal(info.exit_code, 42);
    assert_int_equal(info.threads, 0);
    assert_int_equal(info.handles, 0);
    assert_int_equal(info.pages, 0);
}

static void the_last_thread_to_exit_ends_the_process(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct thread *a = thread_make(p), *b = thread_make(p);
    assert_int_equal(kernel_call(a, SYS_THREAD_EXIT), STATUS_DEAD);
    settle();
    assert_int_equal(state_of(p), PROCESS_RUNNING);
    assert_int_equal(kernel_call(b, SYS_THREAD_EXIT), STATUS_DEAD);
    settle();
    assert_int_equal(state_of(p), PROCESS_DEAD);
    assert_int_equal(p->exit_reason, EXIT_NORMAL);
    assert_int_equal(p->exit_code, 0);
}

static void a_thread_that_never_started_does_not_end_a_running_process(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct thread *a = thread_make(p), *idle = thread_make_new(p);
    handle_t h = give(p, &idle->object, RIGHTS_DEFAULT_THREAD);
    assert_int_equal(kernel_call(a, SYS_HANDLE_CLOSE, h), OK);
    settle();
    assert_int_equal(idle->state, THREAD_DEAD);
    assert_int_equal(state_of(p), PROCESS_RUNNING);
}

static void dying_twice_keeps_the_first_reason(void **state)
{
    (void)state;
    struct process *p = process_make();
    thread_make(p);
    process_die(p, EXIT_NORMAL, 7, NULL);
    process_die(p, EXIT_KILLED, 8, NULL);
    settle();
    process_die(p, EXIT_KILLED, 9, NULL);
    settle();
    assert_int_equal(p->exit_reason, EXIT_NORMAL);
    assert_int_equal(p->exit_code, 7);
    assert_int_equal(p->object.refs, 2); // the test's and its thread's: its own went once
}

static void no_thread_of_a_dying_process_runs_again(void **state)
{
    (void)state;
    struct thread *killer = actor();
    struct process *p = process_make();
    struct thread *a = thread_make(p), *b = thread_make(p), *c = thread_make_new(p);
    handle_t h = give(killer->process, &p->object, RIGHTS_DEFAULT_PROCESS);
    assert_int_equal(kernel_call(killer, SYS_PROCESS_KILL, h), OK);
    for (unsigned i = 0; i < 20; i++) {
        assert_ptr_equal(running->process, killer->process);
        yield_running();
    }
    assert_int_equal(a->state, THREAD_DEAD);
    assert_int_equal(b->state, THREAD_DEAD);
    assert_int_equal(c->state, THREAD_DEAD);
    assert_int_equal(kernel_call(killer, SYS_PROCESS_KILL, h), OK); // again is fine
    assert_int_equal(thread_start(c, USER_PC, USER_SP, 0, 0), ERR_BAD_STATE);
}

static void a_process_that_kills_itself_does_not_return(void **state)
{
    (void)state;
    struct thread *t = actor();
    handle_t h = give(t->process, &t->process->object, RIGHTS_DEFAULT_PROCESS);
    assert_int_equal(kernel_call(t, SYS_PROCESS_KILL, h), STATUS_DEAD);
    assert_null(running);
    assert_int_equal(state_of(t->process), PROCESS_DEAD);
    assert_int_equal(t->process->exit_reason, EXIT_KILLED);
}

static void an_abandoned_new_process_is_taken_apart(void **state)
{
    (void)state;
    struct thread *t = actor();
    uint32_t count = process_count();
    handle_t job = give(t->process, &test_job->object, RIGHTS_DEFAULT_JOB);
    handle_t p = kernel_make(t, SYS_PROCESS_CREATE, job, NAME_OF(t, "child"));
    handle_t vmar = (handle_t)result(t, 1);
    handle_t thread = kernel_make(t, SYS_THREAD_CREATE, p, NAME_OF(t, "thread"));
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(t, SYS_HANDLE_GRANT, p, n, RIGHTS_SAME), OK);
    assert_int_equal(process_count(), count + 1);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, p), OK);
    settle();
    assert_int_equal(process_count(), count);
    assert_int_equal(kernel_call(t, SYS_THREAD_START, thread, USER_PC, 0, 0, 0), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_VMAR_UNMAP, vmar, USER_PC, PAGE_SIZE), ERR_BAD_STATE);
}

static void a_running_process_goes_on_without_handles(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = actor();
    handle_t h = give(t->process, &other->process->object, RIGHTS_DEFAULT_PROCESS);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, h), OK);
    settle();
    assert_int_equal(kernel_call(other, SYS_NULL), OK);
}

static void nothing_is_made_in_or_given_to_a_dead_process(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct process *p = process_make();
    handle_t h = give(t->process, &p->object, RIGHTS_DEFAULT_PROCESS);
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(t, SYS_PROCESS_KILL, h), OK);
    settle();
    assert_int_equal(state_of(p), PROCESS_DEAD);
    assert_int_equal(kernel_call(t, SYS_THREAD_CREATE, h, NAME_OF(t, "late")), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_HANDLE_GRANT, h, n, RIGHTS_SAME), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_PROCESS_INFO, h, t->msgbuf_user), OK);
}

// --- slices
// --------------------------------------------------------------------------------------------------

static unsigned polls;

static void polls_count(void)
{
    polls++;
    interrupts_take();
}

static void a_large_process_is_taken_apart_in_slices(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct thread *t = thread_make(p);
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    for (unsigned i = 0; i < 3200; i++) {
        assert_int_equal(kernel_call(t, SYS_HANDLE_DUPLICATE, n, RIGHTS_SAME), OK);
    }
    host_interrupts = polls_count;
    polls = 0;
    process_die(p, EXIT_KILLED, 0, NULL);
    settle();
    host_interrupts = interrupts_take;
    assert_int_equal(p->state, PROCESS_DEAD);
    assert_in_range(polls, 100, 1000); // 32 handles a slice
}

static void a_process_with_a_handle_in_its_last_slot_is_emptied(void **state)
{
    (void)state;
    struct process *p = process_make();
    struct thread *t = thread_make(p);
    handle_t first = kernel_make(t, SYS_NOTIFICATION_CREATE), last = 0;
    for (unsigned i = 0; i < 4 * HANDLE_SLOTS_PER_PAGE; i++) {
        last = kernel_make(t, SYS_HANDLE_DUPLICATE, first, RIGHTS_SAME);
    }
    // All but two go, so that the teardown walks over long gaps.
    for (uint32_t i = 0; i < 4 * HANDLE_SLOTS_PER_PAGE; i++) {
        handle_t h = 1u << 16 | i;
        if (h != first && h != last && handle_valid(p, h)) {
            assert_int_equal(handle_close(&p->handles, h), OK);
        }
    }
    assert_int_equal(p->handles.used, 2);
    process_die(p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(p->state, PROCESS_DEAD);
}

// --- watches
// -------------------------------------------------------------------------------------------------

struct watching {
    struct thread *t;
    struct process *p;
    handle_t process, n;
};

static struct watching watching_begin(void)
{
    struct watching w = {.t = actor(), .p = process_make()};
    w.process = give(w.t->process, &w.p->object, RIGHTS_DEFAULT_PROCESS);
    w.n = kernel_make(w.t, SYS_NOTIFICATION_CREATE);
    return w;
}

static uint64_t bits_poll(struct thread *t, handle_t n)
{
    status_t s = kernel_call(t, SYS_NOTIFICATION_WAIT, n, DEADLINE_POLL);
    return s == OK ? result(t, 0) : 0;
}

static void a_watch_tells_of_the_death_once_all_is_given_back(void **state)
{
    (void)state;
    struct watching w = watching_begin();
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 6), OK);
    assert_int_equal(kernel_call(w.t, SYS_NOTIFICATION_WAIT, w.n, DEADLINE_NEVER), STATUS_BLOCKED);
    process_die(w.p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(thread_status(w.t), OK);
    assert_int_equal(result(w.t, 0), 6);
    assert_int_equal(state_of(w.p), PROCESS_DEAD);
    assert_int_equal(bits_poll(w.t, w.n), 0);
}

static void a_watch_on_a_dead_process_tells_at_once(void **state)
{
    (void)state;
    struct watching w = watching_begin();
    process_die(w.p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 5), OK);
    assert_int_equal(bits_poll(w.t, w.n), 5);
}

static void a_second_watch_replaces_the_bits_and_zero_removes_it(void **state)
{
    (void)state;
    struct watching w = watching_begin(), other = w;
    other.n = kernel_make(w.t, SYS_NOTIFICATION_CREATE);
    handle_t gone = kernel_make(w.t, SYS_NOTIFICATION_CREATE);
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 1), OK);
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, other.n, 2), OK);
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, gone, 4), OK);
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 8), OK);
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, gone, 0), OK);
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, gone, 0), ERR_NOT_FOUND);
    process_die(w.p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(bits_poll(w.t, w.n), 8);
    assert_int_equal(bits_poll(w.t, other.n), 2);
    assert_int_equal(bits_poll(w.t, gone), 0);
}

static void a_watch_may_outlive_the_handles_of_its_notification(void **state)
{
    (void)state;
    struct watching w = watching_begin();
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 1), OK);
    assert_int_equal(kernel_call(w.t, SYS_HANDLE_CLOSE, w.n), OK);
    process_die(w.p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(state_of(w.p), PROCESS_DEAD);
}

static void a_watcher_may_die_first(void **state)
{
    (void)state;
    struct watching w = watching_begin();
    assert_int_equal(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 1), OK);
    process_die(w.t->process, EXIT_KILLED, 0, NULL);
    settle();
    process_die(w.p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(state_of(w.p), PROCESS_DEAD);
}

// --- failing allocations
// ---------------------------------------------------------------------------------------

static void making_a_process_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct thread *t = actor();
    handle_t job = give(t->process, &test_job->object, RIGHTS_DEFAULT_JOB);
    uint32_t count = process_count(), handles = t->process->handles.used;
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_PROCESS_CREATE, job, NAME_OF(t, "child")), {
        settle();
        assert_int_equal(process_count(), count);
        assert_int_equal(t->process->handles.used, handles);
    });
    assert_int_equal(process_count(), count + 1);
}

static void watching_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct watching w = watching_begin();
    uint64_t used = test_job->quota.used[LIMIT_OBJECTS];
    EACH_ALLOCATION_FAILS(kernel_call(w.t, SYS_PROCESS_WATCH, w.process, w.n, 3),
                          assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], used));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(a_process_is_new_until_a_thread_starts_and_dead_after_its_exit),
        OBJ_TEST(the_last_thread_to_exit_ends_the_process),
        OBJ_TEST(a_thread_that_never_started_does_not_end_a_running_process),
        OBJ_TEST(dying_twice_keeps_the_first_reason),
        OBJ_TEST(no_thread_of_a_dying_process_runs_again),
        OBJ_TEST(a_process_that_kills_itself_does_not_return),
        OBJ_TEST(an_abandoned_new_process_is_taken_apart),
        OBJ_TEST(a_running_process_goes_on_without_handles),
        OBJ_TEST(nothing_is_made_in_or_given_to_a_dead_process),
        OBJ_TEST(a_large_process_is_taken_apart_in_slices),
        OBJ_TEST(a_process_with_a_handle_in_its_last_slot_is_emptied),
        OBJ_TEST(a_watch_tells_of_the_death_once_all_is_given_back),
        OBJ_TEST(a_watch_on_a_dead_process_tells_at_once),
        OBJ_TEST(a_second_watch_replaces_the_bits_and_zero_removes_it),
        OBJ_TEST(a_watch_may_outlive_the_handles_of_its_notification),
        OBJ_TEST(a_watcher_may_die_first),
        OBJ_TEST(making_a_process_fails_cleanly_at_each_allocation),
        OBJ_TEST(watching_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
