// SPDX-License-Identifier: MIT
// Threads on all CPUs that work on the same address space, handle table, endpoint and job, against
// each other. Each worker checks what belongs to it alone, and expects nothing of what others may
// take away.
#include "tests/user/usertests/smp.h"

#define WORKERS   8u
#define BREED_MAX 48u // processes alive or not yet reaped

static handle_t endpoint, shared_vmo, family, stress_threads[WORKERS + 1];
static unsigned stress_seed; // of this run; the same each time in the ordinary suite
static volatile unsigned stop, ended, failed_line;

#define MUST(cond)                                                                 \
    do {                                                                           \
        if (!(cond)) {                                                             \
            unsigned none_ = 0, line_ = __LINE__;                                  \
            (void)__atomic_compare_exchange_n(&failed_line, &none_, line_, false,  \
                                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
            return;                                                                \
        }                                                                          \
    } while (0)

// Maps, writes, protects, reads and unmaps pages of its own.
static void map_pages(unsigned seed)
{
    handle_t v, vmar = startup_handle(STARTUP_VMAR);
    uint64_t base, other;
    MUST(sys_vmo_create(8 * PAGE, &v) == OK);
    MUST(sys_vmar_map(vmar, v, 0, 0, 8 * PAGE, VM_READ | VM_WRITE, &base) == OK);
    for (unsigned i = 0; i < 8; i++) {
        *(volatile uint64_t *)(base + i * PAGE) = seed + i;
    }
    MUST(sys_vmar_protect(vmar, base, 4 * PAGE, VM_READ) == OK);
    MUST(sys_vmar_map(vmar, v, 4 * PAGE, 0, 4 * PAGE, VM_READ, &other) == OK);
    for (unsigned i = 0; i < 4; i++) {
        MUST(*(volatile uint64_t *)(base + i * PAGE) == seed + i);
        MUST(*(volatile uint64_t *)(other + i * PAGE) == seed + i + 4);
    }
    MUST(sys_vmar_protect(vmar, base, 4 * PAGE, VM_READ | VM_WRITE) == OK);
    *(volatile uint64_t *)base = 1;
    MUST(sys_vmar_unmap(vmar, base, 8 * PAGE) == OK);
    MUST(sys_vmar_unmap(vmar, other, 4 * PAGE) == OK);
    MUST(sys_handle_close(v) == OK);
}

// Clones a VMO that others clone and write at the same time.
static void clone_shared(unsigned seed)
{
    handle_t c;
    uint64_t value = seed, back = 0;
    MUST(sys_vmo_clone(shared_vmo, 0, 16 * PAGE, &c) == OK);
    MUST(sys_vmo_write(c, seed % 16 * PAGE, &value, sizeof(value)) == OK);
    MUST(sys_vmo_write(shared_vmo, (seed + 1) % 16 * PAGE, &value, sizeof(value)) == OK);
    MUST(sys_vmo_read(c, seed % 16 * PAGE, &back, sizeof(back)) == OK && back == value);
    MUST(sys_handle_close(c) == OK);
}

// Derives handles and revokes them.
static void derive(unsigned seed)
{
    handle_t top, below[8];
    MUST(sys_handle_duplicate(shared_vmo, RIGHTS_SAME, &top) == OK);
    for (unsigned i = 0; i < 8; i++) {
        MUST(sys_handle_duplicate(i == 0 ? top : below[i - 1], RIGHTS_SAME, &below[i]) == OK);
    }
    MUST(sys_handle_close(below[seed % 8]) == OK);
    MUST(sys_handle_revoke(top) == OK);
    for (unsigned i = 0; i < 8; i++) {
        MUST(sys_handle_close(below[i]) == ERR_BAD_HANDLE);
    }
    MUST(sys_handle_close(top) == OK);
}

static void call(unsigned seed)
{
    handle_t n;
    MUST(sys_notification_create(&n) == OK);
    struct ipc_message m = {.tag = MSG_TAG(1, 128, 1), .w = {seed}};
    ipc_buffer()->send[0] = n;
    MUST(ipc_call(endpoint, &m, DEADLINE_NEVER) == OK && m.w[0] == seed + 1);
    MUST(sys_handle_close(ipc_buffer()->received[0]) == OK);
}

static void serve(void *arg)
{
    (void)arg;
    struct ipc_message m;
    status_t s = ipc_recv(endpoint, &m, DEADLINE_NEVER);
    while (s == RECV_MESSAGE) {
        memcpy(ipc_buffer()->send, ipc_buffer()->received, sizeof(ipc_buffer()->send));
        m.w[0]++;
        s = ipc_reply_recv(endpoint, &m, DEADLINE_NEVER);
    }
}

// Processes that never get far: made, given a thread, killed or left.
static void breed(unsigned seed)
{
    handle_t process, vmar, thread;
    uint64_t buffer;
    status_t s = sys_process_create(family, "stress", 6, &process, &vmar);
    if (s == ERR_QUOTA) {
        return; // so many wait for the reaper
    }
    MUST(s == OK);
    MUST(sys_thread_create(process, "t", 1, &thread, &buffer) == OK);
    if (seed % 16 == 0) { // it faults at once, on any CPU
        MUST(sys_thread_start(thread, 0x20000, 0x30000, 0, 0) == OK);
    }
    if (seed % 3 != 0) {
        MUST(sys_process_kill(process) == OK);
    }
    handle_t all[] = {thread, vmar, process};
    MUST(close_all(all, 3) == OK);
}

// Timers, and a signal that may come before or after the wait.
static void wait(unsigned seed)
{
    handle_t n;
    uint64_t bits;
    MUST(sys_notification_create(&n) == OK);
    MUST(sys_notification_arm(n, now_ns() + seed % 5 * 20000, 4, seed % 3 * 30000) == OK);
    status_t s = sys_notification_wait(n, now_ns() + seed % 7 * 15000, &bits);
    MUST(s == ERR_TIMED_OUT || (s == OK && bits == 4));
    MUST(sys_handle_close(n) == OK);
}

// Sends one of the workers elsewhere.
static void migrate(unsigned seed)
{
    uint32_t mask = seed % 4 == 0 ? UINT32_MAX : 1u << seed / 4 % cpu_count();
    (void)sys_thread_set_affinity(stress_threads[seed % WORKERS], mask);
}

static void (*const works[])(unsigned) = {map_pages, clone_shared, derive, call,
                                          breed,     wait,         migrate};

static void worker(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg * 7919 + stress_seed;
    while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0 && failed_line == 0) {
        seed = seed * 1103515245 + 12345;
        works[(seed >> 16) % (sizeof(works) / sizeof(works[0]))](seed >> 8 & 0xffff);
    }
    __atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST);
}

