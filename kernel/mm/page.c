// SPDX-License-Identifier: MIT
// Physical pages: the boot allocator (a moving pointer), then the buddy allocator (Knuth, TAOCP
// vol. 1, 2.5).
//
// RAM is a few regions with holes between them; each has an array of struct page of its own, carved
// from free RAM when page_init runs. A block of 2^order pages is naturally aligned; its first page
// carries its order, owner and one of the two flags below, the other pages of a block carry no
// flag. A page that nobody may free (the kernel image, firmware, the metadata itself) has no flag
// either, so freeing it, freeing into the middle of a block and freeing twice are all seen.
//
// One lock, rank LOCK_PAGE. docs/book/06-physical-memory.md tells why a buddy allocator.
#include "kernel/mm/page.h"

#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/lib/spinlock.h"
#include <arch/mmu.h>
#include <string.h>

#define FLAG_FREE      1u // first page of a free block, on a free list
#define FLAG_ALLOCATED 2u // first page of an allocated block

#define BOOT_REACH (1ull << 30) // the boot tables map the aligned GiB that holds the kernel image

// Ranges of RAM that are not free: what the boot reserved, what the boot allocator gave out, one
// metadata array a region.
#define TAKEN_MAX (2 * BOOT_REGIONS_MAX + 1)

struct page_region {
    paddr_t start, end;
    struct page *pages;
};

static struct page_region regions[BOOT_REGIONS_MAX];
static unsigned region_count;
static struct list free_lists[PAGE_ORDER_MAX + 1];
static struct page_stats stats;
static struct spinlock page_lock = SPINLOCK_INIT("page", LOCK_PAGE);

static struct boot_region taken[TAKEN_MAX]; // sorted by start
static unsigned taken_count;
static paddr_t boot_first, boot_next,
    boot_end; // boot allocator: [boot_first, boot_next) is given out

// --- ranges of RAM before there is an allocator
// ------------------------------------------------------------------

static void taken_add(paddr_t start, paddr_t end)
{
    if (start >= end) {
        return;
    }
    ASSERT(taken_count < TAKEN_MAX);
    unsigned i = taken_count++;
    for (; i > 0 && taken[i - 1].start > start; i--) {
        taken[i] = taken[i - 1];
    }
    taken[i] = (struct boot_region){start, end};
}

// The first gap of [*cursor, end) that nothing has taken; moves the cursor behind it. False when
// there is none.
static bool gap_next(paddr_t *cursor, paddr_t end, struct boot_region *gap)
{
    paddr_t start = *cursor;
    paddr_t stop = end;
    for (unsigned i = 0; i < taken_count; i++) {
        if (taken[i].end <= start) {
            continue;
        }
        if (taken[i].start > start) {
            stop = taken[i].start < end ? taken[i].start : end;
            break;
        }
        start = taken[i].end; // inside a taken range, or touching it: go behind it
    }
    if (start >= end) {
        *cursor = end;
        return false;
    }
    *gap = (struct boot_region){start, stop};
    *cursor = stop;
    return true;
}

static struct boot_region gap_largest(paddr_t start, paddr_t end)
{
    struct boot_region best = {0, 0}, gap;
    while (gap_next(&start, end, &gap)) {
        if (gap.end - gap.start > best.end - best.start) {
            best = gap;
        }
    }
    return best;
}

void boot_alloc_init(const struct boot_info *boot)
{
    taken_count = 0;
    for (unsigned i = 0; i < boot->reserved_count; i++) {
        taken_add(align_down(boot->reserved[i].start, PAGE_SIZE),
                  align_up(boot->reserved[i].end, PAGE_SIZE));
    }
    paddr_t reach = align_down(arch_image_to_phys(kernel_image_start), BOOT_REACH);
    struct boot_region best = {0, 0};
    for (unsigned i = 0; i < boot->ram_count; i++) {
        paddr_t start = boot->ram[i].start > reach ? boot->ram[i].start : reach;
        paddr_t end = boot->ram[i].end < reach + BOOT_REACH ? boot->ram[i].end : reach + BOOT_REACH;
        struct boot_region gap = start < end ? gap_largest(start, end) : best;
        if (gap.end - gap.start > best.end - best.start) {
            best = gap;
        }
    }
    boot_first = boot_next = best.start;
    boot_end = best.end;
}

