// SPDX-License-Identifier: MIT
// Endpoints: sending, calling, receiving and replying in every order, deadlines, dead peers,
// handles in messages, bound notifications, and every allocation failing. Badges: test_badge.c.
#include "obj_setup.h"

#include "ipc_world.h"

// --- rendezvous ---------------------------------------------------------------------------------

static void a_message_passes_whoever_comes_first(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc_send(w.client, w.send, 10), OK);
    message_expect(w.server, 10);
    assert_int_equal(ipc_send(w.client, w.send, 20), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    message_expect(w.server, 20);
    assert_int_equal(thread_status(w.client), OK);
    assert_int_equal(w.server->arch.extra, 0); // badge
}

static void senders_are_received_in_the_order_they_came(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *t[4];
    handle_t h[4];
    for (unsigned i = 0; i < 4; i++) {
        t[i] = client_add(&w, &h[i]);
        assert_int_equal(i % 2 ? ipc_call(t[i], h[i], i) : ipc_send(t[i], h[i], i), STATUS_BLOCKED);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        message_expect(w.server, i);
        assert_int_equal(thread_status(t[i]), i % 2 ? STATUS_BLOCKED : OK);
        assert_int_equal(ipc_reply(w.server, i), i % 2 ? OK : ERR_BAD_STATE);
    }
}

static void receivers_are_served_in_the_order_they_came(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *second = thread_make(process_of(w.server));
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(second, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc_send(w.client, w.send, 1), OK);
    assert_int_equal(ipc_send(w.client, w.send, 2), OK);
    message_expect(w.server, 1);
    message_expect(second, 2);
}

static void a_call_is_answered_whoever_comes_first(void **state)
{
    (void)state;
    struct world w = world_make();
    for (unsigned round = 0; round < 4; round++) {
        if (round % 2 != 0) {
            assert_int_equal(ipc_call(w.client, w.send, 5), STATUS_BLOCKED);
            assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        } else {
            assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
            assert_int_equal(ipc_call(w.client, w.send, 5), STATUS_BLOCKED);
            assert_ptr_equal(running, w.server); // the CPU went along
        }
        message_expect(w.server, 5);
        assert_int_equal(ipc_reply(w.server, 6), OK);
        message_expect(w.client, 6);
        assert_int_equal(w.client->arch.extra, 0);
        assert_int_equal(ipc_reply(w.server, 7), ERR_BAD_STATE);
    }
}

static void reply_receive_answers_and_waits_and_hands_the_cpu_back(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_reply_receive(w.server, w.receive, 0), STATUS_BLOCKED); // nobody to answer
                                                                                 // is no error
    for (unsigned round = 0; round < 10; round++) {
        assert_int_equal(ipc_call(w.client, w.send, round), STATUS_BLOCKED);
        assert_ptr_equal(running, w.server);
        message_expect(w.server, round);
        assert_int_equal(ipc_reply_receive(w.server, w.receive, round + 100), STATUS_BLOCKED);
        assert_ptr_equal(running, w.client);
        message_expect(w.client, round + 100);
    }
}

static void reply_receive_takes_the_next_caller_at_once(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h;
    struct thread *second = client_add(&w, &h);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_call(second, h, 2), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(ipc_reply_receive(w.server, w.receive, 11), RECV_MESSAGE);
    message_expect(w.server, 2);
    message_expect(w.client, 11);
    assert_int_equal(ipc_reply_receive(w.server, w.receive, 12), STATUS_BLOCKED);
    message_expect(second, 12);
}

static void words_and_bytes_arrive_and_no_more(void **state)
{
    (void)state;
    struct world w = world_make();
    memset(w.server->msgbuf_data, 0xee, MSG_BYTES_MAX);
    memset(w.client->msgbuf_data, 0x11, MSG_BYTES_MAX);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, w.send, MSG_TAG(9, 100, 0), 0, 1, 2, 3, 4, 5, 6),
                     OK);
    for (unsigned i = 0; i < MSG_WORDS; i++) {
        assert_int_equal(w.server->arch.args[2 + i], i + 1);
    }
    assert_int_equal(w.server->msgbuf_data[99], 0x11);
    assert_int_equal(w.server->msgbuf_data[100], 0xee);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, w.send, MSG_TAG(9, MSG_BYTES_MAX, 0), 0), OK);
    assert_int_equal(w.server->msgbuf_data[MSG_BYTES_MAX - 1], 0x11);
}

