// SPDX-License-Identifier: MIT
// ARM64: starting further CPUs through PSCI. They enter at secondary_entry (start.S) with the MMU
// off, turn it on with the kernel's final tables and a map of one page for the step, and go to
// kernel_secondary.
#include "arch/arm64/port.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

// Read with the MMU off, that is past the caches.
uint64_t secondary_ttbr1;

static void clean_to_memory(const void *p)
{
    __asm__ volatile("dc civac, %0\n dsb sy" : : "r"(p) : "memory");
}

status_t arch_cpu_start(struct arch_percpu *percpu)
{
    if (!intc_cpu_find(percpu)) {
        return ERR_NOT_SUPPORTED;
    }
    if (secondary_ttbr1 == 0) {
        secondary_map_build();
        secondary_ttbr1 = mmu_root;
        clean_to_memory(&secondary_ttbr1);
    }
    return psci_cpu_on(percpu->hw_id, arch_image_to_phys(secondary_entry), percpu);
}