paddr_t boot_alloc_page(void)
{
    if (boot_next >= boot_end) {
        panic("boot: no free RAM near the kernel image for page tables (had 0x%lx to 0x%lx)",
              boot_first, boot_end);
    }
    paddr_t pa = boot_next;
    boot_next += PAGE_SIZE;
    memset(phys_to_virt(pa), 0, PAGE_SIZE);
    return pa;
}

// --- blocks
// --------------------------------------------------------------------------------------------------------

static struct page_region *region_of_page(const struct page *p)
{
    for (unsigned i = 0; i < region_count; i++) {
        struct page_region *r = &regions[i];
        if (p >= r->pages && p < r->pages + ((r->end - r->start) >> PAGE_SHIFT)) {
            return r;
        }
    }
    panic("page: %p is no struct page", (const void *)p);
}

static struct page *region_page(const struct page_region *r, paddr_t pa)
{
    return &r->pages[(pa - r->start) >> PAGE_SHIFT];
}

static void block_push(struct page *p, unsigned order)
{
    p->flags = FLAG_FREE;
    p->owner = PAGE_FREE;
    p->order = (uint8_t)order;
    list_push_front(&free_lists[order], &p->link);
}

static void block_take(struct page *p)
{
    list_remove(&p->link);
    p->flags = 0;
}

// Joins the block with its buddy as long as that is a free block of the same order, then puts it on
// its list.
static void block_release(const struct page_region *r, struct page *p, unsigned order)
{
    paddr_t pa = r->start + ((paddr_t)(p - r->pages) << PAGE_SHIFT);
    p->flags = 0; // it may become the upper half of a larger block
    while (order < PAGE_ORDER_MAX) {
        paddr_t bytes = PAGE_SIZE << order;
        paddr_t buddy_pa = pa ^ bytes;
        if (buddy_pa < r->start || buddy_pa >= r->end || bytes > r->end - buddy_pa) {
            break;
        }
        struct page *buddy = region_page(r, buddy_pa);
        if (buddy->flags != FLAG_FREE || buddy->order != order) {
            break;
        }
        block_take(buddy);
        pa &= ~bytes;
        order++;
    }
    block_push(region_page(r, pa), order);
}

struct page *page_alloc(unsigned order, enum page_owner owner)
{
    ASSERT(order <= PAGE_ORDER_MAX && owner != PAGE_FREE && owner < PAGE_OWNERS);
    spin_lock(&page_lock);
    unsigned o = order;
    while (o <= PAGE_ORDER_MAX && list_empty(&free_lists[o])) {
        o++;
    }
    if (o > PAGE_ORDER_MAX) {
        spin_unlock(&page_lock);
        return NULL;
    }
    struct page *p = list_entry(list_first(&free_lists[o]), struct page, link);
    block_take(p);
    while (o > order) { // keep the lower half, free the upper
        o--;
        block_push(p + (1u << o), o);
    }
    p->flags = FLAG_ALLOCATED;
    p->owner = (uint8_t)owner;
    p->order = (uint8_t)order;
    p->shares = 0;
    p->slab = NULL;
    stats.free_pages -= 1ull << order;
    stats.by_owner[PAGE_FREE] -= 1ull << order;
    stats.by_owner[owner] += 1ull << order;
    spin_unlock(&page_lock);
    return p;
}

struct page *page_alloc_zeroed(enum page_owner owner)
{
    struct page *p = page_alloc(0, owner);
    if (p != NULL) {
        memset(page_to_virt(p), 0, PAGE_SIZE);
    }
    return p;
}

void page_split(struct page *p, unsigned order)
{
    spin_lock(&page_lock);
    ASSERT(p->flags == FLAG_ALLOCATED && p->order == order);
    for (size_t i = 0; i < (1ull << order); i++) {
        p[i].flags = FLAG_ALLOCATED;
        p[i].owner = p->owner;
        p[i].order = 0;
        p[i].shares = 0;
        p[i].slab = NULL;
    }
    spin_unlock(&page_lock);
}

