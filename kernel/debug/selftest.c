// SPDX-License-Identifier: MIT
// Finds the kernel's own tests, where the build has any.
#include "kernel/debug/selftest.h"

const struct selftest *selftest_find(uint64_t index)
{
    const struct selftest *const *suites = selftest_suites;
    for (unsigned i = 0; suites != NULL && suites[i] != NULL; i++) {
        for (const struct selftest *t = suites[i]; t->name != NULL; t++) {
            if (index-- == 0) {
                return t;
            }
        }
    }
    return NULL;
}
