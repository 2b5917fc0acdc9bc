// SPDX-License-Identifier: MIT
// ARM64: lazy FP and SIMD state. FP is on (CPACR_EL1) only while the thread runs whose state is in
// the registers; the first use by another one traps, and the registers change hands. A thread that
// never computes with them costs nothing. A thread's state is in the registers exactly if it is its
// CPU's fp_owner. With more than one CPU running it leaves them when the thread does
// (arch_fp_release), because the thread may go on elsewhere.
#include "arch/arm64/port.h"
#include <arch/cpu.h>

bool fpu_present(void) { return id_field(sysreg_read("id_aa64pfr0_el1"), 16) != 0xf; }

void fpu_take(struct arch_thread *t)
{
    struct arch_percpu *percpu = arch_percpu();
    sysreg_write("cpacr_el1", CPACR_FP_ON);
    isb(); // on before the first FP instruction below
    if (percpu->fp_owner == (struct thread *)t) {
        return;
    }
    if (percpu->fp_owner != NULL) {
        fpu_save((struct arch_thread *)percpu->fp_owner);
    }
    fpu_load(t);
    percpu->fp_owner = (struct thread *)t;
}

// FP goes off too: the thread may come back to this CPU after it has computed on another one.
void arch_fp_release(struct thread *t)
{
    struct arch_percpu *percpu = arch_percpu();
    if (percpu->fp_owner == t) {
        sysreg_write("cpacr_el1", CPACR_FP_ON);
        isb();
        fpu_save((struct arch_thread *)t);
        percpu->fp_owner = NULL;
        sysreg_write("cpacr_el1", 0);
    }
}

// FP goes off too: a new thread in the same memory must not be taken for the owner.
void arch_thread_fini(struct arch_thread *t)
{
    struct arch_percpu *percpu = arch_percpu();
    if (percpu->fp_owner == (struct thread *)t) {
        percpu->fp_owner = NULL;
        sysreg_write("cpacr_el1", 0);
    }
}
