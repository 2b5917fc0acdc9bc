// SPDX-License-Identifier: MIT
// Threads: starting, the message buffer, death in every state a thread can wait in, and every
// allocation failing.
#include "obj_setup.h"

#include "ipc_world.h"

static handle_t handle_of(struct thread *t, struct thread *named_one)
{
    return give(process_of(t), &named_one->object, RIGHTS_DEFAULT_THREAD);
}

// --- start --------------------------------------------------------------------------------------

static void a_thread_starts_once_with_its_arguments_and_nothing_else(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make_new(process_of(t));
    handle_t h = handle_of(t, other);
    memset(&other->arch, 0xff, sizeof(other->arch));
    assert_int_equal(kernel_call(t, SYS_THREAD_START, h, USER_PC, USER_SP, 3, 4), OK);
    become(other);
    const uint64_t expected[8] = {3, 4, other->msgbuf_user};
    assert_memory_equal(other->arch.args, expected, sizeof(expected));
    assert_int_equal(other->arch.pc, USER_PC);
    assert_int_equal(other->arch.sp, USER_SP);
    assert_int_equal(other->arch.extra, 0);
    assert_int_equal(kernel_call(t, SYS_THREAD_START, h, USER_PC, USER_SP, 0, 0), ERR_BAD_STATE);
}

static void a_thread_starts_in_user_space_only(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make_new(process_of(t));
    handle_t h = handle_of(t, other);
    const struct {
        uint64_t pc, sp;
    } bad[] = {{0, USER_SP},
               {USER_BASE - 1, USER_SP},
               {arch_user_top(), USER_SP},
               {UINT64_MAX, USER_SP},
               {0xffffffff80000000ull, USER_SP},
               {USER_PC, USER_SP + 8},
               {USER_PC, USER_SP + 1},
               {USER_PC, USER_BASE},
               {USER_PC, 16},
               {USER_PC, arch_user_top() + 16},
               {USER_PC, 0xfffffffffffffff0ull}};
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(kernel_call(t, SYS_THREAD_START, h, bad[i].pc, bad[i].sp, 0, 0),
                         ERR_INVALID_ARGS);
    }
    assert_int_equal(other->state, THREAD_NEW);
    assert_int_equal(kernel_call(t, SYS_THREAD_START, h, USER_PC, arch_user_top(), 0, 0), OK);
}

static void a_new_thread_nobody_can_start_goes(void **state)
{
    (void)state;
    struct thread *t = actor();
    uint32_t count = thread_count();
    handle_t p = give(process_of(t), &process_of(t)->object, RIGHTS_DEFAULT_PROCESS);
    handle_t h = kernel_make(t, SYS_THREAD_CREATE, p, NAME_OF(t, "thread"));
    uint64_t buffer = result(t, 1);
    paddr_t pa;
    unsigned prot;
    assert_int_equal(aspace_fault(&process_of(t)->aspace, buffer, PROT_WRITE), OK);
    assert_int_equal(thread_count(), count + 1);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, h), OK);
    settle();
    assert_int_equal(thread_count(), count);
    assert_false(arch_aspace_query(&process_of(t)->aspace.arch, buffer, &pa, &prot)); // its buffer
                                                                                      // went along
    assert_int_equal(aspace_fault(&process_of(t)->aspace, buffer, PROT_WRITE), ERR_BAD_ADDRESS);
}

static void a_thread_lives_on_without_handles(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make(process_of(t));
    handle_t h = handle_of(t, other);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, h), OK);
    settle();
    assert_int_equal(kernel_call(other, SYS_NULL), OK);
}

static void the_message_buffer_stays_with_the_kernel_when_the_process_unmaps_it(void **state)
{
    (void)state;
    struct world w = world_make();
    struct process *p = process_of(w.server);
    handle_t vmar = give(p, vmar_object(p->aspace.root), RIGHTS_DEFAULT_VMAR);
    assert_int_equal(kernel_call(w.server, SYS_VMAR_UNMAP, vmar, w.server->msgbuf_user,
                                 sizeof(struct msg_buffer)),
                     OK);
    w.client->msgbuf_data[0] = 7;
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, w.send, MSG_TAG(0, 4096, 0), 0), OK);
    assert_int_equal(w.server->msgbuf_data[0], 7);
}

