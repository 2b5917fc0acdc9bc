// SPDX-License-Identifier: MIT
// Every system call against every kind of wrong argument, from the ABI table: bad handles, wrong
// types, each right missing, values above 32 bits; then random arguments of every call in a child,
// which may end as it likes as long as the kernel stands.
#include "tests/user/usertests/harness.h"
#include <gen/sys_negative.h>
#include <stdlib.h>

static handle_t of_type[OBJ_COUNT]; // one handle of each type with all rights of a new one

static void drop_all(void)
{
    for (unsigned i = 0; i < OBJ_COUNT; i++) {
        if (of_type[i] != root_resource && of_type[i] != root_job) {
            (void)sys_handle_close(of_type[i]);
        }
        of_type[i] = HANDLE_NONE;
    }
}

// A reply object needs a call to answer: none is made, so calls on replies are tried with the other
// types only.
static bool make_all(void)
{
    uint64_t buffer;
    of_type[OBJ_RESOURCE] = root_resource;
    EXPECT(sys_job_create(root_job, "negative", 8, &of_type[OBJ_JOB]), OK);
    EXPECT(sys_process_create(of_type[OBJ_JOB], "p", 1, &of_type[OBJ_PROCESS], &of_type[OBJ_VMAR]),
           OK);
    EXPECT(sys_thread_create(of_type[OBJ_PROCESS], "t", 1, &of_type[OBJ_THREAD], &buffer), OK);
    EXPECT(sys_vmo_create(4096, &of_type[OBJ_VMO]), OK);
    EXPECT(sys_endpoint_create(&of_type[OBJ_ENDPOINT]), OK);
    EXPECT(sys_notification_create(&of_type[OBJ_NOTIFICATION]), OK);
    EXPECT(sys_irq_create(root_resource, 50, IRQ_LEVEL, &of_type[OBJ_IRQ]), OK);
    return true;
}

static unsigned type_for(const struct negative_arg *a)
{
    return a->type == OBJ_ANY ? OBJ_NOTIFICATION : a->type;
}

// Good handles everywhere, zero elsewhere; the caller spoils one argument.
static void args_good(const struct negative_call *c, uint64_t r[8])
{
    memset(r, 0, 8 * sizeof(r[0]));
    for (unsigned i = 0; i < c->arg_count; i++) {
        if (c->args[i].kind == NEG_HANDLE) {
            r[i] = of_type[type_for(&c->args[i])];
        }
    }
}

static bool expect_call(const struct negative_call *c, unsigned arg, uint64_t value, status_t want,
                        const char *what)
{
    uint64_t r[8];
    args_good(c, r);
    r[arg] = value;
    status_t s = sys_any(c->number, r);
    return s == want || test_fail(__FILE__, __LINE__, "%s(%s): %s: %d, not %d", c->name,
                                  c->args[arg].name, what, s, want);
}

// Whether all handle arguments before this one have a good handle to give: they are checked first.
static bool can_reach(const struct negative_call *c, unsigned arg)
{
    for (unsigned i = 0; i < arg; i++) {
        if (c->args[i].kind == NEG_HANDLE && of_type[type_for(&c->args[i])] == HANDLE_NONE) {
            return false;
        }
    }
    return true;
}

static bool handles_of_wrong_value_and_type(void)
{
    CHECK(make_all());
    static const uint64_t bad[] = {0,         0xffff, 0x12345678, 0xffffffff, 0xfffffffful << 32,
                                   UINT64_MAX};
    for (unsigned n = 0; n < SYS_COUNT; n++) {
        const struct negative_call *c = &negative_calls[n];
        for (unsigned i = 0; i < c->arg_count; i++) {
            if (c->args[i].kind != NEG_HANDLE || !can_reach(c, i)) {
                continue;
            }
            for (unsigned b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
                CHECK(expect_call(c, i, bad[b], ERR_BAD_HANDLE, "bad handle"));
            }
            for (unsigned type = 1; type < OBJ_COUNT && c->args[i].type != OBJ_ANY; type++) {
                if (type != c->args[i].type && of_type[type] != HANDLE_NONE) {
                    CHECK(expect_call(c, i, of_type[type], ERR_WRONG_TYPE, "wrong type"));
                }
            }
        }
    }
    drop_all();
    return true;
}

static bool each_missing_right(void)
{
    CHECK(make_all());
    for (unsigned n = 0; n < SYS_COUNT; n++) {
        const struct negative_call *c = &negative_calls[n];
        for (unsigned i = 0; i < c->arg_count; i++) {
            const struct negative_arg *a = &c->args[i];
            if (a->kind != NEG_HANDLE || a->rights == 0 || of_type[type_for(a)] == HANDLE_NONE ||
                !can_reach(c, i)) {
                continue;
            }
            struct handle_info info;
            EXPECT(sys_handle_info(of_type[type_for(a)], &info), OK);
            for (unsigned bit = 0; bit < 32; bit++) {
                handle_t less;
                if ((a->rights & (1u << bit)) == 0) {
                    continue;
                }
                EXPECT(
                    sys_handle_duplicate(of_type[type_for(a)], info.rights & ~(1u << bit), &less),
                    OK);
                CHECK(expect_call(c, i, less, ERR_ACCESS_DENIED, "missing right"));
                EXPECT(sys_handle_close(less), OK);
            }
        }
    }
    drop_all();
    return true;
}

