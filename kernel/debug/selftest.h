// SPDX-License-Identifier: MIT
// Tests that must look inside the running kernel: tests/kernel/*.c, linked into debug builds only.
// system_selftest runs them, from the target test suite.
#ifndef KERNEL_DEBUG_SELFTEST_H
#define KERNEL_DEBUG_SELFTEST_H

#include "kernel/debug/log.h"

struct selftest {
    const char *name;  // group.what_holds
    bool (*run)(void); // no lock is held; false after saying why in the log
};

// tests/kernel/selftests.c: every file's tests, each array ended by one without a name; then NULL.
// Absent from builds without tests.
extern const struct selftest *const selftest_suites[] __attribute__((weak));

const struct selftest *selftest_find(uint64_t index); // NULL past the end

// Has the machine end in the way that the option `crash` names, when it runs
// (tests/kernel/crash.c). Absent from builds without tests.
void crash_start(void) __attribute__((weak));

// Ends a test that fails.
#define SELFTEST_CHECK(cond)                                                      \
    do {                                                                          \
        if (!(cond)) {                                                            \
            klog("selftest: %s:%d: %s does not hold", __FILE__, __LINE__, #cond); \
            return false;                                                         \
        }                                                                         \
    } while (0)

#endif
