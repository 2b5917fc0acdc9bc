// SPDX-License-Identifier: MIT
// ARM64: reading the counter that all CPUs share; in the kernel and, through the vDSO, in user
// mode.
#ifndef ARCH_COUNTER_H
#define ARCH_COUNTER_H

#include <stdint.h>

// The counter may be read ahead of earlier instructions: ISB holds it back, so that whoever found
// another CPU's time in memory, and branched on that, does not read an earlier one (Arm ARM
// D12.2.2).
static inline uint64_t counter_read(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

#endif
