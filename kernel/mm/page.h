// SPDX-License-Identifier: MIT
// Physical pages: a buddy allocator with one struct page per page of RAM.
#ifndef KERNEL_MM_PAGE_H
#define KERNEL_MM_PAGE_H

#include "kernel/lib/list.h"

#define PAGE_ORDER_MAX 12u // largest block: 16 MiB

enum page_owner { // who holds a page, for leak checks and statistics
    PAGE_FREE = 0,
    PAGE_KERNEL, // boot memory, metadata, kernel image
    PAGE_SLAB,
    PAGE_TABLE,  // page tables
    PAGE_USER,   // VMO pages
    PAGE_MSGBUF, // message buffers
    PAGE_OTHER,
    PAGE_OWNERS,
};

struct page {
    struct list link; // free list, or its user's
    uint32_t shares;  // VMO copy-on-write: how many VMOs hold the page
    uint8_t owner;    // enum page_owner
    uint8_t order;    // of the free or allocated block, in its first page
    uint16_t flags;
    void *slab; // slab allocator's own
};
static_assert(sizeof(struct page) <= 64, "metadata at most 1.6 % of RAM");

struct boot_info;

// Before page_init: pages from the boot region, never freed, zeroed. Panics when RAM is too small.
paddr_t boot_alloc_page(void);
// Chooses the boot region (free RAM within the boot tables' reach), for boot_alloc_page. Then
// arch_mmu_init may run.
void boot_alloc_init(const struct boot_info *boot);
// Builds the metadata and hands all free RAM to the allocator. After arch_mmu_init.
void page_init(const struct boot_info *boot);

// 2^order contiguous, naturally aligned pages, contents undefined; NULL when there are none.
struct page *page_alloc(unsigned order, enum page_owner owner);
struct page *page_alloc_zeroed(enum page_owner owner); // one page
void page_free(struct page *p, unsigned order);        // panics on a double free
// Turns an allocated block into 2^order allocated single pages, to be freed one by one.
void page_split(struct page *p, unsigned order);
paddr_t page_to_phys(const struct page *p);
struct page *page_from_phys(paddr_t pa); // NULL if not RAM
void *page_to_virt(const struct page *p);
bool page_is_ram(paddr_t start, paddr_t end); // any byte of the range is RAM known to the kernel

struct page_stats {
    uint64_t total_pages, free_pages, by_owner[PAGE_OWNERS];
};
void page_stats(struct page_stats *s);

#endif
