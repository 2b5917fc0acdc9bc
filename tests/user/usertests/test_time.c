// SPDX-License-Identifier: MIT
// What is exact only in virtual time: shares of the CPU, who runs when, which interrupts a CPU
// takes. These tests run on a machine whose clock counts instructions (tests/system/test_time.py),
// when the kernel's command line says tests=time (one CPU) or tests=ticks.
#include "tests/user/usertests/smp.h"

#define SLICE_NS    (4 * MS)
#define THREADS_MAX 1000u

static struct cpu_stats cpu_stats_get(unsigned cpu)
{
    struct cpu_stats s;
    memset(&s, 0, sizeof(s));
    (void)sys_system_query(startup_handle("resource.root"), QUERY_CPU, cpu, &s);
    return s;
}

// Of all CPUs together.
static struct cpu_stats machine_stats(void)
{
    struct cpu_stats sum = {.id = 0};
    for (unsigned i = 0; i < cpu_count(); i++) {
        struct cpu_stats s = cpu_stats_get(i);
        sum.timer_interrupts += s.timer_interrupts;
        sum.timer_void += s.timer_void;
        sum.timers_fired += s.timers_fired;
        sum.kicks += s.kicks;
        sum.kicks_void += s.kicks_void;
    }
    return sum;
}

static uint64_t run_time(handle_t thread)
{
    struct thread_info info;
    return sys_thread_info(thread, &info) == OK ? info.run_time_ns : 0;
}

// Waits for a timer of this moment, without slack, and returns how late it came.
static uint64_t late_after(handle_t n, uint64_t deadline)
{
    uint64_t bits;
    if (sys_notification_arm(n, deadline, 1, 0) != OK ||
        sys_notification_wait(n, DEADLINE_NEVER, &bits) != OK) {
        return UINT64_MAX;
    }
    return now_ns() - deadline; // huge if early
}

// The emulator lets one CPU run until something happens there; the others come to what they have to
// do, like going idle after they were started, while this one sleeps now and then.
static bool settles_down(handle_t n)
{
    for (unsigned i = 0; i < 20; i++) {
        CHECK(late_after(n, after_ms(5)) < MS);
    }
    return true;
}

static volatile bool spinning;
static void spin_while(void *arg)
{
    (void)arg;
    while (spinning) {
    }
}

static void yield_while(void *arg)
{
    (void)arg;
    while (spinning) {
        (void)sys_thread_yield();
    }
}

// --- children: many threads, of which nothing is left afterwards
// ----------------------------------

static handle_t threads[THREADS_MAX];

// This thread is given the time to start them among those that run already.
static int threads_start(unsigned count, void (*entry)(void *))
{
    spinning = true;
    REQUIRE(sys_thread_set_weight(self_thread, WEIGHT_MAX) == OK);
    for (unsigned i = 0; i < count; i++) {
        REQUIRE(thread_spawn("busy", entry, NULL, 4096, &threads[i]) == OK);
    }
    return sys_thread_set_weight(self_thread, WEIGHT_DEFAULT);
}

static int child_shares_by_weight(void)
{
    handle_t n;
    uint64_t used[3], total = 0;
    REQUIRE(sys_notification_create(&n) == OK);
    REQUIRE(threads_start(3, spin_while) == 0);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(sys_thread_set_weight(threads[i], WEIGHT_DEFAULT << i) == OK);
        used[i] = run_time(threads[i]);
    }
    REQUIRE(late_after(n, after_ms(2000)) < SLICE_NS);
    for (unsigned i = 0; i < 3; i++) {
        used[i] = run_time(threads[i]) - used[i];
        total += used[i];
    }
    REQUIRE(total > 1990 * MS);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t share = total * (1u << i) / 7;
        REQUIRE(used[i] * 100 >= share * 98 && used[i] * 100 <= share * 102);
    }
    return 0;
}

