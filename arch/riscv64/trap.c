// SPDX-License-Identifier: MIT
// RISC-V: what traps mean. entry.S has saved the registers; trap_from_user handles everything but
// system calls (which it gives to trap_syscall itself), trap_kernel the faults of the kernel: those
// of the user copy, and bugs. Also the accessors of struct arch_thread. RISC-V privileged
// specification 1.12, table 4.2 (causes) and section 4.1.9 (stval).
#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/aspace.h"
#include "port.h"

static_assert(offsetof(struct arch_thread, x) == THREAD_PC && THREAD_X(32) == THREAD_SSTATUS,
              "entry.S");
static_assert(offsetof(struct arch_thread, sstatus) == THREAD_SSTATUS, "entry.S");
static_assert(offsetof(struct arch_thread, percpu) == THREAD_PERCPU, "entry.S");
static_assert(offsetof(struct arch_thread, full) == THREAD_FULL, "entry.S");
static_assert(offsetof(struct arch_thread, reservation) == THREAD_RESERVATION, "entry.S");
static_assert(offsetof(struct arch_thread, fcsr) == THREAD_FCSR, "entry.S");
static_assert(offsetof(struct arch_thread, f) == THREAD_F, "fpu.S");
static_assert(sizeof(struct arch_thread) == THREAD_BYTES, "entry.S");
static_assert(offsetof(struct kernel_frame, sstatus) == KERNEL_FRAME_SSTATUS, "entry.S");
static_assert(sizeof(struct kernel_frame) == KERNEL_FRAME_BYTES && KERNEL_FRAME_BYTES % 16 == 0,
              "entry.S");
static_assert(ERR_BAD_ADDRESS == -6, "uaccess.S returns it");

#define ECALL_BYTES 4u

static const struct cause {
    const char *text;
    enum fault_kind kind;
} causes[] = {
    [CAUSE_FETCH_MISALIGNED] = {"instruction address misaligned", FAULT_ALIGNMENT},
    [CAUSE_FETCH_ACCESS] = {"instruction access fault", FAULT_BUS},
    [CAUSE_ILLEGAL] = {"illegal instruction", FAULT_ILLEGAL},
    [CAUSE_BREAKPOINT] = {"breakpoint", FAULT_BREAKPOINT},
    [CAUSE_LOAD_MISALIGNED] = {"load address misaligned", FAULT_ALIGNMENT},
    [CAUSE_LOAD_ACCESS] = {"load access fault", FAULT_BUS},
    [CAUSE_STORE_MISALIGNED] = {"store address misaligned", FAULT_ALIGNMENT},
    [CAUSE_STORE_ACCESS] = {"store access fault", FAULT_BUS},
    [CAUSE_ECALL_USER] = {"environment call from user mode", FAULT_OTHER},
    [CAUSE_FETCH_PAGE] = {"instruction page fault", FAULT_EXECUTE},
    [CAUSE_LOAD_PAGE] = {"load page fault", FAULT_READ},
    [CAUSE_STORE_PAGE] = {"store page fault", FAULT_WRITE},
};

static const struct cause *cause_find(uint64_t scause)
{
    static const struct cause unknown = {"unknown cause", FAULT_OTHER};
    return scause < ARRAY_SIZE(causes) && causes[scause].text != NULL ? &causes[scause] : &unknown;
}

// When a page becomes mapped, or may be written at last, only the hart that did it is told
// (aspace.c): this one may have faulted on what it remembers of the entry, and must look again.
static void stale_entry_drop(const struct cause *cause, vaddr_t va)
{
    if (cause->kind == FAULT_READ || cause->kind == FAULT_WRITE || cause->kind == FAULT_EXECUTE) {
        __asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
    }
}

struct thread *trap_from_user(struct thread *thread, uint64_t scause, uint64_t stval);
struct thread *trap_from_user(struct thread *thread, uint64_t scause, uint64_t stval)
{
    struct arch_thread *t = (struct arch_thread *)thread;
    if ((int64_t)scause < 0) {
        arch_interrupts_poll();
        return trap_interrupt(thread);
    }
    if (scause == CAUSE_ILLEGAL && fpu_first_use(t)) {
        return thread;
    }
    stale_entry_drop(cause_find(scause), stval);
    struct fault_info fault = {
        .kind = cause_find(scause)->kind,
        .address = stval,
        .pc = t->x[0],
        .cause = scause,
    };
    return trap_fault(thread, &fault);
}

