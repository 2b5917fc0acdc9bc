// SPDX-License-Identifier: MIT
// Where RAM is, and a buddy allocator (Knuth, TAOCP vol. 1, 2.5) for each zone of it.
//
// RAM is a few regions with holes between them, cut where zones meet; each has an array of struct
// page of its own, carved from free RAM when the kernel starts. A block of 2^order pages is
// naturally aligned; its first page carries its order, owner and state, the other pages of a block
// carry no state. A page that nobody may free (the kernel image, firmware, the metadata itself) has
// no state either, so freeing it, freeing into the middle of a block and freeing twice are all
// seen.
//
// A region is taken up from its start, in sections of the largest block: records from `ready` on
// are not written yet. So the boot of a machine with much memory does not wait for its metadata.
//
// Lock: page_lock (LOCK_PAGE). docs/book/06-physical-memory.md tells the choices.
#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/page_internal.h"
#include <arch/mmu.h>
#include <string.h>

#define SECTION_BYTES (PAGE_SIZE << PAGE_ORDER_MAX)

struct page_region {
    paddr_t start, end;
    paddr_t ready; // [start, ready) is taken up; rises only
    struct page *pages;
    enum page_zone zone;
};

struct zone {
    const char *name;
    paddr_t start, end;
    struct list free_lists[PAGE_ORDER_MAX + 1];
    uint32_t orders; // bit o: free_lists[o] is not empty
    uint64_t pages;
    uint64_t free_pages; // in blocks, or not taken up yet
};

struct spinlock page_lock = SPINLOCK_INIT("page", LOCK_PAGE);

static struct page_region regions[REGIONS_MAX];
static unsigned region_count;
static struct zone zones[PAGE_ZONES] = {
    [PAGE_ZONE_DMA32] = {.name = "dma32", .end = 1ull << 32},
    [PAGE_ZONE_NORMAL] = {.name = "normal", .start = 1ull << 32, .end = UINT64_MAX},
};

// --- records ------------------------------------------------------------------------------------

static uint64_t region_pages(const struct page_region *r)
{
    return (__atomic_load_n(&r->ready, __ATOMIC_RELAXED) - r->start) >> PAGE_SHIFT;
}

static struct page_region *region_of_page(const struct page *p)
{
    for (unsigned i = 0; i < region_count; i++) {
        struct page_region *r = &regions[i];
        if (p >= r->pages && p < r->pages + region_pages(r)) {
            return r;
        }
    }
    panic("page: %p is no struct page", (const void *)p);
}

static struct page *region_page(const struct page_region *r, paddr_t pa)
{
    return &r->pages[(pa - r->start) >> PAGE_SHIFT];
}

static paddr_t region_phys(const struct page_region *r, const struct page *p)
{
    return r->start + ((paddr_t)(p - r->pages) << PAGE_SHIFT);
}

paddr_t page_to_phys(const struct page *p) { return region_phys(region_of_page(p), p); }

