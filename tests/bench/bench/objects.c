// SPDX-License-Identifier: MIT
// Handles, threads and processes.
#include "tests/bench/bench/bench.h"

static handle_t subject;

static bool dup_close(unsigned rounds)
{
    handle_t h;
    for (unsigned i = 0; i < rounds; i++) {
        if (sys_handle_duplicate(subject, RIGHTS_SAME, &h) != OK || sys_handle_close(h) != OK) {
            return false;
        }
    }
    return true;
}

// One round: 1,000 derived handles are made, outside the count, and revoked.
static void measure_revoke(void)
{
    uint64_t best = UINT64_MAX;
    for (unsigned loop = 0; loop < LOOPS; loop++) {
        handle_t h;
        for (unsigned i = 0; i < 1000; i++) {
            if (sys_handle_duplicate(subject, RIGHTS_SAME, &h) != OK) {
                return;
            }
        }
        uint64_t start = cycles();
        if (sys_handle_revoke(subject) != OK) {
            return;
        }
        uint64_t spent = cycles() - start;
        best = spent < best ? spent : best;
    }
    bench_report("revoke_1000", best);
}

// The thread of each round runs on one small stack; it only ends itself.
static char stack[512] __attribute__((aligned(16)));
static void thread_body(void) { sys_thread_exit(); }

static bool threads(unsigned rounds)
{
    handle_t self = startup_handle(STARTUP_PROCESS);
    for (unsigned i = 0; i < rounds; i++) {
        handle_t t;
        uint64_t buffer;
        struct thread_info info;
        if (sys_thread_create(self, "t", 1, &t, &buffer) != OK ||
            sys_thread_start(t, (uint64_t)(uintptr_t)thread_body,
                             (uint64_t)(uintptr_t)(stack + sizeof(stack)), 0, 0) != OK) {
            return false;
        }
        do {
            (void)sys_thread_yield();
        } while (sys_thread_info(t, &info) == OK && info.state != THREAD_DEAD);
        if (sys_handle_close(t) != OK) {
            return false;
        }
    }
    return true;
}

static bool spawns(unsigned rounds)
{
    handle_t n;
    uint64_t bits;
    if (sys_notification_create(&n) != OK) {
        return false;
    }
    for (unsigned i = 0; i < rounds; i++) {
        struct spawn_result child;
        if (bench_child("exit", NULL, 0, &child) != OK ||
            sys_process_watch(child.process, n, 1) != OK ||
            sys_notification_wait(n, DEADLINE_NEVER, &bits) != OK ||
            sys_handle_close(child.process) != OK || sys_handle_close(child.thread) != OK) {
            return false;
        }
    }
    return sys_handle_close(n) == OK;
}

void bench_objects(void)
{
    if (sys_notification_create(&subject) != OK) {
        return;
    }
    bench_measure("handle_dup_close", dup_close, ROUNDS, 1);
    measure_revoke();
    bench_measure("thread_create_exit", threads, ROUNDS_OBJECT, 1);
    bench_measure("spawn_exit_wait", spawns, 100, 1);
}
