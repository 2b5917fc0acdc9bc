// SPDX-License-Identifier: MIT
// Jobs: the tree and its depth, what keeps a job alive, limits, listing and opening, and killing in
// slices, also by one of the killed.
#include "obj_setup.h"

static struct job *child_of(struct job *parent)
{
    struct job *j = NULL;
    assert_int_equal(job_create(parent, "child", &j), OK);
    return j;
}

static handle_t job_handle(struct thread *t, struct job *j, rights_t rights)
{
    return give(t->process, &j->object, rights);
}

// --- the tree -----------------------------------------------------------------------------------

static void jobs_nest_to_a_bounded_depth(void **state)
{
    (void)state;
    struct job *chain[JOB_DEPTH_MAX] = {root_job, test_job};
    for (unsigned depth = 2; depth < JOB_DEPTH_MAX; depth++) {
        chain[depth] = child_of(chain[depth - 1]);
        assert_int_equal(chain[depth]->depth, depth);
    }
    struct job *deeper = NULL;
    assert_int_equal(job_create(chain[JOB_DEPTH_MAX - 1], "deeper", &deeper), ERR_OUT_OF_RANGE);
    for (unsigned depth = 2; depth < JOB_DEPTH_MAX; depth++) { // parents first: children hold them
        object_put(&chain[depth]->object);
    }
    assert_int_equal(test_job->child_count, 0);
}

static void a_job_lives_while_a_child_or_a_process_is_in_it(void **state)
{
    (void)state;
    struct job *a = child_of(test_job), *b = child_of(a);
    struct process *p = process_make_in(b);
    object_put(&a->object);
    object_put(&b->object);
    assert_int_equal(test_job->child_count, 1);
    assert_int_equal(test_job->quota.used[LIMIT_PROCESSES], 1);
    process_die(p, EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(test_job->child_count, 1); // the dead process still names it
    object_put(&p->object);
    process_actors = 0;
    settle();
    assert_int_equal(test_job->child_count, 0);
    assert_int_equal(test_job->quota.used[LIMIT_PROCESSES], 0);
}

static void the_end_of_the_last_child_ends_a_whole_chain(void **state)
{
    (void)state;
    struct job *chain[8] = {test_job};
    for (unsigned i = 1; i < 8; i++) {
        chain[i] = child_of(chain[i - 1]);
    }
    for (unsigned i = 1; i < 7; i++) {
        object_put(&chain[i]->object);
    }
    assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], 7);
    object_put(&chain[7]->object);
    assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], 0);
}

static void each_object_keeps_its_job(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job);
    struct thread *inner = thread_make(process_make_in(j));
    handle_t made[4] = {kernel_make(inner, SYS_ENDPOINT_CREATE),
                        kernel_make(inner, SYS_NOTIFICATION_CREATE),
                        kernel_make(inner, SYS_VMO_CREATE, PAGE_SIZE)};
    struct resource *r = NULL;
    assert_int_equal(resource_create(NULL, j, RESOURCE_LOG, 0, 0, &r), OK);
    made[3] = give(inner->process, &r->object, RIGHTS_DEFAULT_RESOURCE);
    object_put(&r->object);
    handle_t moved[4];
    assert_int_equal(handle_move(&inner->process->handles, made, 4, &t->process->handles, moved),
                     OK);
    object_put(&j->object);
    process_die(inner->process, EXIT_KILLED, 0, NULL);
    settle();
    for (unsigned i = 0; i < 4; i++) { // what it made is still there, and still charged to it
        assert_int_equal(test_job->child_count, 1);
        assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, moved[i]), OK);
    }
    settle();
    assert_int_equal(j->quota.used[LIMIT_OBJECTS], 1); // the message buffer of its thread, which
                                                       // the test holds
}

// --- limits -------------------------------------------------------------------------------------

static void limits_hold_for_everything_below(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job);
    handle_t h = job_handle(t, j, RIGHTS_DEFAULT_JOB);
    object_put(&j->object);
    assert_int_equal(kernel_call(t, SYS_JOB_SET_LIMIT, h, LIMIT_KINDS, 1), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_JOB_SET_LIMIT, h, LIMIT_PROCESSES, 1), OK);
    handle_t below = kernel_make(t, SYS_JOB_CREATE, h, NAME_OF(t, "below"));
    handle_t p = kernel_make(t, SYS_PROCESS_CREATE, below, NAME_OF(t, "p"));
    assert_int_equal(kernel_call(t, SYS_PROCESS_CREATE, h, NAME_OF(t, "p")), ERR_QUOTA);
    assert_int_equal(kernel_call(t, SYS_PROCESS_KILL, p), OK);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, p), OK);
    settle();
    p = kernel_make(t, SYS_PROCESS_CREATE, h, NAME_OF(t, "p"));
    assert_int_equal(kernel_call(t, SYS_JOB_SET_LIMIT, h, LIMIT_THREADS, 0), OK);
    assert_int_equal(kernel_call(t, SYS_THREAD_CREATE, p, NAME_OF(t, "t")), ERR_QUOTA);
    assert_int_equal(kernel_call(t, SYS_JOB_SET_LIMIT, h, LIMIT_THREADS, 1), OK);
    assert_int_equal(kernel_call(t, SYS_JOB_SET_LIMIT, h, LIMIT_OBJECTS, 0), OK); // below what is
                                                                                  // used
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, h, NAME_OF(t, "more")), ERR_QUOTA);
}

