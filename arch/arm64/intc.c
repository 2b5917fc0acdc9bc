// SPDX-License-Identifier: MIT
// ARM64: the interrupt controller contract over GICv2 and GICv3. Lines are INTIDs: 0-15 between
// CPUs, 16-31 per CPU, from 32 on shared ones, which drivers may own.
#include "arch/arm64/port.h"
#include "arch/arm64/tree.h"
#include "kernel/debug/log.h"
#include "kernel/lib/spinlock.h"
#include <arch/cpu.h>
#include <arch/intc.h>

static const struct intc_driver *driver;
static struct spinlock intc_lock = SPINLOCK_INIT("intc", LOCK_IRQ); // fields of several lines
static bool ready;                                                  // a panic may come before
static uint32_t lines;
static uint32_t timer_line; // 0: not known yet

void arch_intc_init(const void *fdt)
{
    static const struct intc_driver *const drivers[] = {
        [TREE_GICV2] = &gicv2_driver, [TREE_GICV3] = &gicv3_driver};
    struct tree_controller node;
    const char *why = tree_controller(fdt, &node);
    if (why != NULL) {
        panic("device tree: %s%s%s", node.name != NULL ? node.name : "",
              node.name != NULL ? ": " : "", why);
    }
    driver = drivers[node.kind];
    driver->init(&node, &lines);
    klog("interrupts: %s, %u lines", driver->name, lines);
    ready = true;
    if (timer_line != 0) {
        driver->unmask(timer_line);
    }
}

bool intc_cpu_find(const struct arch_percpu *cpu)
{
    return driver != NULL && driver->cpu_find(cpu);
}

void arch_intc_init_cpu(void) { driver->cpu_init(); }

// What was written before is to be seen by who takes the interrupt: the barrier completes it first.
void arch_cpu_kick(const struct arch_percpu *target)
{
    dsb_ish();
    driver->kick(target);
}

void arch_cpu_kick_others(void)
{
    if (ready) {
        dsb_ish();
        driver->kick_others();
    }
}

void intc_enable_timer(uint32_t line)
{
    timer_line = line;
    if (driver != NULL) {
        driver->unmask(line);
    }
}

uint32_t arch_irq_count(void) { return lines; }

bool arch_irq_valid(uint32_t line) { return line >= INTC_SPI_FIRST && line < lines; }

void arch_irq_configure(uint32_t line, bool edge)
{
    ASSERT(arch_irq_valid(line));
    spin_lock(&intc_lock);
    driver->mask(line); // changing an enabled line's trigger is unpredictable (GIC architecture,
                        // GICD_ICFGR)
    driver->set_edge(line, edge);
    spin_unlock(&intc_lock);
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

void arch_interrupts_poll(void)
{
    for (;;) {
        uint32_t acknowledged = driver->acknowledge();
        uint32_t line = INTC_LINE(acknowledged);
        if (line >= INTC_SPURIOUS) {
            return;
        }
        if (line == timer_line) {
            timer_quiesce();
            driver->end(acknowledged);
            timer_interrupt();
        } else if (arch_irq_valid(line)) {
            driver->mask(line);
            driver->end(acknowledged);
            irq_fire(line);
        } else {
            driver->end(acknowledged); // a kick
            panic_join();
            sched_kicked();
        }
    }
}
