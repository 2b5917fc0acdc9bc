// SPDX-License-Identifier: MIT
// RISC-V: starting and stopping further harts through SBI HSM. They enter at secondary_entry
// (start.S) with the MMU off and go over to the kernel's final tables at once.
#include "kernel/debug/log.h"
#include "port.h"
#include <arch/mmu.h>

struct arch_percpu *cpu_records[KERNEL_STACKS];
unsigned cpu_records_count = 1;
extern uint64_t secondary_satp; // start.S

uint64_t arch_cpu_hw_id(void)
{
    const struct arch_percpu *percpu = arch_percpu();
    return percpu != NULL ? percpu->hw_id : boot_hart; // S-mode cannot read mhartid
}

uintptr_t arch_cpu_stack_top(unsigned id)
{
    uintptr_t block = (uintptr_t)kernel_stacks + (uintptr_t)id * KERNEL_STACK_BLOCK;
    return id < KERNEL_STACKS ? block + KERNEL_STACK_TOP : 0;
}

status_t arch_cpu_start(struct arch_percpu *percpu)
{
    if (!sbi_has_cpus()) {
        return ERR_NOT_SUPPORTED;
    }
    if (!cpu_is_alike(boot_fdt, percpu->hw_id)) {
        klog("hart %lu lacks what the boot hart has", percpu->hw_id);
        return ERR_NOT_SUPPORTED;
    }
    // In this order, and before the hart can run: hart_waits in start.S.
    __atomic_store_n(&cpu_records[percpu->id], percpu, __ATOMIC_RELEASE);
    __atomic_store_n(&secondary_satp, satp_make(mmu.root, 0), __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    status_t s = sbi_hart_start(percpu->hw_id, arch_image_to_phys(secondary_entry), percpu);
    if (s == OK) {
        cpu_records_count = percpu->id + 1;
    }
    return s;
}

void arch_cpu_off(void) { sbi_hart_stop(); }

bool arch_cpu_is_off(const struct arch_percpu *percpu)
{
    return sbi_hart_is_stopped(percpu->hw_id);
}
