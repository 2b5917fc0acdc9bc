// SPDX-License-Identifier: MIT
// Endpoints, badges, replies, handle transfer, notifications.
#include "tests/user/usertests/harness.h"
#include <bullfinch/thread.h>

#define LABEL_ECHO 1u // answers w + 1 and the bytes
#define LABEL_STOP 2u // ends the server thread
#define LABEL_DROP 3u // received, never answered: the server receives again
#define LABEL_SAVE 4u // saves the reply, answers after the next message
#define LABEL_BACK 5u // sends the received handles back

// Global so that server threads find them: one server at a time.
static handle_t server_endpoint, server_saved;
static uint64_t closed_badge;

static void server_answer_one(struct ipc_message *m)
{
    uint32_t label = MSG_LABEL(m->tag), bytes = MSG_BYTES(m->tag), handles = MSG_HANDLES(m->tag);
    if (label == LABEL_BACK) {
        memcpy(ipc_buffer()->send, ipc_buffer()->received, sizeof(ipc_buffer()->send));
    }
    for (unsigned i = 0; i < MSG_WORDS; i++) {
        m->w[i] += i + 1;
    }
    m->tag = MSG_TAG(label + 100, bytes, label == LABEL_BACK ? handles : 0);
}

static void server_main(void *arg)
{
    (void)arg;
    struct ipc_message m;
    status_t s = ipc_recv(server_endpoint, &m, DEADLINE_NEVER);
    while (s == RECV_MESSAGE) {
        switch (MSG_LABEL(m.tag)) {
        case LABEL_STOP:
            m.tag = 0;
            (void)ipc_reply(&m);
            return;
        case LABEL_DROP:
        case MSG_BADGE_CLOSED:
            closed_badge = MSG_LABEL(m.tag) == MSG_BADGE_CLOSED ? m.badge : closed_badge;
            s = ipc_recv(server_endpoint, &m, DEADLINE_NEVER);
            break;
        case LABEL_SAVE:
            (void)sys_reply_save(&server_saved);
            s = ipc_recv(server_endpoint, &m, DEADLINE_NEVER);
            break;
        default:
            m.w[5] = m.badge;
            server_answer_one(&m);
            s = ipc_reply_recv(server_endpoint, &m, DEADLINE_NEVER);
        }
    }
}

static bool server_begin(handle_t *thread)
{
    EXPECT(sys_endpoint_create(&server_endpoint), OK);
    EXPECT(thread_run(server_main, NULL, thread), OK);
    return true;
}

static bool server_end(handle_t thread)
{
    struct ipc_message m = {.tag = MSG_TAG(LABEL_STOP, 0, 0)};
    EXPECT(ipc_call(server_endpoint, &m, in_good_time()), OK);
    EXPECT(sys_handle_close(thread), OK);
    EXPECT(sys_handle_close(server_endpoint), OK);
    return true;
}

static bool a_call_brings_words_and_bytes_there_and_back(void)
{
    handle_t thread;
    CHECK(server_begin(&thread));
    for (unsigned round = 0; round < 100; round++) {
        struct ipc_message m = {.tag = MSG_TAG(LABEL_ECHO, 4096, 0), .w = {1, 2, 3, 4, 5, 0}};
        for (unsigned i = 0; i < 4096; i++) {
            ipc_buffer()->data[i] = (uint8_t)(i * 7 + round);
        }
        EXPECT(ipc_call(server_endpoint, &m, in_good_time()), OK);
        EXPECT(m.tag, MSG_TAG(LABEL_ECHO + 100, 4096, 0));
        EXPECT(m.w[0], 2);
        EXPECT(m.w[4], 10);
        EXPECT(m.w[5], 6); // badge 0, plus 6
        for (unsigned i = 0; i < 4096; i++) {
            CHECK(ipc_buffer()->data[i] == (uint8_t)(i * 7 + round));
        }
    }
    CHECK(server_end(thread));
    return true;
}

