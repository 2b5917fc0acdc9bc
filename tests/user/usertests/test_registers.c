// SPDX-License-Identifier: MIT
// What a switch must keep and what it must not let through: floating-point and vector registers,
// and reservations of load-exclusive instructions. The vector tests run on a machine that has
// vectors, when the kernel's command line says tests=vector (tests/system/test_vector.py).
#include "tests/user/usertests/registers.h"
#include "tests/user/usertests/smp.h"

#define HOLDERS 8u
#define ROUNDS  40u
#define SPINS   150000ull

static volatile unsigned holders_done, holders_wrong;
static handle_t holders[HOLDERS];

static void pattern(uint64_t *words, unsigned count, uint64_t seed)
{
    for (unsigned i = 0; i < count; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        words[i] = seed ^ seed >> 29;
    }
}

static void hold_fp(void *arg)
{
    uint64_t in[FP_WORDS], out[FP_WORDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        pattern(in, FP_WORDS, (uintptr_t)arg * 1000 + round);
        in[FP_CONTROL] &= FP_STATUS_MASK & ~0x80ull;
        in[FP_CONTROL] &= FP_MODE_MASK == 0 ? 0x3full : UINT64_MAX; // a rounding mode that exists
        in[FP_CONTROL + 1] &= FP_MODE_MASK;
        memset(out, 0, sizeof(out));
        fp_hold(in, out, SPINS);
        bool same = memcmp(in, out, FP_REGISTER_WORDS * 8) == 0 &&
                    in[FP_CONTROL] == out[FP_CONTROL] &&
                    (FP_MODE_MASK == 0 || in[FP_CONTROL + 1] == out[FP_CONTROL + 1]);
        __atomic_fetch_add(&holders_wrong, !same, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&holders_done, 1, __ATOMIC_SEQ_CST);
}

// Threads that hold different values, on all CPUs and moved about all the time.
static int hold_while_moved(void (*entry)(void *))
{
    uint64_t seed = 7;
    unsigned cpus = cpu_count();
    for (unsigned i = 0; i < HOLDERS; i++) {
        REQUIRE(thread_spawn("holder", entry, (void *)(uintptr_t)(i + 1), 65536, &holders[i]) ==
                OK);
    }
    for (uint64_t end = in_good_time(); holders_done < HOLDERS && now_ns() < end;) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        REQUIRE(sys_thread_set_affinity(holders[seed >> 60 & 7], 1u << (seed >> 40) % cpus) == OK);
        sleep_ns(MS / 2);
    }
    REQUIRE(holders_done == HOLDERS);
    REQUIRE(holders_wrong == 0);
    return 0;
}

static int child_holds_fp(void) { return hold_while_moved(hold_fp); }

static uint64_t fresh[VECTOR_WORDS];
static volatile bool fresh_read;

static void read_fp(void *arg)
{
    (void)arg;
    fp_read(fresh);
    fresh_read = true;
}

