// SPDX-License-Identifier: MIT
// The insides of VMOs, shared by vmo.c, vmo_page.c, vmo_sweep.c, vmo_clone.c and mapping.c.
#ifndef KERNEL_MM_VMO_INTERNAL_H
#define KERNEL_MM_VMO_INTERNAL_H

#include "kernel/mm/page_tree.h"
#include "kernel/mm/region.h"

#define LIMBO_MAX 16u

struct vmo {
    struct object object;
    struct quota *quota;
    struct object *owner; // embeds the quota; referenced

    enum vmo_kind kind; // never changes, as the next three
    bool fixed;         // physical, contiguous and boot VMOs: the frames are [base, base + size)
    bool frames_owned;  // contiguous: they go back to the page allocator
    uint32_t cache;     // CACHE_*
    paddr_t base;

    uint64_t size;        // bytes, whole pages
    bool tail_left;       // pages past the end are still to be dropped
    uint64_t first_index; // where in the tree page 0 is (a clone keeps its source's indexes)
    struct page_tree tree;

    uint64_t zeroed_pages; // contiguous, while being made: the frames from the start that are
    bool sweeping;
    uint64_t sweep_epoch;
    uint64_t sweep_first, sweep_last; // pages of this VMO, [first, last]
    unsigned limbo_count;
    bool limbo_charged; // false: a copy took over the charge of what is there

    const void *maker; // the thread that is making this clone
    uint64_t maker_offset;
    uint64_t born_epoch; // ready when that sweep of the source is done

    // Constructed (slab.h): free lock, empty lists.
    struct spinlock lock;
    struct list mappings; // while a sweep runs: those not yet swept first
    struct list unborn;   // clones that wait for a sweep, by unborn_link; one reference each
    struct list unborn_link;
    page_subtree limbo[LIMBO_MAX]; // taken from the tree, freed when the sweep is done
};

// A VMO with no pages, charged to LIMIT_OBJECTS. ERR_NO_MEMORY, ERR_QUOTA.
status_t vmo_alloc(enum vmo_kind kind, uint64_t size, struct quota *q, struct object *owner,
                   struct vmo **out) MUST_CHECK;

static inline uint64_t vmo_pages(const struct vmo *v) { return v->size >> PAGE_SHIFT; }

// --- vmo_page.c ---

// Allocates a zeroed page where there is none; the VMO's lock is held. ERR_NO_MEMORY, ERR_QUOTA.
status_t vmo_fill_locked(struct vmo *v, uint64_t page, struct page **out) MUST_CHECK;

// The page for an access to page number `page`. `self` is the mapping through which it will be
// mapped, or NULL. The VMO's lock is held. OK: *pa, *writable; the caller maps it over what `self`
// has there before it unlocks the VMO, and then lets vmo_sweep finish if a sweep is running.
// STATUS_RESTART: let vmo_sweep work, then try again. ERR_OUT_OF_RANGE, ERR_NO_MEMORY, ERR_QUOTA.
status_t vmo_page_locked(struct vmo *v, uint64_t page, bool write, struct mapping *self,
                         paddr_t *pa, bool *writable) MUST_CHECK;

// --- vmo_sweep.c ---

// Starts unmapping pages [first, last] everywhere; the VMO's lock is held, no sweep is running.
void vmo_sweep_begin(struct vmo *v, uint64_t first, uint64_t last);
// Right after vmo_sweep_begin: true if no mapping but `self` (may be NULL) has the swept pages, so
// that the caller need only replace what `self` maps. False also if that takes long to find out.
bool vmo_sweep_skip(struct vmo *v, const struct mapping *self) MUST_CHECK;
// Works on the running sweep; true when there is none (any more). No lock is held.
bool vmo_sweep(struct vmo *v, unsigned *budget);
// Takes all pages from `first` to `last` out of the VMO and every page table, in slices.
status_t vmo_drop(struct vmo *v, uint64_t first, uint64_t last, unsigned *budget) MUST_CHECK;
// Finishes dropping what lies past the end. OK or STATUS_RESTART.
status_t vmo_trim(struct vmo *v, unsigned *budget) MUST_CHECK;

#endif
