// SPDX-License-Identifier: MIT
// Registers that the compiler must not touch meanwhile, for the tests: arch/*/registers.S. Buffers
// of floating-point state are FP_WORDS long: v0-v31 or f0-f31, and from FP_CONTROL on fpsr and
// fpcr, or fcsr.
#ifndef USERTESTS_REGISTERS_H
#define USERTESTS_REGISTERS_H

#include <stdint.h>

#define FP_WORDS   66u
#define FP_CONTROL 64u
#if defined(__aarch64__)
#define FP_REGISTER_WORDS 64u
#define FP_STATUS_MASK    0x0800001full // fpsr: QC and the exception flags
#define FP_MODE_MASK      0x01c00000ull // fpcr: FZ and the rounding mode
#else
#define FP_REGISTER_WORDS 32u
#define FP_STATUS_MASK    0x7full // fcsr: rounding mode 0-3 below, and the exception flags
#define FP_MODE_MASK      0ull
#endif

// Loads all of it, goes round a loop so many times, stores all of it.
void fp_hold(const uint64_t in[FP_WORDS], uint64_t out[FP_WORDS], uint64_t rounds);
void fp_read(uint64_t out[FP_WORDS]); // as it is

// The same for vectors of at most VECTOR_BYTES_MAX, where there are any: v0-v31 in a row, then
// behind 32 * VECTOR_BYTES_MAX bytes vl, vtype, vcsr. A length in bytes of a register.
#define VECTOR_BYTES_MAX 128u
#define VECTOR_WORDS     (32u * VECTOR_BYTES_MAX / 8 + 3)
uint64_t vector_bytes(void); // an illegal instruction where there are none; SVE on ARM64
void vector_hold(const uint64_t in[VECTOR_WORDS], uint64_t out[VECTOR_WORDS], uint64_t rounds);
void vector_read(uint64_t out[VECTOR_WORDS]);

// Load-exclusive, yield, store-exclusive of the same value: 0 if the store was done.
uint64_t exclusive_across_yield(uint64_t *word);
uint64_t exclusive_alone(uint64_t *word); // with nothing in between

#endif
