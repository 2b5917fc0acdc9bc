// SPDX-License-Identifier: MIT
// What readings of a real-time clock tell (user/lib/rtc_bounds.c), on an invented device.
//
// sources: user/lib/rtc_bounds.c
#include "cm.h"
#include <bullfinch/rtc.h>

#define S        1000000000ull
#define BOOT     (1935990489ull * S + 345678901) // in May 2031
#define READ_MAX 20000u                          // ns that a reading takes, at most

// Reads a device of that unit at monotonic time `now`, on a machine that was booted at `boot`.
static struct rtc_reading device_read(uint64_t boot, uint64_t now, uint64_t unit, uint64_t *random)
{
    struct rtc_reading r = {.before_ns = now};
    uint64_t at = now + test_random(random) % READ_MAX;
    r.after_ns = at + test_random(random) % READ_MAX;
    r.time_ns = (boot + at) / unit * unit;
    return r;
}

static void test_ten_readings_of_seconds_tell_milliseconds(void **state)
{
    (void)state;
    uint64_t random = 77;
    for (unsigned round = 0; round < 2000; round++) {
        uint64_t boot = BOOT + test_random(&random) % (1000 * S);
        uint64_t now = test_random(&random) % (50 * S), last = 0;
        struct rtc_bounds b = RTC_BOUNDS_NONE;
        for (unsigned i = 0; i < 11; i++) {
            struct rtc_reading r = device_read(boot, now, S, &random);
            assert_true(rtc_bounds_narrow(&b, &r, S));
            assert_true(b.low_ns <= boot && boot <= b.high_ns);
            // What the driver makes of it: forward only, and never ahead of the truth.
            uint64_t set = rtc_bounds_clamp(&b, last);
            assert_true(set >= last && set <= boot);
            last = set;
            uint64_t next = rtc_bounds_next(&b, S, r.after_ns);
            assert_true(next > r.after_ns && next <= r.after_ns + S);
            now = next + test_random(&random) % (200 * 1000); // woken late
        }
        assert_true(b.high_ns - b.low_ns < 2000000);
        assert_true(boot - last < 2000000);
    }
}

static void test_one_reading_of_nanoseconds_is_enough(void **state)
{
    (void)state;
    uint64_t random = 5;
    struct rtc_bounds b = RTC_BOUNDS_NONE;
    struct rtc_reading r = device_read(BOOT, 3 * S, 1, &random);
    assert_true(rtc_bounds_narrow(&b, &r, 1));
    assert_true(b.low_ns <= BOOT && BOOT <= b.high_ns);
    assert_true(b.high_ns - b.low_ns <= 2 * READ_MAX);
}

static void test_a_clock_that_is_right_is_left_alone(void **state)
{
    (void)state;
    struct rtc_bounds b = {100, 200};
    assert_int_equal(rtc_bounds_clamp(&b, 150), 150);
    assert_int_equal(rtc_bounds_clamp(&b, 0), 100);
    assert_int_equal(rtc_bounds_clamp(&b, 201), 200);
}

static void test_a_device_that_was_moved_starts_anew(void **state)
{
    (void)state;
    uint64_t random = 9;
    struct rtc_bounds b = RTC_BOUNDS_NONE;
    struct rtc_reading r = device_read(BOOT, S, S, &random);
    assert_true(rtc_bounds_narrow(&b, &r, S));
    r = device_read(BOOT - 5000 * S, 2 * S, S, &random);
    assert_true(rtc_bounds_narrow(&b, &r, S));
    assert_true(b.low_ns <= BOOT - 5000 * S && BOOT - 5000 * S <= b.high_ns);
}

static void test_a_device_that_was_never_set_tells_nothing(void **state)
{
    (void)state;
    const uint64_t wrong[] = {0, 5 * S, 946684799 * S, 9183110401 * S, UINT64_MAX};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rtc_bounds b = {7, 8};
        struct rtc_reading r = {wrong[i], S, S};
        assert_false(rtc_bounds_narrow(&b, &r, S));
        assert_true(b.low_ns == 7 && b.high_ns == 8);
    }
    // Running for longer than since 1970 is no reason to believe it either.
    struct rtc_bounds b = RTC_BOUNDS_NONE;
    struct rtc_reading r = {BOOT, BOOT + S, BOOT + S};
    assert_false(rtc_bounds_narrow(&b, &r, S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_readings_of_seconds_tell_milliseconds),
        cmocka_unit_test(test_one_reading_of_nanoseconds_is_enough),
        cmocka_unit_test(test_a_clock_that_is_right_is_left_alone),
        cmocka_unit_test(test_a_device_that_was_moved_starts_anew),
        cmocka_unit_test(test_a_device_that_was_never_set_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
