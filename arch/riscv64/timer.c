// SPDX-License-Identifier: MIT
// RISC-V: the counter `time` and the one-shot timer: stimecmp where the hart has Sstc, else a call
// to the firmware. The interrupt is masked (sie.STIE) when it is taken and unmasked by the next
// arch_timer_set, because its pending bit can only be cleared by setting a new time.
#include "kernel/debug/log.h"
#include "port.h"
#include <arch/timer.h>
#include <libfdt.h>

#define NS_PER_SECOND 1000000000ull

static uint64_t frequency;   // ticks per second
static uint64_t ns_per_tick; // if whole, else 0

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
    frequency = len == 4 ? fdt32_to_cpu(*hz) : fdt64_ld((const fdt64_t *)(const void *)hz);
    if (frequency < 1000 || frequency > NS_PER_SECOND) {
        panic("/cpus: timebase-frequency %lu Hz is not believable", frequency);
    }
    ns_per_tick = NS_PER_SECOND % frequency == 0 ? NS_PER_SECOND / frequency : 0;
    arch_timer_set(DEADLINE_NEVER);
}

void arch_timer_init_cpu(void) { arch_timer_set(DEADLINE_NEVER); }

uint64_t arch_clock_ns(void)
{
    uint64_t ticks = csr_read(time);
    if (ns_per_tick != 0) {
        return ticks * ns_per_tick;
    }
    if (frequency == 0) {
        return 0; // the log asks before arch_timer_init
    }
    // The remainder is below 10^9, so neither product overflows before the seconds do, in 584
    // years.
    return ticks / frequency * NS_PER_SECOND + ticks % frequency * NS_PER_SECOND / frequency;
}

// Rounded up: an interrupt is never early.
static uint64_t ns_to_ticks(uint64_t ns)
{
    if (ns_per_tick != 0) {
        return ns / ns_per_tick + (ns % ns_per_tick != 0);
    }
    uint64_t rest = ns % NS_PER_SECOND * frequency;
    return ns / NS_PER_SECOND * frequency + rest / NS_PER_SECOND + (rest % NS_PER_SECOND != 0);
}

void arch_timer_set(uint64_t deadline_ns)
{
    if (deadline_ns == DEADLINE_NEVER) {
        csr_clear(sie, SIE_STIE);
        return;
    }
    uint64_t ticks = ns_to_ticks(deadline_ns);
    if (cpu_features.sstc) {
        csr_write(0x14d, ticks); // stimecmp; sip.STIP follows the comparison (Sstc, chapter 2)
    } else {
        sbi_timer_set(ticks); // also clears sip.STIP if the time is in the future
    }
    csr_set(sie, SIE_STIE);
}
