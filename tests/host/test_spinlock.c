// SPDX-License-Identifier: MIT
// The locks themselves between host threads, and the checks of debug builds.
//
// sources: kernel/lib/spinlock.c arch/host/cpu.c arch/host/debug.c
#include "cm.h"

#include "kernel/lib/spinlock.h"
#include <host.h>
#include <pthread.h>

#define ROUNDS  20000
#define THREADS 4

static struct spinlock low = SPINLOCK_INIT("low", LOCK_JOB);
static struct spinlock high = SPINLOCK_INIT("high", LOCK_VMO);
static struct spinlock highest = SPINLOCK_INIT("highest", LOCK_LOG);

static struct {
    struct spinlock lock;
    unsigned long a, b;
} shared = {.lock = SPINLOCK_INIT("shared", LOCK_IPC)};

static void *count_under_the_lock(void *id)
{
    host_cpu_set((uint32_t)(uintptr_t)id);
    for (unsigned i = 0; i < ROUNDS; i++) {
        spin_lock(&shared.lock);
        shared.a++;
        shared.b = shared.a;
        spin_unlock(&shared.lock);
    }
    return NULL;
}

static void no_update_is_lost_between_cpus(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, count_under_the_lock, (void *)(i + 1));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(shared.a, THREADS * ROUNDS);
    assert_int_equal(shared.b, shared.a);
}

static void locks_in_rising_rank_are_allowed_and_released_in_any_order(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        spin_lock(&low);
        spin_lock(&high);
        spin_lock(&highest);
        assert_true(spin_held(&low) && spin_held(&high) && spin_held(&highest));
        spin_unlock(round == 0 ? &low : &highest);
        spin_unlock(&high);
        spin_unlock(round == 0 ? &highest : &low);
        assert_false(spin_held(&low) || spin_held(&high) || spin_held(&highest));
    }
}

static void a_lock_of_lower_or_equal_rank_is_refused(void **state)
{
    (void)state;
    struct spinlock equal = SPINLOCK_INIT("equal", LOCK_VMO);
    spin_lock(&high);
    assert_true(HOST_PANICS(spin_lock(&low)));
    assert_non_null(strstr(host_panic_message, "lock low"));
    assert_non_null(strstr(host_panic_message, "holding high"));
    assert_true(HOST_PANICS(spin_lock(&equal)));
    spin_unlock(&high);
    spin_lock(&low); // nothing is held any more
    spin_unlock(&low);
}

static void taking_a_lock_twice_panics_instead_of_hanging(void **state)
{
    (void)state;
    spin_lock(&low);
    assert_true(HOST_PANICS(spin_lock(&low)));
    spin_unlock(&low);
}

static void releasing_a_lock_that_this_cpu_does_not_hold_panics(void **state)
{
    (void)state;
    assert_true(HOST_PANICS(spin_unlock(&low)));
    spin_lock(&low);
    host_cpu_set(1);
    assert_false(spin_held(&low));
    assert_true(HOST_PANICS(spin_unlock(&low)));
    host_cpu_set(0);
    spin_unlock(&low);
}

static void trying_ignores_rank_but_not_what_follows(void **state)
{
    (void)state;
    struct spinlock between = SPINLOCK_INIT("between", LOCK_ASPACE);
    spin_lock(&high);
    assert_true(spin_trylock(&low));
    assert_false(spin_trylock(&low));
    assert_true(HOST_PANICS(spin_lock(&between))); // above low, but below high
    spin_unlock(&low);
    spin_unlock(&high);
}

static void each_cpu_has_its_own_order(void **state)
{
    (void)state;
    spin_lock(&high);
    host_cpu_set(1);
    spin_lock(&low);
    spin_unlock(&low);
    host_cpu_set(0);
    spin_unlock(&high);
}

static void a_broken_lock_is_free(void **state)
{
    (void)state;
    spin_lock(&highest);
    host_cpu_set(1);
    spin_break(&highest);
    spin_lock(&highest);
    spin_unlock(&highest);
    host_cpu_set(0);
    spin_break(&highest); // CPU 0 still believed to hold it
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_update_is_lost_between_cpus),
        cmocka_unit_test(locks_in_rising_rank_are_allowed_and_released_in_any_order),
        cmocka_unit_test(a_lock_of_lower_or_equal_rank_is_refused),
        cmocka_unit_test(taking_a_lock_twice_panics_instead_of_hanging),
        cmocka_unit_test(releasing_a_lock_that_this_cpu_does_not_hold_panics),
        cmocka_unit_test(trying_ignores_rank_but_not_what_follows),
        cmocka_unit_test(each_cpu_has_its_own_order),
        cmocka_unit_test(a_broken_lock_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
