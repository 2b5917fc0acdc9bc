// SPDX-License-Identifier: MIT
// ARM64: the generic timer (Arm ARM D12): the virtual counter, which user mode reads too, and the
// virtual timer of each CPU, used as a one-shot comparator. Its interrupt is a per-CPU line named
// by the device tree.
#include "arch/arm64/port.h"
#include "arch/arm64/tree.h"
#include "kernel/debug/log.h"
#include "kernel/lib/clock.h"
#include <arch/cpu.h>
#include <arch/timer.h>
#include <arch_counter.h>

#define CTL_ENABLE 1

static struct clock_scale scale;
uint64_t boot_ticks;
static uint32_t line; // of the timer, on every CPU

void arch_timer_init(const void *fdt)
{
    uint32_t given = 0;
    const char *why = tree_timer(fdt, &line, &given);
    if (why != NULL) {
        panic("device tree: %s", why);
    }
    // Firmware that forgot to set CNTFRQ_EL0 gives the frequency in the tree.
    uint64_t hz = given != 0 ? given : (uint32_t)sysreg_read("cntfrq_el0");
    if (!clock_scale_init(&scale, hz, boot_ticks)) {
        panic("device tree: timer: clock-frequency, or else CNTFRQ_EL0: %lu Hz is not believable",
              hz);
    }
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
