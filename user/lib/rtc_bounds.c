// SPDX-License-Identifier: MIT
// What readings of a real-time clock tell (bullfinch/rtc.h). A PL031 shows whole seconds: one
// reading says the time within a second, but each further one cuts the bounds where its second
// began, and a reading timed for the middle of the bounds halves them.

#include <bullfinch/rtc.h>

#define EARLIEST_NS (946684800ull * 1000000000)  // 2000-01-01: less is a counter that was never set
#define LATEST_NS   (9183110400ull * 1000000000) // 2261-01-01: more does not fit 63 bits for long

static uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }

bool rtc_bounds_narrow(struct rtc_bounds *b, const struct rtc_reading *r, uint64_t unit_ns)
{
    if (r->time_ns < max(EARLIEST_NS, r->after_ns) || r->time_ns > LATEST_NS) {
        return false;
    }
    struct rtc_bounds now = {r->time_ns - r->after_ns, r->time_ns + unit_ns - r->before_ns};
    struct rtc_bounds both = {max(b->low_ns, now.low_ns), min(b->high_ns, now.high_ns)};
    *b = both.low_ns <= both.high_ns ? both : now;
    return true;
}

uint64_t rtc_bounds_next(const struct rtc_bounds *b, uint64_t unit_ns, uint64_t now_ns)
{
    // Were the middle right, the device's time would change whenever middle + monotonic is a whole
    // number of units.
    uint64_t middle = b->low_ns + (b->high_ns - b->low_ns) / 2;
    return now_ns + unit_ns - (middle + now_ns) % unit_ns;
}

uint64_t rtc_bounds_clamp(const struct rtc_bounds *b, uint64_t ns)
{
    return min(max(ns, b->low_ns), b->high_ns);
}