static void a_tag_that_means_nothing_is_refused(void **state)
{
    (void)state;
    struct world w = world_make();
    const uint64_t tags[] = {MSG_TAG(1, 4097, 0),
                             MSG_TAG(1, 0x1fff, 0),
                             MSG_TAG(1, 0, 9),
                             MSG_TAG(1, 0, 15),
                             MSG_TAG(MSG_BADGE_CLOSED, 0, 0),
                             1ull << 45,
                             1ull << 47,
                             1ull << 52,
                             1ull << 63};
    const uint64_t calls[] = {SYS_IPC_SEND, SYS_IPC_CALL, SYS_IPC_REPLY, SYS_IPC_REPLY_RECV};
    for (unsigned i = 0; i < ARRAY_SIZE(tags) * ARRAY_SIZE(calls); i++) {
        uint64_t call = calls[i % ARRAY_SIZE(calls)];
        handle_t h = call == SYS_IPC_REPLY_RECV ? w.receive : w.send;
        struct thread *t = call == SYS_IPC_REPLY_RECV ? w.server : w.client;
        assert_int_equal(ipc(t, call, h, tags[i / ARRAY_SIZE(calls)], 0), ERR_INVALID_ARGS);
    }
}

// --- deadlines ----------------------------------------------------------------------------------

static void polling_does_not_wait(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, w.send, 1, DEADLINE_POLL), ERR_TIMED_OUT);
    assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 1, DEADLINE_POLL), ERR_TIMED_OUT);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
    assert_int_equal(ipc_send(w.client, w.send, 3), STATUS_BLOCKED);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), RECV_MESSAGE);
    message_expect(w.server, 3);
    assert_int_equal(ipc(w.server, SYS_IPC_REPLY_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
}

static void each_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct world w = world_make();
    uint64_t at = arch_clock_ns() + 5 * MS;
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, w.send, 1, at), STATUS_BLOCKED);
    time_set(at - 1);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
    assert_int_equal(host_timer_deadline(), at + BLOCK_SLACK_NS);
    time_set(at + BLOCK_SLACK_NS);
    assert_int_equal(thread_status(w.client), ERR_TIMED_OUT);
    at += 5 * MS;
    assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 1, at), STATUS_BLOCKED);
    time_set(at + BLOCK_SLACK_NS);
    assert_int_equal(thread_status(w.client), ERR_TIMED_OUT);
    at += 5 * MS;
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 1, at), STATUS_BLOCKED);
    time_set(at + BLOCK_SLACK_NS);
    assert_int_equal(thread_status(w.server), ERR_TIMED_OUT);
    at += 5 * MS;
    assert_int_equal(ipc(w.server, SYS_IPC_REPLY_RECV, w.receive, 1, at), STATUS_BLOCKED);
    time_set(at + BLOCK_SLACK_NS);
    assert_int_equal(thread_status(w.server), ERR_TIMED_OUT);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL),
                     ERR_TIMED_OUT); // no sender is left
}

static void a_call_received_before_its_deadline_may_be_answered_too_late(void **state)
{
    (void)state;
    struct world w = world_make();
    uint64_t at = arch_clock_ns() + 5 * MS;
    for (unsigned first = 0; first < 2; first++) { // the receiver waits already, or comes later
        if (first == 0) {
            assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
        }
        assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 1, at), STATUS_BLOCKED);
        if (first != 0) {
            assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        }
        time_set(at + BLOCK_SLACK_NS);
        assert_int_equal(thread_status(w.client), ERR_TIMED_OUT);
        assert_int_equal(ipc_reply(w.server, 2), ERR_PEER_CLOSED);
        assert_int_equal(ipc_reply(w.server, 2), ERR_BAD_STATE); // said once
        at += 5 * MS;
    }
}

static void a_wait_that_ended_leaves_no_deadline(void **state)
{
    (void)state;
    struct world w = world_make();
    unsigned armed = timers_armed();
    uint64_t at = arch_clock_ns() + 5 * MS;
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, at), STATUS_BLOCKED);
    assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, 1, at), STATUS_BLOCKED);
    assert_int_equal(timers_armed(), armed + 1); // the caller's
    assert_int_equal(ipc(w.server, SYS_IPC_REPLY_RECV, w.receive, 1, at), STATUS_BLOCKED);
    assert_int_equal(timers_armed(), armed + 1); // the server's
    assert_int_equal(ipc(w.client, SYS_IPC_SEND, w.send, 1, at), OK);
    assert_int_equal(timers_armed(), armed);
    time_set(at + MS);
    assert_int_equal(thread_status(w.server), RECV_MESSAGE);
}

