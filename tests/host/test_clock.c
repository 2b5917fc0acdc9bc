// SPDX-License-Identifier: MIT
// Ticks and nanoseconds (kernel/lib/clock.h) against arithmetic of 128 bits, at the frequencies of
// real machines, at the edges and at random ones: exact, never backwards, never early, and never
// later than the next tick.
#include "cm.h"
#include "kernel/lib/clock.h"

#define ROUNDS 20000u

static const uint64_t machines[] = {
    62500000,  24000000, 10000000, 19200000,         32768,        1000000000,
    54000000,  25000000, 3686400,  CLOCK_HZ_MIN,     CLOCK_HZ_MAX, 100000000,
    999999937, 1001,     33333333, CLOCK_HZ_MAX - 1, UINT32_MAX,
};

// Called with every machine's frequency, then with random ones, at random bases.
static void with_scales(void (*check)(const struct clock_scale *s, uint64_t hz, uint64_t *random))
{
    uint64_t random = 0x1234567;
    for (unsigned i = 0; i < 400; i++) {
        uint64_t hz = i < sizeof(machines) / sizeof(machines[0])
                          ? machines[i]
                          : CLOCK_HZ_MIN + test_random(&random) % (CLOCK_HZ_MAX - CLOCK_HZ_MIN + 1);
        struct clock_scale s;
        assert_true(clock_scale_init(&s, hz, i % 3 == 0 ? 0 : test_random(&random) >> (i % 60)));
        assert_int_equal((unsigned __int128)s.ns * hz == (unsigned __int128)s.per * CLOCK_NS_PER_S,
                         true);
        check(&s, hz, &random);
    }
}

// A number of any magnitude up to `most`, often close to a power of two.
static uint64_t any(uint64_t *random, uint64_t most)
{
    uint64_t value = test_random(random) >> (test_random(random) % 64);
    if (test_random(random) % 4 == 0) {
        value = (1ull << test_random(random) % 64) + test_random(random) % 5 - 2;
    }
    return most == UINT64_MAX ? value : value % (most + 1);
}

// Ticks after the base whose time still fits, 584 years.
static uint64_t ticks_most(uint64_t hz)
{
    unsigned __int128 most = (unsigned __int128)UINT64_MAX * hz / CLOCK_NS_PER_S;
    return most > UINT64_MAX ? UINT64_MAX : (uint64_t)most;
}

static void exact(const struct clock_scale *s, uint64_t hz, uint64_t *random)
{
    for (unsigned i = 0; i < ROUNDS / 40; i++) {
        uint64_t ticks = any(random, ticks_most(hz));
        unsigned __int128 ns = (unsigned __int128)ticks * CLOCK_NS_PER_S / hz;
        assert_int_equal(clock_ticks_to_ns(s, s->base + ticks), (uint64_t)ns);
    }
}

static void never_backwards(const struct clock_scale *s, uint64_t hz, uint64_t *random)
{
    uint64_t at = any(random, ticks_most(hz) / 2), last = clock_ticks_to_ns(s, s->base + at);
    for (unsigned i = 0; i < ROUNDS / 40; i++) {
        at += i % 2 == 0 ? 1 : any(random, hz);
        if (at > ticks_most(hz)) {
            return;
        }
        uint64_t ns = clock_ticks_to_ns(s, s->base + at);
        assert_true(ns >= last);
        last = ns;
    }
}

static void never_early(const struct clock_scale *s, uint64_t hz, uint64_t *random)
{
    for (unsigned i = 0; i < ROUNDS / 40; i++) {
        uint64_t ns = any(random, UINT64_MAX), ticks = clock_ns_to_ticks(s, ns);
        unsigned __int128 wanted =
            ((unsigned __int128)ns * hz + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S + s->base;
        if (wanted > UINT64_MAX) {
            assert_int_equal(ticks, UINT64_MAX);
            continue;
        }
        assert_int_equal(ticks, (uint64_t)wanted);
        if (ticks - s->base > ticks_most(hz)) {
            continue; // no time can be read there
        }
        assert_true(clock_ticks_to_ns(s, ticks) >= ns);
        if (ticks > s->base) {
            assert_true(clock_ticks_to_ns(s, ticks - 1) < ns); // and not a tick too late
        }
    }
}

static void test_a_time_is_exact_at_any_frequency(void **state)
{
    (void)state;
    with_scales(exact);
}

static void test_a_time_never_runs_backwards(void **state)
{
    (void)state;
    with_scales(never_backwards);
}

static void test_a_timer_is_never_early_and_less_than_a_tick_late(void **state)
{
    (void)state;
    with_scales(never_early);
}

static void test_a_frequency_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct clock_scale s = {1, 2, 3};
    assert_false(clock_scale_init(&s, 0, 7));
    assert_false(clock_scale_init(&s, CLOCK_HZ_MIN - 1, 7));
    assert_false(clock_scale_init(&s, CLOCK_HZ_MAX + 1, 7));
    assert_true(s.base == 1 && s.ns == 2 && s.per == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_time_is_exact_at_any_frequency),
        cmocka_unit_test(test_a_time_never_runs_backwards),
        cmocka_unit_test(test_a_timer_is_never_early_and_less_than_a_tick_late),
        cmocka_unit_test(test_a_frequency_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