// --- listing ------------------------------------------------------------------------------------

static void children_and_processes_are_listed_and_opened(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job);
    handle_t top = job_handle(t, j, RIGHTS_DEFAULT_JOB);
    object_put(&j->object);
    handle_t child = kernel_make(t, SYS_JOB_CREATE, top, NAME_OF(t, "child"));
    handle_t p = kernel_make(t, SYS_PROCESS_CREATE, top, NAME_OF(t, "process"));
    struct job_info ji;
    struct process_info pi;
    uint64_t out = t->msgbuf_user;
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, ENUMERATE_JOBS, 0, out), OK);
    memcpy(&ji, t->msgbuf_data, sizeof(ji));
    assert_string_equal(ji.name, "child");
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, ENUMERATE_PROCESSES, 0, out), OK);
    memcpy(&pi, t->msgbuf_data, sizeof(pi));
    assert_string_equal(pi.name, "process");
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, ENUMERATE_JOBS, 1, out), ERR_NOT_FOUND);
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, ENUMERATE_PROCESSES, UINT64_MAX, out),
                     ERR_NOT_FOUND);
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, 2, 0, out), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, ENUMERATE_JOBS, 0, 8), ERR_BAD_ADDRESS);
    assert_int_equal(kernel_call(t, SYS_JOB_ENUMERATE, top, ENUMERATE_PROCESSES, 0, 8),
                     ERR_BAD_ADDRESS);
    handle_t h = kernel_make(t, SYS_JOB_OPEN, top, ENUMERATE_JOBS, ji.id);
    assert_ptr_equal(named(t->process, h), named(t->process, child));
    h = kernel_make(t, SYS_JOB_OPEN, top, ENUMERATE_PROCESSES, pi.id);
    assert_ptr_equal(named(t->process, h), named(t->process, p));
    assert_int_equal(kernel_call(t, SYS_JOB_OPEN, top, ENUMERATE_JOBS, pi.id), ERR_NOT_FOUND);
    assert_int_equal(kernel_call(t, SYS_JOB_OPEN, top, ENUMERATE_PROCESSES, ji.id), ERR_NOT_FOUND);
    assert_int_equal(kernel_call(t, SYS_JOB_OPEN, child, ENUMERATE_PROCESSES, pi.id),
                     ERR_NOT_FOUND);
    assert_int_equal(kernel_call(t, SYS_JOB_OPEN, top, 7, ji.id), ERR_INVALID_ARGS);
    assert_int_equal(named(t->process, p)->handles, 2);
    assert_int_equal(named(t->process, child)->refs, 2);
}

static void what_is_opened_has_no_right_that_the_job_handle_lacks(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job);
    handle_t top = job_handle(t, j, RIGHTS_DEFAULT_JOB),
             watch = job_handle(t, j, RIGHT_ENUMERATE | RIGHT_INSPECT);
    struct job *inner = child_of(j);
    struct process *p = process_make_in(j);
    struct handle_arg arg;
    handle_t h = kernel_make(t, SYS_JOB_OPEN, watch, ENUMERATE_PROCESSES, p->object.id);
    assert_int_equal(handle_arg_get(t, h, OBJ_PROCESS, 0, &arg), OK);
    assert_int_equal(arg.rights, RIGHT_INSPECT | RIGHT_WAIT);
    handle_arg_put(&arg);
    h = kernel_make(t, SYS_JOB_OPEN, watch, ENUMERATE_JOBS, inner->object.id);
    assert_int_equal(handle_arg_get(t, h, OBJ_JOB, 0, &arg), OK);
    assert_int_equal(arg.rights, RIGHT_ENUMERATE | RIGHT_INSPECT);
    handle_arg_put(&arg);
    h = kernel_make(t, SYS_JOB_OPEN, top, ENUMERATE_JOBS, inner->object.id);
    assert_int_equal(handle_arg_get(t, h, OBJ_JOB, 0, &arg), OK);
    assert_int_equal(arg.rights, RIGHTS_DEFAULT_JOB);
    handle_arg_put(&arg);
    object_put(&inner->object);
    object_put(&j->object);
}

