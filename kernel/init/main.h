// SPDX-License-Identifier: MIT
// The kernel's entry from the port.
#ifndef KERNEL_INIT_MAIN_H
#define KERNEL_INIT_MAIN_H

#include "kernel/lib/types.h"

struct arch_percpu;

// Called once by the port's start code: boot tables active, interrupts masked, on the boot CPU's
// stack. fdt is the device tree through the physical map, or NULL if what firmware has put at
// fdt_pa is no valid tree. Does not return.
NORETURN void kernel_main(void *fdt, paddr_t fdt_pa);

// Called by the port on each further CPU that arch_cpu_start powered on: final tables active,
// interrupts masked, on its own stack. Does not return.
NORETURN void kernel_secondary(struct arch_percpu *percpu);

#endif
