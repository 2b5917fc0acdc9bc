// SPDX-License-Identifier: MIT
// Port contract: the interrupt controller (GICv2/GICv3; PLIC). Lines are the controller's own
// numbers: GIC INTID, PLIC source.
#ifndef ARCH_INTC_H
#define ARCH_INTC_H

#include "kernel/lib/types.h"

// Finds the controller in the device tree and takes it over, every line masked. Panics naming the
// node when there is none it knows.
void arch_intc_init(const void *fdt);
uint32_t arch_irq_count(void);      // lines are below this
bool arch_irq_valid(uint32_t line); // a line that a driver may own (not an IPI or per-CPU timer)
void arch_irq_configure(uint32_t line, bool edge);
void arch_irq_mask(uint32_t line);
void arch_irq_unmask(uint32_t line);

#endif
