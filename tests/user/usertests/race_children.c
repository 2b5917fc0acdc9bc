// SPDX-License-Identifier: MIT
// The children of the race tests: each does one thing for ever, until it is killed.
#include "tests/user/usertests/harness.h"
#include <bullfinch/thread.h>

#define PAGE 4096ull

static handle_t own_endpoint;

static void echo(void *arg)
{
    (void)arg;
    struct ipc_message m;
    status_t s = ipc_recv(own_endpoint, &m, DEADLINE_NEVER);
    while (s == RECV_MESSAGE) {
        memcpy(ipc_buffer()->send, ipc_buffer()->received, sizeof(ipc_buffer()->send));
        s = ipc_reply_recv(own_endpoint, &m, DEADLINE_NEVER);
    }
}

// Calls with bytes and a handle to a thread of its own, that sends both back.
static int child_calls_itself(void)
{
    handle_t thread, n;
    if (sys_endpoint_create(&own_endpoint) != OK || sys_notification_create(&n) != OK ||
        thread_spawn("echo", echo, NULL, 0, &thread) != OK) {
        return 1;
    }
    for (;;) {
        struct ipc_message m = {.tag = MSG_TAG(1, 512, 1)};
        ipc_buffer()->send[0] = n;
        if (ipc_call(own_endpoint, &m, DEADLINE_NEVER) != OK) {
            return 2;
        }
        n = ipc_buffer()->received[0];
    }
}

static int child_maps_and_clones(void)
{
    handle_t vmar = startup_handle(STARTUP_VMAR), v, c;
    for (;;) {
        uint64_t base, copy;
        if (sys_vmo_create(64 * PAGE, &v) != OK ||
            sys_vmar_map(vmar, v, 0, 0, 64 * PAGE, VM_READ | VM_WRITE, &base) != OK) {
            return 1;
        }
        for (unsigned i = 0; i < 64; i += 3) {
            *(volatile uint64_t *)(base + i * PAGE) = i;
        }
        if (sys_vmo_clone(v, 0, 64 * PAGE, &c) != OK ||
            sys_vmar_map(vmar, c, 0, 0, 64 * PAGE, VM_READ | VM_WRITE, &copy) != OK) {
            return 2;
        }
        for (unsigned i = 0; i < 64; i += 5) {
            *(volatile uint64_t *)(copy + i * PAGE) = 1;
        }
        handle_t all[] = {v, c};
        if (sys_vmar_unmap(vmar, base, 64 * PAGE) != OK ||
            sys_vmar_unmap(vmar, copy, 64 * PAGE) != OK || close_all(all, 2) != OK) {
            return 3;
        }
    }
}

static void wait_for_ever(void *arg)
{
    uint64_t bits;
    (void)sys_notification_wait(*(handle_t *)arg, DEADLINE_NEVER, &bits);
}

static int child_spawns_threads(void)
{
    static handle_t n;
    if (sys_notification_create(&n) != OK) {
        return 1;
    }
    for (unsigned i = 0; i < 60; i++) {
        handle_t thread;
        if (thread_spawn("waiter", wait_for_ever, &n, 16384, &thread) != OK) {
            return 2;
        }
        if (i % 3 == 2 && sys_thread_kill(thread) != OK) {
            return 3;
        }
    }
    for (;;) {
        (void)sys_thread_yield();
    }
}

const struct child_entry race_children[] = {
    {"calls_itself", child_calls_itself},
    {"maps_and_clones", child_maps_and_clones},
    {"spawns_threads", child_spawns_threads},
    {NULL, NULL},
};
