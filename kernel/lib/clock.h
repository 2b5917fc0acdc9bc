// SPDX-License-Identifier: MIT
// Ticks of the machine's counter and nanoseconds, converted exactly at any frequency. The ports'
// timers and the vDSO (kernel/vdso/code.c) share this, so that a time read in user mode and one
// read by the kernel are points on one line. Book: chapter 4.
//
// A time is the whole nanoseconds that have passed. Multiplying by a rounded reciprocal and
// shifting, as is often done, would drift against the counter, and the way back would not be exact.
#ifndef KERNEL_LIB_CLOCK_H
#define KERNEL_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_NS_PER_S 1000000000ull
// What is believed of a frequency. Up to the upper bound no product below exceeds 64 bits before
// the time itself does, in 584 years.
#define CLOCK_HZ_MIN 1000ull
#define CLOCK_HZ_MAX 10000000000ull

struct clock_scale {
    uint64_t base;    // the counter when time was 0
    uint64_t ns, per; // so many ns pass in `per` ticks; lowest terms
};

// False, and *s untouched, if the frequency is not within the bounds.
static inline bool clock_scale_init(struct clock_scale *s, uint64_t hz, uint64_t base)
{
    if (hz < CLOCK_HZ_MIN || hz > CLOCK_HZ_MAX) {
        return false;
    }
    uint64_t a = CLOCK_NS_PER_S, b = hz;
    while (b != 0) { // Euclid: a becomes the greatest common divisor
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    *s = (struct clock_scale){.base = base, .ns = CLOCK_NS_PER_S / a, .per = hz / a};
    return true;
}

// The time at a value of the counter: one multiplication where a tick is a whole number of
// nanoseconds (10, 62.5, 100 MHz, 1 GHz), else two divisions more. ticks >= base.
static inline uint64_t clock_ticks_to_ns(const struct clock_scale *s, uint64_t ticks)
{
    uint64_t t = ticks - s->base;
    return s->per == 1 ? t * s->ns : t / s->per * s->ns + t % s->per * s->ns / s->per;
}

// The first value of the counter at which the time is ns or later: a timer set to it is never
// early, and late by less than a tick. The last value there is, if that lies beyond it.
static inline uint64_t clock_ns_to_ticks(const struct clock_scale *s, uint64_t ns)
{
    uint64_t ticks, rest = (ns % s->ns * s->per + s->ns - 1) / s->ns;
    bool beyond = __builtin_mul_overflow(ns / s->ns, s->per, &ticks) ||
                  __builtin_add_overflow(ticks, rest, &ticks) ||
                  __builtin_add_overflow(ticks, s->base, &ticks);
    return beyond ? UINT64_MAX : ticks;
}

#endif
