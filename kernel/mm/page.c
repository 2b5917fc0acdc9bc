// SPDX-License-Identifier: MIT
// Physical pages: who holds them, and a cache of single pages for each CPU in front of the zones'
// buddy allocators (page_zone.c).
//
// Debug builds fill freed pages with poison and check it when a page is handed out again.
//
// Each CPU's cache has a lock of its own (LOCK_PAGE_CACHE), because others drain it when memory
// runs out. docs/book/06-physical-memory.md tells the choices.
#include "kernel/mm/page.h"

#include "kernel/debug/log.h"
#include "kernel/mm/page_internal.h"
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <string.h>

#define PAGE_POISON       0xa5a5a5a5a5a5a5a5ull
#define CACHE_MAX         32u // pages a CPU keeps
#define CACHE_BATCH       16u // moved at once between a cache and the zones
#define CACHE_BATCH_ORDER 4u

// Counts of pages may be negative in one place: a page is freed elsewhere than it was allocated.
struct page_cache {
    struct spinlock lock;
    struct list pages;
    unsigned count;
    int64_t owned[PAGE_OWNERS];
    uint64_t hits, misses;
} __attribute__((aligned(64)));

static uint64_t total_pages;
static int64_t block_owned[PAGE_OWNERS]; // page_lock
static enum page_zone cached_zone;       // whose pages the caches keep; never changes
static struct page_cache page_caches[BOOT_CPUS_MAX];

void (*page_reclaim)(void);

// --- poison -------------------------------------------------------------------------------------

static const char *const owner_names[PAGE_OWNERS] = {
    [PAGE_FREE] = "free",
    [PAGE_KERNEL] = "kernel",
    [PAGE_SLAB] = "objects",
    [PAGE_HANDLE] = "handle tables",
    [PAGE_TABLE] = "page tables",
    [PAGE_USER] = "programs",
    [PAGE_THREAD] = "vector registers",
};

const char *page_owner_name(enum page_owner owner) { return owner_names[owner]; }

// The block is the caller's, and on no list.
static void page_poison_fill(struct page *p, unsigned order)
{
    for (size_t i = 0; BF_DEBUG && i < 1ull << order; i++) {
        uint64_t *words = page_to_virt(p + i);
        for (size_t k = 0; k < PAGE_SIZE / sizeof(*words); k++) {
            words[k] = PAGE_POISON;
        }
        p[i].flags |= FLAG_POISONED;
        p[i].owner = p->owner;
    }
}

static void page_poison_check(struct page *p, unsigned order)
{
    for (size_t i = 0; BF_DEBUG && i < 1ull << order; i++) {
        const uint64_t *words = page_to_virt(p + i);
        bool poisoned = (p[i].flags & FLAG_POISONED) != 0;
        p[i].flags &= (uint16_t)~FLAG_POISONED;
        for (size_t k = 0; poisoned && k < PAGE_SIZE / sizeof(*words); k++) {
            if (words[k] != PAGE_POISON) {
                panic("page 0x%lx, last owner %s, was written to after it was freed: offset 0x%zx "
                      "holds 0x%lx",
                      page_to_phys(p + i), owner_names[p[i].owner], k * sizeof(*words), words[k]);
            }
        }
    }
}

// --- a CPU's cache of single pages --------------------------------------------------------------

// Takes whole blocks, as long as there are small ones, and never splits a large one to single
// pages.
static void cache_refill_locked(struct page_cache *c)
{
    spin_lock(&page_lock);
    while (c->count < CACHE_BATCH) {
        unsigned order = zones_order_locked(CACHE_BATCH_ORDER);
        struct page *p = zones_alloc_locked(order);
        if (p == NULL) {
            break;
        }
        for (size_t i = 0; i < 1ull << order; i++) {
            page_state_set(p + i, FLAG_CACHED);
            p[i].order = 0;
            list_push_back(&c->pages, &p[i].link);
        }
        c->count += 1u << order;
    }
    spin_unlock(&page_lock);
}