// --- peers that end -----------------------------------------------------------------------------

static void nobody_to_receive_means_peer_closed(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h;
    struct thread *caller = client_add(&w, &h);
    assert_int_equal(ipc_send(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_call(caller, h, 1), STATUS_BLOCKED);
    assert_int_equal(kernel_call(w.server, SYS_HANDLE_CLOSE, w.receive), OK);
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
    assert_int_equal(thread_status(caller), ERR_PEER_CLOSED);
    assert_int_equal(ipc_send(w.client, w.send, 1), ERR_PEER_CLOSED);
    assert_int_equal(ipc_call(w.client, w.send, 1), ERR_PEER_CLOSED);
}

static void closing_the_last_receive_handle_cancels_receivers(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *closer = thread_make(process_of(w.server));
    handle_t copy = kernel_make(closer, SYS_HANDLE_DUPLICATE, w.receive, RIGHT_RECEIVE);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(kernel_call(closer, SYS_HANDLE_CLOSE, w.receive), OK);
    assert_int_equal(thread_status(w.server), STATUS_BLOCKED); // the copy is left
    assert_int_equal(kernel_call(closer, SYS_HANDLE_CLOSE, copy), OK);
    assert_int_equal(thread_status(w.server), ERR_CANCELED);
}

static void a_server_that_dies_or_receives_again_lets_its_caller_go(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *second = thread_make(process_of(w.server)); // keeps the process
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(kernel_call(w.server, SYS_THREAD_EXIT), STATUS_DEAD);
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(second, w.receive), RECV_MESSAGE);
    process_die(process_of(w.server), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(thread_status(w.client), ERR_PEER_CLOSED);
}

static void a_caller_that_dies_is_told_to_the_server_once(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    process_die(process_of(w.client), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(ipc_reply(w.server, 2), ERR_PEER_CLOSED);
    assert_int_equal(ipc_reply_receive(w.server, w.receive, 2), STATUS_BLOCKED);
}

static void queued_senders_that_die_are_not_received(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h;
    struct thread *second = client_add(&w, &h);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_send(second, h, 2), STATUS_BLOCKED);
    process_die(process_of(w.client), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    message_expect(w.server, 2);
}

// --- handles in messages ------------------------------------------------------------------------

static handle_t offer(struct thread *t, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        t->msgbuf_handles->send[i] = kernel_make(t, SYS_NOTIFICATION_CREATE);
    }
    return t->msgbuf_handles->send[0];
}

static void handles_move_with_a_message_and_with_its_reply(void **state)
{
    (void)state;
    struct world w = world_make();
    struct process *from = process_of(w.client), *to = process_of(w.server);
    for (unsigned first = 0; first < 2; first++) {
        handle_t h = offer(w.client, 8);
        if (first == 0) {
            assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
        }
        assert_int_equal(ipc(w.client, SYS_IPC_CALL, w.send, MSG_TAG(1, 0, 8), DEADLINE_NEVER),
                         STATUS_BLOCKED);
        assert_int_equal(handle_valid(from, h), first != 0); // a queued message still has its
                                                             // handles
        if (first != 0) {
            assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        }
        assert_int_equal(w.server->arch.args[1], MSG_TAG(1, 0, 8));
        for (unsigned i = 0; i < 8; i++) {
            assert_true(handle_valid(to, w.server->msgbuf_handles->received[i]));
            assert_false(handle_valid(from, w.client->msgbuf_handles->send[i]));
            w.server->msgbuf_handles->send[i] = w.server->msgbuf_handles->received[7 - i];
        }
        assert_int_equal(ipc(w.server, SYS_IPC_REPLY, 0, MSG_TAG(2, 0, 8), 0), OK);
        for (unsigned i = 0; i < 8; i++) {
            handle_t back = w.client->msgbuf_handles->received[i];
            assert_true(handle_valid(from, back));
            assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, back), OK);
        }
    }
}

