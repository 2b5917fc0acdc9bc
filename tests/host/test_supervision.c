// SPDX-License-Identifier: MIT
// The rules of supervision against the module alone. A trace of actions is compared as text: "+a"
// start a, "-a" kill a, "?a" ask a, "~a" forget a, "!" give up, "." all stopped. Services are named
// by their letters in order of addition.
// sources: user/servers/root/supervision.c

#include "user/servers/root/supervision.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define SECOND 1000000000ull

static struct supervision sup;
static char letter_of[SUP_NODES_MAX];
static char trace[256];
static uint64_t now;
static char failing; // starts of this service fail

static void trace_add(char kind, uint32_t node)
{
    size_t n = strlen(trace);
    assert_true(n + 3 < sizeof(trace));
    trace[n] = kind;
    trace[n + 1] = kind == '!' || kind == '.' ? '\0' : letter_of[node];
    trace[n + 2] = '\0';
}

// Carries out actions: kills take effect at once, asks are obeyed only by `obey`.
static void run(void)
{
    struct sup_action a;
    unsigned rounds = 0;
    while (sup_next(&sup, now, &a)) {
        assert_true(rounds++ < 200);
        trace_add("+?-~.!"[a.kind], a.node);
        if (a.kind == SUP_ACT_START && letter_of[a.node] == failing) {
            sup_start_failed(&sup, a.node, now);
        } else if (a.kind == SUP_ACT_START) {
            sup_started(&sup, a.node);
        } else if (a.kind == SUP_ACT_KILL) {
            sup_exited(&sup, a.node, false, now);
        }
    }
}

static uint32_t service(char letter, uint32_t group, enum sup_restart_type type)
{
    uint32_t node = sup_service_add(&sup, group, type, 0, false);
    letter_of[node] = letter;
    return node;
}

static void expect(const char *text)
{
    assert_string_equal(trace, text);
    trace[0] = '\0';
}

static void crash(uint32_t node)
{
    sup_exited(&sup, node, false, now);
    run();
}

static int begin(void **state)
{
    (void)state;
    sup_init(&sup);
    memset(letter_of, 0, sizeof(letter_of));
    trace[0] = '\0';
    failing = 0;
    now = 100 * SECOND;
    return 0;
}

static void three(enum sup_strategy strategy, uint32_t intensity, uint32_t node[3])
{
    sup.nodes[SUP_ROOT].strategy = strategy;
    sup.nodes[SUP_ROOT].intensity = intensity;
    for (int i = 0; i < 3; i++) {
        node[i] = service((char)('a' + i), SUP_ROOT, SUP_TYPE_PERMANENT);
    }
    sup_begin(&sup);
    run();
    expect("+a+b+c");
}

static void services_start_in_order_and_stop_in_reverse(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 1, n);
    sup_end(&sup);
    run();
    expect("-c-b-a.");
}

static void one_for_one_restarts_only_the_one_that_died(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 1, n);
    crash(n[1]);
    expect("+b");
}

static void one_for_all_stops_all_in_reverse_and_starts_all_in_order(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ALL, 1, n);
    crash(n[1]);
    expect("-c-a+a+b+c");
}

static void rest_for_one_leaves_what_was_started_before(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_REST_FOR_ONE, 1, n);
    crash(n[1]);
    expect("-c+b+c");
}

static void a_permanent_service_restarts_after_a_normal_exit_too(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 1, n);
    sup_exited(&sup, n[0], true, now);
    run();
    expect("+a");
}

static void a_transient_service_restarts_only_after_a_crash(void **state)
{
    (void)state;
    uint32_t a = service('a', SUP_ROOT, SUP_TYPE_TRANSIENT);
    sup_begin(&sup);
    run();
    expect("+a");
    crash(a);
    expect("+a");
    sup_exited(&sup, a, true, now);
    run();
    expect("");
    assert_int_equal(sup.nodes[a].state, SUP_FINISHED);
}

