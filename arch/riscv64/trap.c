// SPDX-License-Identifier: MIT
// RISC-V: what is done about traps; cause.c says what they mean. entry.S has saved the registers;
// trap_from_user handles everything but system calls (which it gives to trap_syscall itself),
// trap_kernel the faults of the kernel: those of the user copy, and bugs. Also the accessors of
// struct arch_thread. RISC-V privileged specification 1.12, section 4.1.9 (stval).
#include "arch/riscv64/cause.h"
#include "kernel/debug/log.h"
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
static_assert(offsetof(struct kernel_frame, scause) == KERNEL_FRAME_SCAUSE, "entry.S");
static_assert(offsetof(struct kernel_frame, stval) == KERNEL_FRAME_STVAL, "entry.S");
static_assert(sizeof(struct kernel_frame) == KERNEL_FRAME_BYTES && KERNEL_FRAME_BYTES % 16 == 0,
              "entry.S");
static_assert(ERR_BAD_ADDRESS == -6, "uaccess.S returns it");

#define ECALL_BYTES 4u

// When a page becomes mapped, or may be written at last, only the hart that did it is told
// (aspace.c): this one may have faulted on what it remembers of the entry, and must look again.
static void stale_entry_drop(uint64_t scause, vaddr_t va)
{
    if (cause_is_page_fault(scause)) {
        __asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
    }
}

// Vector registers first: an instruction of theirs that needs floating point too comes again.
static enum first_use registers_first_use(struct arch_thread *t, uint64_t stval)
{
    enum first_use use = vector_first_use(t, stval);
    return use == FIRST_USE_NOT && fpu_first_use(t) ? FIRST_USE_TAKEN : use;
}

struct thread *trap_from_user(struct thread *thread, uint64_t scause, uint64_t stval);
struct thread *trap_from_user(struct thread *thread, uint64_t scause, uint64_t stval)
{
    struct arch_thread *t = (struct arch_thread *)thread;
    if ((int64_t)scause < 0) {
        arch_interrupts_poll();
        return trap_interrupt(thread);
    }
    enum first_use use = scause == CAUSE_ILLEGAL ? registers_first_use(t, stval) : FIRST_USE_NOT;
    if (use == FIRST_USE_TAKEN) {
        return thread;
    }
    stale_entry_drop(scause, stval);
    bool no_memory = use == FIRST_USE_NO_MEMORY;
    struct fault_info fault = {
        .kind = no_memory ? FAULT_MEMORY : cause_kind(scause),
        .address = no_memory ? t->x[0] : stval,
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
static bool uaccess_resolve(uint64_t scause, vaddr_t va)
{
    struct aspace *as = aspace_current();
    if (as == NULL) {
        return false;
    }
    stale_entry_drop(scause, va);
    return aspace_fault(as, va, scause == CAUSE_STORE_PAGE ? PROT_WRITE : PROT_READ) == OK;
}

static void frame_print(const void *frame)
{
    const struct kernel_frame *f = frame;
    registers_dump(f->x);
    klog("sstatus %016lx scause %016lx stval %016lx", f->sstatus, f->scause, f->stval);
}

// A stack that overflows ends in the guard page, or so close to it that entry.S went to the
// emergency stack before the guard was touched.
static bool is_overflow(vaddr_t sp)
{
    const struct arch_percpu *percpu = arch_percpu();
    vaddr_t top = percpu != NULL ? percpu->stack_top : arch_cpu_stack_top(0);
    vaddr_t bottom = top - (KERNEL_STACK_TOP - KERNEL_STACK_GUARD);
    return sp >= bottom - KERNEL_STACK_GUARD && sp < bottom + KERNEL_STACK_RESERVE_BYTES;
}

static NORETURN void kernel_fault(const struct kernel_frame *f)
{
    struct kernel_fault fault = {f->x[0], f->x[X_S0], f->x[1], f, frame_print};
    char cause[96];
    cause_describe(f->scause, f->stval, cause, sizeof(cause));
    panic_fault(&fault, "kernel %s: %s, address 0x%lx, pc 0x%lx",
                is_overflow(f->x[X_SP]) ? "stack overflow" : "fault", cause, f->stval, f->x[0]);
}

void trap_kernel(struct kernel_frame *f);
void trap_kernel(struct kernel_frame *f)
{
    bool in_copy = f->x[0] >= (vaddr_t)uaccess_start && f->x[0] < (vaddr_t)uaccess_end;
    bool page = f->scause == CAUSE_LOAD_PAGE || f->scause == CAUSE_STORE_PAGE;
    bool bus = f->scause == CAUSE_LOAD_ACCESS || f->scause == CAUSE_STORE_ACCESS;
    // Only the user side of a copy may fault: a bad kernel pointer handed to it is a bug like any
    // other.
    if (!in_copy || f->stval >= arch_user_top() || !(page || bus)) {
        kernel_fault(f);
    }
    if (!page || !uaccess_resolve(f->scause, f->stval)) {
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
    t->full = 1;
}

void arch_thread_init(struct arch_thread *t, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1,
                      uint64_t a2)
{
    *t = (struct arch_thread){
        .sstatus = SSTATUS_SPIE | SSTATUS_UXL_64, // SPP = 0: user mode; FS off; SUM and MXR off
        .percpu = arch_percpu(),
        .full = 1,
    };
    t->x[0] = pc;
    t->x[X_SP] = sp;
    t->x[X_A0] = a0;
    t->x[X_A0 + 1] = a1;
    t->x[X_A0 + 2] = a2;
}

void arch_thread_dump(const struct arch_thread *t) { registers_dump(t->x); }
