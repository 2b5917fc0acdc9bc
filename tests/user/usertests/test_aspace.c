// SPDX-License-Identifier: MIT
// Address spaces: many of them on all CPUs, and which CPUs are disturbed when pages leave one.
#include "tests/user/usertests/smp.h"

#define SPACES    10000u // a tenth of them in debug builds, which take ten times as long for each
#define WORKERS   4u
#define ROUNDS    50u
#define PAGES     32u // of a stretch that is unmapped at once
#define BODY_BASE 0x10000000ull
#define DATA_BASE 0x20000000ull

extern const char aspace_body[], aspace_body_end[]; // arch/ARCH/aspace_body.S

// --- ten thousand -------------------------------------------------------------------------------

static handle_t body, family;
static volatile unsigned wanted, made, wrong, at_work;

// A process with a page of its own, whose content its thread must find where all others have
// theirs.
static status_t space_fill(handle_t process, handle_t vmar, uint64_t value, handle_t *thread)
{
    handle_t data;
    uint64_t base, buffer;
    status_t s = sys_vmo_create(PAGE, &data);
    if (s != OK) {
        return s;
    }
    s = sys_vmo_write(data, 0, &value, sizeof(value));
    if (s == OK) {
        s = sys_vmar_map(vmar, data, 0, DATA_BASE, PAGE, VM_READ | VM_FIXED, &base);
    }
    (void)sys_handle_close(data);
    if (s == OK) {
        s = sys_vmar_map(vmar, body, 0, BODY_BASE, PAGE, VM_READ | VM_EXECUTE | VM_FIXED, &base);
    }
    return s == OK ? sys_thread_create(process, "t", 1, thread, &buffer) : s;
}

// Makes a process, has it run and waits until it is gone.
static bool space_round(handle_t n, uint64_t value)
{
    handle_t process, vmar, thread = HANDLE_NONE;
    struct process_info info = {0};
    uint64_t bits;
    if (sys_process_create(family, "space", 5, &process, &vmar) != OK) {
        return false;
    }
    bool ok = space_fill(process, vmar, value, &thread) == OK &&
              sys_process_watch(process, n, 1) == OK &&
              sys_thread_start(thread, BODY_BASE, 0, value, DATA_BASE) == OK &&
              sys_notification_wait(n, in_good_time(), &bits) == OK &&
              sys_process_info(process, &info) == OK && info.exit_reason == EXIT_NORMAL;
    handle_t all[] = {process, vmar, thread};
    return close_all(all, thread != HANDLE_NONE ? 3 : 2) == OK && ok;
}

static void spaces_make(void *arg)
{
    handle_t n;
    uint64_t value = (uintptr_t)arg << 32;
    bool ok = sys_notification_create(&n) == OK;
    while (ok && __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED) < wanted) {
        ok = space_round(n, ++value);
    }
    if (!ok) {
        __atomic_fetch_add(&wrong, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_sub(&at_work, 1, __ATOMIC_SEQ_CST);
}

static int spaces_make_all(unsigned count)
{
    wanted = count;
    family = startup_handle("job");
    at_work = WORKERS;
    REQUIRE(sys_vmo_create(PAGE, &body) == OK);
    REQUIRE(sys_vmo_write(body, 0, aspace_body, (size_t)(aspace_body_end - aspace_body)) == OK);
    for (unsigned i = 0; i < WORKERS; i++) {
        handle_t thread;
        REQUIRE(thread_on(i, spaces_make, (void *)(uintptr_t)(i + 1), &thread) == OK);
    }
    while (__atomic_load_n(&at_work, __ATOMIC_ACQUIRE) != 0) {
        sleep_ns(5 * MS);
    }
    REQUIRE(wrong == 0 && made >= count);
    return 0;
}

static int child_make_spaces(void) { return spaces_make_all(SPACES); }
static int child_make_fewer_spaces(void) { return spaces_make_all(SPACES / 10); }

static uint64_t page_table_bytes(void)
{
    struct system_info info = {0};
    (void)sys_system_info(root_resource, &info);
    return info.page_table_bytes;
}

static bool ten_thousand_come_and_go(void)
{
    uint64_t tables = page_table_bytes();
    char name[SELFTEST_NAME_BYTES];
    bool debug = sys_system_selftest(root_resource, UINT64_MAX, name) != ERR_NOT_SUPPORTED;
    CHECK(child_ends_in_a_job(debug ? "make_fewer_spaces" : "make_spaces", 0, EXIT_NORMAL));
    EXPECT(page_table_bytes(), tables); // the rest is compared after every test
    return true;
}

// --- who is disturbed ---------------------------------------------------------------------------

// How often CPU 0 has had others' TLBs invalidated.
static uint64_t remote_flushes(void)
{
    struct cpu_stats stats = {0};
    (void)sys_system_query(root_resource, QUERY_CPU, 0, &stats);
    return stats.tlb_remote;
}

// Maps, touches and unmaps a stretch of pages, in one go each time.
static bool pages_come_and_go(handle_t vmo)
{
    uint64_t base;
    for (unsigned round = 0; round < ROUNDS; round++) {
        EXPECT(sys_vmar_map(root_vmar, vmo, 0, 0, PAGES * PAGE, VM_READ | VM_WRITE, &base), OK);
        for (unsigned i = 0; i < PAGES; i++) {
            *(volatile uint64_t *)(base + i * PAGE) = i;
        }
        EXPECT(sys_vmar_unmap(root_vmar, base, PAGES * PAGE), OK);
    }
    return true;
}

static void spin_until_told(void *arg)
{
    volatile unsigned *state = arg;
    *state = 1;
    while (*state != 2) {
    }
}

static bool unmapping_tells_only_cpus_that_run_there(void)
{
    static volatile unsigned other;
    handle_t vmo, thread;
    EXPECT(sys_vmo_create(PAGES * PAGE, &vmo), OK);
    EXPECT(sys_thread_set_affinity(self_thread, 1), OK);
    uint64_t before, told = 1;
    // Nobody else runs in this process once the CPU that it came from has done with it.
    for (uint64_t end = in_good_time(); told != 0 && now_ns() < end;) {
        before = remote_flushes();
        CHECK(pages_come_and_go(vmo));
        told = remote_flushes() - before;
    }
    EXPECT(told, 0);
    other = 0;
    EXPECT(thread_on(1, spin_until_told, (void *)&other, &thread), OK);
    for (uint64_t end = in_good_time(); other == 0 && now_ns() < end;) {
        (void)sys_thread_yield();
    }
    EXPECT(other, 1);
    before = remote_flushes();
    CHECK(pages_come_and_go(vmo));
    told = remote_flushes() - before;
    other = 2;
    CHECK(thread_is_dead_soon(thread));
    // One for the whole stretch; fewer when the other CPU was doing something else for a moment.
    CHECK(told <= ROUNDS && (cpu_count() == 1 || told > 0));
    EXPECT(sys_thread_set_affinity(self_thread, UINT32_MAX), OK);
    handle_t all[] = {vmo, thread};
    EXPECT(close_all(all, 2), OK);
    return true;
}

const struct test aspace_tests[] = {
    {"aspace.unmapping_tells_only_cpus_that_run_there", unmapping_tells_only_cpus_that_run_there},
    {"aspace.ten_thousand_come_and_go", ten_thousand_come_and_go},
    {NULL, NULL},
};
const struct child_entry aspace_children[] = {{"make_spaces", child_make_spaces},
                                              {"make_fewer_spaces", child_make_fewer_spaces},
                                              {NULL, NULL}};
