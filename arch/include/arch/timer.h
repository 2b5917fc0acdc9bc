// SPDX-License-Identifier: MIT
// Port contract: the per-CPU one-shot timer and the monotonic clock, in nanoseconds since the
// kernel's first instructions. The clock is the same on every CPU.
#ifndef ARCH_TIMER_H
#define ARCH_TIMER_H

#include "kernel/lib/types.h"

// Reads the frequency (register or device tree); panics naming what is missing. Once, on the boot
// CPU.
void arch_timer_init(const void *fdt);
uint64_t arch_clock_ns(void);                     // 0 before arch_timer_init (the log calls it)
const struct clock_scale *arch_clock_scale(void); // how ticks become ns (kernel/lib/clock.h)
// The next timer_interrupt() on this CPU comes at or after this time; DEADLINE_NEVER turns it off.
// A time past fires at once.
void arch_timer_set(uint64_t deadline_ns);

#endif
