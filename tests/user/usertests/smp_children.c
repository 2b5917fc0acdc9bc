// SPDX-License-Identifier: MIT
// The children of the tests on several CPUs.
#include "tests/user/usertests/smp.h"

unsigned cpu_count(void)
{
    static unsigned cpus;
    struct system_info info;
    handle_t resource = startup_handle("resource.root");
    if (cpus == 0 && sys_system_info(resource, &info) == OK) {
        cpus = info.cpus;
    }
    if (cpus == 0) { // a child has no resource: it asks the scheduler
        while (cpus < CPUS_MAX && sys_thread_set_affinity(self_thread, 1u << cpus) == OK) {
            cpus++;
        }
        (void)sys_thread_set_affinity(self_thread, UINT32_MAX);
    }
    return cpus < CPUS_MAX ? cpus : CPUS_MAX;
}

void sleep_ns(uint64_t ns)
{
    handle_t n;
    uint64_t bits;
    if (sys_notification_create(&n) == OK) {
        (void)sys_notification_wait(n, now_ns() + ns, &bits);
        (void)sys_handle_close(n);
    }
}

status_t thread_on(unsigned cpu, void (*entry)(void *), void *arg, handle_t *thread)
{
    unsigned cpus = cpu_count(); // first: it is found out once, by the only thread
    status_t s = thread_spawn("smp", entry, arg, 16384, thread);
    return s == OK ? sys_thread_set_affinity(*thread, 1u << cpu % cpus) : s;
}

bool thread_is_dead_soon(handle_t thread)
{
    struct thread_info info;
    for (uint64_t end = in_good_time(); now_ns() < end;) {
        if (sys_thread_info(thread, &info) != OK) {
            return false;
        }
        if (info.state == THREAD_DEAD) {
            return true;
        }
        (void)sys_thread_yield();
    }
    return false;
}

static bool becomes(const volatile unsigned *value, unsigned wanted)
{
    for (uint64_t end = in_good_time(); now_ns() < end;) {
        if (__atomic_load_n(value, __ATOMIC_ACQUIRE) == wanted) {
            return true;
        }
        sleep_ns(MS / 2);
    }
    return false;
}

static void spin(void *arg)
{
    (void)arg;
    for (;;) {
        __asm__ volatile("" : : : "memory");
    }
}

// --- sharing ------------------------------------------------------------------------------------

// The CPU time that both threads have used, and the moment; false if the host took so long to tell
// that the two do not belong together.
static bool used_read(const handle_t threads[2], uint64_t *used, uint64_t *when)
{
    struct thread_info info[2];
    uint64_t before = now_ns();
    for (unsigned i = 0; i < 2; i++) {
        (void)sys_thread_info(threads[i], &info[i]);
    }
    *when = now_ns();
    *used = info[0].run_time_ns + info[1].run_time_ns;
    return *when - before < 5 * MS;
}

// CPU time that two threads of these CPUs get in 200 ms, in ms.
static uint64_t together_ms(unsigned first, unsigned second)
{
    handle_t threads[2];
    uint64_t used[2] = {0}, when[2] = {0}, end = in_good_time();
    if (thread_on(first, spin, NULL, &threads[0]) != OK ||
        thread_on(second, spin, NULL, &threads[1]) != OK) {
        return 0;
    }
    do {
        sleep_ns(20 * MS);
    } while (!used_read(threads, &used[0], &when[0]) && now_ns() < end);
    do {
        sleep_ns(200 * MS);
    } while (!used_read(threads, &used[1], &when[1]) && now_ns() < end);
    (void)sys_thread_kill(threads[0]);
    (void)sys_thread_kill(threads[1]);
    return (used[1] - used[0]) * 200 / (when[1] - when[0]);
}

static int child_run_at_once(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        uint64_t ms = together_ms(cpu, cpu);
        REQUIRE(ms >= 150 && ms <= 230);
    }
    if (cpu_count() > 1) {
        REQUIRE(together_ms(0, 1) >= 320);
        REQUIRE(together_ms(cpu_count() - 1, 0) >= 320);
    }
    return 0;
}

// --- calls --------------------------------------------------------------------------------------

static handle_t endpoint;

static void echo(void *arg)
{
    (void)arg;
    struct ipc_message m;
    status_t s = ipc_recv(endpoint, &m, DEADLINE_NEVER);
    while (s == RECV_MESSAGE) {
        m.w[0]++;
        s = ipc_reply_recv(endpoint, &m, DEADLINE_NEVER);
    }
}

