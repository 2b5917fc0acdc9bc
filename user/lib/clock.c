// SPDX-License-Identifier: MIT
// See bullfinch/clock.h.

#include "user/lib/clock.h"
#include "abi/vdso.h"
#include <bullfinch/clock.h>
#include <stddef.h>

static vdso_function *monotonic_ns;
static vdso_function *boot_time_ns;

bool clock_attach(uint64_t vdso)
{
    const struct vdso_header *header = (const struct vdso_header *)(uintptr_t)vdso;
    if (header == NULL || header->magic != VDSO_MAGIC) {
        return false;
    }
    monotonic_ns = (vdso_function *)(uintptr_t)(vdso + header->monotonic_ns);
    boot_time_ns = (vdso_function *)(uintptr_t)(vdso + header->boot_time_ns);
    return true;
}

uint64_t clock_monotonic_ns(void) { return monotonic_ns(); }
uint64_t clock_boot_time_ns(void) { return boot_time_ns(); }
uint64_t clock_realtime_ns(void) { return boot_time_ns() + monotonic_ns(); }
