// SPDX-License-Identifier: MIT
// Host port: interrupt lines that only remember whether they are masked.
#include "kernel/debug/log.h"

#include <arch/intc.h>
#include <host.h>

#define LINES      128u
#define FIRST_LINE 32u // as on a GIC: the lower ones belong to the CPUs

static bool unmasked[LINES];

void arch_intc_init(const void *fdt) { (void)fdt; }
uint32_t arch_irq_count(void) { return LINES; }
bool arch_irq_valid(uint32_t line) { return line >= FIRST_LINE && line < LINES; }

static void check(uint32_t line)
{
    if (!arch_irq_valid(line)) {
        panic("host: interrupt line %u does not exist", line);
    }
}

void arch_irq_configure(uint32_t line, bool edge)
{
    (void)edge;
    check(line);
}

void arch_irq_mask(uint32_t line)
{
    check(line);
    unmasked[line] = false;
}

void arch_irq_unmask(uint32_t line)
{
    check(line);
    unmasked[line] = true;
}

bool host_irq_masked(uint32_t line) { return !unmasked[line]; }
