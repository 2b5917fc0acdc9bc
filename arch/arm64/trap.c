// SPDX-License-Identifier: MIT
// ARM64: what exceptions mean (Arm ARM D24.2.40, ESR_EL1), and access to a thread's registers.
// Entered from vectors.S.
#include "arch/arm64/port.h"
#include "kernel/debug/log.h"
#include "kernel/mm/aspace.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

// Exception classes.
#define EC_FP_ACCESS             0x07
#define EC_PC_ALIGNMENT          0x22
#define EC_INSTRUCTION_ABORT_EL0 0x20
#define EC_DATA_ABORT_EL0        0x24
#define EC_DATA_ABORT_EL1        0x25
#define EC_SP_ALIGNMENT          0x26
#define EC_BREAKPOINT_EL0        0x30
#define EC_STEP_EL0              0x32
#define EC_WATCHPOINT_EL0        0x34
#define EC_BRK                   0x3c
#define EC_UNKNOWN               0x00
#define EC_WFX                   0x01
#define EC_ILLEGAL_STATE         0x0e
#define EC_SYSREG                0x18
#define EC_SVE                   0x19
#define EC_BTI                   0x0d
#define EC_SME                   0x1d
#define EC_PAUTH                 0x1c

#define ESR_EC(esr)  ((unsigned)((esr) >> 26) & 0x3f)
#define ESR_WNR      (1u << 6)
#define ESR_CM       (1u << 8) // cache maintenance: WnR is set, but it needs no write permission
#define ESR_FNV      (1u << 10)
#define ESR_FSC(esr) ((unsigned)(esr) & 0x3f)

static inline struct thread *thread_of(struct arch_thread *t) { return (struct thread *)t; }

// Faults that a mapping can resolve: translation, access flag, permission (levels 0-3 of each).
static bool is_page_fault(uint64_t esr)
{
    unsigned fsc = ESR_FSC(esr);
    return fsc >= 0x04 && fsc <= 0x0f;
}

static bool is_write(uint64_t esr) { return (esr & ESR_WNR) != 0 && (esr & ESR_CM) == 0; }

static enum fault_kind abort_kind(uint64_t esr, enum fault_kind access)
{
    unsigned fsc = ESR_FSC(esr);
    if (is_page_fault(esr)) {
        return access;
    }
    if (fsc == 0x21 || fsc == 0x35) { // alignment; exclusive or atomic on memory that has none
        return FAULT_ALIGNMENT;
    }
    // Address size, external abort, parity.
    if (fsc <= 0x03 || fsc == 0x10 || (fsc >= 0x13 && fsc <= 0x1f)) {
        return FAULT_BUS;
    }
    return FAULT_OTHER;
}

static enum fault_kind fault_decode(uint64_t esr)
{
    switch (ESR_EC(esr)) {
    case EC_INSTRUCTION_ABORT_EL0: return abort_kind(esr, FAULT_EXECUTE);
    case EC_DATA_ABORT_EL0: return abort_kind(esr, is_write(esr) ? FAULT_WRITE : FAULT_READ);
    case EC_PC_ALIGNMENT:
    case EC_SP_ALIGNMENT: return FAULT_ALIGNMENT;
    case EC_UNKNOWN:
    case EC_WFX:
    case EC_FP_ACCESS:
    case EC_BTI:
    case EC_ILLEGAL_STATE:
    case EC_SYSREG:
    case EC_SVE:
    case EC_PAUTH:
    case EC_SME: return FAULT_ILLEGAL;
    case EC_BREAKPOINT_EL0:
    case EC_STEP_EL0:
    case EC_WATCHPOINT_EL0:
    case EC_BRK: return FAULT_BREAKPOINT;
    default: return FAULT_OTHER;
    }
}

static bool has_address(uint64_t esr)
{
    unsigned ec = ESR_EC(esr);
    bool abort = ec == EC_INSTRUCTION_ABORT_EL0 || ec == EC_DATA_ABORT_EL0;
    return (abort && (esr & ESR_FNV) == 0) || ec == EC_PC_ALIGNMENT || ec == EC_WATCHPOINT_EL0;
}

// Any synchronous exception from user mode but a system call.
struct thread *arm64_user_fault(struct arch_thread *t)
{
    uint64_t esr = sysreg_read("esr_el1");
    if (ESR_EC(esr) == EC_FP_ACCESS && fpu_present()) {
        fpu_take(t);
        return thread_of(t);
    }
    struct fault_info fault = {
        .kind = fault_decode(esr),
        .address = has_address(esr) ? sysreg_read("far_el1") : t->pc,
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

static void kernel_frame_dump(const struct kernel_frame *f)
{
    for (unsigned i = 0; i < 30; i += 3) {
        klog("x%-2u %016lx  x%-2u %016lx  x%-2u %016lx", i, f->x[i], i + 1, f->x[i + 1], i + 2,
             f->x[i + 2]);
    }
    klog("x30 %016lx  sp  %016lx  pc  %016lx  pstate %08lx", f->x[30], f->sp, f->pc, f->pstate);
}

static const char *class_name(uint64_t esr)
{
    switch (ESR_EC(esr)) {
    case EC_UNKNOWN: return "undefined instruction";
    case EC_FP_ACCESS: return "floating point in the kernel";
    case EC_INSTRUCTION_ABORT_EL0 + 1: return "instruction abort";
    case EC_DATA_ABORT_EL1: return is_write(esr) ? "write abort" : "read abort";
    case EC_PC_ALIGNMENT: return "misaligned pc";
    case EC_SP_ALIGNMENT: return "misaligned sp";
    case EC_BRK: return "breakpoint (a failed check of the compiler's)";
    default: return "exception";
    }
}

static NORETURN void kernel_fault(const struct kernel_frame *f, const char *what)
{
    if (!panic_in_progress()) {
        klog_panic_begin();
        kernel_frame_dump(f);
    }
    panic("kernel: %s (class 0x%02x, status 0x%02x, esr 0x%lx) at pc 0x%lx, address 0x%lx", what,
          ESR_EC(f->esr), ESR_FSC(f->esr), f->esr, f->pc, f->far);
}

// A fault of a user copy on a user address: maps the page and has the instruction run again, or
// ends the copy.
static bool user_copy_fault(struct kernel_frame *f)
{
    if (f->pc < (vaddr_t)arm64_uaccess_start || f->pc >= (vaddr_t)arm64_uaccess_end ||
        ESR_EC(f->esr) != EC_DATA_ABORT_EL1 || f->far >= arch_user_top()) {
        return false;
    }
    struct aspace *as = aspace_current();
    unsigned prot = is_write(f->esr) ? PROT_WRITE : PROT_READ;
    if (as == NULL || !is_page_fault(f->esr) || aspace_fault(as, f->far, prot) != OK) {
        f->pc = (vaddr_t)arm64_uaccess_fail;
    }
    return true;
}

void arm64_kernel_sync(struct kernel_frame *f)
{
    if (!user_copy_fault(f)) {
        kernel_fault(f, class_name(f->esr));
    }
}

// Interrupts and errors are masked in the kernel, SP_EL0 is never its stack pointer, and no thread
// is 32-bit.
void arm64_kernel_unexpected(struct kernel_frame *f, uint64_t vector)
{
    static const char *const names[] = {"synchronous exception", "interrupt", "fast interrupt",
                                        "system error"};
    kernel_fault(f, names[vector % 4]);
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
    klog("pstate %08lx tls %016lx%s", t->pstate, t->tls,
         t->full != 0 ? "" : " (in a system call: x10-x17 are not kept)");
}
