// SPDX-License-Identifier: MIT
// Locks of the running kernel.
#include "kernel/lib/spinlock.h"
#include "tests/kernel/selftests.h"

static bool a_taken_lock_is_not_had_twice(void)
{
    struct spinlock lock;
    spin_init(&lock, "selftest", LOCK_JOB);
    spin_lock(&lock);
    SELFTEST_CHECK(spin_held(&lock));
    SELFTEST_CHECK(!spin_trylock(&lock));
    spin_unlock(&lock);
    SELFTEST_CHECK(!spin_held(&lock));
    SELFTEST_CHECK(spin_trylock(&lock));
    spin_unlock(&lock);
    return true;
}

const struct selftest lock_selftests[] = {
    {"lock.a_taken_lock_is_not_had_twice", a_taken_lock_is_not_had_twice},
    {NULL, NULL},
};