static volatile unsigned callers_done, callers_wrong;

static void caller(void *arg)
{
    uint64_t seed = (uintptr_t)arg << 32;
    for (unsigned i = 0; i < 400; i++) {
        struct ipc_message m = {.tag = MSG_TAG(1, 64, 0), .w = {seed + i, 2, 3, 4}};
        memset(ipc_buffer()->data, (int)(seed >> 32) + (int)i, 64);
        if (ipc_call(endpoint, &m, DEADLINE_NEVER) != OK || m.w[0] != seed + i + 1 || m.w[3] != 4 ||
            ipc_buffer()->data[63] != (uint8_t)((seed >> 32) + i)) {
            __atomic_fetch_add(&callers_wrong, 1, __ATOMIC_SEQ_CST);
        }
    }
    __atomic_fetch_add(&callers_done, 1, __ATOMIC_SEQ_CST);
}

static int child_call_across(void)
{
    handle_t thread;
    REQUIRE(sys_endpoint_create(&endpoint) == OK);
    REQUIRE(thread_on(0, echo, NULL, &thread) == OK);
    REQUIRE(thread_on(2, echo, NULL, &thread) == OK);
    for (unsigned i = 0; i < 6; i++) {
        REQUIRE(thread_on(i, caller, (void *)(uintptr_t)(i + 1), &thread) == OK);
    }
    REQUIRE(becomes(&callers_done, 6));
    REQUIRE(callers_wrong == 0);
    return 0;
}

// --- moving -------------------------------------------------------------------------------------

static handle_t moving[8];
static volatile unsigned moved, moved_wrong;

// Keeps values in floating-point registers while it goes from CPU to CPU.
#if defined(__aarch64__)
#define FP_KEEP "+w"
#else
#define FP_KEEP "+f"
#endif

static void compute(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    double x = me;
    while (__atomic_load_n(&moving[me], __ATOMIC_ACQUIRE) == HANDLE_NONE) {
        (void)sys_thread_yield();
    }
    for (unsigned round = 0; round < 150; round++) {
        double a = x + 0.5, b = x * 3.0, c = x - 2.25, d = x / 7.0;
        __asm__ volatile("" : FP_KEEP(a), FP_KEEP(b), FP_KEEP(c), FP_KEEP(d));
        if (sys_thread_set_affinity(moving[me], 1u << (me + round) % cpu_count()) != OK) {
            moved_wrong++;
        }
        __asm__ volatile("" : FP_KEEP(a), FP_KEEP(b), FP_KEEP(c), FP_KEEP(d));
        if (a != x + 0.5 || b != x * 3.0 || c != x - 2.25 || d != x / 7.0) {
            moved_wrong++;
        }
        x = me + round * 1.5;
    }
    __atomic_fetch_add(&moved, 1, __ATOMIC_SEQ_CST);
}

static int move_all(void (*entry)(void *))
{
    REQUIRE(cpu_count() > 0);
    for (unsigned i = 0; i < 8; i++) {
        handle_t thread;
        REQUIRE(thread_spawn("mover", entry, (void *)(uintptr_t)i, 16384, &thread) == OK);
        __atomic_store_n(&moving[i], thread, __ATOMIC_RELEASE);
    }
    REQUIRE(becomes(&moved, 8));
    REQUIRE(moved_wrong == 0);
    return 0;
}

static int child_compute_while_moving(void) { return move_all(compute); }

// The same for the registers that a system call preserves: blocks here, may be woken to run there
// and come back.
static void block(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    uint64_t v[8], bits;
    handle_t n;
    if (sys_notification_create(&n) != OK) {
        return;
    }
    while (__atomic_load_n(&moving[me], __ATOMIC_ACQUIRE) == HANDLE_NONE) {
        (void)sys_thread_yield();
    }
    for (unsigned round = 0; round < 100; round++) {
        for (unsigned i = 0; i < 8; i++) {
            v[i] = me * 1000 + round * 8 + i;
            __asm__ volatile("" : "+r"(v[i]));
        }
        (void)sys_thread_set_affinity(
            moving[me], round % 3 == 0 ? UINT32_MAX : 1u << (me + round) % cpu_count());
        (void)sys_notification_wait(n, now_ns() + 50000 * (me + 1), &bits);
        for (unsigned i = 0; i < 8; i++) {
            __asm__ volatile("" : "+r"(v[i]));
            if (v[i] != me * 1000 + round * 8 + i) {
                __atomic_fetch_add(&moved_wrong, 1, __ATOMIC_SEQ_CST);
            }
        }
    }
    __atomic_fetch_add(&moved, 1, __ATOMIC_SEQ_CST);
}