static void a_message_whose_handles_cannot_move_is_not_sent(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h = offer(w.client, 2);
    w.client->msgbuf_handles->send[1] = h;
    for (unsigned first = 0; first < 2; first++) {
        uint64_t call = first == 0 ? SYS_IPC_CALL : SYS_IPC_SEND;
        assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
        assert_int_equal(ipc(w.client, call, w.send, MSG_TAG(1, 0, 2), DEADLINE_NEVER),
                         ERR_BAD_HANDLE);
        assert_int_equal(thread_status(w.server), STATUS_BLOCKED); // it goes on waiting
        assert_true(handle_valid(process_of(w.client), h));
        assert_int_equal(ipc_send(w.client, w.send, 3), OK);
        message_expect(w.server, 3);
        // The sender waits first: its error comes when it is received, and the next sender's
        // message instead.
        handle_t other;
        struct thread *second = client_add(&w, &other);
        assert_int_equal(ipc(w.client, call, w.send, MSG_TAG(1, 0, 2), DEADLINE_NEVER),
                         STATUS_BLOCKED);
        assert_int_equal(ipc_send(second, other, 4), STATUS_BLOCKED);
        assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        message_expect(w.server, 4);
        assert_int_equal(thread_status(w.client), ERR_BAD_HANDLE);
        assert_true(handle_valid(process_of(w.client), h));
    }
}

static void a_reply_whose_handles_cannot_move_can_be_made_again(void **state)
{
    (void)state;
    struct world w = world_make();
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    w.server->msgbuf_handles->send[0] = 12345;
    assert_int_equal(ipc(w.server, SYS_IPC_REPLY, 0, MSG_TAG(2, 0, 1), 0), ERR_BAD_HANDLE);
    assert_int_equal(ipc(w.server, SYS_IPC_REPLY_RECV, w.receive, MSG_TAG(2, 0, 1), DEADLINE_NEVER),
                     ERR_BAD_HANDLE);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
    assert_int_equal(ipc_reply(w.server, 2), OK);
    message_expect(w.client, 2);
}

static void sending_handles_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct job *other = NULL;
    struct world w = world_make();
    assert_int_equal(job_create(test_job, "other", &other), OK);
    struct thread *receiver = thread_make(process_make_in(other)); // its table is empty
    handle_t h = share(process_of(w.server), w.receive, process_of(receiver), RIGHT_RECEIVE);
    assert_int_equal(handle_close(&process_of(receiver)->handles, h), OK);
    offer(w.client, 3);
    w.client->arch.args[1] = MSG_TAG(1, 0, 3);
    // Straight to the rendezvous, so that the receiver's table can stay empty.
    EACH_ALLOCATION_FAILS(ipc_message_move(w.client, receiver), {
        for (unsigned i = 0; i < 3; i++) {
            assert_true(handle_valid(process_of(w.client), w.client->msgbuf_handles->send[i]));
        }
        assert_int_equal(process_of(receiver)->handles.used, 0);
    });
    object_put(&other->object);
}

static void an_endpoint_can_be_sent_through_itself(void **state)
{
    (void)state;
    struct world w = world_make();
    w.server->msgbuf_handles->send[0] = w.receive; // to a server that is not there
    assert_int_equal(ipc(w.server, SYS_IPC_SEND, w.receive, MSG_TAG(1, 0, 1), DEADLINE_NEVER),
                     STATUS_BLOCKED);
    process_die(process_of(w.server), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(ipc_send(w.client, w.send, 1), ERR_PEER_CLOSED);
}

// --- bound notifications ------------------------------------------------------------------------

static handle_t bind(struct thread *t)
{
    handle_t n = kernel_make(t, SYS_NOTIFICATION_CREATE);
    handle_t self = give(process_of(t), &t->object, RIGHTS_DEFAULT_THREAD);
    assert_int_equal(kernel_call(t, SYS_NOTIFICATION_BIND, n, self), OK);
    return n;
}

static void notification_expect(struct thread *t, uint64_t bits)
{
    assert_int_equal(thread_status(t), RECV_NOTIFICATION);
    assert_int_equal(t->arch.args[1], 0);
    assert_int_equal(t->arch.args[2], bits);
    for (unsigned i = 3; i < 8; i++) {
        assert_int_equal(t->arch.args[i], 0);
    }
    assert_int_equal(t->arch.extra, 0);
}

static void a_receive_wakes_on_the_bound_notification_before_messages(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t n = bind(w.server);
    handle_t signal = share(process_of(w.server), n, process_of(w.client), RIGHT_SIGNAL);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(kernel_call(w.client, SYS_NOTIFICATION_SIGNAL, signal, 5), OK);
    notification_expect(w.server, 5);
    assert_int_equal(kernel_call(w.client, SYS_NOTIFICATION_SIGNAL, signal, 2), OK);
    assert_int_equal(kernel_call(w.client, SYS_NOTIFICATION_SIGNAL, signal, 8), OK);
    assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, badged(&w, process_of(w.client), 9)),
                     OK);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_NOTIFICATION);
    notification_expect(w.server, 10);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_true(is_badge_closed(w.server, 9));
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    message_expect(w.server, 1);
}

