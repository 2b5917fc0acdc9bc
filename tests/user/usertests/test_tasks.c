// SPDX-License-Identifier: MIT
// Jobs, processes, threads: life cycles, exits, kills, limits, enumeration, scheduling.
#include "tests/user/usertests/harness.h"
#include <stdlib.h>

static int child_exits_with_42(void) { return 42; }
static int child_spins(void)
{
    for (volatile unsigned long i = 0;; i++) {
    }
}

// Allocates until the quota says no; used by the memory tests.
static int child_eats_memory(void)
{
    handle_t v;
    if (sys_vmo_create(1 << 20, &v) != OK) {
        return 1;
    }
    for (uint64_t at = 0; at < 1 << 20; at += 4096) {
        status_t s = sys_vmo_commit(v, at, 4096);
        if (s != OK) {
            return s == ERR_QUOTA ? 11 : 12;
        }
    }
    return 13;
}

static int child_touches_memory(void)
{
    handle_t v;
    uint64_t base;
    if (sys_vmo_create(1 << 20, &v) != OK ||
        sys_vmar_map(startup_handle(STARTUP_VMAR), v, 0, 0, 1 << 20, VM_READ | VM_WRITE, &base) !=
            OK) {
        return 1;
    }
    for (uint64_t at = 0; at < 1 << 20; at += 4096) {
        *(volatile char *)(base + at) = 1;
    }
    return 13;
}

static bool an_exit_code_arrives_with_the_exit_notification(void)
{
    return child_ends("exits_with_42", EXIT_NORMAL, 42, NULL);
}

static bool a_spinning_process_can_be_killed(void)
{
    struct spawn_result child;
    struct process_info info;
    EXPECT(child_start("spins", HANDLE_NONE, NULL, 0, &child), OK);
    handle_t n;
    uint64_t bits;
    EXPECT(sys_notification_create(&n), OK);
    for (uint64_t end = in_good_time();;) { // it runs, and so do we
        EXPECT(sys_notification_wait(n, after_ms(20), &bits), ERR_TIMED_OUT);
        EXPECT(sys_process_info(child.process, &info), OK);
        EXPECT(info.state, PROCESS_RUNNING);
        if (info.run_time_ns > 0) {
            break;
        }
        CHECK(now_ns() < end);
    }
    EXPECT(sys_process_kill(child.process), OK);
    EXPECT(sys_process_kill(child.process), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_reason, EXIT_KILLED);
    EXPECT(sys_handle_close(n), OK);
    return true;
}

