// SPDX-License-Identifier: MIT
// The clocks, read through the vDSO: no system call, any thread.
#ifndef BULLFINCH_CLOCK_H
#define BULLFINCH_CLOCK_H

#include <stdint.h>

// Nanoseconds since boot: never runs backwards on any CPU, never jumps. Deadlines are on this
// clock.
uint64_t clock_monotonic_ns(void);
// Realtime at boot, in nanoseconds since 1970-01-01 00:00 UTC; 0 if nobody has set the clock. It
// changes when the realtime clock is set.
uint64_t clock_boot_time_ns(void);
// Realtime, in nanoseconds since 1970-01-01 00:00 UTC; since boot, if nobody has set the clock.
uint64_t clock_realtime_ns(void);

#endif