static int child_block_while_moving(void) { return move_all(block); }

// --- timers -------------------------------------------------------------------------------------

static volatile unsigned waited, waited_wrong;

static void wait_a_little(void *arg)
{
    handle_t n;
    uint64_t bits;
    (void)arg;
    if (sys_notification_create(&n) != OK) {
        return;
    }
    for (unsigned i = 0; i < 20; i++) {
        uint64_t deadline = now_ns() + 3 * MS;
        bool timed_out = sys_notification_wait(n, deadline, &bits) == ERR_TIMED_OUT;
        uint64_t now = now_ns();
        if (!timed_out || now < deadline || now > deadline + 1000 * MS) {
            __atomic_fetch_add(&waited_wrong, 1, __ATOMIC_SEQ_CST);
        }
    }
    __atomic_fetch_add(&waited, 1, __ATOMIC_SEQ_CST);
}

static int child_wait_everywhere(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        handle_t thread;
        REQUIRE(thread_on(cpu, wait_a_little, NULL, &thread) == OK);
    }
    REQUIRE(becomes(&waited, cpu_count()));
    REQUIRE(waited_wrong == 0);
    return 0;
}

// --- memory -------------------------------------------------------------------------------------

#define ROUNDS 12u

static uint64_t first_page;
static volatile uint64_t *pages[ROUNDS + 1] = {&first_page}; // by phase / 2
static volatile unsigned phase, readers_ready, readers_wrong;

// Reads the page of the phase all the time. Once it has seen an odd phase, it must see what was
// written before.
static void read_shared(void *arg)
{
    (void)arg;
    unsigned seen = 0;
    for (;;) {
        unsigned now = __atomic_load_n(&phase, __ATOMIC_ACQUIRE);
        uint64_t value = *pages[now / 2];
        if (now % 2 == 1 && value != now) {
            __atomic_fetch_add(&readers_wrong, 1, __ATOMIC_SEQ_CST);
        }
        if (now != seen) {
            seen = now;
            __atomic_fetch_add(&readers_ready, 1, __ATOMIC_SEQ_CST);
        }
        (void)sys_thread_yield();
    }
}

// In even phases all CPUs read the original through a new clone; then it is written, which gives it
// another frame.
static int copy_round(unsigned round, handle_t original, unsigned readers)
{
    handle_t clone, vmar = startup_handle(STARTUP_VMAR);
    uint64_t base;
    REQUIRE(sys_vmo_clone(original, 0, PAGE, &clone) == OK);
    REQUIRE(sys_vmar_map(vmar, clone, 0, 0, PAGE, VM_READ | VM_WRITE, &base) == OK);
    REQUIRE(sys_handle_close(clone) == OK);
    pages[round] = (volatile uint64_t *)base;
    readers_ready = 0;
    __atomic_store_n(&phase, 2 * round, __ATOMIC_RELEASE);
    REQUIRE(becomes(&readers_ready, readers));
    readers_ready = 0;
    *pages[round] = 2 * round + 1;
    __atomic_store_n(&phase, 2 * round + 1, __ATOMIC_RELEASE);
    REQUIRE(becomes(&readers_ready, readers));
    REQUIRE(readers_wrong == 0);
    if (round > 1) { // all readers have gone on from it
        REQUIRE(sys_vmar_unmap(vmar, (uint64_t)pages[round - 1], PAGE) == OK);
    }
    return 0;
}

static int child_copy_under_readers(void)
{
    handle_t original, thread;
    uint64_t value = 12345;
    unsigned readers = cpu_count();
    REQUIRE(sys_vmo_create(PAGE, &original) == OK);
    REQUIRE(sys_vmo_write(original, 0, &value, sizeof(value)) == OK);
    for (unsigned cpu = 0; cpu < readers; cpu++) {
        REQUIRE(thread_on(cpu, read_shared, NULL, &thread) == OK);
    }
    for (unsigned round = 1; round <= ROUNDS; round++) {
        int line = copy_round(round, original, readers);
        REQUIRE(line == 0);
    }
    return 0;
}

static volatile unsigned touching;

static void read_for_ever(void *arg)
{
    volatile uint64_t *page = arg;
    (void)*page;
    __atomic_fetch_add(&touching, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        (void)*page;
    }
}

