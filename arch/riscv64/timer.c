// SPDX-License-Identifier: MIT
// RISC-V: the counter `time` and the one-shot timer: stimecmp where the hart has Sstc, else a call
// to the firmware. The interrupt is masked (sie.STIE) when it is taken and unmasked by the next
// arch_timer_set, because its pending bit can only be cleared by setting a new time.
#include "kernel/debug/log.h"
#include "kernel/lib/clock.h"
#include "port.h"
#include <arch/timer.h>
#include <arch_counter.h>
#include <libfdt.h>

static struct clock_scale scale;

void arch_timer_init(const void *fdt)
{
    int len, cpus = fdt_path_offset(fdt, "/cpus");
    const fdt32_t *hz = cpus < 0 ? NULL : fdt_getprop(fdt, cpus, "timebase-frequency", &len);
    if (hz == NULL) {
        int cpu = cpu_node(fdt, boot_hart);
        hz = cpu < 0 ? NULL : fdt_getprop(fdt, cpu, "timebase-frequency", &len);
    }
    if (hz == NULL || (len != 4 && len != 8)) {
        panic("/cpus: timebase-frequency is missing or malformed");
    }
    uint64_t value = len == 4 ? fdt32_to_cpu(*hz) : fdt64_ld((const fdt64_t *)(const void *)hz);
    if (!clock_scale_init(&scale, value, counter_read())) {
        panic("/cpus: timebase-frequency %lu Hz is not believable", value);
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
