// SPDX-License-Identifier: MIT
// The frame of the drivers for real-time clocks: see bullfinch/rtc.h.
//
// The clock is only ever moved to the nearest time that the device allows. So it is first set to
// the earliest of them and then goes forward, by less than a unit of the device in all; and a
// driver that is started again finds the clock right and leaves it alone. Only a clock that was
// wrong is made exact by further readings.

#include <bullfinch/clock.h>
#include <bullfinch/rtc.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <gen/user_syscalls.h>

#define EXACT_NS  1000000ull // bounds as narrow as this are good enough
#define LOOKS_MAX 12u        // in a row: who is woken late narrows no further
#define CHECK_NS  60000000000ull

struct rtc {
    const struct rtc_ops *ops;
    struct registers registers;
    struct rtc_bounds bounds;
    unsigned looks;  // that made them
    bool correcting; // the clock was wrong
    bool unset_said;
};

static void clock_correct(struct rtc *rtc)
{
    uint64_t was = clock_boot_time_ns(), is = rtc_bounds_clamp(&rtc->bounds, was);
    rtc->correcting |= was != is;
    status_t s = was == is ? OK : sys_clock_set_boot_time(startup_handle("clock"), is);
    if (s != OK) {
        printf("%s: cannot set the clock: %s\n", rtc->ops->name, status_text(s));
    }
}

// Returns when to look again.
static uint64_t device_look(struct rtc *rtc)
{
    const uint64_t unit = rtc->ops->unit_ns;
    struct rtc_reading r;
    r.before_ns = clock_monotonic_ns();
    r.time_ns = rtc->ops->read_ns(&rtc->registers);
    r.after_ns = clock_monotonic_ns();
    if (!rtc_bounds_narrow(&rtc->bounds, &r, unit)) {
        if (!rtc->unset_said) {
            printf("%s: the device was never set\n", rtc->ops->name);
        }
        rtc->unset_said = true;
    } else {
        clock_correct(rtc);
        if (rtc->correcting && unit > EXACT_NS &&
            rtc->bounds.high_ns - rtc->bounds.low_ns > EXACT_NS && ++rtc->looks < LOOKS_MAX) {
            return rtc_bounds_next(&rtc->bounds, unit, r.after_ns);
        }
    }
    rtc->bounds = RTC_BOUNDS_NONE; // they age: counter and device drift apart
    rtc->looks = 0;
    rtc->correcting = false;
    return r.after_ns + CHECK_NS;
}

_Noreturn void rtc_run(const struct rtc_ops *ops, int argc, char **argv)
{
    struct rtc rtc = {.ops = ops, .bounds = RTC_BOUNDS_NONE};
    handle_t never;
    status_t s = registers_map(argc, argv, &rtc.registers);
    s = s != OK ? s : sys_notification_create(&never);
    if (s != OK) {
        printf("%s: cannot start: %s\n", ops->name, status_text(s));
        exit(1);
    }
    ops->take_over(&rtc.registers);
    for (;;) {
        uint64_t bits, next = device_look(&rtc);
        (void)sys_notification_signal(startup_handle("ready"), 1);
        (void)sys_notification_wait(never, next, &bits);
    }
}
