// SPDX-License-Identifier: MIT
// RISC-V: reading the counter that all harts share; in the kernel and, through the vDSO, in user
// mode.
#ifndef ARCH_COUNTER_H
#define ARCH_COUNTER_H

#include <stdint.h>

// A CSR is read in no order with memory unless a fence, to which it is device input, says so:
// whoever found another hart's time in memory does not read an earlier one (unprivileged
// specification, Zicsr, "CSR Access Ordering").
static inline uint64_t counter_read(void)
{
    uint64_t ticks;
    __asm__ volatile("fence r, i\n\trdtime %0" : "=r"(ticks)::"memory");
    return ticks;
}

#endif
