// SPDX-License-Identifier: MIT
// The clocks: read through the vDSO and by system call, on all CPUs; what a program may do to the
// vDSO; who may set the realtime clock.
#include "abi/vdso.h"
#include "tests/user/usertests/smp.h"
#include <bullfinch/clock.h>

#define READS  20000u
#define PASSES 20000u

static uint64_t clock_kernel_ns(void)
{
    uint64_t ns = 0;
    (void)sys_clock_get(&ns);
    return ns;
}

static const struct vdso_header *vdso(void)
{
    return (const struct vdso_header *)(uintptr_t)startup_block()->vdso;
}

// --- reading ------------------------------------------------------------------------------------

static bool program_and_kernel_read_one_clock(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        EXPECT(sys_thread_set_affinity(self_thread, 1u << cpu), OK);
        uint64_t last = 0;
        for (unsigned i = 0; i < READS; i++) {
            uint64_t now = i % 2 == 0 ? clock_monotonic_ns() : clock_kernel_ns();
            CHECK(now >= last);
            last = now;
        }
    }
    EXPECT(sys_thread_set_affinity(self_thread, UINT32_MAX), OK);
    struct system_info info;
    uint64_t before = clock_monotonic_ns();
    EXPECT(sys_system_info(root_resource, &info), OK);
    CHECK(before <= info.uptime_ns && info.uptime_ns <= clock_monotonic_ns());
    return true;
}

static bool the_clock_goes_on(void)
{
    uint64_t start = clock_monotonic_ns(), last = start;
    unsigned steps = 0;
    for (uint64_t i = 0; steps < 10 && i < 1000000000; i++) {
        uint64_t now = clock_monotonic_ns();
        steps += now != last;
        last = now;
    }
    EXPECT(steps, 10);
    uint64_t end = clock_monotonic_ns() + 20 * MS;
    sleep_ns(20 * MS);
    CHECK(clock_monotonic_ns() >= end);
    return true;
}

// Threads on all CPUs take the latest time that anybody has seen and must not read an earlier one.
static uint64_t latest;
static unsigned backwards, passers;

static void latest_pass(void *arg)
{
    bool kernel = (uintptr_t)arg % 2 != 0;
    __atomic_fetch_add(&passers, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&passers, __ATOMIC_RELAXED) < cpu_count()) {
        (void)sys_thread_yield();
    }
    for (unsigned i = 0; i < PASSES; i++) {
        uint64_t seen = __atomic_load_n(&latest, __ATOMIC_ACQUIRE);
        if (seen == UINT64_MAX) { // never; ARM64's counter waits for a branch, not for a load
            return;
        }
        uint64_t now = kernel ? clock_kernel_ns() : clock_monotonic_ns();
        if (now < seen) {
            __atomic_fetch_add(&backwards, 1, __ATOMIC_RELAXED);
        }
        while (seen < now && !__atomic_compare_exchange_n(&latest, &seen, now, false,
                                                          __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
        }
        kernel = !kernel;
    }
}

static int child_pass_times(void)
{
    handle_t threads[CPUS_MAX];
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        REQUIRE(thread_on(cpu, latest_pass, (void *)(uintptr_t)cpu, &threads[cpu]) == OK);
    }
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        REQUIRE(thread_is_dead_soon(threads[cpu]));
    }
    REQUIRE(backwards == 0);
    REQUIRE(clock_monotonic_ns() >= latest);
    return 0;
}

static bool times_passed_between_cpus_never_run_backwards(void)
{
    return child_ends("pass_times", EXIT_NORMAL, 0, NULL);
}

static status_t syscalls_count(uint64_t *count)
{
    struct cpu_stats cpu;
    status_t s = OK;
    *count = 0;
    for (unsigned i = 0; s == OK && i < cpu_count(); i++) {
        s = sys_system_query(root_resource, QUERY_CPU, i, &cpu);
        *count += cpu.syscalls;
    }
    return s;
}

// A debug kernel counts them; nobody else does anything in this boot but the root supervisor, now
// and then.
static bool reading_makes_no_system_call(void)
{
    uint64_t before, after, sum = 0;
    EXPECT(syscalls_count(&before), OK);
    for (unsigned i = 0; i < READS; i++) {
        sum += clock_monotonic_ns() + clock_realtime_ns() + clock_boot_time_ns();
    }
    EXPECT(syscalls_count(&after), OK);
    CHECK(sum != 0 && after - before < READS / 100);
    for (unsigned i = 0; i < READS; i++) {
        sum += clock_kernel_ns();
    }
    EXPECT(syscalls_count(&before), OK);
    CHECK(after == 0 || before - after >= READS); // this kernel counts, or it does not
    return true;
}

// --- the vDSO's pages ---------------------------------------------------------------------------

static volatile uint8_t *vdso_byte(uint64_t offset)
{
    return (volatile uint8_t *)(uintptr_t)(startup_block()->vdso + offset);
}

static int child_write_vdso_code(void)
{
    *vdso_byte(sizeof(struct vdso_header)) = 0;
    return 0;
}

static int child_write_vdso_data(void)
{
    *vdso_byte(VDSO_CODE_BYTES) = 0;
    return 0;
}

static int child_run_vdso_data(void)
{
    ((void (*)(void))(uintptr_t)vdso_byte(VDSO_CODE_BYTES))();
    return 0;
}

static bool ends_by(const char *child, enum fault_kind kind)
{
    struct process_info info;
    CHECK(child_ends(child, EXIT_FAULT, 0, &info));
    EXPECT(info.fault_kind, kind);
    return true;
}

