// SPDX-License-Identifier: MIT
// The arrays that the files of this folder define.
#ifndef TESTS_KERNEL_SELFTESTS_H
#define TESTS_KERNEL_SELFTESTS_H

#include "kernel/debug/selftest.h"

extern const struct selftest lock_selftests[], memory_selftests[], mmu_selftests[];

#endif
