// SPDX-License-Identifier: MIT
// Kernel-chosen places in a region: random, with a guard page on each side.
#ifndef KERNEL_MM_VMAR_PLACE_H
#define KERNEL_MM_VMAR_PLACE_H

#include "kernel/mm/region.h"

// Where the placements of a new region [base, end) will gather.
vaddr_t vmar_choose_hint(vaddr_t base, vaddr_t end);
// A place for len bytes (whole pages) in r that leaves at least one page free on each side, also at
// the borders of r. ERR_NO_SPACE. The address space's lock is held.
status_t vmar_choose(struct vmar *r, uint64_t len, vaddr_t *base) MUST_CHECK;

#endif
