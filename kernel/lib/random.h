// SPDX-License-Identifier: MIT
// The kernel's random generator: ChaCha20 (RFC 8439) in fast-key-erasure form, seeded from the device tree's rng-seed and the
// counter. For random_get and randomised placement.
#ifndef KERNEL_LIB_RANDOM_H
#define KERNEL_LIB_RANDOM_H

#include "kernel/lib/types.h"

void random_seed(const void *seed, size_t bytes, uint64_t counter);
void random_bytes(void *buf, size_t bytes); // bytes <= RANDOM_MAX
uint64_t random_u64(void);

#endif
