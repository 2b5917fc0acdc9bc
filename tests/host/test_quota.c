// SPDX-License-Identifier: MIT
// sources: kernel/lib/quota.c kernel/lib/spinlock.c arch/host/cpu.c arch/host/debug.c
#include "cm.h"

#include "kernel/lib/quota.h"
#include <host.h>
#include <pthread.h>

static struct quota root, middle, leaf;

static int setup(void **state)
{
    (void)state;
    quota_init(&root, NULL);
    quota_init(&middle, &root);
    quota_init(&leaf, &middle);
    return 0;
}

static void a_charge_reaches_every_ancestor(void **state)
{
    (void)state;
    assert_int_equal(quota_charge(&leaf, LIMIT_PAGES, 5), OK);
    assert_int_equal(quota_charge(&middle, LIMIT_PAGES, 2), OK);
    assert_int_equal(leaf.used[LIMIT_PAGES], 5);
    assert_int_equal(middle.used[LIMIT_PAGES], 7);
    assert_int_equal(root.used[LIMIT_PAGES], 7);
    assert_int_equal(root.used[LIMIT_HANDLES], 0);
    quota_release(&leaf, LIMIT_PAGES, 5);
    assert_int_equal(leaf.used[LIMIT_PAGES], 0);
    assert_int_equal(root.used[LIMIT_PAGES], 2);
}

static void a_limit_is_reached_exactly_and_not_passed(void **state)
{
    (void)state;
    quota_set_limit(&leaf, LIMIT_THREADS, 3);
    assert_int_equal(quota_charge(&leaf, LIMIT_THREADS, 3), OK);
    assert_int_equal(quota_charge(&leaf, LIMIT_THREADS, 1), ERR_QUOTA);
    assert_int_equal(quota_charge(&leaf, LIMIT_THREADS, 0), OK);
    assert_int_equal(quota_charge(&middle, LIMIT_THREADS, 1), OK);
}

static void a_refused_charge_changes_nothing(void **state)
{
    (void)state;
    quota_set_limit(&root, LIMIT_OBJECTS, 10);
    assert_int_equal(quota_charge(&leaf, LIMIT_OBJECTS, 11), ERR_QUOTA);
    assert_int_equal(leaf.used[LIMIT_OBJECTS], 0);
    assert_int_equal(middle.used[LIMIT_OBJECTS], 0);
    assert_int_equal(root.used[LIMIT_OBJECTS], 0);
}

static void a_huge_charge_does_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(quota_charge(&leaf, LIMIT_PAGES, 1), OK);
    assert_int_equal(quota_charge(&leaf, LIMIT_PAGES, UINT64_MAX), ERR_QUOTA);
    assert_int_equal(leaf.used[LIMIT_PAGES], 1);
}

static void a_limit_below_use_stops_growth_only(void **state)
{
    (void)state;
    assert_int_equal(quota_charge(&leaf, LIMIT_HANDLES, 8), OK);
    quota_set_limit(&middle, LIMIT_HANDLES, 4);
    assert_int_equal(quota_charge(&leaf, LIMIT_HANDLES, 1), ERR_QUOTA);
    quota_release(&leaf, LIMIT_HANDLES, 5);
    assert_int_equal(quota_charge(&leaf, LIMIT_HANDLES, 1), OK);
}

static void releasing_more_than_is_used_panics(void **state)
{
    (void)state;
    assert_int_equal(quota_charge(&leaf, LIMIT_PAGES, 1), OK);
    assert_true(HOST_PANICS(quota_release(&leaf, LIMIT_PAGES, 2)));
    assert_non_null(strstr(host_panic_message, "releases 2 units"));
}

static void *charge_and_release(void *cpu)
{
    host_cpu_set((uint32_t)(uintptr_t)cpu);
    for (unsigned i = 0; i < 5000; i++) {
        if (quota_charge(&leaf, LIMIT_PAGES, 3) == OK) {
            quota_release(&leaf, LIMIT_PAGES, 3);
        }
    }
    return NULL;
}

static void concurrent_charges_balance(void **state)
{
    (void)state;
    quota_set_limit(&root, LIMIT_PAGES, 7); // two of the four fit at a time
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, charge_and_release, (void *)(i + 1));
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(root.used[LIMIT_PAGES], 0);
    assert_int_equal(leaf.used[LIMIT_PAGES], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_charge_reaches_every_ancestor, setup),
        cmocka_unit_test_setup(a_limit_is_reached_exactly_and_not_passed, setup),
        cmocka_unit_test_setup(a_refused_charge_changes_nothing, setup),
        cmocka_unit_test_setup(a_huge_charge_does_not_overflow, setup),
        cmocka_unit_test_setup(a_limit_below_use_stops_growth_only, setup),
        cmocka_unit_test_setup(concurrent_charges_balance, setup),
        cmocka_unit_test_setup(releasing_more_than_is_used_panics, setup), // keeps the lock: last
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
