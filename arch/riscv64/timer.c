// SPDX-License-Identifier: MIT
// RISC-V: the counter `time` and the one-shot timer: stimecmp where the hart has Sstc, else a call
// to the firmware. The interrupt is masked (sie.STIE) when it is taken and unmasked by the next
// arch_timer_set, because its pending bit can only be cleared by setting a new time.
#include "arch/riscv64/tree.h"
#include "kernel/debug/log.h"
#include "kernel/lib/clock.h"
#include "port.h"
#include <arch/timer.h>
#include <arch_counter.h>

static struct clock_scale scale;

void arch_timer_init(const void *fdt)
{
    uint64_t value = 0;
    const char *why = tree_timebase(fdt, boot_hart, &value);
    if (why != NULL) {
        panic("device tree: %s", why);
    }
    if (!clock_scale_init(&scale, value, boot_ticks)) {
        panic("device tree: /cpus: timebase-frequency %lu Hz is not believable", value);
    }
    arch_timer_set(DEADLINE_NEVER);
    klog("timer: %s, %lu Hz", cpu_features.sstc ? "Sstc" : "SBI", value);
}

void arch_timer_init_cpu(void) { arch_timer_set(DEADLINE_NEVER); }

const struct clock_scale *arch_clock_scale(void) { return &scale; }

uint64_t arch_clock_ns(void)
{
    return scale.per == 0 ? 0 : clock_ticks_to_ns(&scale, counter_read());
}

void arch_timer_set(uint64_t deadline_ns)
{
    if (deadline_ns == DEADLINE_NEVER) {
        csr_clear(sie, SIE_STIE);
        return;
    }
    uint64_t ticks = clock_ns_to_ticks(&scale, deadline_ns);
    if (cpu_features.sstc) {
        csr_write(0x14d, ticks); // stimecmp; sip.STIP follows the comparison (Sstc, chapter 2)
    } else {
        sbi_timer_set(ticks); // also clears sip.STIP if the time is in the future
    }
    csr_set(sie, SIE_STIE);
}
