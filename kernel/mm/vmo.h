// SPDX-License-Identifier: MIT
// Virtual memory objects: pages that can be mapped, read and written. Anonymous (zero-filled on
// first touch), physical (device registers), contiguous (DMA). Copy-on-write clones share pages,
// counted in struct page; the first write to a shared page copies it.
#ifndef KERNEL_MM_VMO_H
#define KERNEL_MM_VMO_H

#include "kernel/lib/list.h"
#include "kernel/lib/object.h"
#include "kernel/lib/quota.h"
#include "kernel/lib/spinlock.h"

#define VMO_SIZE_MAX (1ull << 46)

// Opaque outside mm except for the head: `struct vmo { struct object object; ... }`.
struct vmo;

void vmo_init_caches(void);
// Each gives one reference. Pages are charged to quota q as they are allocated, the object itself
// (LIMIT_OBJECTS) at once. `owner` (the job object that embeds q) is referenced until the VMO is
// gone. ERR_NO_MEMORY, ERR_QUOTA, ERR_OUT_OF_RANGE (size 0 or > VMO_SIZE_MAX).
status_t vmo_create(uint64_t size, struct quota *q, struct object *owner,
                    struct vmo **out) MUST_CHECK;
status_t vmo_create_physical(paddr_t base, uint64_t size, unsigned cache, struct quota *q,
                             struct object *owner, struct vmo **out) MUST_CHECK;
status_t vmo_create_contiguous(uint64_t size, struct quota *q, struct object *owner,
                               struct vmo **out, paddr_t *pa) MUST_CHECK;
// Wraps RAM that the boot reserved (archive, device tree) as a contiguous VMO; never freed. [pa,
// pa+size) page-aligned outward.
status_t vmo_create_boot(paddr_t pa, uint64_t size, struct quota *q, struct object *owner,
                         struct vmo **out) MUST_CHECK;
status_t vmo_clone(struct vmo *v, uint64_t offset, uint64_t size, struct quota *q,
                   struct object *owner, struct vmo **out) MUST_CHECK;
status_t vmo_resize(struct vmo *v, uint64_t size) MUST_CHECK; // may return STATUS_RESTART, as may
                                                              // commit and decommit:
status_t vmo_commit(struct vmo *v, uint64_t offset,
                    uint64_t len) MUST_CHECK; // each call does a slice and is idempotent
status_t vmo_decommit(struct vmo *v, uint64_t offset, uint64_t len) MUST_CHECK;
// Kernel buffer <-> VMO. ERR_OUT_OF_RANGE, ERR_NOT_SUPPORTED (physical), ERR_NO_MEMORY, ERR_QUOTA.
// Not across a lock.
status_t vmo_read(struct vmo *v, uint64_t offset, void *buf, size_t len) MUST_CHECK;
status_t vmo_write(struct vmo *v, uint64_t offset, const void *buf, size_t len) MUST_CHECK;
void vmo_info(struct vmo *v, struct vmo_info *out);
uint64_t vmo_size(struct vmo *v);
struct object *vmo_object(struct vmo *v);
struct vmo *vmo_from_object(struct object *o);
// The page at an offset, allocated (zeroed or copied) if need be for the access; *writable tells
// whether it may be mapped writable now (false for a shared copy-on-write page read). Used by
// faults and by kernel copies.
status_t vmo_get_page(struct vmo *v, uint64_t offset, bool write, paddr_t *pa,
                      bool *writable) MUST_CHECK;

#endif