// Gives back the pages that were freed longest ago, until `left` are left.
static void cache_drain_locked(struct page_cache *c, unsigned left)
{
    spin_lock(&page_lock);
    while (c->count > left) {
        struct page *p = list_entry(c->pages.prev, struct page, link);
        list_remove(&p->link);
        zone_free_locked(p, 0);
        c->count--;
    }
    spin_unlock(&page_lock);
}

static struct page *cache_alloc(enum page_owner owner)
{
    struct page_cache *c = &page_caches[arch_percpu()->id];
    spin_lock(&c->lock);
    if (c->count == 0) {
        c->misses++;
        cache_refill_locked(c);
    } else {
        c->hits++;
    }
    struct list *n = list_pop_front(&c->pages);
    if (n != NULL) {
        c->count--;
        c->owned[owner]++;
    }
    spin_unlock(&c->lock);
    return n != NULL ? list_entry(n, struct page, link) : NULL;
}

static void cache_free(struct page *p, enum page_zone zone)
{
    struct page_cache *c = &page_caches[arch_percpu()->id];
    spin_lock(&c->lock);
    c->owned[p->owner]--;
    if (zone == cached_zone) {
        page_state_set(p, FLAG_CACHED);
        list_push_front(&c->pages, &p->link);
        if (++c->count > CACHE_MAX) {
            cache_drain_locked(c, CACHE_MAX - CACHE_BATCH);
        }
    } else { // scarce: not kept for whoever asks next
        spin_lock(&page_lock);
        zone_free_locked(p, 0);
        spin_unlock(&page_lock);
    }
    spin_unlock(&c->lock);
}

// Memory has run out: what CPUs and object caches keep goes back to the zones.
static void reclaim(void)
{
    if (page_reclaim != NULL) {
        page_reclaim();
    }
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        spin_lock(&page_caches[i].lock);
        cache_drain_locked(&page_caches[i], 0);
        spin_unlock(&page_caches[i].lock);
    }
}

// --- allocating and freeing ---------------------------------------------------------------------

static struct page *block_alloc(unsigned order, enum page_owner owner)
{
    spin_lock(&page_lock);
    struct page *p = zones_alloc_locked(order);
    block_owned[owner] += p != NULL ? 1ll << order : 0;
    spin_unlock(&page_lock);
    return p;
}

static void block_begin(struct page *p, unsigned order, enum page_owner owner)
{
    page_poison_check(p, order);
    p->owner = (uint8_t)owner;
    p->order = (uint8_t)order;
    p->shares = 0;
    // Release: whoever frees it sees the rest.
    __atomic_store_n(&p->flags, FLAG_ALLOCATED, __ATOMIC_RELEASE);
}