int stress_start(void)
{
    handle_t seed = startup_handle("seed");
    if (seed != HANDLE_NONE) {
        REQUIRE(sys_vmo_read(seed, 0, &stress_seed, sizeof(stress_seed)) == OK);
    }
    REQUIRE(sys_endpoint_create(&endpoint) == OK && sys_vmo_create(16 * PAGE, &shared_vmo) == OK);
    REQUIRE(sys_job_create(startup_handle("job"), "stress", 6, &family) == OK);
    // A small machine must not run out of memory for the others.
    REQUIRE(sys_job_set_limit(family, LIMIT_PROCESSES, BREED_MAX) == OK);
    REQUIRE(thread_on(0, serve, NULL, &stress_threads[WORKERS]) == OK);
    for (unsigned i = 0; i < WORKERS; i++) {
        REQUIRE(thread_on(i, worker, (void *)(uintptr_t)(i + 1), &stress_threads[i]) == OK);
    }
    return 0;
}

int stress_end(void)
{
    stop = 1;
    for (uint64_t end = in_good_time(); __atomic_load_n(&ended, __ATOMIC_ACQUIRE) < WORKERS;) {
        REQUIRE(now_ns() < end);
        sleep_ns(MS);
    }
    return (int)failed_line;
}

int child_everything_for_a_while(void)
{
    int line = stress_start();
    REQUIRE(line == 0);
    sleep_ns(3000 * MS);
    return stress_end();
}

int child_everything_for_ever(void)
{
    int line = stress_start();
    REQUIRE(line == 0);
    for (;;) {
        sleep_ns(1000 * MS);
        REQUIRE(failed_line == 0);
    }
}