static void write_for_ever(void *arg)
{
    volatile uint64_t *page = arg;
    *page = 1;
    __atomic_fetch_add(&touching, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        *page = 2;
    }
}

// A page that one CPU uses all the time, on another than this thread's.
static int page_in_use(void (*entry)(void *), uint64_t *base)
{
    handle_t vmo, thread;
    REQUIRE(sys_vmo_create(PAGE, &vmo) == OK);
    REQUIRE(sys_vmar_map(startup_handle(STARTUP_VMAR), vmo, 0, 0, PAGE, VM_READ | VM_WRITE, base) ==
            OK);
    REQUIRE(sys_thread_set_affinity(self_thread, 1) == OK);
    unsigned cpu = (unsigned)(now_ns() / 1000 % cpu_count());
    REQUIRE(thread_on(cpu, entry, (void *)*base, &thread) == OK);
    REQUIRE(becomes(&touching, 1));
    return 0;
}

static int child_read_what_goes_away(void)
{
    uint64_t base;
    int line = page_in_use(read_for_ever, &base);
    REQUIRE(line == 0);
    REQUIRE(sys_vmar_unmap(startup_handle(STARTUP_VMAR), base, PAGE) == OK);
    sleep_ns(5000 * MS);
    return __LINE__;
}

static int child_write_what_is_protected(void)
{
    uint64_t base;
    int line = page_in_use(write_for_ever, &base);
    REQUIRE(line == 0);
    REQUIRE(sys_vmar_protect(startup_handle(STARTUP_VMAR), base, PAGE, VM_READ) == OK);
    sleep_ns(5000 * MS);
    return __LINE__;
}

// --- death --------------------------------------------------------------------------------------

static int child_kill_running(void)
{
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
            handle_t thread;
            REQUIRE(thread_on(cpu, spin, NULL, &thread) == OK);
            sleep_ns(round * 700000);
            REQUIRE(sys_thread_kill(thread) == OK);
            REQUIRE(thread_is_dead_soon(thread));
            REQUIRE(sys_handle_close(thread) == OK);
        }
    }
    return 0;
}

// Blocks again and again, for a moment or until its own timer: whoever kills it meets it on the way
// in or out.
static void block_for_ever(void *arg)
{
    handle_t n;
    uint64_t bits;
    (void)arg;
    if (sys_notification_create(&n) != OK) {
        return;
    }
    for (unsigned i = 0;; i++) {
        (void)sys_notification_wait(n, now_ns() + i % 7 * 1000, &bits);
    }
}

static void block_once(void *arg)
{
    uint64_t bits;
    (void)sys_notification_wait(*(handle_t *)arg, DEADLINE_NEVER, &bits);
}

static int child_kill_blocking(void)
{
    static handle_t n;
    REQUIRE(sys_notification_create(&n) == OK);
    for (unsigned round = 0; round < 60; round++) {
        handle_t thread;
        REQUIRE(thread_on(round, round % 2 == 0 ? block_for_ever : block_once, &n, &thread) == OK);
        for (uint64_t end = now_ns() + round * 5000; now_ns() < end;) {
        }
        REQUIRE(sys_thread_kill(thread) == OK);
        REQUIRE(thread_is_dead_soon(thread));
        REQUIRE(sys_handle_close(thread) == OK);
    }
    return 0;
}

static void spin_and_call(void *arg)
{
    for (uint64_t i = 0;; i++) {
        if (i % 1024 < (uintptr_t)arg) {
            (void)sys_thread_yield();
        }
    }
}

static int child_spin_everywhere(void)
{
    handle_t thread;
    for (unsigned i = 0; i < 2 * cpu_count(); i++) {
        REQUIRE(thread_on(i, spin_and_call, (void *)(uintptr_t)(i * 100), &thread) == OK);
    }
    spin(NULL);
    return 0;
}

const struct child_entry smp_children[] = {
    {"run_at_once", child_run_at_once},
    {"call_across", child_call_across},
    {"compute_while_moving", child_compute_while_moving},
    {"block_while_moving", child_block_while_moving},
    {"wait_everywhere", child_wait_everywhere},
    {"copy_under_readers", child_copy_under_readers},
    {"read_what_goes_away", child_read_what_goes_away},
    {"write_what_is_protected", child_write_what_is_protected},
    {"kill_running", child_kill_running},
    {"kill_blocking", child_kill_blocking},
    {"spin_everywhere", child_spin_everywhere},
    {"everything_for_a_while", child_everything_for_a_while},
    {"everything_for_ever", child_everything_for_ever},
    {NULL, NULL},
};
