// SPDX-License-Identifier: MIT
// How much of what several CPUs do goes to locks. One process for each CPU but the last, with work
// of its own: memory, handles, messages, a moment of sleep. The kernel counts how often each CPU
// takes locks and goes round waiting; both are weighed with their measured cost and held against
// the instructions that one round takes when nobody else runs.
#include "tests/bench/bench/bench.h"
#include <bullfinch/thread.h>
#include <stdio.h>

#define PAGE        4096ull
#define PAGES       4u
#define ROUNDS_WARM 20u
#define ROUNDS_WORK 300u
#define SLEEP_NS    2000u // ends the CPU's turn in QEMU, wherever the next one then is
#define CPUS_MOST   8u

static handle_t calls, nap;

static void echo(void *arg)
{
    struct ipc_message m;
    (void)arg;
    status_t s = ipc_recv(calls, &m, DEADLINE_NEVER);
    while (s == RECV_MESSAGE) {
        s = ipc_reply_recv(calls, &m, DEADLINE_NEVER);
    }
}

static bool work_prepare(uint32_t cpu)
{
    handle_t thread;
    return sys_endpoint_create(&calls) == OK && sys_notification_create(&nap) == OK &&
           thread_spawn("echo", echo, NULL, 16384, &thread) == OK &&
           sys_thread_set_affinity(thread, 1u << cpu) == OK;
}

static bool memory_round(void)
{
    handle_t vmo;
    uint64_t base;
    if (sys_vmo_create(PAGES * PAGE, &vmo) != OK ||
        sys_vmar_map(root_vmar, vmo, 0, 0, PAGES * PAGE, VM_READ | VM_WRITE, &base) != OK) {
        return false;
    }
    for (unsigned i = 0; i < PAGES; i++) {
        *(volatile char *)(uintptr_t)(base + i * PAGE) = 1;
    }
    return sys_vmar_unmap(root_vmar, base, PAGES * PAGE) == OK && sys_handle_close(vmo) == OK;
}

static bool handle_round(void)
{
    handle_t h;
    for (unsigned i = 0; i < 4; i++) {
        if (sys_handle_duplicate(nap, RIGHTS_SAME, &h) != OK || sys_handle_close(h) != OK) {
            return false;
        }
    }
    return true;
}

static bool message_round(void)
{
    for (unsigned i = 0; i < 4; i++) {
        struct ipc_message m = {.tag = MSG_TAG(1, 0, 0)};
        if (ipc_call(calls, &m, DEADLINE_NEVER) != OK) {
            return false;
        }
    }
    return true;
}

static bool work(unsigned rounds, uint64_t sleep_ns)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < rounds; i++) {
        uint64_t bits, now = 0;
        ok = memory_round() && handle_round() && message_round() && sys_clock_get(&now) == OK &&
             sys_notification_wait(nap, sleep_ns == 0 ? DEADLINE_POLL : now + sleep_ns, &bits) ==
                 ERR_TIMED_OUT;
    }
    return ok;
}

// The parent has put this process's first thread onto its CPU, whose bit is its exit code on
// failure.
int bench_worker(void)
{
    handle_t go = startup_handle("go"), done = startup_handle("done");
    uint64_t bits, cpu = 0;
    if (sys_notification_wait(go, DEADLINE_NEVER, &cpu) != OK) {
        return 1;
    }
    cpu = (uint64_t)__builtin_ctzll(cpu);
    bool ok = work_prepare((uint32_t)cpu) && work(ROUNDS_WARM, SLEEP_NS) &&
              sys_notification_signal(done, 1ull << cpu) == OK &&
              sys_notification_wait(go, DEADLINE_NEVER, &bits) == OK && work(ROUNDS_WORK, SLEEP_NS);
    (void)sys_notification_signal(done, 1ull << (ok ? cpu : 63));
    (void)sys_notification_wait(go, DEADLINE_NEVER, &bits);
    return 1;
}

// --- the parent ---------------------------------------------------------------------------------

struct totals {
    uint64_t taken[LOCK_RANKS_MAX], spins[LOCK_RANKS_MAX], take_cost, spin_cost;
};