static bool badges_tell_who_calls_and_cannot_be_changed(void)
{
    handle_t thread, minted, again, copy;
    struct handle_info info;
    CHECK(server_begin(&thread));
    EXPECT(sys_endpoint_mint(server_endpoint, 0, RIGHT_SEND, &minted), ERR_INVALID_ARGS);
    EXPECT(sys_endpoint_mint(server_endpoint, 77, RIGHT_RECEIVE, &minted), ERR_INVALID_ARGS);
    EXPECT(sys_endpoint_mint(server_endpoint, 0x123456789abcull, RIGHT_SEND | RIGHT_DUPLICATE,
                             &minted),
           OK);
    EXPECT(sys_endpoint_mint(minted, 5, RIGHT_SEND, &again), ERR_ACCESS_DENIED);
    EXPECT(sys_handle_info(minted, &info), OK);
    EXPECT(info.badge, 0x123456789abcull);
    struct ipc_message m = {.tag = MSG_TAG(LABEL_ECHO, 0, 0)};
    EXPECT(ipc_call(minted, &m, in_good_time()), OK);
    EXPECT(m.w[5], 0x123456789abcull + 6);
    EXPECT(sys_handle_duplicate(minted, RIGHTS_SAME, &copy), OK);
    m = (struct ipc_message){.tag = MSG_TAG(LABEL_ECHO, 0, 0)};
    EXPECT(ipc_call(copy, &m, in_good_time()), OK);
    EXPECT(m.w[5], 0x123456789abcull + 6);
    closed_badge = 0;
    EXPECT(sys_handle_close(minted), OK);
    EXPECT(closed_badge, 0); // a copy still carries it
    EXPECT(sys_handle_close(copy), OK);
    CHECK(server_end(thread)); // the stop message comes after the notice
    EXPECT(closed_badge, 0x123456789abcull);
    return true;
}

static bool handles_move_with_a_message_and_come_back(void)
{
    handle_t thread, h[MSG_HANDLES_MAX];
    struct handle_info info;
    CHECK(server_begin(&thread));
    for (unsigned i = 0; i < MSG_HANDLES_MAX; i++) {
        EXPECT(sys_notification_create(&h[i]), OK);
        ipc_buffer()->send[i] = h[i];
    }
    struct ipc_message m = {.tag = MSG_TAG(LABEL_BACK, 0, MSG_HANDLES_MAX)};
    EXPECT(ipc_call(server_endpoint, &m, in_good_time()), OK);
    EXPECT(MSG_HANDLES(m.tag), MSG_HANDLES_MAX);
    for (unsigned i = 0; i < MSG_HANDLES_MAX; i++) {
        handle_t back = ipc_buffer()->received[i];
        EXPECT(sys_handle_info(back, &info), OK);
        EXPECT(info.type, OBJ_NOTIFICATION);
        EXPECT(sys_handle_close(back), OK);
    }
    CHECK(server_end(thread));
    return true;
}

static bool a_transfer_that_fails_leaves_every_handle_with_the_sender(void)
{
    handle_t thread, good, fixed;
    struct handle_info info;
    CHECK(server_begin(&thread));
    EXPECT(sys_notification_create(&good), OK);
    EXPECT(sys_handle_duplicate(good, RIGHT_SIGNAL, &fixed), OK); // no TRANSFER
    struct ipc_message m = {.tag = MSG_TAG(LABEL_ECHO, 0, 2)};
    ipc_buffer()->send[0] = good;
    ipc_buffer()->send[1] = fixed;
    EXPECT(ipc_call(server_endpoint, &m, in_good_time()), ERR_ACCESS_DENIED);
    ipc_buffer()->send[1] = good; // twice
    EXPECT(ipc_call(server_endpoint, &m, in_good_time()), ERR_BAD_HANDLE);
    ipc_buffer()->send[1] = 0xfff0fff0u;
    EXPECT(ipc_call(server_endpoint, &m, in_good_time()), ERR_BAD_HANDLE);
    EXPECT(sys_handle_info(good, &info), OK);
    EXPECT(sys_handle_info(fixed, &info), OK);
    handle_t all[] = {good, fixed};
    EXPECT(close_all(all, 2), OK);
    CHECK(server_end(thread));
    return true;
}

static bool malformed_tags_are_refused(void)
{
    handle_t thread;
    CHECK(server_begin(&thread));
    const uint64_t bad[] = {MSG_TAG(1, 4097, 0), MSG_TAG(1, 0, 9), MSG_TAG(MSG_BADGE_CLOSED, 0, 0),
                            1ull << 45, 1ull << 63};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ipc_message m = {.tag = bad[i]};
        EXPECT(ipc_call(server_endpoint, &m, in_good_time()), ERR_INVALID_ARGS);
        m.tag = bad[i];
        EXPECT(ipc_send(server_endpoint, &m, in_good_time()), ERR_INVALID_ARGS);
        m.tag = bad[i];
        EXPECT(ipc_reply(&m), ERR_INVALID_ARGS);
    }
    CHECK(server_end(thread));
    return true;
}