struct page *page_alloc(unsigned order, enum page_owner owner)
{
    ASSERT(order <= PAGE_ORDER_MAX && owner != PAGE_FREE && owner < PAGE_OWNERS);
    struct page *p = order == 0 ? cache_alloc(owner) : block_alloc(order, owner);
    if (p == NULL) {
        reclaim();
        p = order == 0 ? cache_alloc(owner) : block_alloc(order, owner);
    }
    if (p != NULL) {
        block_begin(p, order, owner);
    }
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

// From here on the block is the caller's alone, even if another CPU frees it at the same time.
static void block_end(struct page *p, unsigned order)
{
    uint16_t flags = FLAG_ALLOCATED;
    if (p->order != order || !__atomic_compare_exchange_n(&p->flags, &flags, 0, false,
                                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        panic("page: bad free of 0x%lx: expected an allocated block of order %u, found %s of order "
              "%u, owner %s",
              page_to_phys(p), order,
              (flags & (FLAG_FREE | FLAG_CACHED)) != 0 ? "a free block" : "a page", p->order,
              owner_names[p->owner]);
    }
    page_poison_fill(p, order);
}

void page_free(struct page *p, unsigned order)
{
    enum page_zone zone = zone_of(p);
    block_end(p, order);
    if (order == 0) {
        cache_free(p, zone);
        return;
    }
    spin_lock(&page_lock);
    block_owned[p->owner] -= 1ll << order;
    zone_free_locked(p, order);
    spin_unlock(&page_lock);
}

// --- runs ---------------------------------------------------------------------------------------

static status_t run_alloc(uint64_t pages, uint64_t align, enum page_zone highest,
                          enum page_owner owner, struct page **out)
{
    status_t st = ERR_NO_MEMORY;
    spin_lock(&page_lock);
    for (unsigned zone = highest + 1; zone-- > 0 && st == ERR_NO_MEMORY;) {
        st = zone_run_alloc_locked(zone, pages, align, out);
    }
    block_owned[owner] += st == OK ? (int64_t)pages : 0;
    spin_unlock(&page_lock);
    return st;
}

status_t page_run_alloc(uint64_t pages, uint64_t align, enum page_zone highest,
                        enum page_owner owner, struct page **out)
{
    ASSERT(pages > 0 && (align & (align - 1)) == 0);
    if (pages > total_pages || align > PAGE_RUN_ALIGN_MAX) {
        return ERR_NO_MEMORY;
    }
    struct page *p;
    status_t st = run_alloc(pages, align, highest, owner, &p);
    if (st == ERR_NO_MEMORY) {
        reclaim();
        st = run_alloc(pages, align, highest, owner, &p);
    }
    if (st != OK) {
        return st;
    }
    *out = p;
    for (paddr_t pa = page_to_phys(p), end = pa + (pages << PAGE_SHIFT); pa < end;) {
        unsigned order = order_within(pa, end);
        block_begin(p, order, owner);
        p += 1ull << order;
        pa += PAGE_SIZE << order;
    }
    return OK;
}

uint64_t page_run_free(paddr_t pa, uint64_t pages)
{
    unsigned order = order_within(pa, pa + (pages << PAGE_SHIFT));
    page_free(page_from_phys(pa), order);
    return 1ull << order;
}

// --- setting up, statistics ---------------------------------------------------------------------

void page_init(const struct boot_info *boot)
{
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        page_caches[i] = (struct page_cache){.count = 0};
        spin_init(&page_caches[i].lock, "page cache", LOCK_PAGE_CACHE);
        list_init(&page_caches[i].pages);
    }
    boot_alloc_close();
    struct page_counts counts = zones_init(boot);
    total_pages = counts.total;
    memset(block_owned, 0, sizeof(block_owned));
    block_owned[PAGE_KERNEL] = (int64_t)(counts.total - counts.free);
    cached_zone = zone_exists(PAGE_ZONE_NORMAL) ? PAGE_ZONE_NORMAL : PAGE_ZONE_DMA32;
}

void page_stats(struct page_stats *s)
{
    int64_t owned[PAGE_OWNERS];
    spin_lock(&page_lock);
    memcpy(owned, block_owned, sizeof(owned));
    spin_unlock(&page_lock);
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        spin_lock(&page_caches[i].lock);
        for (unsigned k = 0; k < PAGE_OWNERS; k++) {
            owned[k] += page_caches[i].owned[k];
        }
        spin_unlock(&page_caches[i].lock);
    }
    uint64_t used = 0;
    for (unsigned k = 0; k < PAGE_OWNERS; k++) {
        // While others allocate and free, a page may be seen going but not coming.
        s->by_owner[k] = owned[k] > 0 ? (uint64_t)owned[k] : 0;
        used += s->by_owner[k];
    }
    s->total_pages = total_pages;
    s->free_pages = s->by_owner[PAGE_FREE] = used < total_pages ? total_pages - used : 0;
}

void page_cache_stats(unsigned cpu, struct page_cache_stats *s)
{
    struct page_cache *c = &page_caches[cpu];
    spin_lock(&c->lock);
    s->pages = c->count;
    s->hits = c->hits;
    s->misses = c->misses;
    spin_unlock(&c->lock);
}
