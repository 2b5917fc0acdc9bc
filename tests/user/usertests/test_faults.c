// SPDX-License-Identifier: MIT
// What a process gets for breaking the rules: it dies, its exit says why, and nobody else notices.
// Each in a child of its own.
#include "tests/user/usertests/harness.h"
#include <bullfinch/thread.h>

#define KERNEL_ADDRESS 0xffffffff80000000ull

static int child_reads_null(void) { return *(volatile int *)(uintptr_t)8; }
static int child_writes_text(void)
{
    *(volatile uint32_t *)(uintptr_t)&child_reads_null = 0;
    return 1;
}
static int child_reads_kernel(void) { return *(volatile int *)KERNEL_ADDRESS; }
static int child_writes_kernel(void)
{
    *(volatile int *)KERNEL_ADDRESS = 1;
    return 1;
}

static int child_jumps_to_kernel(void)
{
    ((void (*)(void))KERNEL_ADDRESS)();
    return 1;
}

static int child_executes_data(void)
{
    static uint32_t code[4]; // whatever it holds: the fetch itself must fault
    ((void (*)(void))(uintptr_t)code)();
    return 1;
}

static int child_executes_stack(void)
{
    uint32_t code[4] = {0};
    __asm__ volatile("" : : "r"(code) : "memory");
    ((void (*)(void))(uintptr_t)code)();
    return 1;
}

static int child_illegal_instruction(void)
{
#if defined(__aarch64__)
    __asm__ volatile(".inst 0x00000000");
#else
    __asm__ volatile(".insn 0x00000000");
#endif
    return 1;
}

static int child_privileged_instruction(void)
{
#if defined(__aarch64__)
    __asm__ volatile("msr ttbr0_el1, xzr");
#else
    __asm__ volatile("csrw satp, zero");
#endif
    return 1;
}

static int child_masks_interrupts(void)
{
#if defined(__aarch64__)
    __asm__ volatile("msr daifset, #15");
#else
    __asm__ volatile("csrci sstatus, 2");
#endif
    return 1;
}

static int child_breakpoint(void)
{
#if defined(__aarch64__)
    __asm__ volatile("brk #1");
#else
    __asm__ volatile("ebreak");
#endif
    return 1;
}

static int child_unknown_syscall(void)
{
    uint64_t r[8] = {0};
    (void)sys_any(SYS_COUNT, r);
    return 1;
}

static int child_huge_syscall(void)
{
    uint64_t r[8] = {0};
    (void)sys_any(UINT64_MAX, r);
    return 1;
}

static int (*volatile again)(void); // hides from the compiler that the recursion has no end

static int child_overflows_stack(void)
{
    volatile char frame[4096];
    frame[0] = 1;
    again = child_overflows_stack;
    return again() + frame[0];
}

// The registers that a kernel might take for its own when it asks where a trap came from.
static int child_lies_in_registers(void)
{
#if defined(__aarch64__)
    __asm__ volatile("msr tpidr_el0, %0\n mov x18, %0\n mov x29, %0\n mov x30, %0\n brk #1"
                     :
                     : "r"(KERNEL_ADDRESS));
#else
    __asm__ volatile("mv tp, %0\n mv gp, %0\n mv ra, %0\n mv s0, %0\n mv sp, %0\n ebreak"
                     :
                     : "r"(KERNEL_ADDRESS));
#endif
    return 1;
}

static int child_smashes_stack(void)
{
    char text[16];
    volatile size_t length = 40;
    memset(text, 'A', length);
    return text[length % 16];
}

static bool dies_of(const char *function, uint32_t kind)
{
    struct process_info info;
    if (!child_ends(function, EXIT_FAULT, 0, &info)) {
        return false;
    }
    EXPECT(info.fault_kind, kind);
    CHECK(info.fault_pc != 0);
    return true;
}

static bool reading_null(void)
{
    struct process_info info;
    CHECK(child_ends("reads_null", EXIT_FAULT, 0, &info));
    EXPECT(info.fault_kind, FAULT_READ);
    EXPECT(info.fault_address, 8);
    return true;
}

static bool writing_text(void) { return dies_of("writes_text", FAULT_WRITE); }
static bool reading_the_kernel(void) { return dies_of("reads_kernel", FAULT_READ); }
static bool writing_the_kernel(void) { return dies_of("writes_kernel", FAULT_WRITE); }
static bool jumping_into_the_kernel(void) { return dies_of("jumps_to_kernel", FAULT_EXECUTE); }
static bool executing_data(void) { return dies_of("executes_data", FAULT_EXECUTE); }
static bool executing_the_stack(void) { return dies_of("executes_stack", FAULT_EXECUTE); }
static bool an_illegal_instruction(void) { return dies_of("illegal_instruction", FAULT_ILLEGAL); }
static bool a_privileged_instruction(void)
{
    return dies_of("privileged_instruction", FAULT_ILLEGAL);
}
static bool masking_interrupts(void) { return dies_of("masks_interrupts", FAULT_ILLEGAL); }
static bool a_breakpoint(void) { return dies_of("breakpoint", FAULT_BREAKPOINT); }
static bool an_unknown_syscall(void) { return dies_of("unknown_syscall", FAULT_BAD_SYSCALL); }
static bool a_huge_syscall_number(void) { return dies_of("huge_syscall", FAULT_BAD_SYSCALL); }
static bool overflowing_the_stack(void) { return dies_of("overflows_stack", FAULT_WRITE); }
static bool smashing_the_stack(void) { return dies_of("smashes_stack", FAULT_BREAKPOINT); }
static bool lying_in_registers(void) { return dies_of("lies_in_registers", FAULT_BREAKPOINT); }

const struct test fault_tests[] = {
    {"fault.reading_null", reading_null},
    {"fault.writing_text", writing_text},
    {"fault.reading_the_kernel", reading_the_kernel},
    {"fault.writing_the_kernel", writing_the_kernel},
    {"fault.jumping_into_the_kernel", jumping_into_the_kernel},
    {"fault.executing_data", executing_data},
    {"fault.executing_the_stack", executing_the_stack},
    {"fault.an_illegal_instruction", an_illegal_instruction},
    {"fault.a_privileged_instruction", a_privileged_instruction},
    {"fault.masking_interrupts", masking_interrupts},
    {"fault.a_breakpoint", a_breakpoint},
    {"fault.an_unknown_syscall", an_unknown_syscall},
    {"fault.a_huge_syscall_number", a_huge_syscall_number},
    {"fault.overflowing_the_stack", overflowing_the_stack},
    {"fault.lying_in_registers", lying_in_registers},
    {"fault.smashing_the_stack", smashing_the_stack},
    {NULL, NULL},
};

const struct child_entry fault_children[] = {
    {"reads_null", child_reads_null},
    {"writes_text", child_writes_text},
    {"reads_kernel", child_reads_kernel},
    {"writes_kernel", child_writes_kernel},
    {"jumps_to_kernel", child_jumps_to_kernel},
    {"executes_data", child_executes_data},
    {"executes_stack", child_executes_stack},
    {"illegal_instruction", child_illegal_instruction},
    {"privileged_instruction", child_privileged_instruction},
    {"masks_interrupts", child_masks_interrupts},
    {"breakpoint", child_breakpoint},
    {"unknown_syscall", child_unknown_syscall},
    {"huge_syscall", child_huge_syscall},
    {"overflows_stack", child_overflows_stack},
    {"lies_in_registers", child_lies_in_registers},
    {"smashes_stack", child_smashes_stack},
    {NULL, NULL},
};