void page_free(struct page *p, unsigned order)
{
    struct page_region *r = region_of_page(p);
    spin_lock(&page_lock);
    if (p->flags != FLAG_ALLOCATED || p->order != order) {
        unsigned flags = p->flags, was = p->order;
        spin_unlock(&page_lock);
        panic(
            "page: bad free of 0x%lx: expected an allocated block of order %u, found %s of order %u, owner %u",
            page_to_phys(p), order, flags == FLAG_FREE ? "a free block" : "a page", was, p->owner);
    }
    stats.free_pages += 1ull << order;
    stats.by_owner[p->owner] -= 1ull << order;
    stats.by_owner[PAGE_FREE] += 1ull << order;
    block_release(r, p, order);
    spin_unlock(&page_lock);
}

// --- setting up
// ----------------------------------------------------------------------------------------------------

// Takes room for the region's metadata from the end of the largest gap in any region.
static struct page *metadata_carve(const struct boot_info *boot, const struct boot_region *ram)
{
    uint64_t bytes =
        align_up(((ram->end - ram->start) >> PAGE_SHIFT) * sizeof(struct page), PAGE_SIZE);
    struct boot_region best = {0, 0};
    for (unsigned i = 0; i < boot->ram_count; i++) {
        struct boot_region gap = gap_largest(boot->ram[i].start, boot->ram[i].end);
        if (gap.end - gap.start > best.end - best.start) {
            best = gap;
        }
    }
    if (best.end - best.start < bytes) {
        panic(
            "page: no room for the metadata of RAM 0x%lx to 0x%lx: %lu bytes needed, largest gap %lu",
            ram->start, ram->end, bytes, (best.end - best.start));
    }
    paddr_t pa = best.end - bytes;
    taken_add(pa, best.end);
    memset(phys_to_virt(pa), 0, bytes);
    return phys_to_virt(pa);
}

// Hands [start, end) to the free lists as the largest aligned blocks that fit.
static void range_release(const struct page_region *r, paddr_t start, paddr_t end)
{
    while (start < end) {
        unsigned order = 0;
        while (order < PAGE_ORDER_MAX && (start & (PAGE_SIZE << order)) == 0 &&
               (PAGE_SIZE << (order + 1)) <= end - start) {
            order++;
        }
        block_push(region_page(r, start), order);
        stats.free_pages += 1ull << order;
        start += PAGE_SIZE << order;
    }
}

void page_init(const struct boot_info *boot)
{
    for (unsigned i = 0; i <= PAGE_ORDER_MAX; i++) {
        list_init(&free_lists[i]);
    }
    memset(&stats, 0, sizeof(stats));
    taken_add(boot_first, boot_next);
    boot_end = boot_next; // the boot allocator is closed
    region_count = boot->ram_count;
    for (unsigned i = 0; i < region_count; i++) {
        regions[i] = (struct page_region){boot->ram[i].start, boot->ram[i].end,
                                          metadata_carve(boot, &boot->ram[i])};
        stats.total_pages += (boot->ram[i].end - boot->ram[i].start) >> PAGE_SHIFT;
    }
    for (unsigned i = 0; i < region_count; i++) {
        struct boot_region gap;
        for (paddr_t cursor = regions[i].start; gap_next(&cursor, regions[i].end, &gap);) {
            range_release(&regions[i], gap.start, gap.end);
        }
    }
    stats.by_owner[PAGE_FREE] = stats.free_pages;
    stats.by_owner[PAGE_KERNEL] = stats.total_pages - stats.free_pages;
}

// --- looking up
// ----------------------------------------------------------------------------------------------------

paddr_t page_to_phys(const struct page *p)
{
    const struct page_region *r = region_of_page(p);
    return r->start + ((paddr_t)(p - r->pages) << PAGE_SHIFT);
}

struct page *page_from_phys(paddr_t pa)
{
    for (unsigned i = 0; i < region_count; i++) {
        if (pa >= regions[i].start && pa < regions[i].end) {
            return region_page(&regions[i], pa);
        }
    }
    return NULL;
}

void *page_to_virt(const struct page *p) { return phys_to_virt(page_to_phys(p)); }

bool page_is_ram(paddr_t start, paddr_t end)
{
    for (unsigned i = 0; i < region_count; i++) {
        if (start < regions[i].end && end > regions[i].start) {
            return true;
        }
    }
    return false;
}

void page_stats(struct page_stats *s)
{
    spin_lock(&page_lock);
    *s = stats;
    spin_unlock(&page_lock);
}