static bool numbers_above_32_bits(void)
{
    CHECK(make_all());
    for (unsigned n = 0; n < SYS_COUNT; n++) {
        const struct negative_call *c = &negative_calls[n];
        for (unsigned i = 0; i < c->arg_count; i++) {
            if (c->args[i].kind == NEG_U32 && !c->noreturn) {
                CHECK(expect_call(c, i, 1ull << 32, ERR_INVALID_ARGS, "number above 32 bits"));
            }
        }
    }
    drop_all();
    return true;
}

// --- random arguments ---------------------------------------------------------------------------

static uint64_t random_state;
static uint64_t random_next(void) // xorshift64*, so that a run can be repeated from its seed
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717ull;
}

static uint64_t random_argument(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     8,
                                     4095,
                                     4096,
                                     4097,
                                     1ull << 31,
                                     (1ull << 32) - 1,
                                     1ull << 32,
                                     1ull << 38,
                                     1ull << 47,
                                     1ull << 48,
                                     1ull << 63,
                                     UINT64_MAX,
                                     UINT64_MAX - 4095,
                                     0xffffffff80000000ull,
                                     0xffff000000000000ull,
                                     0xffffffc000000000ull};
    static uint8_t area[8192];
    uint64_t pick = random_next();
    switch (pick % 8) {
    case 0: return random_next();
    case 1:
    case 2: return edges[pick / 8 % (sizeof(edges) / sizeof(edges[0]))];
    case 3: return (uint64_t)(uintptr_t)&area[pick / 8 % sizeof(area)];
    case 4: return pick / 8 % 16;
    default: return 1u << 16 | (pick / 8 % 24); // likely handles of this process
    }
}

static int child_calls_at_random(void)
{
    random_state = startup_handle("seed") != HANDLE_NONE ? now_ns() | 1 : 0x9e3779b97f4a7c15ull;
    for (unsigned i = 0; i < 30000; i++) {
        const struct negative_call *c = &negative_calls[random_next() % SYS_COUNT];
        if (c->noreturn || c->blocking || c->raw || strcmp(c->name, "log_write") == 0) {
            continue;
        }
        uint64_t r[8];
        for (unsigned k = 0; k < 8; k++) {
            r[k] = random_argument();
        }
        (void)sys_any(c->number, r);
    }
    return 0;
}

// The child has handles of every kind but those of the machine, in a job with limits; it may well
// end itself.
static bool random_calls_do_not_hurt_the_kernel(void)
{
    handle_t job, endpoint, vmo, n, dead;
    struct spawn_result child;
    struct process_info info;
    for (unsigned round = 0; round < 4; round++) {
        EXPECT(sys_job_create(root_job, "random", 6, &job), OK);
        EXPECT(sys_job_set_limit(job, LIMIT_PAGES, 2000), OK);
        EXPECT(sys_job_set_limit(job, LIMIT_HANDLES, 500), OK);
        EXPECT(sys_job_set_limit(job, LIMIT_THREADS, 20), OK);
        EXPECT(sys_job_set_limit(job, LIMIT_OBJECTS, 2000), OK);
        EXPECT(sys_endpoint_create(&endpoint), OK);
        EXPECT(sys_vmo_create(65536, &vmo), OK);
        EXPECT(sys_notification_create(&n), OK);
        struct child_handle give[] = {
            {"endpoint", endpoint}, {"vmo", vmo}, {"n", n}, {"job", job}, {"seed", n}};
        EXPECT(child_start("calls_at_random", job, give, round < 2 ? 5 : 4, &child), OK);
        // It may have ended its only thread that runs and kept one that was never started: then it
        // lives until it is killed.
        uint64_t bits;
        EXPECT(sys_notification_create(&dead), OK);
        EXPECT(sys_process_watch(child.process, dead, 1), OK);
        (void)sys_notification_wait(dead, after_ms(20000), &bits);
        EXPECT(sys_job_kill(job), OK);
        EXPECT(child_finish(&child, &info), OK);
        handle_t all[] = {endpoint, vmo, n, job, dead};
        EXPECT(close_all(all, 5), OK);
    }
    return true;
}

const struct test negative_tests[] = {
    {"negative.handles_of_wrong_value_and_type", handles_of_wrong_value_and_type},
    {"negative.each_missing_right", each_missing_right},
    {"negative.numbers_above_32_bits", numbers_above_32_bits},
    {"negative.random_calls_do_not_hurt_the_kernel", random_calls_do_not_hurt_the_kernel},
    {NULL, NULL},
};

const struct child_entry negative_children[] = {
    {"calls_at_random", child_calls_at_random},
    {NULL, NULL},
};