struct page *page_from_phys(paddr_t pa)
{
    for (unsigned i = 0; i < region_count; i++) {
        if (pa >= regions[i].start && pa < __atomic_load_n(&regions[i].ready, __ATOMIC_ACQUIRE)) {
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

enum page_zone zone_of(const struct page *p) { return region_of_page(p)->zone; }

bool zone_exists(enum page_zone zone) { return zones[zone].pages > 0; }

unsigned order_within(paddr_t start, paddr_t end)
{
    unsigned order = 0;
    while (order < PAGE_ORDER_MAX && (start & (PAGE_SIZE << order)) == 0 &&
           (PAGE_SIZE << (order + 1)) <= end - start) {
        order++;
    }
    return order;
}

// --- blocks -------------------------------------------------------------------------------------

static void block_push(struct zone *z, struct page *p, unsigned order)
{
    page_state_set(p, FLAG_FREE);
    p->order = (uint8_t)order;
    list_push_front(&z->free_lists[order], &p->link);
    z->orders |= 1u << order;
}

static void block_take(struct zone *z, struct page *p)
{
    list_remove(&p->link);
    page_state_set(p, 0);
    if (list_empty(&z->free_lists[p->order])) {
        z->orders &= ~(1u << p->order);
    }
}

// Joins the block with its buddy as long as that is a free block of the same order, then puts it on
// its list.
void zone_free_locked(struct page *p, unsigned order)
{
    const struct page_region *r = region_of_page(p);
    paddr_t pa = region_phys(r, p);
    zones[r->zone].free_pages += 1ull << order;
    page_state_set(p, 0); // it may become the upper half of a larger one
    while (order < PAGE_ORDER_MAX) {
        paddr_t bytes = PAGE_SIZE << order;
        paddr_t buddy_pa = pa ^ bytes;
        if (buddy_pa < r->start || buddy_pa >= r->ready || bytes > r->ready - buddy_pa) {
            break;
        }
        struct page *buddy = region_page(r, buddy_pa);
        if (page_state(buddy) != FLAG_FREE || buddy->order != order) {
            break;
        }
        block_take(&zones[r->zone], buddy);
        pa &= ~bytes;
        order++;
    }
    block_push(&zones[r->zone], region_page(r, pa), order);
}

// Puts [start, end) on the free lists as the largest aligned blocks that fit.
static void range_push_locked(struct page_region *r, paddr_t start, paddr_t end)
{
    while (start < end) {
        unsigned order = order_within(start, end);
        block_push(&zones[r->zone], region_page(r, start), order);
        start += PAGE_SIZE << order;
    }
}

// Takes up the region's next section. False when all of it is.
static bool region_grow_locked(struct page_region *r)
{
    paddr_t start = r->ready;
    paddr_t end = align_down(start, SECTION_BYTES) + SECTION_BYTES;
    end = end < r->end ? end : r->end;
    if (start == end) {
        return false;
    }
    memset(region_page(r, start), 0, ((end - start) >> PAGE_SHIFT) * sizeof(struct page));
    __atomic_store_n(&r->ready, end, __ATOMIC_RELEASE);
    struct boot_region gap;
    for (paddr_t cursor = start; boot_gap_next(&cursor, end, &gap);) {
        range_push_locked(r, gap.start, gap.end);
    }
    return true;
}

static bool zone_grow_locked(enum page_zone zone)
{
    for (unsigned i = 0; i < region_count; i++) {
        if (regions[i].zone == zone && region_grow_locked(&regions[i])) {
            return true;
        }
    }
    return false;
}

// A block of the zone, off its list and without a state; NULL when there is none. The loop takes up
// at most one section more than there are taken ranges: a whole one satisfies any request.
static struct page *zone_alloc_locked(enum page_zone zone, unsigned order)
{
    struct zone *z = &zones[zone];
    while (z->orders >> order == 0) {
        if (!zone_grow_locked(zone)) {
            return NULL;
        }
    }
    unsigned o = order + (unsigned)__builtin_ctz(z->orders >> order);
    struct page *p = list_entry(list_first(&z->free_lists[o]), struct page, link);
    block_take(z, p);
    while (o > order) { // keep the lower half, free the upper
        o--;
        block_push(z, p + (1u << o), o);
    }
    z->free_pages -= 1ull << order;
    return p;
}

// RAM below 4 GiB is for those who ask for it, as long as there is other RAM.
struct page *zones_alloc_locked(unsigned order)
{
    struct page *p = NULL;
    for (unsigned zone = PAGE_ZONES; zone-- > 0 && p == NULL;) {
        p = zones[zone].free_pages > 0 ? zone_alloc_locked((enum page_zone)zone, order) : NULL;
    }
    return p;
}

unsigned zones_order_locked(unsigned most)
{
    for (unsigned zone = PAGE_ZONES; zone-- > 0;) {
        if (zones[zone].free_pages > 0) {
            unsigned least =
                zones[zone].orders != 0 ? (unsigned)__builtin_ctz(zones[zone].orders) : most;
            return least < most ? least : most;
        }
    }
    return 0;
}

// --- runs ---------------------------------------------------------------------------------------

// A run longer than a block is made of whole free sections, taken up or not. The first that is not
// free of the `count` from `pa` on; the end of the run if all are.
static paddr_t section_busy_locked(const struct page_region *r, paddr_t pa, uint64_t count)
{
    for (; count > 0; count--, pa += SECTION_BYTES) {
        struct boot_region gap = {0, 0};
        paddr_t cursor = pa;
        if (pa < r->ready) {
            const struct page *p = region_page(r, pa);
            if (page_state(p) != FLAG_FREE || p->order != PAGE_ORDER_MAX) {
                break;
            }
        } else if (!boot_gap_next(&cursor, pa + SECTION_BYTES, &gap) ||
                   gap.end - gap.start != SECTION_BYTES) {
            break;
        }
    }
    return pa;
}

static struct page_region *sections_find_locked(enum page_zone zone, uint64_t bytes, uint64_t align,
                                                paddr_t *start)
{
    for (unsigned i = 0; i < region_count; i++) {
        struct page_region *r = &regions[i];
        paddr_t pa = align_up(r->start, align);
        while (r->zone == zone && pa < r->end && bytes <= r->end - pa) {
            paddr_t busy = section_busy_locked(r, pa, bytes / SECTION_BYTES);
            if (busy == pa + bytes) {
                *start = pa;
                return r;
            }
            pa = align_up(busy + SECTION_BYTES, align);
        }
    }
    return NULL;
}

// Sections in a row, off the free lists. STATUS_RESTART after having taken one up.
static status_t sections_alloc_locked(enum page_zone zone, uint64_t bytes, uint64_t align,
                                      struct page **out)
{
    paddr_t start;
    align = align > SECTION_BYTES ? align : SECTION_BYTES;
    struct page_region *r = sections_find_locked(zone, bytes, align, &start);
    if (r == NULL) {
        return ERR_NO_MEMORY;
    }
    if (r->ready < start + bytes) {
        (void)region_grow_locked(r);
        return STATUS_RESTART;
    }
    for (uint64_t at = 0; at < bytes; at += SECTION_BYTES) {
        block_take(&zones[zone], region_page(r, start + at));
    }
    zones[zone].free_pages -= bytes >> PAGE_SHIFT;
    *out = region_page(r, start);
    return OK;
}

// The smallest block, or row of sections, that holds the run; what lies behind the run stays free.
status_t zone_run_alloc_locked(enum page_zone zone, uint64_t pages, uint64_t align,
                               struct page **out)
{
    uint64_t held = align >> PAGE_SHIFT;
    unsigned order = 0;
    held = held > pages ? held : pages;
    while (order < PAGE_ORDER_MAX && (1ull << order) < held) {
        order++;
    }
    if ((1ull << order) >= held) {
        held = 1ull << order;
        *out = zone_alloc_locked(zone, order);
        if (*out == NULL) {
            return ERR_NO_MEMORY;
        }
    } else {
        uint64_t bytes = align_up(pages << PAGE_SHIFT, SECTION_BYTES);
        held = bytes >> PAGE_SHIFT;
        status_t st = sections_alloc_locked(zone, bytes, align, out);
        if (st != OK) {
            return st;
        }
    }
    struct page_region *r = region_of_page(*out);
    paddr_t start = region_phys(r, *out);
    range_push_locked(r, start + (pages << PAGE_SHIFT), start + (held << PAGE_SHIFT));
    zones[zone].free_pages += held - pages;
    return OK;
}

// --- setting up ---------------------------------------------------------------------------------

// Takes room for the region's metadata from the end of the largest gap in any region.
static struct page *metadata_carve(const struct boot_info *boot, const struct page_region *r)
{
    uint64_t bytes = align_up(((r->end - r->start) >> PAGE_SHIFT) * sizeof(struct page), PAGE_SIZE);
    struct boot_region best = {0, 0};
    for (unsigned i = 0; i < boot->ram_count; i++) {
        struct boot_region gap = boot_gap_largest(boot->ram[i].start, boot->ram[i].end);
        if (gap.end - gap.start > best.end - best.start) {
            best = gap;
        }
    }
    if (best.end - best.start < bytes) {
        panic(
            "page: no room for the metadata of RAM 0x%lx to 0x%lx: %lu bytes needed, largest gap %lu",
            r->start, r->end, bytes, (best.end - best.start));
    }
    boot_taken_add(best.end - bytes, best.end);
    return phys_to_virt(best.end - bytes);
}

// The part of a piece of RAM that lies in the zone becomes a region.
static void region_add(const struct boot_info *boot, const struct boot_region *ram,
                       enum page_zone zone)
{
    struct zone *z = &zones[zone];
    paddr_t start = ram->start > z->start ? ram->start : z->start;
    paddr_t end = ram->end < z->end ? ram->end : z->end;
    if (start >= end) {
        return;
    }
    struct page_region *r = &regions[region_count++];
    *r = (struct page_region){.start = start, .end = end, .ready = start, .zone = zone};
    r->pages = metadata_carve(boot, r);
    z->pages += (end - start) >> PAGE_SHIFT;
}

struct page_counts zones_init(const struct boot_info *boot)
{
    region_count = 0;
    for (unsigned i = 0; i < PAGE_ZONES; i++) {
        zones[i].pages = zones[i].free_pages = zones[i].orders = 0;
        for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) {
            list_init(&zones[i].free_lists[order]);
        }
    }
    for (unsigned i = 0; i < boot->ram_count; i++) {
        region_add(boot, &boot->ram[i], PAGE_ZONE_DMA32);
        region_add(boot, &boot->ram[i], PAGE_ZONE_NORMAL);
    }
    struct page_counts counts = {0, 0};
    for (unsigned i = 0; i < region_count; i++) { // all metadata has its place now
        struct boot_region gap;
        uint64_t free = 0;
        for (paddr_t cursor = regions[i].start; boot_gap_next(&cursor, regions[i].end, &gap);) {
            free += (gap.end - gap.start) >> PAGE_SHIFT;
        }
        zones[regions[i].zone].free_pages += free;
        counts.free += free;
        counts.total += (regions[i].end - regions[i].start) >> PAGE_SHIFT;
    }
    return counts;
}

void page_zone_stats(enum page_zone zone, struct zone_stats *s)
{
    const struct zone *z = &zones[zone];
    spin_lock(&page_lock);
    s->pages = z->pages;
    s->free_pages = z->free_pages;
    for (unsigned i = 0; i < region_count; i++) {
        if (regions[i].zone == zone) {
            s->untouched_pages += (regions[i].end - regions[i].ready) >> PAGE_SHIFT;
        }
    }
    s->largest_block_pages = z->orders != 0 ? 1ull << (31 - __builtin_clz(z->orders)) : 0;
    spin_unlock(&page_lock);
    ksnprintf(s->name, sizeof(s->name), "%s", z->name);
}