static bool a_watch_on_a_dead_process_fires_at_once(void)
{
    struct spawn_result child;
    struct process_info info;
    EXPECT(child_start("exits_with_42", HANDLE_NONE, NULL, 0, &child), OK);
    handle_t process, n;
    uint64_t bits;
    EXPECT(sys_handle_duplicate(child.process, RIGHTS_SAME, &process), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_process_watch(process, n, 0x20), OK);
    EXPECT(sys_notification_wait(n, DEADLINE_POLL, &bits), OK);
    EXPECT(bits, 0x20);
    EXPECT(sys_process_watch(process, n, 0), ERR_NOT_FOUND);
    handle_t all[] = {process, n};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool killing_a_job_kills_all_below_and_nothing_starts_in_it(void)
{
    handle_t job, inner, process, vmar, later;
    struct spawn_result a, b;
    struct process_info info;
    EXPECT(sys_job_create(root_job, "outer", 5, &job), OK);
    EXPECT(sys_job_create(job, "inner", 5, &inner), OK);
    EXPECT(child_start("spins", job, NULL, 0, &a), OK);
    EXPECT(child_start("spins", inner, NULL, 0, &b), OK);
    EXPECT(sys_job_kill(job), OK);
    EXPECT(child_finish(&a, &info), OK);
    EXPECT(info.exit_reason, EXIT_KILLED);
    EXPECT(child_finish(&b, &info), OK);
    EXPECT(info.exit_reason, EXIT_KILLED);
    EXPECT(sys_process_create(inner, "late", 4, &process, &vmar), ERR_BAD_STATE);
    EXPECT(sys_job_create(inner, "late", 4, &later), ERR_BAD_STATE);
    handle_t all[] = {job, inner};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool jobs_nest_to_a_bounded_depth(void)
{
    handle_t jobs[32];
    unsigned n = 0;
    handle_t parent = root_job;
    status_t s = OK;
    while (n < 32 && (s = sys_job_create(parent, "deep", 4, &jobs[n])) == OK) {
        parent = jobs[n++];
    }
    EXPECT(s, ERR_OUT_OF_RANGE);
    CHECK(n >= 8 && n < JOB_DEPTH_MAX);
    EXPECT(close_all(jobs, n), OK);
    return true;
}

static bool jobs_can_be_listed_and_opened(void)
{
    handle_t job, inner, opened;
    struct job_info info;
    struct process_info p;
    struct spawn_result child;
    EXPECT(sys_job_create(root_job, "listed", 6, &job), OK);
    EXPECT(sys_job_create(job, "inside", 6, &inner), OK);
    EXPECT(child_start("spins", job, NULL, 0, &child), OK);
    EXPECT(sys_job_enumerate(job, ENUMERATE_JOBS, 0, &info), OK);
    CHECK(strcmp(info.name, "inside") == 0);
    EXPECT(sys_job_enumerate(job, ENUMERATE_JOBS, 1, &info), ERR_NOT_FOUND);
    EXPECT(sys_job_enumerate(job, ENUMERATE_PROCESSES, 0, &p), OK);
    CHECK(strcmp(p.name, "spins") == 0);
    EXPECT(sys_job_enumerate(job, ENUMERATE_PROCESSES, UINT64_MAX, &p), ERR_NOT_FOUND);
    EXPECT(sys_job_enumerate(job, 7, 0, &p), ERR_INVALID_ARGS);
    EXPECT(sys_job_open(job, ENUMERATE_PROCESSES, p.id, &opened), OK);
    EXPECT(sys_process_kill(opened), OK);
    EXPECT(sys_job_open(job, ENUMERATE_JOBS, p.id, &opened), ERR_NOT_FOUND);
    EXPECT(child_finish(&child, &p), OK);
    handle_t all[] = {opened, job, inner};
    EXPECT(close_all(all, 3), OK);
    return true;
}

static bool limits_on_processes_and_threads_hold(void)
{
    handle_t job, p1, p2, v, thread;
    uint64_t buffer;
    EXPECT(sys_job_create(root_job, "few", 3, &job), OK);
    EXPECT(sys_job_set_limit(job, LIMIT_PROCESSES, 1), OK);
    EXPECT(sys_job_set_limit(job, LIMIT_THREADS, 0), OK);
    EXPECT(sys_job_set_limit(job, LIMIT_KINDS, 0), ERR_INVALID_ARGS);
    EXPECT(sys_process_create(job, "one", 3, &p1, &v), OK);
    EXPECT(sys_process_create(job, "two", 3, &p2, &v), ERR_QUOTA);
    EXPECT(sys_thread_create(p1, "t", 1, &thread, &buffer), ERR_QUOTA);
    handle_t all[] = {p1, v, job};
    EXPECT(close_all(all, 3), OK);
    return true;
}

static bool names_are_checked(void)
{
    handle_t job;
    struct job_info info;
    EXPECT(sys_job_create(root_job, "", 0, &job), ERR_INVALID_ARGS);
    EXPECT(sys_job_create(root_job, "0123456789012345678901234567890123456789", 32, &job),
           ERR_INVALID_ARGS);
    EXPECT(sys_job_create(root_job, "a\nb\x7f", 4, &job), OK);
    EXPECT(sys_job_info(job, &info), OK);
    CHECK(strcmp(info.name, "a?b?") == 0);
    EXPECT(sys_handle_close(job), OK);
    return true;
}

static bool a_thread_starts_once_and_only_in_user_space(void)
{
    handle_t process, vmar, thread;
    uint64_t buffer;
    EXPECT(sys_process_create(root_job, "built", 5, &process, &vmar), OK);
    EXPECT(sys_thread_create(process, "t", 1, &thread, &buffer), OK);
    CHECK(buffer % 4096 == 0 && buffer != 0);
    const uint64_t bad[] = {
        0, 0xfff, 0xffffffff80000000ull, 0x8000000000000000ull, UINT64_MAX, 0x0001000000000000ull};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT(sys_thread_start(thread, bad[i], 0x20000, 0, 0), ERR_INVALID_ARGS);
    }
    EXPECT(sys_thread_start(thread, 0x20000, 0x20008, 0, 0), ERR_INVALID_ARGS); // stack not aligned
                                                                                // to 16
    EXPECT(sys_thread_start(thread, 0x20000, 0xffffffff80000000ull, 0, 0), ERR_INVALID_ARGS);
    EXPECT(sys_thread_start(thread, 0x20000, 0x30000, 0, 0), OK); // nothing is mapped there: it
                                                                  // faults
    handle_t n;
    uint64_t bits;
    struct process_info info;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_process_watch(process, n, 1), OK);
    EXPECT(sys_notification_wait(n, in_good_time(), &bits), OK);
    EXPECT(sys_process_info(process, &info), OK);
    EXPECT(info.exit_reason, EXIT_FAULT);
    EXPECT(info.fault_kind, FAULT_EXECUTE);
    EXPECT(info.fault_address, 0x20000);
    EXPECT(sys_thread_start(thread, 0x20000, 0x30000, 0, 0), ERR_BAD_STATE);
    handle_t all[] = {process, vmar, thread, n};
    EXPECT(close_all(all, 4), OK);
    return true;
}

