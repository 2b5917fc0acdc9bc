// SPDX-License-Identifier: MIT
// Physical pages: a buddy allocator with one struct page per page of RAM, and a cache of single
// pages for each CPU. Anybody may call it with locks of ranks below LOCK_PAGE_CACHE held;
// allocating takes LOCK_SLAB and LOCK_MAGAZINE when memory has run out (page_reclaim).
#ifndef KERNEL_MM_PAGE_H
#define KERNEL_MM_PAGE_H

#include "kernel/lib/list.h"

#define PAGE_ORDER_MAX     12u // largest block: 16 MiB
#define PAGE_RUN_ALIGN_MAX (1ull << 40)

// Free memory that is needed beside kernel image and boot archive to get to the shell and run a
// program: see docs/book/06-physical-memory.md.
#define MEMORY_NEEDED (4ull << 20)

enum page_owner { // who holds a page, for leak checks and statistics
    PAGE_FREE = 0,
    PAGE_KERNEL, // boot memory, metadata, kernel image
    PAGE_SLAB,   // object caches
    PAGE_HANDLE, // handle tables
    PAGE_TABLE,  // page tables
    PAGE_USER,   // VMO pages
    PAGE_THREAD, // vector registers
    PAGE_OWNERS,
};

enum page_zone {
    PAGE_ZONE_DMA32,  // below 4 GiB
    PAGE_ZONE_NORMAL, // the rest
    PAGE_ZONES,
};

struct page {
    struct list link; // free list, or its user's
    uint32_t shares;  // slots of page trees that point at it (page_tree.h); atomic
    uint8_t owner;    // enum page_owner: of a free page, the last
    uint8_t order;    // of the free or allocated block, in its first page
    uint16_t flags;   // page.c
};
static_assert(sizeof(struct page) * 1000 <= PAGE_SIZE * 16, "metadata at most 1.6 % of RAM");

struct boot_info;

// Before page_init: pages from the boot region, never freed, zeroed. Panics when RAM is too small.
paddr_t boot_alloc_page(void);
// Chooses the boot region (free RAM within the boot tables' reach), for boot_alloc_page. Then
// arch_mmu_init may run. Panics, saying how much there is, when that is less than MEMORY_NEEDED.
void boot_alloc_init(const struct boot_info *boot);
// Hands all free RAM to the allocator. After arch_mmu_init. Metadata is written when a piece of RAM
// is first needed, so this takes the same time on every machine.
void page_init(const struct boot_info *boot);

// 2^order contiguous, naturally aligned pages, contents undefined; NULL when there are none.
struct page *page_alloc(unsigned order, enum page_owner owner);
struct page *page_alloc_zeroed(enum page_owner owner); // one page
void page_free(struct page *p, unsigned order);        // panics on a double free

// A run of any number of pages, contiguous, contents undefined, its start a multiple of `align`
// bytes (a power of two; PAGE_SIZE or less: any page), from zone `highest` or one below it.
// ERR_NO_MEMORY; STATUS_RESTART: call again, this much work was enough at once.
status_t page_run_alloc(uint64_t pages, uint64_t align, enum page_zone highest,
                        enum page_owner owner, struct page **out) MUST_CHECK;
// Frees the first part of what is left of a run, [pa, pa + pages): returns how many pages. In
// constant time.
uint64_t page_run_free(paddr_t pa, uint64_t pages);

paddr_t page_to_phys(const struct page *p);
struct page *page_from_phys(paddr_t pa); // NULL if never handed to the allocator
void *page_to_virt(const struct page *p);
bool page_is_ram(paddr_t start, paddr_t end); // any byte of the range is RAM known to the kernel

// Called without locks of its own when memory has run out, to free what caches hold. Set once.
extern void (*page_reclaim)(void);

struct page_stats {
    uint64_t total_pages, free_pages, by_owner[PAGE_OWNERS];
};
// Exact when nobody allocates or frees meanwhile: pages in CPUs' caches are free.
void page_stats(struct page_stats *s);
void page_zone_stats(enum page_zone zone, struct zone_stats *s);
void page_cache_stats(unsigned cpu, struct page_cache_stats *s); // below BOOT_CPUS_MAX
const char *page_owner_name(enum page_owner owner);

#endif
