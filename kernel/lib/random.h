// SPDX-License-Identifier: MIT
// The kernel's random generator: ChaCha20 (RFC 8439) in fast-key-erasure form, seeded from the
// device tree's rng-seed and the counter. For random_get and randomised placement.
#ifndef KERNEL_LIB_RANDOM_H
#define KERNEL_LIB_RANDOM_H

#include "kernel/lib/types.h"

// Mixes the seed into the state. May be called again: nothing that was mixed in before is lost. Any
// length, also none.
void random_seed(const void *seed, size_t bytes, uint64_t counter);
void random_bytes(void *buf, size_t bytes); // bytes <= RANDOM_MAX
uint64_t random_u64(void);

// One block of the ChaCha20 key stream (RFC 8439 section 2.3); words in native order.
void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                    uint8_t out[64]);

#endif
