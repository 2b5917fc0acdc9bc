// SPDX-License-Identifier: MIT
// The kernel's side of the vDSO (abi/vdso.h): its VMO, and what its data page says.
#ifndef KERNEL_VDSO_VDSO_H
#define KERNEL_VDSO_VDSO_H

#include "kernel/mm/vmo.h"

// Makes the VMO, charged to q; the pages stay for good. Once, after arch_timer_init.
status_t vdso_create(struct quota *q, struct object *owner, struct vmo **out) MUST_CHECK;
// Sets the realtime clock, seen by all programs at once.
void vdso_set_boot_time(uint64_t ns);

#endif
