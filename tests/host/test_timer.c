// SPDX-License-Identifier: MIT
// Kernel timers: the order in which they fire, cancelling and arming again from anywhere, and what
// the hardware is set to.
#include "obj_setup.h"

#define MANY 500u

static struct timer timers[MANY];
static unsigned fired[MANY], fired_count;
static uint64_t fired_at[MANY];

static void note(struct timer *timer, uint64_t serial)
{
    assert_int_equal(timer->serial, serial);
    assert_false(timer->armed);
    assert_true(timer->deadline_ns <= arch_clock_ns());
    fired_at[fired_count] = timer->deadline_ns;
    fired[fired_count++] = (unsigned)(timer - timers);
}

static int timers_begin(void **state)
{
    fired_count = 0;
    for (unsigned i = 0; i < MANY; i++) {
        timer_init(&timers[i], note);
    }
    return obj_begin(state);
}

// The CPU wakes up, finds nothing to run and sleeps again.
static void wake_up(uint64_t now)
{
    enter(ENTER_NOTHING, NULL); // sets the hardware for what was armed since
    host_clock_set(now);
    arch_interrupts_poll();
    enter(ENTER_NOTHING, NULL);
    assert_null(running);
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns();
    const unsigned delays[] = {5, 1, 9, 3, 7};
    for (unsigned i = 0; i < 5; i++) {
        timer_arm(&timers[i], now + delays[i] * MS, 0);
    }
    wake_up(now + 4 * MS);
    assert_int_equal(fired_count, 2);
    wake_up(now + 20 * MS);
    const unsigned order[] = {1, 3, 0, 4, 2};
    assert_int_equal(fired_count, 5);
    assert_memory_equal(fired, order, sizeof(order));
}

static void equal_deadlines_fire_in_the_order_of_arming(void **state)
{
    (void)state;
    uint64_t at = arch_clock_ns() + MS;
    for (unsigned i = 0; i < 10; i++) {
        timer_arm(&timers[(i * 7) % 10], at, 0);
    }
    wake_up(at);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(fired[i], (i * 7) % 10);
    }
}

static void a_deadline_is_met_exactly_and_not_before(void **state)
{
    (void)state;
    uint64_t at = arch_clock_ns() + MS;
    timer_arm(&timers[0], at, 0);
    wake_up(at - 1);
    assert_int_equal(fired_count, 0);
    wake_up(at);
    assert_int_equal(fired_count, 1);
    wake_up(at + MS);
    assert_int_equal(fired_count, 1);
}

static void a_deadline_that_is_past_fires_at_once_and_never_never(void **state)
{
    (void)state;
    timer_arm(&timers[0], 0, 0);
    timer_arm(&timers[1], DEADLINE_NEVER, 0);
    assert_false(timers[1].armed);
    enter(ENTER_NOTHING, NULL); // sets the hardware
    assert_int_equal(host_timer_deadline(), 0);
    wake_up(arch_clock_ns());
    assert_int_equal(fired_count, 1);
}

static void a_cancelled_timer_does_not_fire(void **state)
{
    (void)state;
    uint64_t at = arch_clock_ns() + MS;
    for (unsigned i = 0; i < 3; i++) {
        timer_arm(&timers[i], at + i, 0);
    }
    timer_cancel(&timers[1]);
    timer_cancel(&timers[1]); // harmless
    timer_cancel(&timers[7]);
    wake_up(at + MS);
    assert_int_equal(fired_count, 2);
    timer_cancel(&timers[0]); // it has fired
    timer_arm(&timers[1], at + 2 * MS, 0);
    wake_up(at + 2 * MS);
    assert_int_equal(fired[2], 1);
}

static void arm_again(struct timer *timer, uint64_t serial)
{
    note(timer, serial);
    timer_arm(timer, timer->deadline_ns + MS, 0);
}

static void cancel_next(struct timer *timer, uint64_t serial)
{
    note(timer, serial);
    timer_cancel(timer + 1);
}

static void a_timer_may_arm_itself_and_cancel_others_when_it_fires(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns();
    timer_init(&timers[0], arm_again);
    timer_init(&timers[1], cancel_next);
    timer_arm(&timers[0], now + MS, 0);
    timer_arm(&timers[1], now + 2 * MS, 0);
    timer_arm(&timers[2], now + 2 * MS, 0); // due in the same interrupt, but gone by then
    wake_up(now + 3 * MS);
    assert_int_equal(fired_count, 4);
    const unsigned order[] = {0, 1, 0, 0};
    assert_memory_equal(fired, order, sizeof(order));
    timer_cancel(&timers[0]);
}

static void the_hardware_is_set_to_the_nearest_deadline(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns();
    timer_arm(&timers[0], now + 5 * MS, 0);
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), now + 5 * MS);
    timer_arm(&timers[1], now + 8 * MS, 0);
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), now + 5 * MS);
    timer_arm(&timers[2], now + 2 * MS, 0);
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), now + 2 * MS);
    wake_up(now + 2 * MS);
    assert_int_equal(host_timer_deadline(), now + 5 * MS);
    wake_up(now + 8 * MS);
    assert_int_equal(host_timer_deadline(), DEADLINE_NEVER);
}

static void the_interrupt_of_a_cancelled_timer_finds_nothing_and_sets_the_next(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns(), found_nothing = cpu_this()->timer_void;
    timer_arm(&timers[0], now + MS, 0);
    timer_arm(&timers[1], now + 5 * MS, 0);
    enter(ENTER_NOTHING, NULL);
    timer_cancel(&timers[0]);
    host_clock_set(now + MS); // before the CPU has come to set its hardware again
    arch_interrupts_poll();
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(fired_count, 0);
    assert_int_equal(cpu_this()->timer_void - found_nothing, 1);
    assert_int_equal(host_timer_deadline(), now + 5 * MS);
    timer_cancel(&timers[1]);
}

