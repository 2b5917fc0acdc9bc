// SPDX-License-Identifier: MIT
// The insides of address spaces, shared by vmar.c, mapping.c, aspace.c and vmo_sweep.c.
//
// An address space is a tree of regions: VMARs inside, mappings at the leaves; each VMAR keeps its
// children in a red-black tree by address. The root VMAR holds the one lock of the address space
// (rank LOCK_ASPACE), which guards all regions and the page tables; every VMAR holds a reference to
// the root, so the lock outlives the struct aspace, and `root->as` says whether there still is one.
//
// The list of a VMO's mappings is guarded by the VMO's lock. What both sides need of a mapping
// (base, end, offset, its place on the list) changes only under both locks, so either is enough to
// read it.
#ifndef KERNEL_MM_REGION_H
#define KERNEL_MM_REGION_H

#include "kernel/lib/list.h"
#include "kernel/lib/object.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/spinlock.h"
#include "kernel/mm/aspace.h"

#define VMAR_DEPTH_MAX 16u // the root has depth 0
#define SLICE_PAGES    64u // work units of one slice: page-table entries, pages or regions looked at

struct region {
    struct rb_node node; // in parent->children
    vaddr_t base, end;
    struct vmar *parent;
    bool is_mapping;
    bool dying; // being taken down in slices: nothing new may happen in it
};

struct vmar {
    struct object object;
    struct region region;
    struct rb_tree children;
    struct vmar *root; // referenced, except by itself
    uint8_t perms;     // VM_READ|WRITE|EXECUTE that anything inside may have
    uint8_t depth;
    vaddr_t hint; // where chosen placements gather
    struct quota *quota;
    struct object *owner; // embeds the quota; referenced

    // Root only
    struct spinlock lock;
    struct aspace *as; // NULL once torn down
};

struct mapping {
    struct region region;
    struct vmar *root; // never changes
    struct vmo *vmo;   // referenced
    uint64_t offset;   // in the VMO, of region.base
    uint8_t prot;      // VM_*
    uint8_t max_prot;
    bool stale;         // page-table entries from stale_next on may allow more than prot
    vaddr_t stale_next; // also how far a dying mapping is unmapped
    struct list vmo_link;
    // vmo_sweep.c: the sweep that was last here, and how far the one numbered cursor_epoch has come
    uint64_t swept_epoch, cursor_epoch;
    vaddr_t sweep_next;
};

static inline struct vmar *region_vmar(struct region *r)
{
    return container_of(r, struct vmar, region);
}
static inline struct mapping *region_mapping(struct region *r)
{
    return container_of(r, struct mapping, region);
}

void vmar_init_caches(void);
void mapping_init_caches(void);

// All of these: the address space's lock is held, unless said otherwise.

// The region with the lowest address whose end is above addr; NULL if none.
struct region *region_find(const struct vmar *r, vaddr_t addr);
// The mapping at addr, in r or below; NULL if none or being unmapped.
struct mapping *mapping_find(struct vmar *r, vaddr_t addr);
void region_insert(struct vmar *parent, struct region *r);

// Maps [base, base + len) of VMO v from offset on, whose size it checks. No PTEs yet.
// ERR_OUT_OF_RANGE, ERR_NO_MEMORY, ERR_QUOTA.
status_t mapping_create(struct vmar *parent, struct vmo *v, uint64_t offset, vaddr_t base,
                        uint64_t len, unsigned prot, unsigned max_prot) MUST_CHECK;
// Cuts the mapping in two at addr; m keeps the lower part. ERR_NO_MEMORY, ERR_QUOTA.
status_t mapping_split(struct mapping *m, vaddr_t addr) MUST_CHECK;
// Unmaps and frees, in slices; true when it is gone. Each page-table entry takes one from *budget.
bool mapping_remove(struct mapping *m, unsigned *budget);
// Takes entries with the old protection out of the page tables; true when none is left.
bool mapping_refresh(struct mapping *m, unsigned *budget);
// Clears page-table entries in [*cursor, end), moving the cursor; true when it reached the end.
bool aspace_clear(struct aspace *as, vaddr_t *cursor, vaddr_t end, unsigned *budget);

// A root VMAR over all of user space. No lock.
status_t vmar_create_root(struct aspace *as, struct quota *q, struct object *owner,
                          struct vmar **out) MUST_CHECK;
// Ends everything in the region, in slices; true when it is empty.
bool vmar_clear(struct vmar *top, unsigned *budget);

#endif