static void a_temporary_service_is_never_restarted_not_even_with_its_siblings(void **state)
{
    (void)state;
    sup.nodes[SUP_ROOT].strategy = SUP_ONE_FOR_ALL;
    uint32_t a = service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t t = service('t', SUP_ROOT, SUP_TYPE_TEMPORARY);
    sup_begin(&sup);
    run();
    expect("+a+t");
    crash(a);
    expect("-t+a");
    assert_int_equal(sup.nodes[t].state, SUP_FINISHED);
}

static void a_temporary_service_that_crashes_leaves_its_siblings_alone(void **state)
{
    (void)state;
    sup.nodes[SUP_ROOT].strategy = SUP_ONE_FOR_ALL;
    (void)service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t t = service('t', SUP_ROOT, SUP_TYPE_TEMPORARY);
    sup_begin(&sup);
    run();
    expect("+a+t");
    crash(t);
    expect("");
}

static void more_restarts_than_the_intensity_within_the_period_end_everything(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 2, n);
    crash(n[0]);
    crash(n[0]);
    expect("+a+a");
    crash(n[0]);
    expect("-c-b!");
    run();
    expect("");
}

static void restarts_older_than_the_period_no_longer_count(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 1, n);
    crash(n[0]);
    now += 5 * SECOND; // still inside: entries >= now - period are kept
    crash(n[0]);
    expect("+a-c-b!");
    (void)begin(state);
    three(SUP_ONE_FOR_ONE, 1, n);
    crash(n[0]);
    now += 6 * SECOND;
    crash(n[0]);
    expect("+a+a");
}

static void intensity_zero_ends_at_the_first_crash(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 0, n);
    crash(n[2]);
    expect("-b-a!");
}

static void a_failing_first_start_stops_what_was_started_and_gives_up(void **state)
{
    (void)state;
    service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    service('b', SUP_ROOT, SUP_TYPE_PERMANENT);
    service('c', SUP_ROOT, SUP_TYPE_PERMANENT);
    failing = 'b';
    sup_begin(&sup);
    run();
    expect("+a+b-a!");
}

static void a_failing_restart_is_tried_again_and_counts(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_ONE_FOR_ONE, 3, n);
    failing = 'b';
    crash(n[1]);
    expect("+b+b+b-c-a!");
}

static void a_failing_restart_in_one_for_all_starts_again_from_that_one(void **state)
{
    (void)state;
    uint32_t n[3];
    three(SUP_REST_FOR_ONE, 2, n);
    failing = 'b';
    crash(n[0]); // b and c stop; a starts; b fails twice and then it is one too many
    expect("-c-b+a+b+b-a!");
}

static void a_group_that_gives_up_is_restarted_whole_by_its_parent(void **state)
{
    (void)state;
    sup.nodes[SUP_ROOT].intensity = 1;
    service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t g = sup_group_add(&sup, SUP_ROOT, SUP_ONE_FOR_ONE, 1, 5);
    uint32_t b = service('b', g, SUP_TYPE_PERMANENT);
    service('c', g, SUP_TYPE_PERMANENT);
    service('d', SUP_ROOT, SUP_TYPE_PERMANENT);
    sup_begin(&sup);
    run();
    expect("+a+b+c+d");
    crash(b);
    expect("+b");
    crash(b);
    expect("-c+b+c");
    crash(b); // the window is empty again
    expect("+b");
    crash(b); // the root group's second restart within its period
    expect("-c-d-a!");
}

static void a_group_whose_first_start_fails_fails_its_parent(void **state)
{
    (void)state;
    service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t g = sup_group_add(&sup, SUP_ROOT, SUP_ONE_FOR_ONE, 5, 5);
    service('b', g, SUP_TYPE_PERMANENT);
    service('c', g, SUP_TYPE_PERMANENT);
    failing = 'c';
    sup_begin(&sup);
    run();
    expect("+a+b+c-b-a!");
}

