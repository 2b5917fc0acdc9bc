// SPDX-License-Identifier: MIT
// The frame of a driver for a real-time clock: everything but the registers. It sets the system's
// realtime clock from the device when it starts, makes that exact within seconds, and once a minute
// sees whether both still agree (a machine that was suspended has lost time on its counter only).
//
// Startup handles: "mmio" (VMO of the registers), "clock" (RESOURCE_CLOCK, WRITE), "ready"
// (notification, SIGNAL: bit 0 when the clock was set, or the device was found to have no time),
// "log". args[1] as registers_map wants it.
#ifndef BULLFINCH_RTC_H
#define BULLFINCH_RTC_H

#include <bullfinch/registers.h>
#include <stdbool.h>

// What a driver supplies.
struct rtc_ops {
    const char *name;
    uint64_t unit_ns; // how often the device's time changes
    // Takes over the device in whatever state a predecessor left it; its interrupts are off.
    void (*take_over)(struct registers *r);
    uint64_t (*read_ns)(struct registers *r); // its time since 1970, a whole number of units
};

_Noreturn void rtc_run(const struct rtc_ops *ops, int argc, char **argv);

// --- what readings tell (pure, tested on the host) ---

// Realtime at boot lies within these.
struct rtc_bounds {
    uint64_t low_ns, high_ns;
};

#define RTC_BOUNDS_NONE ((struct rtc_bounds){0, INT64_MAX})

// The device's time was read at some moment between the monotonic times before and after.
struct rtc_reading {
    uint64_t time_ns, before_ns, after_ns;
};

// Narrows the bounds by a reading; one that contradicts them starts anew. False, and nothing
// changes, if the device cannot have been set: a time before the year 2000 or past 2261.
bool rtc_bounds_narrow(struct rtc_bounds *b, const struct rtc_reading *r, uint64_t unit_ns);
// The first time after now at which a reading halves the bounds.
uint64_t rtc_bounds_next(const struct rtc_bounds *b, uint64_t unit_ns, uint64_t now_ns);
// The value within the bounds that is nearest to `ns`.
uint64_t rtc_bounds_clamp(const struct rtc_bounds *b, uint64_t ns);

#endif
