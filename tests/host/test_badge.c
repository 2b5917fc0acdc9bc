// SPDX-License-Identifier: MIT
// Badges: minting, what arrives with a message, and the notice that the last handle with a badge is
// gone.
#include "obj_setup.h"

#include "ipc_world.h"

static void badges_are_minted_from_unbadged_handles_only(void **state)
{
    (void)state;
    struct world w = world_make();
    struct thread *t = w.server;
    assert_int_equal(kernel_call(t, SYS_ENDPOINT_MINT, w.receive, 0, RIGHT_SEND), ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_ENDPOINT_MINT, w.receive, 1, RIGHT_RECEIVE),
                     ERR_INVALID_ARGS);
    assert_int_equal(kernel_call(t, SYS_ENDPOINT_MINT, w.receive, 1, RIGHTS_SAME),
                     ERR_INVALID_ARGS);
    handle_t poor = kernel_make(t, SYS_HANDLE_DUPLICATE, w.receive, RIGHT_MANAGE);
    assert_int_equal(kernel_call(t, SYS_ENDPOINT_MINT, poor, 1, RIGHT_SEND),
                     ERR_INVALID_ARGS); // more than it has
    handle_t h = kernel_make(t, SYS_ENDPOINT_MINT, w.receive, 1, RIGHT_SEND);
    assert_int_equal(kernel_call(t, SYS_ENDPOINT_MINT, h, 2, RIGHT_SEND), ERR_ACCESS_DENIED);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, h), OK);
    assert_int_equal(kernel_call(t, SYS_HANDLE_CLOSE, poor), OK);
    assert_int_equal(ipc(t, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), RECV_MESSAGE); // the failed
                                                                                       // ones are
                                                                                       // not told
    assert_true(is_badge_closed(t, 1));
    assert_int_equal(ipc(t, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
}

static void a_badge_comes_with_its_messages_in_either_order(void **state)
{
    (void)state;
    struct world w = world_make();
    struct process *p = process_of(w.client);
    handle_t h = badged(&w, p, 0x123456789abcdefull), copy = share(p, h, p, RIGHTS_SAME);
    assert_int_equal(ipc_send(w.client, h, 1), STATUS_BLOCKED);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_int_equal(w.server->arch.extra, 0x123456789abcdefull);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(ipc_call(w.client, copy, 1), STATUS_BLOCKED);
    assert_int_equal(w.server->arch.extra, 0x123456789abcdefull);
}

static void the_end_of_a_badge_is_told_once_to_a_waiting_or_a_later_receiver(void **state)
{
    (void)state;
    struct world w = world_make();
    struct process *p = process_of(w.client);
    handle_t h = badged(&w, p, 7), copy = share(p, h, p, RIGHTS_SAME);
    assert_int_equal(ipc_receive(w.server, w.receive), STATUS_BLOCKED);
    assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, h), OK);
    assert_int_equal(thread_status(w.server), STATUS_BLOCKED); // a copy carries it
    assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, copy), OK);
    assert_true(is_badge_closed(w.server, 7));
    for (uint64_t badge = 10; badge < 15; badge++) {
        assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, badged(&w, p, badge)), OK);
    }
    for (uint64_t badge = 10; badge < 15; badge++) { // in the order of their ends
        assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
        assert_true(is_badge_closed(w.server, badge));
    }
    assert_int_equal(ipc(w.server, SYS_IPC_RECV, w.receive, 0, DEADLINE_POLL), ERR_TIMED_OUT);
}

static void the_end_of_a_badge_comes_after_its_last_message(void **state)
{
    (void)state;
    struct world w = world_make();
    struct process *p = process_of(w.client);
    struct thread *closer = thread_make(p);
    handle_t h = badged(&w, p, 7);
    assert_int_equal(ipc_send(w.client, h, 1), STATUS_BLOCKED);
    assert_int_equal(kernel_call(closer, SYS_HANDLE_CLOSE, h), OK);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    message_expect(w.server, 1);
    assert_int_equal(w.server->arch.extra, 7);
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_true(is_badge_closed(w.server, 7));
}

static void the_end_of_a_badge_is_told_when_a_process_dies_with_it(void **state)
{
    (void)state;
    struct world w = world_make();
    handle_t h = badged(&w, process_of(w.client), 7);
    assert_int_equal(ipc_send(w.client, h, 1), STATUS_BLOCKED);
    process_die(process_of(w.client), EXIT_KILLED, 0, NULL);
    settle();
    assert_int_equal(ipc_receive(w.server, w.receive), RECV_MESSAGE);
    assert_true(is_badge_closed(w.server, 7));
}

static void ends_of_badges_that_nobody_reads_go_with_the_endpoint(void **state)
{
    (void)state;
    struct world w = world_make();
    for (uint64_t badge = 1; badge <= 100; badge++) {
        assert_int_equal(
            kernel_call(w.client, SYS_HANDLE_CLOSE, badged(&w, process_of(w.client), badge)), OK);
    }
    handle_t last = badged(&w, process_of(w.client), 101);
    assert_int_equal(kernel_call(w.server, SYS_HANDLE_CLOSE, w.receive), OK);
    assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, w.send), OK);
    assert_int_equal(kernel_call(w.client, SYS_HANDLE_CLOSE, last), OK); // nobody can receive that
                                                                         // any more
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(badges_are_minted_from_unbadged_handles_only),
        OBJ_TEST(a_badge_comes_with_its_messages_in_either_order),
        OBJ_TEST(the_end_of_a_badge_is_told_once_to_a_waiting_or_a_later_receiver),
        OBJ_TEST(the_end_of_a_badge_comes_after_its_last_message),
        OBJ_TEST(the_end_of_a_badge_is_told_when_a_process_dies_with_it),
        OBJ_TEST(ends_of_badges_that_nobody_reads_go_with_the_endpoint),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