static int child_wakes_among_100(void)
{
    handle_t n;
    REQUIRE(sys_notification_create(&n) == OK);
    REQUIRE(threads_start(100, spin_while) == 0);
    for (unsigned i = 0; i < 40; i++) {
        REQUIRE(late_after(n, now_ns() + 17 * MS) <= SLICE_NS);
    }
    uint64_t least = UINT64_MAX, most = 0; // nor does it cost the others their turns
    for (unsigned i = 0; i < 100; i++) {
        uint64_t used = run_time(threads[i]);
        least = used < least ? used : least;
        most = used > most ? used : most;
    }
    REQUIRE(least > 0 && most - least <= 3 * SLICE_NS);
    return 0;
}

// Virtual time of a switch among so many threads that yield, in ns * 100.
static uint64_t switch_cost(unsigned count, handle_t n)
{
    if (threads_start(count, yield_while) != 0 || late_after(n, after_ms(50)) > 50 * MS) {
        return 0;
    }
    uint64_t switches = cpu_stats_get(0).switches, start = now_ns();
    if (late_after(n, after_ms(50)) > 50 * MS) {
        return 0;
    }
    uint64_t took = now_ns() - start;
    switches = cpu_stats_get(0).switches - switches;
    spinning = false;
    return switches != 0 ? took * 100 / switches : 0;
}

// Each runs so briefly between two yields that switching is all that the time goes to.
static int child_switches_among_many(void)
{
    handle_t n;
    REQUIRE(sys_notification_create(&n) == OK);
    uint64_t few = switch_cost(2, n);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(thread_is_dead_soon(threads[i]));
    }
    uint64_t many = switch_cost(THREADS_MAX, n);
    char line[100];
    int len =
        snprintf(line, sizeof(line), "a switch among 2: %llu.%02llu ns, among %u: %llu.%02llu ns",
                 (unsigned long long)few / 100, (unsigned long long)few % 100, THREADS_MAX,
                 (unsigned long long)many / 100, (unsigned long long)many % 100);
    (void)sys_log_write(startup_handle("resource.root"), line, (uint64_t)len);
    REQUIRE(few > 0 && many > 0);
    REQUIRE(many < 2 * few); // 500 times the threads: ten levels of a tree more
    return 0;
}

static bool child_succeeds(const char *name)
{
    struct spawn_result child;
    struct process_info info;
    struct child_handle give[] = {{"resource.root", root_resource}};
    EXPECT(child_start(name, HANDLE_NONE, give, 1, &child), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_reason, EXIT_NORMAL);
    EXPECT(info.exit_code, 0);
    return true;
}

static bool weights_1_2_4_share_within_two_percent(void)
{
    return child_succeeds("shares_by_weight");
}
static bool a_waking_thread_runs_within_a_slice_among_100(void)
{
    return child_succeeds("wakes_among_100");
}
static bool a_switch_among_1000_costs_little_more_than_among_2(void)
{
    return child_succeeds("switches_among_many");
}

// --- interrupts
// -----------------------------------------------------------------------------------

static bool an_idle_machine_takes_no_interrupt_but_at_deadlines(void)
{
    handle_t n;
    EXPECT(sys_notification_create(&n), OK);
    CHECK(settles_down(n));
    struct cpu_stats before = machine_stats();
    uint64_t late = late_after(n, after_ms(10000));
    struct cpu_stats after = machine_stats();
    CHECK(late < MS);
    EXPECT(after.timer_interrupts - before.timer_interrupts, 1);
    EXPECT(after.timers_fired - before.timers_fired, 1);
    EXPECT(after.timer_void, before.timer_void);
    EXPECT(after.kicks, before.kicks);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

// On the last CPU; if that is the only one this thread itself is the busy one.
static bool a_busy_thread_alone_takes_no_interrupt(void)
{
    handle_t n, busy = HANDLE_NONE;
    unsigned cpu = cpu_count() - 1;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_thread_set_affinity(self_thread, 1), OK);
    if (cpu > 0) {
        spinning = true;
        EXPECT(thread_on(cpu, spin_while, NULL, &busy), OK);
    }
    CHECK(settles_down(n)); // it has arrived there
    struct cpu_stats before = cpu_stats_get(cpu);
    uint64_t kicks = machine_stats().kicks, used = cpu > 0 ? run_time(busy) : 0;
    if (cpu > 0) {
        CHECK(late_after(n, after_ms(2000)) < MS);
        CHECK(run_time(busy) - used > 1990 * MS);
    }
    for (uint64_t end = after_ms(2000); cpu == 0 && now_ns() < end;) {
    }
    struct cpu_stats after = cpu_stats_get(cpu);
    EXPECT(after.timer_interrupts, before.timer_interrupts);
    EXPECT(after.switches, before.switches);
    EXPECT(machine_stats().kicks, kicks);
    spinning = false;
    CHECK(cpu == 0 || thread_is_dead_soon(busy));
    EXPECT(sys_thread_set_affinity(self_thread, UINT32_MAX), OK);
    EXPECT(sys_handle_close(n), OK);
    EXPECT(cpu > 0 ? sys_handle_close(busy) : OK, OK);
    return true;
}

