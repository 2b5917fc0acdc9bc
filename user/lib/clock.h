// SPDX-License-Identifier: MIT
// For start.c: where the vDSO is.
#ifndef USER_LIB_CLOCK_H
#define USER_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

// False if there is no vDSO at the address. Before any clock is read.
bool clock_attach(uint64_t vdso);

#endif
