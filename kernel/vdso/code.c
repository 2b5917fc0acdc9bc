// SPDX-License-Identifier: MIT
// The vDSO's functions: user-mode code, linked by itself (vdso.lds) to run at any page address,
// with the data page behind it.
#include "kernel/vdso/data.h"
#include <arch_counter.h>

extern const struct vdso_data vdso_data __attribute__((visibility("hidden"))); // vdso.lds

uint64_t vdso_monotonic_ns(void);
uint64_t vdso_boot_time_ns(void);

uint64_t vdso_monotonic_ns(void) { return clock_ticks_to_ns(&vdso_data.scale, counter_read()); }

// Realtime is one word and the monotonic clock, so a reader needs no lock against its change.
uint64_t vdso_boot_time_ns(void)
{
    return __atomic_load_n(&vdso_data.boot_time_ns, __ATOMIC_RELAXED);
}