static void rest_for_one_over_groups_restarts_the_later_group(void **state)
{
    (void)state;
    sup.nodes[SUP_ROOT].strategy = SUP_REST_FOR_ONE;
    uint32_t a = service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t g = sup_group_add(&sup, SUP_ROOT, SUP_ONE_FOR_ONE, 1, 5);
    service('b', g, SUP_TYPE_PERMANENT);
    service('t', g, SUP_TYPE_TEMPORARY);
    sup_begin(&sup);
    run();
    expect("+a+b+t");
    crash(a);
    expect("-t-b+a+b+t");
}

static void a_dynamic_service_is_restarted_like_others_and_forgotten_with_its_group(void **state)
{
    (void)state;
    uint32_t g = sup_group_add(&sup, SUP_ROOT, SUP_ONE_FOR_ONE, 1, 5);
    uint32_t m = service('m', g, SUP_TYPE_PERMANENT);
    service('z', SUP_ROOT, SUP_TYPE_PERMANENT);
    sup_begin(&sup);
    run();
    expect("+m+z");
    uint32_t d = sup_service_add(&sup, g, SUP_TYPE_PERMANENT, 0, true);
    letter_of[d] = 'd';
    sup_started(&sup, d);
    crash(d);
    expect("+d");
    crash(m);
    expect("-d~d+m");
    assert_int_equal(sup.count, 4);
}

static void a_dispensable_service_that_dies_too_often_is_given_up_alone(void **state)
{
    (void)state;
    uint32_t group = sup_group_add(&sup, SUP_ROOT, SUP_ONE_FOR_ONE, 1, 5);
    uint32_t a = service('a', group, SUP_TYPE_PERMANENT);
    sup_begin(&sup);
    run();
    uint32_t b = sup_service_add(&sup, group, SUP_TYPE_PERMANENT, 0, true);
    letter_of[b] = 'b';
    sup_service_dispense(&sup, b, 2, 5);
    sup_started(&sup, b);
    expect("+a");
    for (unsigned i = 0; i < 2; i++) {
        crash(b);
        expect("+b");
    }
    crash(a); // the group's own window has nothing in it
    expect("+a");
    crash(b);
    expect("~b");
    now += 6 * SECOND;
    crash(a);
    expect("+a");
}

static void a_dispensable_service_whose_crashes_lie_apart_goes_on(void **state)
{
    (void)state;
    uint32_t b = service('b', SUP_ROOT, SUP_TYPE_PERMANENT);
    sup_service_dispense(&sup, b, 1, 5);
    sup_begin(&sup);
    run();
    expect("+b");
    for (unsigned i = 0; i < 20; i++) {
        crash(b);
        expect("+b");
        now += 6 * SECOND;
    }
}

static void a_dynamic_service_stands_behind_its_group_in_the_order(void **state)
{
    (void)state;
    uint32_t g = sup_group_add(&sup, SUP_ROOT, SUP_ONE_FOR_ONE, 1, 5);
    service('m', g, SUP_TYPE_PERMANENT);
    service('z', SUP_ROOT, SUP_TYPE_PERMANENT);
    sup_begin(&sup);
    run();
    uint32_t d = sup_service_add(&sup, g, SUP_TYPE_PERMANENT, 0, true);
    letter_of[d] = 'd';
    sup_started(&sup, d);
    expect("+m+z");
    sup_end(&sup);
    run();
    expect("-z-d-m.");
    assert_int_equal(sup_depth(&sup, d), 2);
}

static void a_service_with_a_shutdown_time_is_asked_first_and_killed_late(void **state)
{
    (void)state;
    uint32_t a = service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t b = sup_service_add(&sup, SUP_ROOT, SUP_TYPE_PERMANENT, 500, false);
    letter_of[b] = 'b';
    sup_begin(&sup);
    run();
    expect("+a+b");
    sup_end(&sup);
    run();
    expect("?b");
    assert_int_equal(sup_deadline(&sup), now + SECOND / 2);
    now += SECOND / 2;
    run();
    expect("-b-a.");
    (void)a;
}

