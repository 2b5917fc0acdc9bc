// SPDX-License-Identifier: MIT
// The soak (soak.c), an endless sibling of the test suite.
#ifndef USERTESTS_SOAK_H
#define USERTESTS_SOAK_H

#include "tests/user/usertests/smp.h"

// Rounds of stress for so many seconds, or until something goes wrong; says which on the log.
void soak_run(uint64_t seconds, uint64_t seed);
// A VMO with the seed of the round for the children, HANDLE_NONE in the ordinary suite.
handle_t soak_seed(void);

#endif