static void registers_dump(const uint64_t *x)
{
    static const char names[32][4] = {"pc", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                      "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                      "a6", "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                      "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    for (unsigned i = 0; i < 32; i += 4) {
        klog("%3s %016lx %3s %016lx %3s %016lx %3s %016lx", names[i], x[i], names[i + 1], x[i + 1],
             names[i + 2], x[i + 2], names[i + 3], x[i + 3]);
    }
}

// A page fault at a user address inside the user copy: true if the access may be tried again.
static bool uaccess_resolve(const struct cause *cause, vaddr_t va)
{
    struct aspace *as = aspace_current();
    if (as == NULL) {
        return false;
    }
    stale_entry_drop(cause, va);
    return aspace_fault(as, va, cause->kind == FAULT_WRITE ? PROT_WRITE : PROT_READ) == OK;
}

static NORETURN void kernel_fault(const struct kernel_frame *f, const struct cause *cause,
                                  uint64_t scause, uint64_t stval)
{
    uint64_t sp = f->x[X_SP];
    if (panic_in_progress()) {
        panic("%s at pc 0x%lx, address 0x%lx", cause->text, f->x[0], stval);
    }
    registers_dump(f->x);
    klog("scause 0x%lx stval 0x%lx sstatus 0x%lx", scause, stval, f->sstatus);
    backtrace_print(f->x[0], f->x[X_S0]);
    const struct arch_percpu *percpu = arch_percpu();
    vaddr_t top = percpu != NULL ? percpu->stack_top : arch_cpu_stack_top(0);
    vaddr_t bottom = top - (KERNEL_STACK_TOP - KERNEL_STACK_GUARD);
    if (sp < bottom + KERNEL_STACK_RESERVE_BYTES || sp > top) {
        panic("kernel stack overflow: sp 0x%lx, stack 0x%lx-0x%lx, %s", sp, bottom, top,
              cause->text);
    }
    panic("kernel fault: %s at pc 0x%lx, address 0x%lx", cause->text, f->x[0], stval);
}

void trap_kernel(struct kernel_frame *f, uint64_t scause, uint64_t stval);
void trap_kernel(struct kernel_frame *f, uint64_t scause, uint64_t stval)
{
    const struct cause *cause = cause_find(scause);
    bool in_copy = f->x[0] >= (vaddr_t)uaccess_start && f->x[0] < (vaddr_t)uaccess_end;
    bool memory = cause->kind == FAULT_READ || cause->kind == FAULT_WRITE;
    // Only the user side of a copy may fault: a bad kernel pointer handed to it is a bug like any
    // other.
    if (!in_copy || stval >= arch_user_top() || (!memory && cause->kind != FAULT_BUS)) {
        kernel_fault(f, cause, scause, stval);
    }
    if (!memory || !uaccess_resolve(cause, stval)) {
        f->x[0] = (vaddr_t)uaccess_fail;
    }
}

status_t arch_copy_from_user(void *to, uaddr_t from, size_t len)
{
    if (!range_within(from.va, len, arch_user_top())) {
        return ERR_BAD_ADDRESS;
    }
    return uaccess_copy(to, (const void *)from.va, len);
}

status_t arch_copy_to_user(uaddr_t to, const void *from, size_t len)
{
    if (!range_within(to.va, len, arch_user_top())) {
        return ERR_BAD_ADDRESS;
    }
    return uaccess_copy((void *)to.va, from, len);
}

// The frame becomes full, because the repeated ecall needs t0, which a return from a system call
// clears. The others that only a full frame loads may be stale: zero, so that nothing of another
// trap comes back.
void arch_thread_restart_syscall(struct arch_thread *t)
{
    t->x[0] -= ECALL_BYTES;
    t->x[7] = 0;
    for (unsigned i = 28; i < 32; i++) {
        t->x[i] = 0;
    }
    t->full |= THREAD_ALL;
}

void arch_thread_init(struct arch_thread *t, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1,
                      uint64_t a2)
{
    *t = (struct arch_thread){
        .sstatus = SSTATUS_SPIE | SSTATUS_UXL_64, // SPP = 0: user mode; FS off; SUM and MXR off
        .percpu = arch_percpu(),
        .full = THREAD_ALL,
    };
    t->x[0] = pc;
    t->x[X_SP] = sp;
    t->x[X_A0] = a0;
    t->x[X_A0 + 1] = a1;
    t->x[X_A0 + 2] = a2;
}

void arch_thread_dump(const struct arch_thread *t) { registers_dump(t->x); }
