// SPDX-License-Identifier: MIT
// The list of the kernel's own tests: one array for each file of this folder.
#include "tests/kernel/selftests.h"

const struct selftest *const selftest_suites[] = {lock_selftests, memory_selftests, mmu_selftests,
                                                  NULL};