static void timers_whose_slack_overlaps_share_an_interrupt(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns(), taken = cpu_this()->timer_interrupts;
    for (unsigned i = 0; i < 100; i++) { // 1.0 to 1.99 ms, each up to a millisecond late
        timer_arm(&timers[(i * 37) % 100], now + MS + (i * 37) % 100 * MS / 100, MS);
    }
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), now + 2 * MS); // the first must not wait longer
    wake_up(now + 2 * MS - 1);
    assert_int_equal(fired_count, 0); // no interrupt: none was due
    wake_up(now + 2 * MS);
    assert_int_equal(fired_count, 100);
    assert_int_equal(cpu_this()->timer_interrupts - taken, 1);
    assert_int_equal(host_timer_deadline(), DEADLINE_NEVER);
}

static void slack_makes_nothing_early_and_nothing_too_late(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns();
    timer_arm(&timers[0], now + 2 * MS, 8 * MS); // [2, 10]
    timer_arm(&timers[1], now + 5 * MS, 0);      // [5, 5] takes 0 along
    timer_arm(&timers[2], now + 6 * MS, 3 * MS); // [6, 9]
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), now + 5 * MS);
    wake_up(now + 5 * MS);
    assert_int_equal(fired_count, 1); // 2 is not due, and 0 can still go along with it
    assert_int_equal(fired[0], 1);
    assert_int_equal(host_timer_deadline(), now + 9 * MS);
    wake_up(now + 9 * MS);
    assert_int_equal(fired_count, 3);
    timer_arm(&timers[3], now + 20 * MS, UINT64_MAX); // as late as you like is not never
    assert_true(timers[3].armed && timers[3].latest_ns < DEADLINE_NEVER);
    timer_arm(&timers[4], now + 30 * MS, 0);
    enter(ENTER_NOTHING, NULL);
    wake_up(now + 30 * MS);
    assert_int_equal(fired_count, 5);
}

static void a_cancelled_first_timer_takes_its_interrupt_along(void **state)
{
    (void)state;
    uint64_t now = arch_clock_ns();
    timer_arm(&timers[0], now + MS, 0);
    timer_arm(&timers[1], now + 5 * MS, 0);
    enter(ENTER_NOTHING, NULL);
    timer_cancel(&timers[0]);
    assert_true(cpu_this()->rearm);
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), now + 5 * MS);
    timer_cancel(&timers[1]);
    enter(ENTER_NOTHING, NULL);
    assert_int_equal(host_timer_deadline(), DEADLINE_NEVER);
}

static void a_timer_is_not_armed_twice(void **state)
{
    (void)state;
    timer_arm(&timers[0], arch_clock_ns() + MS, 0);
    assert_true(HOST_PANICS(timer_arm(&timers[0], arch_clock_ns(), 0)));
    spin_break(&cpu_this()->lock);
    timer_cancel(&timers[0]);
}

static void random_timers_fire_once_each_in_order(void **state)
{
    (void)state;
    uint64_t seed = 99, now = arch_clock_ns(), last = now;
    bool expected[MANY] = {false};
    for (unsigned step = 0; step < 4000; step++) {
        unsigned i = (unsigned)(test_random(&seed) % MANY);
        switch (test_random(&seed) % 4) {
        case 0:
        case 1:
            if (!expected[i]) {
                timer_arm(&timers[i], now + test_random(&seed) % (20 * MS), 0);
                expected[i] = true;
            }
            break;
        case 2:
            timer_cancel(&timers[i]);
            expected[i] = false;
            break;
        default:
            now += test_random(&seed) % MS;
            wake_up(now);
            for (unsigned k = 0; k < fired_count; k++) {
                assert_true(expected[fired[k]]);
                assert_true(fired_at[k] <= now && (k == 0 || fired_at[k] >= fired_at[k - 1]));
                expected[fired[k]] = false;
            }
            fired_count = 0;
            last = now;
        }
        for (unsigned k = 0; step % 50 == 0 && k < MANY; k++) {
            assert_int_equal(timers[k].armed, expected[k]);
            assert_true(!expected[k] || timers[k].deadline_ns > last ||
                        timers[k].deadline_ns >= now);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        timer_cancel(&timers[i]);
    }
}

#define TIMER_TEST(name) cmocka_unit_test_setup_teardown(name, timers_begin, obj_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TIMER_TEST(timers_fire_in_the_order_of_their_deadlines),
        TIMER_TEST(equal_deadlines_fire_in_the_order_of_arming),
        TIMER_TEST(a_deadline_is_met_exactly_and_not_before),
        TIMER_TEST(a_deadline_that_is_past_fires_at_once_and_never_never),
        TIMER_TEST(a_cancelled_timer_does_not_fire),
        TIMER_TEST(a_timer_may_arm_itself_and_cancel_others_when_it_fires),
        TIMER_TEST(the_hardware_is_set_to_the_nearest_deadline),
        TIMER_TEST(the_interrupt_of_a_cancelled_timer_finds_nothing_and_sets_the_next),
        TIMER_TEST(timers_whose_slack_overlaps_share_an_interrupt),
        TIMER_TEST(slack_makes_nothing_early_and_nothing_too_late),
        TIMER_TEST(a_cancelled_first_timer_takes_its_interrupt_along),
        TIMER_TEST(a_timer_is_not_armed_twice),
        TIMER_TEST(random_timers_fire_once_each_in_order),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