// --- killing ------------------------------------------------------------------------------------

static void a_killed_job_is_empty_and_stays_so(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job), *below = child_of(j);
    struct thread *victims[3] = {thread_make(process_make_in(j)),
                                 thread_make(process_make_in(below)),
                                 thread_make_new(process_make_in(below))};
    handle_t h = job_handle(t, j, RIGHTS_DEFAULT_JOB),
             hb = job_handle(t, below, RIGHTS_DEFAULT_JOB);
    assert_int_equal(kernel_call(t, SYS_JOB_KILL, h), OK);
    settle();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(victims[i]->process->state, PROCESS_DEAD);
        assert_int_equal(victims[i]->process->exit_reason, EXIT_KILLED);
    }
    assert_int_equal(kernel_call(t, SYS_PROCESS_CREATE, h, NAME_OF(t, "p")), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_PROCESS_CREATE, hb, NAME_OF(t, "p")), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_JOB_CREATE, hb, NAME_OF(t, "j")), ERR_BAD_STATE);
    assert_int_equal(kernel_call(t, SYS_JOB_KILL, h), OK);
    settle();
    struct job_info info;
    job_info(j, &info);
    assert_int_equal(info.processes, 0);
    assert_int_equal(info.used[LIMIT_OBJECTS], 1 + 3); // the job below; message buffers of threads
                                                       // the test holds
    object_put(&j->object);
    object_put(&below->object);
}

static void many_processes_are_killed_in_slices(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job);
    handle_t h = job_handle(t, j, RIGHTS_DEFAULT_JOB);
    object_put(&j->object);
    for (unsigned i = 0; i < 100; i++) {
        kernel_make(t, SYS_PROCESS_CREATE, h, NAME_OF(t, "p"));
    }
    restarts = 0;
    assert_int_equal(kernel_call(t, SYS_JOB_KILL, h), OK);
    assert_int_equal(restarts, 3);
    settle();
    assert_int_equal(process_count(), 1);
}

static void a_process_that_kills_its_own_job_takes_all_the_others_along(void **state)
{
    (void)state;
    struct job *j = child_of(test_job);
    struct thread *t = thread_make(process_make_in(j)); // the first in the list
    handle_t h = job_handle(t, j, RIGHTS_DEFAULT_JOB);
    for (unsigned i = 0; i < 100; i++) {
        kernel_make(t, SYS_PROCESS_CREATE, h, NAME_OF(t, "p"));
    }
    struct thread *running_one = thread_make(process_make_in(j));
    assert_int_equal(kernel_call(t, SYS_JOB_KILL, h), STATUS_DEAD);
    settle();
    assert_int_equal(running_one->process->state, PROCESS_DEAD);
    assert_int_equal(process_count(), 0);
    object_put(&j->object);
}

// --- failing allocations ------------------------------------------------------------------------

static void making_a_job_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct job *j = child_of(test_job);
    handle_t h = job_handle(t, j, RIGHTS_DEFAULT_JOB);
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_JOB_CREATE, h, NAME_OF(t, "child")), {
        assert_int_equal(j->child_count, 0);
        assert_int_equal(j->quota.used[LIMIT_OBJECTS], 0);
    });
    uint64_t id = named(t->process, (handle_t)result(t, 0))->id;
    while (t->process->handles.used < HANDLE_SLOTS_PER_PAGE) { // the next handle needs another page
        kernel_make(t, SYS_HANDLE_DUPLICATE, h, 0);
    }
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_JOB_OPEN, h, ENUMERATE_JOBS, id),
                          assert_int_equal(j->child_count, 1));
    object_put(&j->object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(jobs_nest_to_a_bounded_depth),
        OBJ_TEST(a_job_lives_while_a_child_or_a_process_is_in_it),
        OBJ_TEST(the_end_of_the_last_child_ends_a_whole_chain),
        OBJ_TEST(each_object_keeps_its_job),
        OBJ_TEST(limits_hold_for_everything_below),
        OBJ_TEST(children_and_processes_are_listed_and_opened),
        OBJ_TEST(what_is_opened_has_no_right_that_the_job_handle_lacks),
        OBJ_TEST(a_killed_job_is_empty_and_stays_so),
        OBJ_TEST(many_processes_are_killed_in_slices),
        OBJ_TEST(a_process_that_kills_its_own_job_takes_all_the_others_along),
        OBJ_TEST(making_a_job_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