#define TIMERS 32u

// Interrupts that so many timers take, a millisecond apart in all.
static uint64_t interrupts_of_timers(uint64_t slack)
{
    handle_t n[TIMERS];
    uint64_t bits, base = after_ms(20), before = machine_stats().timer_interrupts;
    for (unsigned i = 0; i < TIMERS; i++) {
        if (sys_notification_create(&n[i]) != OK ||
            sys_notification_arm(n[i], base + i * MS / TIMERS, 1, slack) != OK) {
            return 0;
        }
    }
    for (unsigned i = 0; i < TIMERS; i++) {
        if (sys_notification_wait(n[i], DEADLINE_NEVER, &bits) != OK ||
            now_ns() < base + i * MS / TIMERS) {
            return 0;
        }
    }
    return close_all(n, TIMERS) == OK ? machine_stats().timer_interrupts - before : 0;
}

static bool timers_whose_slack_overlaps_share_an_interrupt(void)
{
    EXPECT(sys_thread_set_affinity(self_thread, 1), OK);
    EXPECT(interrupts_of_timers(0), TIMERS);
    EXPECT(interrupts_of_timers(MS), 1);
    EXPECT(interrupts_of_timers(MS / 2), 2);
    EXPECT(sys_thread_set_affinity(self_thread, UINT32_MAX), OK);
    return true;
}

static bool timers_are_never_early_and_at_most_100_us_late(void)
{
    handle_t n;
    uint64_t bits, seed = 12345;
    EXPECT(sys_notification_create(&n), OK);
    for (unsigned i = 0; i < 200; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t deadline = now_ns() + 30000 + (seed >> 33) % (5 * MS);
        uint64_t late = late_after(n, deadline);
        if (late > 100000) {
            return test_fail(__FILE__, __LINE__, "timer %u: %lld ns late", i, (long long)late);
        }
        deadline = now_ns() + 30000 + (seed >> 40) % MS;
        EXPECT(sys_notification_wait(n, deadline, &bits), ERR_TIMED_OUT);
        late = now_ns() - deadline;
        if (late > 100000) {
            return test_fail(__FILE__, __LINE__, "wait %u: %lld ns late", i, (long long)late);
        }
    }
    EXPECT(sys_handle_close(n), OK);
    return true;
}

const struct test time_tests[] = {
    {"time.weights_1_2_4_share_within_two_percent", weights_1_2_4_share_within_two_percent},
    {"time.a_waking_thread_runs_within_a_slice_among_100",
     a_waking_thread_runs_within_a_slice_among_100},
    {"time.a_switch_among_1000_costs_little_more_than_among_2",
     a_switch_among_1000_costs_little_more_than_among_2},
    {NULL, NULL},
};

const struct test tick_tests[] = {
    {"time.an_idle_machine_takes_no_interrupt_but_at_deadlines",
     an_idle_machine_takes_no_interrupt_but_at_deadlines},
    {"time.a_busy_thread_alone_takes_no_interrupt", a_busy_thread_alone_takes_no_interrupt},
    {"time.timers_whose_slack_overlaps_share_an_interrupt",
     timers_whose_slack_overlaps_share_an_interrupt},
    {"time.timers_are_never_early_and_at_most_100_us_late",
     timers_are_never_early_and_at_most_100_us_late},
    {NULL, NULL},
};

const struct child_entry time_children[] = {
    {"shares_by_weight", child_shares_by_weight},
    {"wakes_among_100", child_wakes_among_100},
    {"switches_among_many", child_switches_among_many},
    {NULL, NULL},
};
