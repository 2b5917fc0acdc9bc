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
// Device registers, never RAM (ERR_ACCESS_DENIED); page-aligned (ERR_INVALID_ARGS). cache: CACHE_*.
status_t vmo_create_physical(paddr_t base, uint64_t size, unsigned cache, struct quota *q,
                             struct object *owner, struct vmo **out) MUST_CHECK;
// Frames in a row for DMA, charged at once; align: of the physical address, a power of two
// (ERR_INVALID_ARGS) or 0. STATUS_RESTART: call again. The frames hold what they held: nobody may
// see them before vmo_contiguous_zero, called again and again, has returned OK and their address.
status_t vmo_create_contiguous(uint64_t size, uint64_t align, bool below_4g, struct quota *q,
                               struct object *owner, struct vmo **out) MUST_CHECK;
status_t vmo_contiguous_zero(struct vmo *v, paddr_t *pa) MUST_CHECK;
// Whether it is what these arguments ask for.
bool vmo_contiguous_is(const struct vmo *v, uint64_t size, uint64_t align, bool below_4g);
// Wraps RAM that the boot reserved (archive, device tree) as a contiguous VMO; never freed. [pa,
// pa+size) page-aligned outward.
status_t vmo_create_boot(paddr_t pa, uint64_t size, struct quota *q, struct object *owner,
                         struct vmo **out) MUST_CHECK;
// --- in slices ---
//
// Each of these does a bounded piece of work and returns STATUS_RESTART if there is more; called
// again with the same arguments, by the same thread, it goes on. No lock may be held by the caller.

// A copy-on-write copy of the page-aligned range of an anonymous VMO, charged to q at once for all
// pages it shares. Writes of other threads during the call may be seen by either side.
// ERR_INVALID_ARGS (offset not aligned), ERR_OUT_OF_RANGE, ERR_NOT_SUPPORTED (not anonymous),
// ERR_NO_MEMORY, ERR_QUOTA.
status_t vmo_clone(struct vmo *v, uint64_t offset, uint64_t size, struct quota *q,
                   struct object *owner, struct vmo **out) MUST_CHECK;
// The size is set by the first slice that does not fail; then pages past a smaller end are dropped.
// ERR_OUT_OF_RANGE, ERR_NOT_SUPPORTED (not anonymous), ERR_NO_MEMORY.
status_t vmo_resize(struct vmo *v, uint64_t size) MUST_CHECK;
// Allocates pages that are not there. (A page shared with a clone is still copied on the first
// write.) ERR_OUT_OF_RANGE, ERR_NO_MEMORY, ERR_QUOTA; what was allocated before stays.
status_t vmo_commit(struct vmo *v, uint64_t offset, uint64_t len) MUST_CHECK;
// ERR_INVALID_ARGS (not aligned), ERR_OUT_OF_RANGE, ERR_NOT_SUPPORTED (not anonymous),
// ERR_NO_MEMORY (at the border of what is shared with a clone; what was dropped before stays so).
status_t vmo_decommit(struct vmo *v, uint64_t offset, uint64_t len) MUST_CHECK;
// The page at an offset, allocated (zeroed or copied) if need be for the access; *writable tells
// whether it may be mapped writable now. It stays the VMO's only as long as nobody resizes,
// decommits or clones. ERR_OUT_OF_RANGE, ERR_NO_MEMORY, ERR_QUOTA.
status_t vmo_get_page(struct vmo *v, uint64_t offset, bool write, paddr_t *pa,
                      bool *writable) MUST_CHECK;
// Of a stretch of the VMO, what lies in its first page.
static inline size_t vmo_part_len(uint64_t offset, size_t len)
{
    size_t room = PAGE_SIZE - (offset & PAGE_MASK);
    return len < room ? len : room;
}
// From a kernel buffer. ERR_OUT_OF_RANGE, ERR_NOT_SUPPORTED (physical), ERR_NO_MEMORY, ERR_QUOTA
// (what was written before stays). A write to a page that a clone shares may take slices.
status_t vmo_write(struct vmo *v, uint64_t offset, const void *buf, size_t len) MUST_CHECK;

// --- at once ---

// Into a kernel buffer; pages that are not there read as zero and stay so. ERR_OUT_OF_RANGE,
// ERR_NOT_SUPPORTED (physical).
status_t vmo_read(struct vmo *v, uint64_t offset, void *buf, size_t len) MUST_CHECK;
void vmo_info(struct vmo *v, struct vmo_info *out);
uint64_t vmo_size(struct vmo *v);
struct object *vmo_object(struct vmo *v);
struct vmo *vmo_from_object(struct object *o);

#endif