static bool is_zero(const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

// The new thread runs on the CPU whose registers this one has just filled.
static int child_fresh_fp(void)
{
    uint64_t in[FP_WORDS], out[FP_WORDS];
    pattern(in, FP_REGISTER_WORDS, 99);
    in[FP_CONTROL] = 0x1f;
    in[FP_CONTROL + 1] = 0;
    for (unsigned i = 0; i < 4 * cpu_count(); i++) {
        handle_t thread;
        REQUIRE(sys_thread_set_affinity(self_thread, 1u << i % cpu_count()) == OK);
        fresh_read = false;
        memset(fresh, 0xff, sizeof(fresh));
        fp_hold(in, out, 1000);
        REQUIRE(thread_on(i, read_fp, NULL, &thread) == OK);
        REQUIRE(thread_is_dead_soon(thread) && fresh_read);
        REQUIRE(is_zero(fresh, FP_REGISTER_WORDS) && fresh[FP_CONTROL] == 0);
    }
    return 0;
}

static uint64_t shared_word;
static volatile uint64_t turns;
static volatile bool stop;

// Writes the value that is there, so that only a reservation can tell.
static void rewrite_for_ever(void *arg)
{
    (void)arg;
    while (!stop) {
        __atomic_store_n(&shared_word, shared_word, __ATOMIC_SEQ_CST);
        turns++;
        (void)sys_thread_yield();
    }
}

static int child_exclusive(void)
{
    handle_t thread;
    unsigned interrupted = 0, alone = 0;
    for (unsigned i = 0; i < 1000; i++) { // it can succeed, or its failure would say nothing
        alone += exclusive_alone(&shared_word) == 0;
    }
    REQUIRE(alone > 0);
    REQUIRE(sys_thread_set_affinity(self_thread, 1) == OK);
    REQUIRE(thread_on(0, rewrite_for_ever, NULL, &thread) == OK);
    for (uint64_t end = in_good_time(); interrupted < 1000 && now_ns() < end;) {
        uint64_t before = turns;
        uint64_t failed = exclusive_across_yield(&shared_word);
        bool other_ran = turns != before;
        REQUIRE(!other_ran || failed != 0);
        interrupted += other_ran;
    }
    REQUIRE(interrupted == 1000);
    stop = true;
    return 0;
}

static int child_vector(void) { return vector_bytes() != 0 ? 0 : 1; }

static bool succeeds(const char *child) { return child_ends(child, EXIT_NORMAL, 0, NULL); }
static bool floating_point_is_kept(void) { return succeeds("holds_fp"); }
static bool a_new_thread_sees_zeros(void) { return succeeds("fresh_fp"); }
static bool a_reservation_ends_with_a_switch(void) { return succeeds("exclusive"); }

static bool absent_registers_are_an_illegal_instruction(void)
{
    struct process_info info;
    CHECK(child_ends("vector", EXIT_FAULT, 0, &info));
    EXPECT(info.fault_kind, FAULT_ILLEGAL);
    return true;
}

const struct test register_tests[] = {
    {"registers.floating_point_is_kept", floating_point_is_kept},
    {"registers.a_new_thread_sees_zeros", a_new_thread_sees_zeros},
    {"registers.a_reservation_ends_with_a_switch", a_reservation_ends_with_a_switch},
    {"registers.absent_ones_are_an_illegal_instruction",
     absent_registers_are_an_illegal_instruction},
    {NULL, NULL},
};

// --- vectors
// --------------------------------------------------------------------------------------

#define VECTOR_CONTROL (VECTOR_WORDS - 3)

// vl, vtype (e8 to e64, one to eight registers) and vcsr, as a program may set them.
static void control_choose(uint64_t *control, unsigned n, uint64_t bytes)
{
    unsigned size = n % 4, group = n / 4 % 4;
    control[0] = (bytes << group >> size) - n % 3;
    control[1] = size << 3 | group;
    control[2] = n % 8;
}

static void hold_vector(void *arg)
{
    static uint64_t ins[HOLDERS][VECTOR_WORDS], outs[HOLDERS][VECTOR_WORDS];
    unsigned me = (unsigned)(uintptr_t)arg - 1;
    uint64_t *in = ins[me], *out = outs[me], bytes = vector_bytes();
    for (unsigned round = 0; round < ROUNDS; round++) {
        pattern(in, VECTOR_CONTROL, me * 1000 + round + 1);
        control_choose(&in[VECTOR_CONTROL], me + round, bytes);
        memset(out, 0, sizeof(outs[0]));
        vector_hold(in, out, SPINS);
        bool same = memcmp(in, out, 32 * bytes) == 0 &&
                    memcmp(&in[VECTOR_CONTROL], &out[VECTOR_CONTROL], 24) == 0;
        __atomic_fetch_add(&holders_wrong, !same, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&holders_done, 1, __ATOMIC_SEQ_CST);
}

static int child_holds_vector(void)
{
    REQUIRE(vector_bytes() >= 16 && vector_bytes() <= VECTOR_BYTES_MAX);
    return hold_while_moved(hold_vector);
}

static void read_vector(void *arg)
{
    (void)arg;
    vector_read(fresh);
    fresh_read = true;
}

static int child_fresh_vector(void)
{
    static uint64_t in[VECTOR_WORDS], out[VECTOR_WORDS];
    uint64_t bytes = vector_bytes();
    pattern(in, VECTOR_CONTROL, 99);
    control_choose(&in[VECTOR_CONTROL], 15, bytes);
    for (unsigned i = 0; i < 4 * cpu_count(); i++) {
        handle_t thread;
        REQUIRE(sys_thread_set_affinity(self_thread, 1u << i % cpu_count()) == OK);
        fresh_read = false;
        memset(fresh, 0xff, sizeof(fresh));
        vector_hold(in, out, 1000);
        REQUIRE(thread_on(i, read_vector, NULL, &thread) == OK);
        REQUIRE(thread_is_dead_soon(thread) && fresh_read);
        REQUIRE(is_zero(fresh, (unsigned)(32 * bytes / 8)));
        REQUIRE(fresh[VECTOR_CONTROL] == 0 && fresh[VECTOR_CONTROL + 2] == 0);
    }
    return 0;
}

static uint64_t pages_used(handle_t job)
{
    struct job_info info;
    return sys_job_info(job, &info) == OK ? info.used[LIMIT_PAGES] : 0;
}

// Their memory is charged with the first vector instruction, once.
static int child_charged(void)
{
    handle_t job = startup_handle("job");
    uint64_t before = pages_used(job);
    REQUIRE(before > 0);
    uint64_t bytes = vector_bytes(), used = pages_used(job) - before;
    REQUIRE(used * PAGE >= 32 * bytes && used * PAGE < 4 * PAGE + 64 * bytes);
    (void)vector_bytes();
    REQUIRE(pages_used(job) - before == used);
    return 0;
}

static int child_over_quota(void)
{
    handle_t job = startup_handle("job");
    REQUIRE(sys_job_set_limit(job, LIMIT_PAGES, pages_used(job)) == OK);
    (void)vector_bytes();
    return __LINE__;
}

static bool ends_in_a_job(const char *function, uint32_t reason, struct process_info *info)
{
    handle_t job;
    struct spawn_result child;
    EXPECT(sys_job_create(root_job, "vector", 6, &job), OK);
    struct child_handle give[] = {{"job", job}};
    EXPECT(child_start(function, job, give, 1, &child), OK);
    EXPECT(child_finish(&child, info), OK);
    EXPECT(info->exit_reason, reason);
    EXPECT(info->exit_code, 0);
    for (uint64_t end = in_good_time(); pages_used(job) != 0 && now_ns() < end;) {
        sleep_ns(MS);
    }
    EXPECT(pages_used(job), 0);
    EXPECT(sys_handle_close(job), OK);
    return true;
}

static bool vectors_are_kept(void) { return succeeds("holds_vector"); }
static bool a_new_thread_sees_zero_vectors(void) { return succeeds("fresh_vector"); }

static bool vectors_are_charged_and_given_back(void)
{
    struct process_info info;
    return ends_in_a_job("charged", EXIT_NORMAL, &info);
}

static bool vectors_beyond_the_quota_are_a_fault(void)
{
    struct process_info info;
    CHECK(ends_in_a_job("over_quota", EXIT_FAULT, &info));
    EXPECT(info.fault_kind, FAULT_MEMORY);
    return true;
}

const struct test vector_tests[] = {
    {"vector.registers_are_kept", vectors_are_kept},
    {"vector.a_new_thread_sees_zeros", a_new_thread_sees_zero_vectors},
    {"vector.memory_is_charged_and_given_back", vectors_are_charged_and_given_back},
    {"vector.memory_beyond_the_quota_is_a_fault", vectors_beyond_the_quota_are_a_fault},
    {"registers.floating_point_is_kept", floating_point_is_kept},
    {NULL, NULL},
};

const struct child_entry register_children[] = {
    {"holds_fp", child_holds_fp},
    {"fresh_fp", child_fresh_fp},
    {"exclusive", child_exclusive},
    {"vector", child_vector},
    {"holds_vector", child_holds_vector},
    {"fresh_vector", child_fresh_vector},
    {"charged", child_charged},
    {"over_quota", child_over_quota},
    {NULL, NULL},
};
