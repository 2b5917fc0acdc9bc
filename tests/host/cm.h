// SPDX-License-Identifier: MIT
// cmocka with what it needs included before it.
#ifndef TESTS_HOST_CM_H
#define TESTS_HOST_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Deterministic numbers for tests (xorshift64*, Marsaglia 2003, Vigna 2016); the seed is any number
// but 0.
static inline uint64_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

#endif