static bool deadlines_end_every_wait(void)
{
    handle_t e, n;
    uint64_t bits;
    EXPECT(sys_endpoint_create(&e), OK);
    EXPECT(sys_notification_create(&n), OK);
    struct ipc_message m = {.tag = 1};
    EXPECT(ipc_send(e, &m, DEADLINE_POLL), ERR_TIMED_OUT);
    EXPECT(ipc_recv(e, &m, DEADLINE_POLL), ERR_TIMED_OUT);
    EXPECT(sys_notification_wait(n, DEADLINE_POLL, &bits), ERR_TIMED_OUT);
    uint64_t start = now_ns();
    m.tag = 1;
    EXPECT(ipc_send(e, &m, start + 3000000), ERR_TIMED_OUT);
    m.tag = 1;
    EXPECT(ipc_call(e, &m, start + 6000000), ERR_TIMED_OUT);
    EXPECT(ipc_recv(e, &m, start + 9000000), ERR_TIMED_OUT);
    EXPECT(sys_notification_wait(n, start + 12000000, &bits), ERR_TIMED_OUT);
    CHECK(now_ns() >= start + 12000000); // never early
    m.tag = 1;
    EXPECT(ipc_call(e, &m, 1), ERR_TIMED_OUT); // a deadline long past
    handle_t all[] = {e, n};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool a_dropped_reply_is_an_error_at_once(void)
{
    handle_t thread;
    CHECK(server_begin(&thread));
    struct ipc_message m = {.tag = MSG_TAG(LABEL_DROP, 0, 0)};
    EXPECT(ipc_call(server_endpoint, &m, DEADLINE_NEVER), ERR_PEER_CLOSED);
    CHECK(server_end(thread));
    return true;
}

static bool a_call_times_out_while_the_server_keeps_the_reply(void)
{
    handle_t thread;
    CHECK(server_begin(&thread));
    server_saved = HANDLE_NONE;
    struct ipc_message m = {.tag = MSG_TAG(LABEL_SAVE, 0, 0)};
    EXPECT(ipc_call(server_endpoint, &m, after_ms(20)), ERR_TIMED_OUT);
    CHECK(server_saved != HANDLE_NONE);
    struct ipc_message late = {.tag = 5};
    EXPECT(ipc_reply_send(server_saved, &late), ERR_PEER_CLOSED);
    EXPECT(sys_handle_close(server_saved), ERR_BAD_HANDLE); // it went with the attempt
    CHECK(server_end(thread));
    return true;
}

static status_t saved_call_status;
static void saved_caller(void *arg)
{
    (void)arg;
    struct ipc_message m = {.tag = MSG_TAG(LABEL_SAVE, 0, 0)};
    saved_call_status = ipc_call(server_endpoint, &m, in_good_time());
    if (saved_call_status == OK && m.w[0] != 4242) {
        saved_call_status = -1;
    }
}

static bool wait_for_saved(void)
{
    for (uint64_t end = in_good_time(); now_ns() < end && server_saved == HANDLE_NONE;) {
        (void)sys_thread_yield();
    }
    return server_saved != HANDLE_NONE;
}

static bool a_saved_reply_answers_once_or_tells_when_closed(void)
{
    handle_t thread, caller;
    CHECK(server_begin(&thread));
    for (int round = 0; round < 2; round++) {
        server_saved = HANDLE_NONE;
        saved_call_status = 1;
        EXPECT(thread_run(saved_caller, NULL, &caller), OK);
        CHECK(wait_for_saved());
        if (round == 0) {
            struct ipc_message m = {.w = {4242}};
            EXPECT(ipc_reply_send(server_saved, &m), OK);
            EXPECT(ipc_reply_send(server_saved, &m), ERR_BAD_HANDLE);
        } else {
            EXPECT(sys_handle_close(server_saved), OK);
        }
        for (uint64_t end = in_good_time(); now_ns() < end && saved_call_status == 1;) {
            (void)sys_thread_yield();
        }
        EXPECT(saved_call_status, round == 0 ? OK : ERR_PEER_CLOSED);
        EXPECT(sys_handle_close(caller), OK);
    }
    CHECK(server_end(thread));
    return true;
}

static bool replying_to_nobody_is_an_error(void)
{
    handle_t reply;
    struct ipc_message m = {.tag = 0};
    EXPECT(ipc_reply(&m), ERR_BAD_STATE);
    EXPECT(sys_reply_save(&reply), ERR_BAD_STATE);
    return true;
}

static int child_dies_in_a_call(void)
{
    struct ipc_message m;
    (void)sys_notification_signal(startup_handle("ready"), 1);
    return ipc_recv(startup_handle("e"), &m, DEADLINE_NEVER) == RECV_MESSAGE ? 3 : 4;
}

static bool the_death_of_a_server_wakes_its_caller(void)
{
    handle_t e, ready;
    struct spawn_result child;
    struct process_info info;
    EXPECT(sys_endpoint_create(&e), OK);
    EXPECT(sys_notification_create(&ready), OK);
    struct child_handle give[] = {{"e", e}, {"ready", ready}};
    EXPECT(child_start("dies_in_a_call", HANDLE_NONE, give, 2, &child), OK);
    struct ipc_message m = {.tag = 1};
    EXPECT(ipc_call(e, &m, after_ms(10000)), ERR_PEER_CLOSED);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_code, 3);
    handle_t all[] = {e, ready};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static int child_holds_the_only_receive(void)
{
    (void)sys_notification_signal(startup_handle("ready"), 1);
    uint64_t bits;
    handle_t n;
    if (sys_notification_create(&n) != OK) {
        return 1;
    }
    (void)sys_notification_wait(n, after_ms(50), &bits);
    return 0;
}

static bool senders_learn_that_the_last_receiver_is_gone(void)
{
    handle_t e, sender, ready;
    struct spawn_result child;
    struct process_info info;
    EXPECT(sys_endpoint_create(&e), OK);
    EXPECT(sys_notification_create(&ready), OK);
    EXPECT(sys_endpoint_mint(e, 9, RIGHT_SEND, &sender), OK);
    struct child_handle give[] = {{"e", e}, {"ready", ready}};
    EXPECT(child_start("holds_the_only_receive", HANDLE_NONE, give, 2, &child), OK);
    EXPECT(sys_handle_close(e), OK); // the child's is derived from it and stays
    struct ipc_message m = {.tag = 1};
    EXPECT(ipc_call(sender, &m, after_ms(10000)), ERR_PEER_CLOSED);
    m.tag = 1;
    EXPECT(ipc_send(sender, &m, after_ms(10000)), ERR_PEER_CLOSED);
    EXPECT(child_finish(&child, &info), OK);
    handle_t all[] = {sender, ready};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool notifications_gather_bits_and_clear_on_wait(void)
{
    handle_t n;
    uint64_t bits;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_notification_signal(n, 1), OK);
    EXPECT(sys_notification_signal(n, 0x8000000000000000ull), OK);
    EXPECT(sys_notification_wait(n, DEADLINE_POLL, &bits), OK);
    EXPECT(bits, (long long)0x8000000000000001ull);
    EXPECT(sys_notification_wait(n, DEADLINE_POLL, &bits), ERR_TIMED_OUT);
    EXPECT(sys_notification_signal(n, 0), OK);
    EXPECT(sys_notification_wait(n, DEADLINE_POLL, &bits), ERR_TIMED_OUT);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static bool a_bound_notification_wakes_a_receive(void)
{
    handle_t e, n, other;
    EXPECT(sys_endpoint_create(&e), OK);
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_notification_create(&other), OK);
    EXPECT(sys_notification_unbind(n), ERR_BAD_STATE);
    EXPECT(sys_notification_bind(n, self_thread), OK);
    EXPECT(sys_notification_bind(n, self_thread), ERR_BUSY);
    EXPECT(sys_notification_bind(other, self_thread), ERR_BUSY);
    struct ipc_message m;
    EXPECT(sys_notification_signal(n, 6), OK);
    EXPECT(ipc_recv(e, &m, in_good_time()), RECV_NOTIFICATION);
    EXPECT(m.w[0], 6);
    EXPECT(sys_notification_arm(n, after_ms(5), 0x10, 0), OK); // and while it waits
    EXPECT(ipc_recv(e, &m, in_good_time()), RECV_NOTIFICATION);
    EXPECT(m.w[0], 0x10);
    EXPECT(sys_notification_unbind(n), OK);
    EXPECT(sys_notification_signal(n, 6), OK);
    EXPECT(ipc_recv(e, &m, DEADLINE_POLL), ERR_TIMED_OUT);
    handle_t all[] = {e, n, other};
    EXPECT(close_all(all, 3), OK);
    return true;
}

// Arms a timer, calls it off, and waits until after its time. A busy host may take that time
// between two calls: then there was nothing left to call off, and a later one is tried.
static bool timer_stays_off(handle_t n)
{
    uint64_t bits, deadline, ms = 5;
    do {
        (void)sys_notification_wait(n, DEADLINE_POLL, &bits);
        deadline = after_ms(ms);
        ms *= 2;
        EXPECT(sys_notification_arm(n, deadline, 4, 0), OK);
        EXPECT(sys_notification_arm(n, DEADLINE_NEVER, 0, 0), OK);
    } while (now_ns() >= deadline);
    EXPECT(sys_notification_wait(n, deadline + 15000000, &bits), ERR_TIMED_OUT);
    return true;
}

static bool notification_timers_fire_once_not_early_and_can_be_called_off(void)
{
    handle_t n;
    uint64_t bits;
    EXPECT(sys_notification_create(&n), OK);
    uint64_t start = now_ns();
    EXPECT(sys_notification_arm(n, start + 5000000, 2, 0), OK);
    EXPECT(sys_notification_wait(n, in_good_time(), &bits), OK);
    EXPECT(bits, 2);
    CHECK(now_ns() >= start + 5000000);
    EXPECT(sys_notification_wait(n, after_ms(10), &bits), ERR_TIMED_OUT);
    EXPECT(timer_stays_off(n), true);
    EXPECT(sys_notification_arm(n, after_ms(1), 8, 0), OK);
    EXPECT(sys_handle_close(n), OK); // with its timer running
    return true;
}

static volatile unsigned received_total;
static void one_way_receiver(void *arg)
{
    (void)arg;
    struct ipc_message m;
    while (ipc_recv(server_endpoint, &m, DEADLINE_NEVER) == RECV_MESSAGE &&
           MSG_LABEL(m.tag) != LABEL_STOP) {
        received_total += (unsigned)m.w[0];
    }
}

static bool sends_arrive_in_order_and_need_no_reply(void)
{
    handle_t thread;
    received_total = 0;
    EXPECT(sys_endpoint_create(&server_endpoint), OK);
    EXPECT(thread_run(one_way_receiver, NULL, &thread), OK);
    for (unsigned i = 1; i <= 100; i++) {
        struct ipc_message m = {.tag = MSG_TAG(1, 0, 0), .w = {i}};
        EXPECT(ipc_send(server_endpoint, &m, in_good_time()), OK);
    }
    struct ipc_message stop = {.tag = MSG_TAG(LABEL_STOP, 0, 0)};
    EXPECT(ipc_send(server_endpoint, &stop, in_good_time()), OK);
    EXPECT(received_total, 5050);
    handle_t all[] = {thread, server_endpoint};
    EXPECT(close_all(all, 2), OK);
    return true;
}

const struct test ipc_tests[] = {
    {"ipc.a_call_brings_words_and_bytes_there_and_back",
     a_call_brings_words_and_bytes_there_and_back},
    {"ipc.badges_tell_who_calls_and_cannot_be_changed",
     badges_tell_who_calls_and_cannot_be_changed},
    {"ipc.handles_move_with_a_message_and_come_back", handles_move_with_a_message_and_come_back},
    {"ipc.a_transfer_that_fails_leaves_every_handle_with_the_sender",
     a_transfer_that_fails_leaves_every_handle_with_the_sender},
    {"ipc.malformed_tags_are_refused", malformed_tags_are_refused},
    {"ipc.deadlines_end_every_wait", deadlines_end_every_wait},
    {"ipc.a_dropped_reply_is_an_error_at_once", a_dropped_reply_is_an_error_at_once},
    {"ipc.a_call_times_out_while_the_server_keeps_the_reply",
     a_call_times_out_while_the_server_keeps_the_reply},
    {"ipc.a_saved_reply_answers_once_or_tells_when_closed",
     a_saved_reply_answers_once_or_tells_when_closed},
    {"ipc.replying_to_nobody_is_an_error", replying_to_nobody_is_an_error},
    {"ipc.the_death_of_a_server_wakes_its_caller", the_death_of_a_server_wakes_its_caller},
    {"ipc.senders_learn_that_the_last_receiver_is_gone",
     senders_learn_that_the_last_receiver_is_gone},
    {"ipc.sends_arrive_in_order_and_need_no_reply", sends_arrive_in_order_and_need_no_reply},
    {"notification.bits_gather_and_clear_on_wait", notifications_gather_bits_and_clear_on_wait},
    {"notification.bound_wakes_a_receive", a_bound_notification_wakes_a_receive},
    {"notification.timers_fire_once_not_early_and_can_be_called_off",
     notification_timers_fire_once_not_early_and_can_be_called_off},
    {NULL, NULL},
};

const struct child_entry ipc_children[] = {
    {"dies_in_a_call", child_dies_in_a_call},
    {"holds_the_only_receive", child_holds_the_only_receive},
    {NULL, NULL},
};