static bool totals_read(unsigned workers, struct totals *t)
{
    *t = (struct totals){0};
    for (unsigned i = 0; i < workers * LOCK_RANKS_MAX; i++) {
        struct lock_stats s;
        if (sys_system_query(root_resource, QUERY_LOCK, i, &s) != OK) {
            return false;
        }
        t->taken[i % LOCK_RANKS_MAX] += s.taken;
        t->spins[i % LOCK_RANKS_MAX] += s.spins;
        t->take_cost = s.take_cost;
        t->spin_cost = s.spin_cost;
    }
    return true;
}

static bool all_done(handle_t done, unsigned workers)
{
    uint64_t bits, got = 0;
    while (got != (1ull << workers) - 1 && got >> 63 == 0) {
        if (sys_notification_wait(done, DEADLINE_NEVER, &bits) != OK) {
            return false;
        }
        got |= bits;
    }
    return got >> 63 == 0;
}

static void rank_say(unsigned rank, uint64_t taken, uint64_t spins, uint64_t rounds)
{
    char line[80];
    int n =
        snprintf(line, sizeof(line), "LOCKS rank %u: taken %llu.%02llu times a round, %llu spins",
                 rank, (unsigned long long)(taken / rounds),
                 (unsigned long long)(taken * 100 / rounds % 100), (unsigned long long)spins);
    (void)sys_log_write(root_resource, line, (uint64_t)n);
}

// Instructions of locks per 1,000 instructions of work.
static void share_report(const struct totals *before, const struct totals *after, unsigned workers,
                         uint64_t round_instructions)
{
    uint64_t rounds = (uint64_t)workers * ROUNDS_WORK, spent = 0; // in thousandths
    char name[40];
    for (unsigned rank = 0; rank < LOCK_RANKS_MAX; rank++) {
        uint64_t taken = after->taken[rank] - before->taken[rank];
        uint64_t spins = after->spins[rank] - before->spins[rank];
        spent += taken * after->take_cost + spins * after->spin_cost;
        if (taken != 0) {
            rank_say(rank, taken, spins, rounds);
        }
    }
    (void)snprintf(name, sizeof(name), "smp_lock_share_permille_%u", workers);
    bench_report(name, spent / (rounds * round_instructions));
}

// What one round takes on this CPU while all others idle. It polls where the workers sleep: a
// deadline, however near, may be met late, and time spent idle would count as instructions.
static uint64_t round_measure(uint32_t cpu)
{
    if (sys_thread_set_affinity(startup_handle(STARTUP_THREAD), 1u << cpu) != OK ||
        !work_prepare(cpu) || !work(ROUNDS_WARM, 0)) {
        return 0;
    }
    uint64_t start = cycles();
    return work(ROUNDS_WORK, 0) ? (cycles() - start) / ROUNDS_WORK : 0;
}

static bool workers_run(unsigned workers, uint64_t round_instructions)
{
    static struct totals before, after;
    struct spawn_result child[CPUS_MOST];
    handle_t go[CPUS_MOST], done;
    bool ok = sys_notification_create(&done) == OK;
    for (unsigned i = 0; ok && i < workers; i++) {
        ok = sys_notification_create(&go[i]) == OK;
        struct child_handle give[] = {{"go", go[i]}, {"done", done}};
        ok = ok && bench_child("worker", give, 2, &child[i]) == OK &&
             sys_thread_set_affinity(child[i].thread, 1u << i) == OK &&
             sys_notification_signal(go[i], 1ull << i) == OK;
    }
    ok = ok && all_done(done, workers) && totals_read(workers, &before);
    for (unsigned i = 0; ok && i < workers; i++) {
        ok = sys_notification_signal(go[i], 1) == OK;
    }
    ok = ok && all_done(done, workers) && totals_read(workers, &after);
    if (ok) {
        share_report(&before, &after, workers, round_instructions);
    }
    return ok;
}

void bench_scaling(void)
{
    struct system_info info;
    uint64_t round = 0;
    bool ok = sys_system_info(root_resource, &info) == OK && info.cpus > 1;
    unsigned workers = ok ? info.cpus - 1 : 0;
    round = ok ? round_measure(workers) : 0;
    if (round == 0 || !workers_run(workers, round)) {
        static const char failed[] = "BENCH smp_lock_share failed";
        (void)sys_log_write(root_resource, failed, sizeof(failed) - 1);
    }
}
