// SPDX-License-Identifier: MIT
// Address spaces and their regions (VMARs). An address space is a tree of regions: inner nodes are
// VMARs, leaves are mappings of VMOs. Pages are mapped lazily by faults.
//
// A VMAR is a kernel object. Its handle does not keep the address space's contents: when the
// process dies the tree is torn down and operations on remaining VMAR handles give ERR_BAD_STATE.
#ifndef KERNEL_MM_ASPACE_H
#define KERNEL_MM_ASPACE_H

#include "kernel/mm/vmo.h"
#include <arch/mmu.h>

struct vmar;

struct aspace {
    struct arch_aspace arch; // first: the port's callbacks find the aspace from it
    struct quota *quota;     // page tables and region objects are charged here
    struct vmar *root;  // holds the lock of the regions and the page tables; NULL once torn down
    struct list tables; // every page-table page of its own, by page->link
    uint64_t mapped_pages, table_pages;
    status_t table_error; // why the last page table was not to be had
};

void aspace_init_caches(void);
// Creates the page table root and the root VMAR (one reference, kept by the aspace). ERR_NO_MEMORY,
// ERR_QUOTA. `owner` (the job object that embeds q) is referenced until the last VMAR is gone, as
// in vmo_create.
status_t aspace_init(struct aspace *as, struct quota *q, struct object *owner) MUST_CHECK;
// One bounded slice of tearing down: unmaps, drops VMO references, frees tables; true when
// finished. The aspace is on no CPU.
bool aspace_teardown(struct aspace *as);
// Its threads are dead, so no CPU will activate it again; whether another CPU that has not yet done
// with its last thread still has it active. Until then it is not torn down.
bool aspace_active_elsewhere(const struct aspace *as);

// Resolves a fault at a user address by mapping the page: OK, ERR_BAD_ADDRESS (nothing mapped there
// or not allowed), ERR_NO_MEMORY, ERR_QUOTA. prot is PROT_READ, PROT_WRITE or PROT_EXEC. Called for
// user faults and from the user-copy fault path (`as` is active).
status_t aspace_fault(struct aspace *as, vaddr_t va, unsigned prot) MUST_CHECK;
// The address space active on this CPU (set by the scheduler), for the port's copy path. NULL if
// none.
struct aspace *aspace_current(void);
void aspace_switch(struct aspace *as); // activates it on this CPU

struct object *vmar_object(struct vmar *r);
struct vmar *vmar_from_object(struct object *o);
// The calls on regions. Addresses, offsets and lengths are whole pages (ERR_INVALID_ARGS), ranges
// lie inside the region (ERR_OUT_OF_RANGE), VM_WRITE comes with VM_READ (ERR_INVALID_ARGS) and
// never with VM_EXECUTE (ERR_ACCESS_DENIED). A region that was destroyed, or whose process died,
// gives ERR_BAD_STATE. No lock may be held by the caller.

// Maps a range of a VMO: at addr with VM_FIXED (ERR_EXISTS if something is there), else addr is 0
// and the kernel chooses (ERR_NO_SPACE). rights_flags: which of VM_READ|WRITE|EXECUTE the VMO and
// VMAR handles allow; with what the region allows it bounds this mapping now and in later protects
// (ERR_ACCESS_DENIED). The mapping holds a reference to the VMO. ERR_NO_MEMORY, ERR_QUOTA.
status_t vmar_map(struct vmar *r, struct vmo *v, uint64_t offset, vaddr_t addr, uint64_t len,
                  unsigned flags, unsigned rights_flags, vaddr_t *base) MUST_CHECK;
// A child region, placed as above; *child is a reference of the caller's, its parent holds another.
// ERR_ACCESS_DENIED (more than the parent allows), ERR_OUT_OF_RANGE also for more than 16 levels.
status_t vmar_allocate(struct vmar *r, vaddr_t addr, uint64_t size, unsigned flags,
                       struct vmar **child, vaddr_t *base) MUST_CHECK;
// These three work in slices: STATUS_RESTART.
// Ends the mappings in the range, cutting them at its edges (ERR_NO_MEMORY, ERR_QUOTA, with nothing
// unmapped), and child regions that lie wholly inside (ERR_INVALID_ARGS if one lies partly inside).
status_t vmar_unmap(struct vmar *r, vaddr_t addr, uint64_t len) MUST_CHECK;
// The range is fully covered by mappings made in this very region (ERR_NOT_FOUND; ERR_INVALID_ARGS
// if a child region is in it). ERR_ACCESS_DENIED, ERR_NO_MEMORY, ERR_QUOTA.
status_t vmar_protect(struct vmar *r, vaddr_t addr, uint64_t len, unsigned flags) MUST_CHECK;
// ERR_NOT_SUPPORTED for the root region.
status_t vmar_destroy(struct vmar *r) MUST_CHECK;

#endif
