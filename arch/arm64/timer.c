// SPDX-License-Identifier: MIT
// ARM64: the generic timer (Arm ARM D12): the virtual counter, which user mode reads too, and the
// virtual timer of each CPU, used as a one-shot comparator. Its interrupt is a per-CPU line named
// by the device tree.
#include "arch/arm64/port.h"
#include "kernel/debug/log.h"
#include "kernel/lib/clock.h"
#include "kernel/lib/devicetree.h"
#include <arch/cpu.h>
#include <arch/timer.h>
#include <arch_counter.h>
#include <libfdt.h>

#define CTL_ENABLE          1
#define TIMER_NODE          "arm,armv8-timer"
#define VIRTUAL_TIMER_INDEX 2 // order of the binding: secure, non-secure, virtual, hypervisor
#define GIC_CELLS_MIN       3

static struct clock_scale scale;
static uint32_t line; // of the timer, on every CPU

// Cells of one interrupt specifier of the node: #interrupt-cells of the nearest interrupt-parent.
static unsigned interrupt_cells(const void *fdt, int node)
{
    for (; node >= 0; node = fdt_parent_offset(fdt, node)) {
        uint32_t phandle = devicetree_u32(fdt, node, "interrupt-parent", 0);
        int parent = phandle == 0 ? -1 : fdt_node_offset_by_phandle(fdt, phandle);
        if (parent >= 0) {
            return devicetree_u32(fdt, parent, "#interrupt-cells", 0);
        }
    }
    return 0;
}

static uint32_t timer_line(const void *fdt, int node)
{
    int index = fdt_stringlist_search(fdt, node, "interrupt-names", "virt");
    unsigned which = index < 0 ? VIRTUAL_TIMER_INDEX : (unsigned)index;
    unsigned cells = interrupt_cells(fdt, node);
    if (cells < GIC_CELLS_MIN || cells > 8) {
        panic("device tree: " TIMER_NODE
              ": interrupt-parent: no parent with #interrupt-cells of 3 or more");
    }
    int length = 0;
    const fdt32_t *interrupts = fdt_getprop(fdt, node, "interrupts", &length);
    if (interrupts == NULL || (unsigned)length / 4 < (which + 1) * cells) {
        panic("device tree: " TIMER_NODE ": interrupts: no entry %u for the virtual timer", which);
    }
    uint32_t type = fdt32_to_cpu(interrupts[which * cells]);
    uint32_t number = fdt32_to_cpu(interrupts[which * cells + 1]);
    if (type != 1 || number >= 16) {
        panic("device tree: " TIMER_NODE ": interrupts: entry %u is not a per-CPU interrupt",
              which);
    }
    return 16 + number;
}

void arch_timer_init(const void *fdt)
{
    int node = fdt_node_offset_by_compatible(fdt, -1, TIMER_NODE);
    if (node < 0) {
        panic("device tree: no node compatible with " TIMER_NODE);
    }
    // Firmware that forgot to set CNTFRQ_EL0 gives the frequency in the tree (binding
    // arm,arch_timer).
    uint64_t hz = devicetree_u32(fdt, node, "clock-frequency", (uint32_t)sysreg_read("cntfrq_el0"));
    if (!clock_scale_init(&scale, hz, counter_read())) {
        panic("device tree: " TIMER_NODE ": clock-frequency, or else CNTFRQ_EL0: %lu Hz is not "
              "believable",
              hz);
    }
    line = timer_line(fdt, node);
    klog("timer: virtual timer, %lu Hz, line %u", hz, line);
    arch_timer_init_cpu();
}

// The line is per CPU, and off when the controller has been set up.
void arch_timer_init_cpu(void)
{
    arch_timer_set(DEADLINE_NEVER);
    intc_enable_timer(line);
}

const struct clock_scale *arch_clock_scale(void) { return &scale; }

uint64_t arch_clock_ns(void)
{
    return scale.per == 0 ? 0 : clock_ticks_to_ns(&scale, counter_read());
}

void arch_timer_set(uint64_t deadline_ns)
{
    if (deadline_ns == DEADLINE_NEVER) {
        sysreg_write("cntv_ctl_el0", 0);
        return;
    }
    sysreg_write("cntv_cval_el0", clock_ns_to_ticks(&scale, deadline_ns));
    sysreg_write("cntv_ctl_el0", CTL_ENABLE);
}

void timer_quiesce(void)
{
    sysreg_write("cntv_ctl_el0", 0);
    isb(); // the line drops before the interrupt is finished at the controller
}
