// SPDX-License-Identifier: MIT
// RISC-V: lazy floating point. A thread's saved sstatus has FS off unless the CPU's FP registers
// are its own (percpu->fp_owner), so the first FP instruction of another thread traps as illegal;
// it then takes the registers over and runs again. A thread that uses no floating point costs
// nothing. RISC-V privileged specification 1.12, section 3.1.6.6.
//
// An owner must not move to another CPU with its state left behind: with several CPUs a thread
// gives the registers up whenever it stops running (arch_fp_release).
#include "port.h"

static_assert(offsetof(struct arch_thread, f) == offsetof(struct arch_thread, fcsr) + 8,
              "fpu.S saves fcsr and f0-f31 in a row");

bool fpu_first_use(struct arch_thread *t)
{
    if (!cpu_features.fp || (t->sstatus & SSTATUS_FS) != 0) {
        return false; // it had the registers: the instruction is illegal for its own sake
    }
    struct arch_percpu *cpu = arch_percpu();
    csr_set(sstatus, SSTATUS_FS);
    if (cpu->fp_owner != NULL) {
        struct arch_thread *owner = (struct arch_thread *)cpu->fp_owner;
        fpu_save(&owner->fcsr);
        owner->sstatus &= ~(uint64_t)SSTATUS_FS;
    }
    fpu_load(&t->fcsr);
    csr_clear(sstatus, SSTATUS_FS);
    t->sstatus |= SSTATUS_FS;
    cpu->fp_owner = (struct thread *)t;
    return true;
}

void arch_fp_release(struct thread *thread)
{
    struct arch_percpu *cpu = arch_percpu();
    struct arch_thread *t = (struct arch_thread *)thread;
    if (cpu->fp_owner == thread) {
        csr_set(sstatus, SSTATUS_FS);
        fpu_save(&t->fcsr);
        csr_clear(sstatus, SSTATUS_FS);
        t->sstatus &= ~(uint64_t)SSTATUS_FS;
        cpu->fp_owner = NULL;
    }
    vector_release(t);
}

void arch_thread_fini(struct arch_thread *t)
{
    struct arch_percpu *cpu = arch_percpu();
    if (cpu->fp_owner == (struct thread *)t) {
        cpu->fp_owner = NULL;
    }
    vector_fini(t);
}