static void information_names_states_and_weights(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make_new(process_of(t));
    handle_t h = handle_of(t, other);
    struct thread_info info;
    assert_int_equal(kernel_call(t, SYS_THREAD_SET_WEIGHT, h, 0), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_THREAD_SET_WEIGHT, h, WEIGHT_MAX + 1), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_THREAD_SET_WEIGHT, h, WEIGHT_MAX), OK);
    assert_int_equal(kernel_call(t, SYS_THREAD_INFO, h, t->msgbuf_user), OK);
    memcpy(&info, t->msgbuf_data, sizeof(info));
    assert_int_equal(info.state, THREAD_NEW);
    assert_int_equal(info.weight, WEIGHT_MAX);
    assert_int_equal(info.id, other->object.id);
    assert_string_equal(info.name, "thread");
    assert_int_equal(kernel_call(t, SYS_THREAD_KILL, h), OK);
    assert_int_equal(kernel_call(t, SYS_THREAD_INFO, h, t->msgbuf_user), OK);
    memcpy(&info, t->msgbuf_data, sizeof(info));
    assert_int_equal(info.state, THREAD_DEAD);
    assert_int_equal(kernel_call(t, SYS_THREAD_INFO, h, 0), ERR_BAD_ADDRESS);
}

// --- death --------------------------------------------------------------------------------------

// Kills t through a handle of `killer` (another process), twice, and by the death of its process.
static void kill_thread(struct thread *killer, struct thread *t)
{
    handle_t h = handle_of(killer, t);
    assert_int_equal(kernel_call(killer, SYS_THREAD_KILL, h), OK);
    assert_int_equal(t->state, THREAD_DEAD);
    assert_int_equal(t->wait, WAIT_NONE);
    assert_false(t->timeout.armed);
    assert_int_equal(kernel_call(killer, SYS_THREAD_KILL, h), OK);
    process_die(process_of(t), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(kernel_call(killer, SYS_HANDLE_CLOSE, h), OK);
}

static void a_thread_may_die_while_it_sends(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h = badged(&w, process_of(w.client), 9);
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, h, 0, arch_clock_ns() + MS), STATUS_BLOCKED);
    kill_thread(w.server, w.client);
    assert_true(list_empty(&w.e->senders));
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), RECV_MESSAGE);
    assert_true(is_badge_closed(w.server, 9));
    time_advance(2 * MS);
}

static void a_thread_may_die_while_its_call_is_queued(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 0, arch_clock_ns() + MS), STATUS_BLOCKED);
    kill_thread(w.server, w.client);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
    time_advance(2 * MS);
}

static void a_thread_may_die_while_it_waits_for_its_reply(void **state)
{
    (void)state;
    for (unsigned saved = 0; saved < 2; saved++) {
        struct world w = world_make();
        assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 0, arch_clock_ns() + MS),
                         STATUS_BLOCKED);
        assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        handle_t reply = saved ? kernel_make(w.server, SYS_REPLY_SAVE) : HANDLE_NONE;
        kill_thread(w.server, w.client);
        time_advance(2 * MS);
        if (saved) {
            assert_int_equal(ipc(w.server, SYS_REPLY_SEND, reply, 0, 0), ERR_PEER_CLOSED);
        } else {
            assert_int_equal(ipc_reply(w.server, 1), ERR_PEER_CLOSED);
        }
    }
}

static void a_thread_may_die_while_it_receives_with_a_bound_notification(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t n = kernel_make(w.server, SYS_NOTIFICATION_CREATE);
    handle_t signal = share(process_of(w.server), n, process_of(w.client), RIGHT_SIGNAL);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_BIND, n, handle_of(w.server, w.server)),
                     OK);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, arch_clock_ns() + MS),
                     STATUS_BLOCKED);
    kill_thread(w.client, w.server);
    assert_int_equal(kernel_call(w.client, SYS_NOTIFICATION_SIGNAL, signal, 1), OK);
    assert_int_equal(ipc_send(w.client, w.send, 1), ERR_PEER_CLOSED);
    time_advance(2 * MS);
}