static bool the_vdso_is_code_and_data_that_programs_cannot_write(void)
{
    EXPECT(vdso()->magic, VDSO_MAGIC);
    CHECK(vdso()->monotonic_ns < VDSO_CODE_BYTES && vdso()->boot_time_ns < VDSO_CODE_BYTES);
    EXPECT(startup_block()->vdso % ABI_PAGE_SIZE, 0);
    return ends_by("write_vdso_code", FAULT_WRITE) && ends_by("write_vdso_data", FAULT_WRITE) &&
           ends_by("run_vdso_data", FAULT_EXECUTE);
}

static bool the_vdso_cannot_be_changed_by_its_handle(void)
{
    handle_t h = startup_handle(STARTUP_VDSO), other;
    struct handle_info info;
    uint64_t base;
    EXPECT(sys_handle_info(h, &info), OK);
    EXPECT(info.rights & RIGHT_WRITE, 0);
    EXPECT(sys_handle_duplicate(h, info.rights | RIGHT_WRITE, &other), ERR_INVALID_ARGS);
    EXPECT(sys_vmo_write(h, 0, "", 1), ERR_ACCESS_DENIED);
    EXPECT(sys_vmo_resize(h, ABI_PAGE_SIZE), ERR_ACCESS_DENIED);
    EXPECT(sys_vmo_decommit(h, 0, ABI_PAGE_SIZE), ERR_ACCESS_DENIED);
    EXPECT(sys_vmo_clone(h, 0, ABI_PAGE_SIZE, &other), ERR_NOT_SUPPORTED);
    EXPECT(
        sys_vmar_map(root_vmar, h, VDSO_CODE_BYTES, 0, VDSO_DATA_BYTES, VM_READ | VM_WRITE, &base),
        ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_map(root_vmar, h, VDSO_CODE_BYTES, 0, VDSO_DATA_BYTES, VM_READ, &base), OK);
    EXPECT(sys_vmar_protect(root_vmar, base, VDSO_DATA_BYTES, VM_READ | VM_WRITE),
           ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_unmap(root_vmar, base, VDSO_DATA_BYTES), OK);
    return true;
}

// --- realtime -----------------------------------------------------------------------------------

#define BOOT_TIME (1935990489ull * 1000 * MS + 123)

static int child_read_realtime(void)
{
    uint64_t before = clock_monotonic_ns(), now = clock_realtime_ns();
    REQUIRE(clock_boot_time_ns() == BOOT_TIME);
    REQUIRE(now >= BOOT_TIME + before && now <= BOOT_TIME + clock_monotonic_ns());
    return 0;
}

static bool setting_the_realtime_clock_takes_a_resource(void)
{
    handle_t log, clock, weak;
    EXPECT(sys_resource_create(root_resource, RESOURCE_LOG, 0, 0, &log), OK);
    EXPECT(sys_resource_create(root_resource, RESOURCE_CLOCK, 0, 0, &clock), OK);
    EXPECT(sys_handle_duplicate(clock, RIGHT_READ | RIGHT_MANAGE, &weak), OK);
    EXPECT(sys_clock_set_boot_time(log, BOOT_TIME), ERR_ACCESS_DENIED);
    EXPECT(sys_clock_set_boot_time(weak, BOOT_TIME), ERR_ACCESS_DENIED);
    EXPECT(sys_clock_set_boot_time(self_process, BOOT_TIME), ERR_WRONG_TYPE);
    EXPECT(sys_clock_set_boot_time(clock, 1ull << 63), ERR_OUT_OF_RANGE);
    EXPECT(clock_boot_time_ns(), 0);
    EXPECT(sys_system_power(clock, POWER_OFF), ERR_ACCESS_DENIED);
    handle_t all[] = {log, clock, weak};
    EXPECT(close_all(all, 3), OK);
    return true;
}

static bool all_programs_see_the_realtime_clock_set(void)
{
    EXPECT(clock_boot_time_ns(), 0); // nobody sets it in this boot
    CHECK(clock_realtime_ns() <= clock_monotonic_ns());
    EXPECT(sys_clock_set_boot_time(root_resource, BOOT_TIME), OK);
    bool seen = child_read_realtime() == 0 && child_ends("read_realtime", EXIT_NORMAL, 0, NULL);
    uint64_t now = clock_monotonic_ns(); // setting it does not touch this one
    EXPECT(sys_clock_set_boot_time(root_resource, 0), OK);
    CHECK(seen && clock_monotonic_ns() >= now);
    return true;
}

const struct test clock_tests[] = {
    {"clock.program_and_kernel_read_one_clock", program_and_kernel_read_one_clock},
    {"clock.goes_on", the_clock_goes_on},
    {"clock.times_passed_between_cpus_never_run_backwards",
     times_passed_between_cpus_never_run_backwards},
    {"clock.reading_makes_no_system_call", reading_makes_no_system_call},
    {"clock.the_vdso_is_code_and_data_that_programs_cannot_write",
     the_vdso_is_code_and_data_that_programs_cannot_write},
    {"clock.the_vdso_cannot_be_changed_by_its_handle", the_vdso_cannot_be_changed_by_its_handle},
    {"clock.setting_realtime_takes_a_resource", setting_the_realtime_clock_takes_a_resource},
    {"clock.all_programs_see_realtime_set", all_programs_see_the_realtime_clock_set},
    {NULL, NULL},
};

const struct child_entry clock_children[] = {
    {"pass_times", child_pass_times},           {"write_vdso_code", child_write_vdso_code},
    {"write_vdso_data", child_write_vdso_data}, {"run_vdso_data", child_run_vdso_data},
    {"read_realtime", child_read_realtime},     {NULL, NULL},
};
