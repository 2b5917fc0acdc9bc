// SPDX-License-Identifier: MIT
// The insides of the page allocator, shared by boot_memory.c (RAM before there is an allocator),
// page_zone.c (regions and zones: buddies) and page.c (caches of CPUs, owners, checks).
#ifndef KERNEL_MM_PAGE_INTERNAL_H
#define KERNEL_MM_PAGE_INTERNAL_H

#include "kernel/init/boot_info.h"
#include "kernel/lib/spinlock.h"
#include "kernel/mm/page.h"

#define REGIONS_MAX (BOOT_REGIONS_MAX + PAGE_ZONES - 1) // a piece of RAM may be cut in two

// What `flags` of a page says.
#define FLAG_FREE      1u // first page of a free block, on a free list
#define FLAG_ALLOCATED 2u // first page of an allocated block
#define FLAG_CACHED    4u // free, in a CPU's cache
#define FLAG_STATES    7u
#define FLAG_POISONED  8u // any page of a free block: filled with poison

// A buddy may be another CPU's, which changes its state without page_lock, but neither to nor from
// FLAG_FREE.
static inline unsigned page_state(const struct page *p)
{
    return __atomic_load_n(&p->flags, __ATOMIC_RELAXED) & FLAG_STATES;
}

static inline void page_state_set(struct page *p, unsigned state)
{
    __atomic_store_n(&p->flags, (uint16_t)((p->flags & ~FLAG_STATES) | state), __ATOMIC_RELAXED);
}

// --- boot_memory.c ---

// Marks a range as not free, before page_init is done.
void boot_taken_add(paddr_t start, paddr_t end);
// The first gap of [*cursor, end) that nothing has taken; moves the cursor behind it. False when
// there is none.
bool boot_gap_next(paddr_t *cursor, paddr_t end, struct boot_region *gap);
struct boot_region boot_gap_largest(paddr_t start, paddr_t end);
void boot_alloc_close(void); // what boot_alloc_page has given out is taken, and that was all

// --- page_zone.c: page_lock is held, but where said otherwise ---

extern struct spinlock page_lock;

struct page_counts {
    uint64_t total, free;
};
// Makes regions and zones; no lock.
struct page_counts zones_init(const struct boot_info *boot);
bool zone_exists(enum page_zone zone);        // no lock
enum page_zone zone_of(const struct page *p); // no lock; panics if it is no struct page
// The order of the largest block that may begin at `start` and does not reach beyond `end`. No
// lock.
unsigned order_within(paddr_t start, paddr_t end);
// A block of any zone, without a state; NULL when there is none.
struct page *zones_alloc_locked(unsigned order);
// Which order to ask for next, at most `most`, to use up the smallest blocks there are.
unsigned zones_order_locked(unsigned most);
// Takes back a block that has no state, and joins it with its buddies.
void zone_free_locked(struct page *p, unsigned order);
// The pages of a run, without states. ERR_NO_MEMORY; STATUS_RESTART after a part of the work.
status_t zone_run_alloc_locked(enum page_zone zone, uint64_t pages, uint64_t align,
                               struct page **out) MUST_CHECK;

#endif