static void a_thread_may_die_while_it_waits_for_a_notification(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = actor();
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    handle_t mine = share(process_of(t), n, process_of(other), RIGHT_WAIT);
    assert_int_equal(kernel_call(other, SYS_NOTIFICATION_WAIT, mine, arch_clock_ns() + MS),
                     STATUS_BLOCKED);
    kill_thread(t, other);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_SIGNAL, n, 4), OK);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_WAIT, n, DEADLINE_POLL), OK); // not given to
                                                                                   // the dead
    time_advance(2 * MS);
}

static void a_thread_may_die_ready_new_or_running(void **state)
{
    (void)state;
    struct thread *t = actor(), *ready = actor(), *new = thread_make_new(process_make());
    become(t);
    kill_thread(t, ready);
    kill_thread(t, new);
    struct thread *same = thread_make(process_of(t));
    assert_int_equal(kernel_call(t, SYS_THREAD_KILL, handle_of(t, t)), STATUS_DEAD);
    assert_ptr_equal(running, same);
}

static void a_server_that_dies_lets_its_caller_go_in_the_same_step(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h;
    struct thread *killer = client_add(&w, &h);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(kernel_call(killer, SYS_THREAD_KILL, handle_of(killer, w.server)), OK);
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
}

static void run_time_of_the_dead_is_kept_by_their_process(void **state)
{
    (void)state;
    struct thread *t = actor(), *other = thread_make(process_of(t));
    become(other);
    time_advance(MS);
    become(other);
    uint64_t ran = sched_run_time_ns(other) + sched_run_time_ns(t);
    assert_int_equal(kernel_call(other, SYS_THREAD_EXIT), STATUS_DEAD);
    settle();
    struct process_info info;
    process_info(process_of(t), &info);
    assert_int_equal(info.run_time_ns, ran);
    assert_true(ran >= MS);
}

// --- failing allocations ------------------------------------------------------------------------

static void making_a_thread_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct process *p = process_make();
    handle_t h = give(process_of(t), &p->object, RIGHTS_DEFAULT_PROCESS);
    struct job_info before, after;
    uint32_t handles = process_of(t)->handles.used, count = thread_count();
    job_info(test_job, &before);
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_THREAD_CREATE, h, NAME_OF(t, "thread")), {
        settle();
        assert_int_equal(process_of(t)->handles.used, handles);
        assert_int_equal(thread_count(), count);
        assert_int_equal(p->thread_count, 0);
        job_info(test_job, &after);
        assert_memory_equal(&before, &after, sizeof(before));
    });
    assert_int_equal(thread_count(), count + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(a_thread_starts_once_with_its_arguments_and_nothing_else),
        OBJ_TEST(a_thread_starts_in_user_space_only),
        OBJ_TEST(a_new_thread_nobody_can_start_goes),
        OBJ_TEST(a_thread_lives_on_without_handles),
        OBJ_TEST(the_message_buffer_stays_with_the_kernel_when_the_process_unmaps_it),
        OBJ_TEST(information_names_states_and_weights),
        OBJ_TEST(a_thread_may_die_while_it_sends),
        OBJ_TEST(a_thread_may_die_while_its_call_is_queued),
        OBJ_TEST(a_thread_may_die_while_it_waits_for_its_reply),
        OBJ_TEST(a_thread_may_die_while_it_receives_with_a_bound_notification),
        OBJ_TEST(a_thread_may_die_while_it_waits_for_a_notification),
        OBJ_TEST(a_thread_may_die_ready_new_or_running),
        OBJ_TEST(a_server_that_dies_lets_its_caller_go_in_the_same_step),
        OBJ_TEST(run_time_of_the_dead_is_kept_by_their_process),
        OBJ_TEST(making_a_thread_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
