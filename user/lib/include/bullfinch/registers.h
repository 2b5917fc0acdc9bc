// SPDX-License-Identifier: MIT
// A driver's device registers. Startup handle: "mmio", the VMO of the registers.
#ifndef BULLFINCH_REGISTERS_H
#define BULLFINCH_REGISTERS_H

#include "abi/types.h"

struct registers {
    volatile uint8_t *base;
    uint32_t shift; // register n lies at n << shift
    uint32_t width; // of an access in bytes: 1 or 4
};

// Maps them as args[1] says: "offset=N shift=N width=N": where in the VMO's first page they begin,
// how far apart they are as a power of two, and the width. ERR_INVALID_ARGS, and the errors of
// vmar_map.
status_t registers_map(int argc, char **argv, struct registers *r);

// A register by its number.
uint32_t register_read(const struct registers *r, uint32_t n);
void register_write(const struct registers *r, uint32_t n, uint32_t value);

#endif
