// SPDX-License-Identifier: MIT
// RISC-V: the interrupt controller contract over a PLIC or an APLIC, and taking interrupts. The
// boot hart gets everything: the other harts take no interrupts of devices, only kicks (SBI IPIs)
// and their timers.
#include "arch/riscv64/tree.h"
#include "kernel/debug/log.h"
#include "port.h"
#include <arch/intc.h>

static const struct intc_driver *driver;
static uint32_t lines; // line numbers are below this

void arch_intc_init(const void *fdt)
{
    static const struct intc_driver *const drivers[] = {
        [TREE_PLIC] = &plic_driver, [TREE_APLIC] = &aplic_driver};
    struct tree_controller node;
    const char *why = tree_controller(fdt, boot_hart, &node);
    if (why != NULL) {
        panic("device tree: %s%s%s", node.name != NULL ? node.name : "",
              node.name != NULL ? ": " : "", why);
    }
    driver = drivers[node.kind];
    driver->init(&node);
    lines = node.lines;
    klog("interrupts: %s, %u lines, context %u", driver->name, lines, node.context);
    csr_set(sie, SIE_SEIE | SIE_SSIE);
}

void arch_intc_init_cpu(void) { csr_set(sie, SIE_SSIE); }

// What was written before is seen by who takes the interrupt (sbi_kick goes through device memory).
void arch_cpu_kick(const struct arch_percpu *target)
{
    __asm__ volatile("fence rw, iorw" ::: "memory");
    sbi_kick(target->hw_id);
}

void arch_cpu_kick_others(void)
{
    __asm__ volatile("fence rw, iorw" ::: "memory");
    sbi_kick_all(); // this one too, which then sees nothing to do
}

uint32_t arch_irq_count(void) { return lines; }

bool arch_irq_valid(uint32_t line) { return line != 0 && line < lines; }

void arch_irq_configure(uint32_t line, bool edge)
{
    ASSERT(arch_irq_valid(line));
    driver->mask(line);
    driver->configure(line, edge);
}

void arch_irq_mask(uint32_t line)
{
    ASSERT(arch_irq_valid(line));
    driver->mask(line);
}

void arch_irq_unmask(uint32_t line)
{
    ASSERT(arch_irq_valid(line));
    driver->unmask(line);
}

static void external_poll(void)
{
    uint32_t line;
    while ((line = driver->claim()) != 0) {
        irq_fire(line);
    }
}

void arch_interrupts_poll(void)
{
    uint64_t pending;
    while ((pending = csr_read(sip) & csr_read(sie)) != 0) {
        if ((pending & SIE_SSIE) != 0) {
            csr_clear(sip, SIE_SSIE); // a kick
            panic_join();
            sched_kicked();
        }
        if ((pending & SIE_STIE) != 0) {
            csr_clear(sie, SIE_STIE); // until arch_timer_set
            timer_interrupt();
        }
        if ((pending & SIE_SEIE) != 0) {
            external_poll();
        }
    }
}
