// SPDX-License-Identifier: MIT
// ARM64: what is done about exceptions, and access to a thread's registers. Entered from vectors.S;
// esr.c says what they mean.
#include "arch/arm64/esr.h"
#include "arch/arm64/port.h"
#include "kernel/debug/log.h"
#include "kernel/mm/aspace.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

static inline struct thread *thread_of(struct arch_thread *t) { return (struct thread *)t; }

// Any synchronous exception from user mode but a system call.
struct thread *arm64_user_fault(struct arch_thread *t)
{
    uint64_t esr = sysreg_read("esr_el1");
    if (ESR_EC(esr) == EC_FP_ACCESS && fpu_present()) {
        fpu_take(t);
        return thread_of(t);
    }
    struct fault_info fault = {
        .kind = esr_fault_kind(esr),
        .address = esr_has_address(esr) ? sysreg_read("far_el1") : t->pc,
        .pc = t->pc,
        .cause = esr,
    };
    return trap_fault(thread_of(t), &fault);
}

struct thread *arm64_user_interrupt(struct arch_thread *t)
{
    arch_interrupts_poll();
    return trap_interrupt(thread_of(t));
}

// An error that arrives while user code runs is most likely that of its own access to a device: it
// is the program that fails.
struct thread *arm64_user_serror(struct arch_thread *t)
{
    struct fault_info fault = {.kind = FAULT_BUS, .pc = t->pc, .cause = sysreg_read("esr_el1")};
    return trap_fault(thread_of(t), &fault);
}

// No thread is ever 32-bit: its processor state comes from arch_thread_init. Should a CPU think
// otherwise, it is the program that ends.
struct thread *arm64_user_aarch32(struct arch_thread *t)
{
    struct fault_info fault = {.kind = FAULT_OTHER, .pc = t->pc, .cause = sysreg_read("esr_el1")};
    return trap_fault(thread_of(t), &fault);
}

static void registers_print(const void *frame)
{
    const struct kernel_frame *f = frame;
    for (unsigned i = 0; i < 30; i += 3) {
        klog("x%-2u %016lx  x%-2u %016lx  x%-2u %016lx", i, f->x[i], i + 1, f->x[i + 1], i + 2,
             f->x[i + 2]);
    }
    klog("x30 %016lx  sp  %016lx  pc  %016lx", f->x[30], f->sp, f->pc);
    klog("pstate %08lx  esr %08lx  far %016lx", f->pstate, f->esr, f->far);
}

static NORETURN void kernel_fault(const struct kernel_frame *f, const char *what)
{
    struct kernel_fault fault = {f->pc, f->x[29], f->x[30], f, registers_print};
    char cause[96];
    esr_describe(f->esr, cause, sizeof(cause));
    if (esr_has_address(f->esr)) {
        panic_fault(&fault, "kernel %s: %s, address 0x%lx, pc 0x%lx", what, cause, f->far, f->pc);
    }
    panic_fault(&fault, "kernel %s: %s, pc 0x%lx", what, cause, f->pc);
}

// A fault of a user copy on a user address: maps the page and has the instruction run again, or
// ends the copy.
static bool user_copy_fault(struct kernel_frame *f)
{
    if (f->pc < (vaddr_t)arm64_uaccess_start || f->pc >= (vaddr_t)arm64_uaccess_end ||
        ESR_EC(f->esr) != EC_DATA_ABORT_EL1 || f->far >= arch_user_top()) {
        return false;
    }
    const uint64_t *tables = arch_percpu()->port;
    struct aspace *as = aspace_current();
    unsigned prot = esr_is_write(f->esr) ? PROT_WRITE : PROT_READ;
    sysreg_write("ttbr0_el1", tables[PORT_NO_TABLE]); // the fault handler is not the copy
    isb();
    if (as == NULL || !esr_is_page_fault(f->esr) || aspace_fault(as, f->far, prot) != OK) {
        f->pc = (vaddr_t)arm64_uaccess_fail;
    }
    sysreg_write("ttbr0_el1", tables[PORT_USER_TABLE]); // the return synchronizes
    return true;
}

void arm64_kernel_sync(struct kernel_frame *f)
{
    if (!user_copy_fault(f)) {
        kernel_fault(f, "fault");
    }
}

// Interrupts and errors are masked in the kernel, and SP_EL0 is never its stack pointer.
void arm64_kernel_unexpected(struct kernel_frame *f, uint64_t vector)
{
    static const char *const names[] = {
        "exception on SP_EL0",    "interrupt on SP_EL0", "fast interrupt on SP_EL0",
        "system error on SP_EL0", "exception",           "interrupt",
        "fast interrupt",         "system error"};
    kernel_fault(f, names[vector % ARRAY_SIZE(names)]);
}

void arm64_stack_overflow(struct kernel_frame *f) { kernel_fault(f, "stack overflow"); }

void arch_thread_init(struct arch_thread *t, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1,
                      uint64_t a2)
{
    *t = (struct arch_thread){.x = {a0, a1, a2}, .sp = sp, .pc = pc, .full = 1};
}

void arch_thread_dump(const struct arch_thread *t)
{
    for (unsigned i = 0; i < 30; i += 5) {
        klog("x%-2u %016lx %016lx %016lx %016lx %016lx", i, t->x[i], t->x[i + 1], t->x[i + 2],
             t->x[i + 3], t->x[i + 4]);
    }
    klog("x30 %016lx sp %016lx pc %016lx", t->x[30], t->sp, t->pc);
    klog("pstate %08lx tls %016lx", t->pstate, t->tls);
}
