// SPDX-License-Identifier: MIT
// Saved replies: answering later and in any order, dropping them, callers and servers that die
// meanwhile, passing them on, and every allocation failing.
#include "obj_setup.h"

#include "ipc_world.h"

// The client has called with `label`, and the server has saved the reply.
static handle_t reply_saved(struct world *w, struct thread *caller, handle_t send, uint64_t label)
{
    assert_int_equal(ipc_call(caller, send, label), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w->server, w->receive), RECV_MESSAGE);
    return kernel_make(w->server, SYS_REPLY_SAVE);
}

static status_t reply_send(struct thread *t, handle_t reply, uint64_t label)
{
    return ipc(t, SYS_REPLY_SEND, reply, MSG_TAG(label, 0, 0), 0, label + 1, label + 2);
}

static void saved_replies_are_answered_in_any_order(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *t[4];
    handle_t send[4], reply[4];
    for (unsigned i = 0; i < 4; i++) {
        t[i] = client_add(&w, &send[i]);
        reply[i] = reply_saved(&w, t[i], send[i], i);
    }
    const unsigned order[] = {2, 0, 3, 1};
    for (unsigned i = 0; i < 4; i++) {
        unsigned k = order[i];
        assert_int_equal(thread_status(t[k]), STATUS_BLOCKED);
        assert_int_equal(reply_send(w.server, reply[k], k + 10), OK);
        message_expect(t[k], k + 10);
        assert_false(handle_valid(process_of(w.server), reply[k])); // one shot
        assert_int_equal(reply_send(w.server, reply[k], 0), ERR_BAD_HANDLE);
    }
}

static void saving_takes_the_right_to_answer_from_the_thread(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(kernel_call(w.server, SYS_REPLY_SAVE), ERR_BAD_STATE);
    handle_t reply = reply_saved(&w, w.client, w.send, 1);
    assert_int_equal(kernel_call(w.server, SYS_REPLY_SAVE), ERR_BAD_STATE);
    assert_int_equal(ipc_reply(w.server, 2), ERR_BAD_STATE);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED); // receiving again does not let it go
    assert_int_equal(reply_send(w.server, reply, 2), OK);
    message_expect(w.client, 2);
}

static void a_reply_dropped_unanswered_is_told_to_the_caller(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t reply = reply_saved(&w, w.client, w.send, 1);
    assert_int_equal(kernel_call(w.server, SYS_HANDLE_CLOSE, reply), OK);
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
    reply_saved(&w, w.client, w.send, 1);
    process_die(process_of(w.server), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
}

static void a_saved_reply_outlives_the_thread_that_saved_it(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *second = thread_make(process_of(w.server));
    handle_t reply = reply_saved(&w, w.client, w.send, 1);
    assert_int_equal(kernel_call(w.server, SYS_THREAD_EXIT), STATUS_DEAD);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
    assert_int_equal(reply_send(second, reply, 5), OK);
    message_expect(w.client, 5);
}

static void answering_a_caller_that_is_gone_closes_the_reply(void **state)
{
    (void)state;
    struct world w = world_make();
    uint64_t at = arch_clock_ns() + MS;
    assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 1, at), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    handle_t reply = kernel_make(w.server, SYS_REPLY_SAVE);
    time_set(at + BLOCK_SLACK_NS);
    assert_int_equal(thread_status(w.client), ERR_TIMED_OUT);
    assert_int_equal(reply_send(w.server, reply, 5), ERR_PEER_CLOSED);
    assert_false(handle_valid(process_of(w.server), reply));
    reply = reply_saved(&w, w.client, w.send, 1);
    process_die(process_of(w.client), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(reply_send(w.server, reply, 5), ERR_PEER_CLOSED);
    assert_false(handle_valid(process_of(w.server), reply));
}

static void a_caller_gone_before_the_save_is_said(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    process_die(process_of(w.client), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(kernel_call(w.server, SYS_REPLY_SAVE), ERR_PEER_CLOSED);
}

static void a_reply_can_be_passed_to_another_process(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t send;
    struct thread *worker = client_add(&w, &send);
    struct process *p = process_of(w.server);
    handle_t reply = reply_saved(&w, w.client, w.send, 1);
    assert_int_equal(kernel_call(w.server, SYS_HANDLE_DUPLICATE, reply, RIGHTS_SAME),
                     ERR_ACCESS_DENIED);
    assert_int_equal(ipc_call(worker, send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    w.server->msgbuf_handles->send[0] = reply;
    assert_int_equal(ipc(w.server, SYS_IPC_REPLY, 0, MSG_TAG(0, 0, 1), 0), OK);
    assert_false(handle_valid(p, reply));
    assert_int_equal(reply_send(worker, worker->msgbuf_handles->received[0], 9), OK);
    message_expect(w.client, 9);
}

static void a_reply_can_carry_itself_to_its_caller(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t reply = reply_saved(&w, w.client, w.send, 1);
    w.server->msgbuf_handles->send[0] = reply;
    assert_int_equal(ipc(w.server, SYS_REPLY_SEND, reply, MSG_TAG(0, 0, 1), 0), OK);
    handle_t spent = w.client->msgbuf_handles->received[0];
    assert_int_equal(thread_status(w.client), OK);
    assert_int_equal(reply_send(w.client, spent, 1), ERR_PEER_CLOSED);
}

static void an_answer_that_cannot_be_made_can_be_made_again(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t reply = reply_saved(&w, w.client, w.send, 1);
    w.server->msgbuf_handles->send[0] = 999;
    assert_int_equal(ipc(w.server, SYS_REPLY_SEND, reply, MSG_TAG(0, 0, 1), 0), ERR_BAD_HANDLE);
    assert_int_equal(ipc(w.server, SYS_REPLY_SEND, reply, MSG_TAG(0, 5000, 0), 0),
                     ERR_INVALID_ARGS);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
    assert_int_equal(reply_send(w.server, reply, 3), OK);
    message_expect(w.client, 3);
}

static void saving_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    EACH_ALLOCATION_FAILS(kernel_call(w.server, SYS_REPLY_SAVE), {
        assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
        assert_ptr_equal(w.server->caller, w.client); // it can still be answered
        assert_ptr_equal(w.client->server, w.server);
        assert_null(w.client->reply);
    });
    assert_null(w.server->caller);
    assert_int_equal(reply_send(w.server, (handle_t)result(w.server, 0), 2), OK);
    message_expect(w.client, 2);
}

static void a_save_that_failed_leaves_the_answer_to_reply(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    quota_set_limit(&test_job->quota, LIMIT_HANDLES, 0);
    assert_int_equal(kernel_call(w.server, SYS_REPLY_SAVE), ERR_QUOTA);
    assert_int_equal(ipc_reply(w.server, 4), OK);
    message_expect(w.client, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(saved_replies_are_answered_in_any_order),
        OBJ_TEST(saving_takes_the_right_to_answer_from_the_thread),
        OBJ_TEST(a_reply_dropped_unanswered_is_told_to_the_caller),
        OBJ_TEST(a_saved_reply_outlives_the_thread_that_saved_it),
        OBJ_TEST(answering_a_caller_that_is_gone_closes_the_reply),
        OBJ_TEST(a_caller_gone_before_the_save_is_said),
        OBJ_TEST(a_reply_can_be_passed_to_another_process),
        OBJ_TEST(a_reply_can_carry_itself_to_its_caller),
        OBJ_TEST(an_answer_that_cannot_be_made_can_be_made_again),
        OBJ_TEST(saving_fails_cleanly_at_each_allocation),
        OBJ_TEST(a_save_that_failed_leaves_the_answer_to_reply),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
