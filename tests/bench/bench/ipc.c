// SPDX-License-Identifier: MIT
// Messages, notifications and switches, between two processes.
#include "tests/bench/bench/bench.h"
#include <bullfinch/clock.h>
#include <string.h>

static handle_t endpoint, there, back;

static bool null_calls(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        (void)sys_null();
    }
    return true;
}

static bool clock_reads(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        (void)clock_monotonic_ns();
    }
    return true;
}

static bool calls(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        struct ipc_message m = {.tag = MSG_TAG(1, 0, 0), .w = {1, 2, 3, 4}};
        if (ipc_call(endpoint, &m, DEADLINE_NEVER) != OK) {
            return false;
        }
    }
    return true;
}

static bool calls_512b(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        struct ipc_message m = {.tag = MSG_TAG(1, 512, 0)};
        if (ipc_call(endpoint, &m, DEADLINE_NEVER) != OK) {
            return false;
        }
    }
    return true;
}

// The handle goes there and comes back.
static bool calls_handle(unsigned rounds)
{
    handle_t n;
    if (sys_notification_create(&n) != OK) {
        return false;
    }
    for (unsigned i = 0; i < rounds; i++) {
        struct ipc_message m = {.tag = MSG_TAG(2, 0, 1)};
        ipc_buffer()->send[0] = n;
        if (ipc_call(endpoint, &m, DEADLINE_NEVER) != OK) {
            return false;
        }
        n = ipc_buffer()->received[0];
    }
    return sys_handle_close(n) == OK;
}

static int child_echo(void)
{
    handle_t e = startup_handle("endpoint");
    struct ipc_message m;
    status_t s = ipc_recv(e, &m, DEADLINE_NEVER);
    while (s == RECV_MESSAGE) {
        if (MSG_LABEL(m.tag) == 2) {
            ipc_buffer()->send[0] = ipc_buffer()->received[0];
        }
        s = ipc_reply_recv(e, &m, DEADLINE_NEVER);
    }
    return 1;
}

static bool signals(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        (void)sys_notification_signal(there, 1);
    }
    uint64_t bits;
    return sys_notification_wait(there, DEADLINE_POLL, &bits) == OK;
}

static bool ping_pong(unsigned rounds)
{
    uint64_t bits;
    for (unsigned i = 0; i < rounds; i++) {
        if (sys_notification_signal(there, 1) != OK ||
            sys_notification_wait(back, DEADLINE_NEVER, &bits) != OK) {
            return false;
        }
    }
    return true;
}

static int child_pong(void)
{
    handle_t n = startup_handle("there"), m = startup_handle("back");
    uint64_t bits;
    while (sys_notification_wait(n, DEADLINE_NEVER, &bits) == OK &&
           sys_notification_signal(m, 1) == OK) {
    }
    return 1;
}

static bool yields(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        (void)sys_thread_yield();
    }
    return true;
}

static int child_yield(void)
{
    for (;;) {
        (void)sys_thread_yield();
    }
}

int bench_child_main(const char *function)
{
    return strcmp(function, "echo") == 0     ? child_echo()
           : strcmp(function, "pong") == 0   ? child_pong()
           : strcmp(function, "yield") == 0  ? child_yield()
           : strcmp(function, "worker") == 0 ? bench_worker()
           : strcmp(function, "driver") == 0 ? bench_child_driver()
                                             : 0; // "exit"
}

static void measure_calls(void)
{
    struct spawn_result child;
    struct child_handle give = {"endpoint", endpoint};
    if (bench_child("echo", &give, 1, &child) != OK) {
        return;
    }
    bench_measure("ipc_call_reply", calls, ROUNDS, 1);
    bench_measure("ipc_call_reply_512b", calls_512b, ROUNDS, 1);
    bench_measure("ipc_call_reply_handle", calls_handle, ROUNDS, 1);
    bench_child_end(&child);
}

static void measure_notifications(void)
{
    struct spawn_result child;
    struct child_handle give[] = {{"there", there}, {"back", back}};
    bench_measure("notify_signal", signals, ROUNDS, 1);
    if (bench_child("pong", give, 2, &child) == OK) {
        bench_measure("notify_wake", ping_pong, ROUNDS, 1);
        bench_child_end(&child);
    }
}

static void measure_switch(void)
{
    struct spawn_result child;
    if (bench_child("yield", NULL, 0, &child) == OK) {
        bench_measure("context_switch", yields, ROUNDS, 2); // there and back
        bench_child_end(&child);
    }
}

void bench_ipc(void)
{
    bench_measure("syscall_null", null_calls, ROUNDS, 1);
    bench_measure("clock_read", clock_reads, ROUNDS, 1);
    if (sys_endpoint_create(&endpoint) == OK && sys_notification_create(&there) == OK &&
        sys_notification_create(&back) == OK) {
        measure_calls();
        measure_notifications();
        measure_switch();
    }
}
