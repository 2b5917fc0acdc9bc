// SPDX-License-Identifier: MIT
// The vDSO's data page. Kernel and vDSO code are built together, so its layout is no ABI.
#ifndef KERNEL_VDSO_DATA_H
#define KERNEL_VDSO_DATA_H

#include "kernel/lib/clock.h"

struct vdso_data {
    struct clock_scale scale; // before the first process
    uint64_t boot_time_ns;    // atomic; 0: not set
};

#endif