static void a_reply_goes_out_before_the_notification_comes_in(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t n = bind(w.server);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_SIGNAL, n, 4), OK);
    assert_int_equal(ipc_reply_receive(w.server, w.receive, 2), RECV_NOTIFICATION);
    notification_expect(w.server, 4);
    message_expect(w.client, 2);
}

static void a_caller_is_not_disturbed_by_its_bound_notification(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t n = bind(w.client);
    handle_t signal = share(process_of(w.client), n, process_of(w.server), RIGHT_SIGNAL);
    assert_int_equal(ipc_call(w.client, w.send, 1), STATUS_BLOCKED);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_SIGNAL, signal, 4), OK);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(kernel_call(w.server, SYS_NOTIFICATION_SIGNAL, signal, 8), OK);
    assert_int_equal(thread_status(w.client), STATUS_BLOCKED);
    assert_int_equal(ipc_reply(w.server, 2), OK);
    message_expect(w.client, 2);
    assert_int_equal(kernel_call(w.client, SYS_NOTIFICATION_WAIT, n, DEADLINE_POLL), OK);
    assert_int_equal(result(w.client, 0), 12);
}

// --- failing allocations ------------------------------------------------------------------------

static void making_endpoints_and_badges_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct world w = world_make();
    uint64_t objects = test_job->quota.used[LIMIT_OBJECTS];
    EACH_ALLOCATION_FAILS(kernel_call(w.server, SYS_ENDPOINT_CREATE), {
        settle();
        assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects);
    });
    objects++;
    EACH_ALLOCATION_FAILS(kernel_call(w.server, SYS_ENDPOINT_MINT, w.receive, 5, RIGHT_SEND), {
        settle();
        assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects);
    });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(a_message_passes_whoever_comes_first),
        OBJ_TEST(senders_are_received_in_the_order_they_came),
        OBJ_TEST(receivers_are_served_in_the_order_they_came),
        OBJ_TEST(a_call_is_answered_whoever_comes_first),
        OBJ_TEST(reply_receive_answers_and_waits_and_hands_the_cpu_back),
        OBJ_TEST(reply_receive_takes_the_next_caller_at_once),
        OBJ_TEST(words_and_bytes_arrive_and_no_more),
        OBJ_TEST(a_tag_that_means_nothing_is_refused),
        OBJ_TEST(polling_does_not_wait),
        OBJ_TEST(each_wait_ends_at_its_deadline),
        OBJ_TEST(a_call_received_before_its_deadline_may_be_answered_too_late),
        OBJ_TEST(a_wait_that_ended_leaves_no_deadline),
        OBJ_TEST(nobody_to_receive_means_peer_closed),
        OBJ_TEST(closing_the_last_receive_handle_cancels_receivers),
        OBJ_TEST(a_server_that_dies_or_receives_again_lets_its_caller_go),
        OBJ_TEST(a_caller_that_dies_is_told_to_the_server_once),
        OBJ_TEST(queued_senders_that_die_are_not_received),
        OBJ_TEST(handles_move_with_a_message_and_with_its_reply),
        OBJ_TEST(a_message_whose_handles_cannot_move_is_not_sent),
        OBJ_TEST(a_reply_whose_handles_cannot_move_can_be_made_again),
        OBJ_TEST(sending_handles_fails_cleanly_at_each_allocation),
        OBJ_TEST(an_endpoint_can_be_sent_through_itself),
        OBJ_TEST(a_receive_wakes_on_the_bound_notification_before_messages),
        OBJ_TEST(a_reply_goes_out_before_the_notification_comes_in),
        OBJ_TEST(a_caller_is_not_disturbed_by_its_bound_notification),
        OBJ_TEST(making_endpoints_and_badges_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