static bool an_abandoned_new_process_goes_away(void)
{
    for (unsigned i = 0; i < 50; i++) {
        handle_t process, vmar, thread;
        uint64_t buffer;
        EXPECT(sys_process_create(root_job, "dropped", 7, &process, &vmar), OK);
        EXPECT(sys_thread_create(process, "t", 1, &thread, &buffer), OK);
        handle_t all[] = {thread, process, vmar};
        EXPECT(close_all(all, 3), OK);
    }
    return true;
}

static volatile uint64_t counts[3];
static volatile bool counting;
static void counter(void *arg)
{
    volatile uint64_t *mine = arg;
    while (counting) {
        (*mine)++;
    }
}

static const uint32_t weights[] = {512, 1024, 2048};

// Whether each of the threads has had its share since it started, within 4 %.
static bool shares_are_right(const handle_t threads[3], uint64_t used[3])
{
    uint64_t total = 0;
    bool right = true;
    for (unsigned i = 0; i < 3; i++) {
        struct thread_info info;
        used[i] = sys_thread_info(threads[i], &info) == OK ? info.run_time_ns : 0;
        total += used[i];
    }
    for (unsigned i = 0; i < 3; i++) {
        uint64_t share = total * weights[i] / 3584;
        right &= used[i] * 100 >= share * 96 && used[i] * 100 <= share * 104;
    }
    return right;
}

// The host may stop the machine for any time, which is charged to whoever runs. The others then
// catch up, so the shares come right, only when cannot be said. In virtual time: test_time.c.
static bool cpu_time_is_shared_by_weight(void)
{
    handle_t threads[3], n;
    uint64_t bits, used[3];
    EXPECT(sys_notification_create(&n), OK);
    counting = true;
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(thread_run(counter, (void *)&counts[i], &threads[i]), OK);
        EXPECT(sys_thread_set_weight(threads[i], weights[i]), OK);
        EXPECT(sys_thread_set_affinity(threads[i], 1), OK); // weights compare threads of one CPU
    }
    EXPECT(sys_thread_set_weight(threads[0], 0), ERR_INVALID_ARGS);
    EXPECT(sys_thread_set_weight(threads[0], WEIGHT_MAX + 1), ERR_INVALID_ARGS);
    EXPECT(sys_notification_wait(n, after_ms(800), &bits), ERR_TIMED_OUT);
    for (uint64_t end = in_good_time(); !shares_are_right(threads, used);) {
        if (now_ns() > end) {
            return test_fail(__FILE__, __LINE__, "run times %lld, %lld, %lld", (long long)used[0],
                             (long long)used[1], (long long)used[2]);
        }
        EXPECT(sys_notification_wait(n, after_ms(20), &bits), ERR_TIMED_OUT);
    }
    counting = false;
    handle_t all[] = {threads[0], threads[1], threads[2], n};
    EXPECT(close_all(all, 4), OK);
    return true;
}

