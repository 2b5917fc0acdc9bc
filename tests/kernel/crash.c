// SPDX-License-Identifier: MIT
// Deliberate ends of the kernel: option crash=WHAT crash_cpu=N. tests/system/test_panic.py holds
// what is reported of each against what must be. They run in a kernel task on the CPU that is
// named, while user programs run on the others.
#include "kernel/debug/selftest.h"
#include "kernel/init/boot_info.h"
#include "kernel/lib/options.h"
#include "kernel/obj/process.h"
#include "kernel/sched/sched.h"
#include <arch/timer.h>
#include <string.h>

#define USER_PAGE 0x10000000ull

typedef void function(void);

// What is done, each in a function that the backtrace must name. The empty statement keeps the call
// from being the last thing a function does, which would leave no frame.
#define CRASH static __attribute__((noinline)) void
#define STAY  __asm__ volatile("")

static volatile uint64_t sink;
static volatile unsigned many = 77; // unknown to the compiler
static const uint64_t constant = 1;
static volatile uint8_t code[16] __attribute__((aligned(16)));

CRASH crash_panic(void) { panic("told to, with %u words", 3u); }

CRASH crash_assert(void) { ASSERT(many == 78); }

CRASH crash_null(void) { sink = *(volatile uint64_t *)(uintptr_t)(many - 77); }

CRASH crash_write_text(void) { *(volatile uint64_t *)(uintptr_t)crash_null = 0; }

CRASH crash_write_rodata(void) { *(volatile uint64_t *)(uintptr_t)&constant = 0; }

CRASH crash_write_alias(void)
{
    *(volatile uint64_t *)phys_to_virt(arch_image_to_phys((const void *)(uintptr_t)crash_null)) = 0;
}

CRASH crash_exec_data(void)
{
    ((function *)(uintptr_t)code)();
    STAY;
}

CRASH crash_exec_alias(void)
{
    const void *text = (const void *)(uintptr_t)crash_null;
    ((function *)phys_to_virt(arch_image_to_phys(text)))();
    STAY;
}

// A page of user memory, mapped with `flags`, touched, and active on this CPU.
static volatile uint64_t *user_page(unsigned flags, unsigned touch)
{
    static struct aspace as;
    struct job *job;
    struct vmo *vmo;
    vaddr_t base;
    ASSERT(job_create(NULL, "crash", &job) == OK);
    ASSERT(aspace_init(&as, &job->quota, &job->object) == OK);
    ASSERT(vmo_create(PAGE_SIZE, &job->quota, &job->object, &vmo) == OK);
    ASSERT(vmar_map(as.root, vmo, 0, USER_PAGE, PAGE_SIZE, flags | VM_FIXED, flags, &base) == OK);
    ASSERT(aspace_fault(&as, base, touch) == OK);
    aspace_switch(&as);
    uint64_t word;
    ASSERT(arch_copy_from_user(&word, (uaddr_t){base}, sizeof(word)) == OK); // it is there
    return (volatile uint64_t *)base;
}

CRASH crash_user_read(void) { sink = *user_page(VM_READ | VM_WRITE, PROT_WRITE); }

CRASH crash_user_write(void) { *user_page(VM_READ | VM_WRITE, PROT_WRITE) = 1; }

CRASH crash_user_exec(void)
{
    ((function *)(uintptr_t)user_page(VM_READ | VM_EXECUTE, PROT_EXEC))();
    STAY;
}

CRASH crash_stack(void)
{
    static void (*volatile again)(void) = crash_stack;
    volatile uint8_t room[200];
    room[0] = (uint8_t)many;
    again();
    sink = room[0];
}

CRASH crash_smash(void)
{
    char text[16];
    memset(text, 'A', many);
    sink = (uint8_t)text[many % 16];
}

CRASH crash_illegal(void) { __builtin_trap(); }

CRASH crash_ubsan_shift(void) { sink = 1u << many; }

CRASH crash_ubsan_index(void)
{
    static volatile uint8_t table[4];
    sink = table[many];
}

CRASH crash_lock_twice(void)
{
    static struct spinlock lock = SPINLOCK_INIT("crash", LOCK_JOB);
    spin_lock(&lock);
    spin_lock(&lock);
    STAY;
}

CRASH crash_lock_order(void)
{
    static struct spinlock inner = SPINLOCK_INIT("inner", LOCK_PAGE);
    static struct spinlock outer = SPINLOCK_INIT("outer", LOCK_JOB);
    spin_lock(&inner);
    spin_lock(&outer);
    STAY;
}

static void registers_that_cannot_be_read(const void *frame)
{
    sink = *(const volatile uint64_t *)frame;
}

CRASH crash_double(void)
{
    struct kernel_fault fault = {.frame = NULL, .registers_print = registers_that_cannot_be_read};
    panic_fault(&fault, "a fault whose report fails");
}

// The next CPU stops answering; this one panics.
CRASH crash_stuck(void)
{
    if (cpu_this()->arch.id != options.crash_cpu) {
        for (;;) {
            arch_relax();
        }
    }
    uint64_t end = arch_clock_ns() + 100000000;
    while (arch_clock_ns() < end) {
        arch_relax();
    }
    panic("another CPU is stuck");
}

CRASH crash_all(void)
{
    static uint32_t waiting;
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < cpu_count) {
        arch_relax();
    }
    crash_null();
    STAY;
}

static function *const kinds[CRASH_KINDS] = {
    [CRASH_PANIC] = crash_panic,
    [CRASH_ASSERT] = crash_assert,
    [CRASH_NULL] = crash_null,
    [CRASH_WRITE_TEXT] = crash_write_text,
    [CRASH_WRITE_RODATA] = crash_write_rodata,
    [CRASH_WRITE_ALIAS] = crash_write_alias,
    [CRASH_EXEC_DATA] = crash_exec_data,
    [CRASH_EXEC_ALIAS] = crash_exec_alias,
    [CRASH_USER_READ] = crash_user_read,
    [CRASH_USER_WRITE] = crash_user_write,
    [CRASH_USER_EXEC] = crash_user_exec,
    [CRASH_STACK] = crash_stack,
    [CRASH_SMASH] = crash_smash,
    [CRASH_ILLEGAL] = crash_illegal,
    [CRASH_UBSAN_SHIFT] = crash_ubsan_shift,
    [CRASH_UBSAN_INDEX] = crash_ubsan_index,
    [CRASH_LOCK_TWICE] = crash_lock_twice,
    [CRASH_LOCK_ORDER] = crash_lock_order,
    [CRASH_DOUBLE] = crash_double,
    [CRASH_STUCK] = crash_stuck,
    [CRASH_ALL] = crash_all,
};

static struct thread tasks[CPUS_MAX];

static bool crash_run(void)
{
    kinds[options.crash]();
    klog("crash: the CPU has survived it");
    return false;
}

static void task_start_on(unsigned cpu)
{
    struct thread *t = &tasks[cpu];
    sched_task_start(t, "crash", crash_run);
    t->cpu = &cpus[cpu];
    t->affinity = 1u << cpu;
    sched_task_wake(t);
}

void crash_start(void)
{
    unsigned named = options.crash_cpu;
    if (named >= cpu_count) {
        klog("crash: there is no CPU %u", named);
        return;
    }
    bool everywhere = options.crash == CRASH_ALL;
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        bool stuck = options.crash == CRASH_STUCK && cpu == (named + 1) % cpu_count;
        if (cpu == named || stuck || everywhere) {
            task_start_on(cpu);
        }
    }
}