static void a_service_that_obeys_is_not_killed(void **state)
{
    (void)state;
    uint32_t b = sup_service_add(&sup, SUP_ROOT, SUP_TYPE_PERMANENT, 500, false);
    letter_of[b] = 'b';
    sup_begin(&sup);
    run();
    sup_end(&sup);
    run();
    sup_exited(&sup, b, true, now);
    run();
    expect("+b?b.");
    assert_true(sup_deadline(&sup) == UINT64_MAX);
}

static void crashes_while_everything_ends_restart_nothing(void **state)
{
    (void)state;
    uint32_t a = service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t b = sup_service_add(&sup, SUP_ROOT, SUP_TYPE_PERMANENT, 500, false);
    letter_of[b] = 'b';
    sup_begin(&sup);
    run();
    sup_end(&sup);
    run();
    crash(a);
    crash(b);
    expect("+a+b?b.");
}

static void a_significant_service_that_ends_for_good_ends_everything(void **state)
{
    (void)state;
    service('a', SUP_ROOT, SUP_TYPE_PERMANENT);
    uint32_t t = service('t', SUP_ROOT, SUP_TYPE_TRANSIENT);
    sup.nodes[t].significant = true;
    sup_begin(&sup);
    run();
    crash(t);
    expect("+a+t+t"); // started again: not for good
    sup_exited(&sup, t, true, now);
    run();
    expect("-a.");
}

static void a_full_table_refuses_more(void **state)
{
    (void)state;
    for (unsigned i = 1; i < SUP_NODES_MAX; i++) {
        assert_int_not_equal(sup_service_add(&sup, SUP_ROOT, SUP_TYPE_PERMANENT, 0, false),
                             SUP_NONE);
    }
    assert_int_equal(sup_service_add(&sup, SUP_ROOT, SUP_TYPE_PERMANENT, 0, false), SUP_NONE);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(services_start_in_order_and_stop_in_reverse),
        TEST(one_for_one_restarts_only_the_one_that_died),
        TEST(one_for_all_stops_all_in_reverse_and_starts_all_in_order),
        TEST(rest_for_one_leaves_what_was_started_before),
        TEST(a_permanent_service_restarts_after_a_normal_exit_too),
        TEST(a_transient_service_restarts_only_after_a_crash),
        TEST(a_temporary_service_is_never_restarted_not_even_with_its_siblings),
        TEST(a_temporary_service_that_crashes_leaves_its_siblings_alone),
        TEST(more_restarts_than_the_intensity_within_the_period_end_everything),
        TEST(restarts_older_than_the_period_no_longer_count),
        TEST(intensity_zero_ends_at_the_first_crash),
        TEST(a_failing_first_start_stops_what_was_started_and_gives_up),
        TEST(a_failing_restart_is_tried_again_and_counts),
        TEST(a_failing_restart_in_one_for_all_starts_again_from_that_one),
        TEST(a_group_that_gives_up_is_restarted_whole_by_its_parent),
        TEST(a_group_whose_first_start_fails_fails_its_parent),
        TEST(rest_for_one_over_groups_restarts_the_later_group),
        TEST(a_dynamic_service_is_restarted_like_others_and_forgotten_with_its_group),
        TEST(a_dispensable_service_that_dies_too_often_is_given_up_alone),
        TEST(a_dispensable_service_whose_crashes_lie_apart_goes_on),
        TEST(a_dynamic_service_stands_behind_its_group_in_the_order),
        TEST(a_service_with_a_shutdown_time_is_asked_first_and_killed_late),
        TEST(a_service_that_obeys_is_not_killed),
        TEST(crashes_while_everything_ends_restart_nothing),
        TEST(a_significant_service_that_ends_for_good_ends_everything),
        TEST(a_full_table_refuses_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