static volatile int fp_wrong, fp_done;
// Keeps values in floating-point registers across many switches.
#if defined(__aarch64__)
#define FP_KEEP "+w"
#else
#define FP_KEEP "+f"
#endif

static void fp_worker(void *arg)
{
    double seed = (double)(uintptr_t)arg, x = seed;
    for (unsigned round = 0; round < 200; round++) {
        double a = x + 0.5, b = x * 3.0, c = x - 2.25, d = x / 7.0;
        for (unsigned i = 0; i < 2000; i++) {
            __asm__ volatile("" : FP_KEEP(a), FP_KEEP(b), FP_KEEP(c), FP_KEEP(d));
        }
        (void)sys_thread_yield();
        if (a != x + 0.5 || b != x * 3.0 || c != x - 2.25 || d != x / 7.0) {
            fp_wrong++;
        }
        x = seed + round;
    }
    __atomic_fetch_add(&fp_done, 1, __ATOMIC_SEQ_CST);
}

static bool floating_point_survives_switches(void)
{
    handle_t a, b;
    fp_wrong = fp_done = 0;
    EXPECT(thread_run(fp_worker, (void *)1, &a), OK);
    EXPECT(thread_run(fp_worker, (void *)2, &b), OK);
    handle_t n;
    uint64_t bits;
    EXPECT(sys_notification_create(&n), OK);
    for (unsigned i = 0; i < 3000 && fp_done < 2; i++) {
        EXPECT(sys_notification_wait(n, after_ms(10), &bits), ERR_TIMED_OUT);
    }
    EXPECT(fp_done, 2);
    EXPECT(fp_wrong, 0);
    handle_t all[] = {a, b, n};
    EXPECT(close_all(all, 3), OK);
    return true;
}

const struct test task_tests[] = {
    {"process.an_exit_code_arrives", an_exit_code_arrives_with_the_exit_notification},
    {"process.a_spinning_one_can_be_killed", a_spinning_process_can_be_killed},
    {"process.a_watch_on_a_dead_one_fires_at_once", a_watch_on_a_dead_process_fires_at_once},
    {"process.an_abandoned_new_one_goes_away", an_abandoned_new_process_goes_away},
    {"job.killing_kills_all_below_and_nothing_starts_in_it",
     killing_a_job_kills_all_below_and_nothing_starts_in_it},
    {"job.nesting_is_bounded", jobs_nest_to_a_bounded_depth},
    {"job.children_can_be_listed_and_opened", jobs_can_be_listed_and_opened},
    {"job.limits_on_processes_and_threads_hold", limits_on_processes_and_threads_hold},
    {"job.names_are_checked", names_are_checked},
    {"thread.starts_once_and_only_in_user_space", a_thread_starts_once_and_only_in_user_space},
    {"thread.cpu_time_is_shared_by_weight", cpu_time_is_shared_by_weight},
    {"thread.floating_point_survives_switches", floating_point_survives_switches},
    {NULL, NULL},
};

const struct child_entry task_children[] = {
    {"exits_with_42", child_exits_with_42},
    {"spins", child_spins},
    {"eats_memory", child_eats_memory},
    {"touches_memory", child_touches_memory},
    {NULL, NULL},
};
