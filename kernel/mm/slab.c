// SPDX-License-Identifier: MIT
// Object caches after Bonwick ("The Slab Allocator", USENIX Summer 1994; "Magazines and Vmem",
// USENIX 2001): a slab is a power of two of pages that starts with a struct slab and holds objects
// of one size.
//
// A CPU allocates from and frees to its magazine, a small stack of pointers; half a magazine moves
// at once between it and the slabs. Slabs know which of their objects are at home by a bit each,
// outside of the objects, so a constructed object keeps its state. A cache keeps three lists of
// slabs. Refilling prefers partly used slabs, so that others run empty; one empty slab is kept to
// save a cache at a boundary from allocating and freeing pages, further ones go back.
//
// Debug builds fill free objects with OBJECT_POISON and put eight bytes behind each that tell a
// live object from a free one: a write after free is seen when the object is handed out again, a
// write past the end and a double free when it is freed. Release builds see a double free when the
// second one comes home to the slab.
//
// Locks: a magazine's (LOCK_MAGAZINE), then the cache's (LOCK_SLAB); none while pages are
// allocated, since that may call slab_reclaim. docs/book/07-object-allocator.md tells the choices.
#include "kernel/mm/slab.h"

#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/page.h"
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <string.h>

#define OBJECT_POISON   0x5au
#define REDZONE_LIVE    0x7ed20e7ed20e7ed2ull
#define REDZONE_FREE    0xf4eef4eef4eef4eeull
#define SLAB_ORDER_MAX  3u
#define OBJECTS_MIN     4u // a slab of fewer wastes too much; then it gets more pages
#define CONSTRUCTED_MAX 1024u

struct slab {
    struct list link; // one of the cache's lists
    struct slab_cache *cache;
    uint32_t at_home;
    uint64_t home[SLAB_OBJECTS_MAX / 64]; // bit i: object i is here
};

static struct list caches = {&caches, &caches};
static struct spinlock caches_lock = SPINLOCK_INIT("slab caches", LOCK_SLAB);

// Large objects would tie up much memory in magazines.
static uint32_t magazine_size(size_t stride)
{
    return stride <= 256 ? SLAB_MAGAZINE_MAX : stride <= 1024 ? SLAB_MAGAZINE_MAX / 2 : 4;
}

void slab_cache_init_constructed(struct slab_cache *c, const char *name, size_t object_bytes,
                                 size_t align, size_t zeroed_bytes, void (*construct)(void *))
{
    ASSERT(object_bytes > 0 && (align & (align - 1)) == 0 && zeroed_bytes <= object_bytes);
    ASSERT(object_bytes - zeroed_bytes <= CONSTRUCTED_MAX);
    align = align < sizeof(void *) ? sizeof(void *) : align;
    size_t bytes = align_up(object_bytes, sizeof(void *)) + (BF_DEBUG ? sizeof(uint64_t) : 0);
    size_t stride = align_up(bytes, align);
    size_t first = align_up(sizeof(struct slab), align);
    unsigned order = 0;
    while (order < SLAB_ORDER_MAX && first + OBJECTS_MIN * stride > (PAGE_SIZE << order)) {
        order++;
    }
    size_t per_slab = ((PAGE_SIZE << order) - first) / stride;
    ASSERT(per_slab > 0);
    *c = (struct slab_cache){
        .name = name,
        .construct = construct,
        .object_bytes = (uint32_t)object_bytes,
        .zeroed_bytes = (uint32_t)zeroed_bytes,
        .stride = (uint32_t)stride,
        .per_slab = (uint32_t)(per_slab < SLAB_OBJECTS_MAX ? per_slab : SLAB_OBJECTS_MAX),
        .first = (uint32_t)first,
        .slab_order = order,
        .magazine_size = magazine_size(stride),
    };
    list_init(&c->partial);
    list_init(&c->full);
    list_init(&c->empty);
    spin_init(&c->lock, name, LOCK_SLAB);
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        spin_init(&c->magazines[i].lock, name, LOCK_MAGAZINE);
    }
    spin_lock(&caches_lock);
    list_push_back(&caches, &c->link);
    spin_unlock(&caches_lock);
    page_reclaim = slab_reclaim;
}

void slab_cache_init(struct slab_cache *c, const char *name, size_t object_bytes, size_t align)
{
    slab_cache_init_constructed(c, name, object_bytes, align, object_bytes, NULL);
}

// --- objects going out and coming in; they are the caller's, no lock is held --------------------

static uint64_t *object_redzone(const struct slab_cache *c, void *object)
{
    return (uint64_t *)((char *)object + align_up(c->object_bytes, sizeof(void *)));
}

static void object_poison_check(const struct slab_cache *c, const void *object)
{
    const uint8_t *bytes = object;
    for (size_t i = 0; i < c->object_bytes; i++) {
        if (bytes[i] != OBJECT_POISON) {
            panic("slab %s: object %p changed after it was freed: byte %zu is 0x%x, expected 0x%x",
                  c->name, object, i, bytes[i], OBJECT_POISON);
        }
    }
}

// Debug builds construct each time, because the poison is in the place of the constructed state.
static void object_begin(const struct slab_cache *c, void *object)
{
    if (BF_DEBUG) {
        object_poison_check(c, object);
        *object_redzone(c, object) = REDZONE_LIVE;
        if (c->construct != NULL) {
            c->construct(object);
        }
    }
    memset(object, 0, c->zeroed_bytes);
}

// Whether the object is as its constructor makes it: constructing it again must change nothing.
static void constructed_check(const struct slab_cache *c, void *object)
{
    uint8_t before[CONSTRUCTED_MAX];
    const uint8_t *now = (const uint8_t *)object + c->zeroed_bytes;
    size_t bytes = c->object_bytes - c->zeroed_bytes;
    memcpy(before, now, bytes);
    c->construct(object);
    for (size_t i = 0; i < bytes; i++) {
        if (before[i] != now[i]) {
            panic("slab %s: object %p is freed but not as constructed: byte %zu is 0x%x, expected "
                  "0x%x",
                  c->name, object, c->zeroed_bytes + i, before[i], now[i]);
        }
    }
}

static void object_end(const struct slab_cache *c, void *object)
{
    uint64_t *redzone = object_redzone(c, object);
    if (*redzone != REDZONE_LIVE) {
        panic("slab %s: %s object %p", c->name,
              *redzone == REDZONE_FREE ? "second free of" : "written past the end of", object);
    }
    if (c->construct != NULL) {
        constructed_check(c, object);
    }
    *redzone = REDZONE_FREE;
    memset(object, OBJECT_POISON, c->object_bytes);
}

// --- slabs --------------------------------------------------------------------------------------

static struct slab *slab_create(struct slab_cache *c)
{
    struct page *p = page_alloc(c->slab_order, PAGE_SLAB);
    if (p == NULL) {
        return NULL;
    }
    struct slab *s = page_to_virt(p);
    *s = (struct slab){.cache = c, .at_home = c->per_slab};
    for (uint32_t i = 0; i < c->per_slab; i++) {
        char *object = (char *)s + c->first + (size_t)i * c->stride;
        s->home[i / 64] |= 1ull << (i % 64);
        if (BF_DEBUG) {
            memset(object, OBJECT_POISON, c->object_bytes);
            *object_redzone(c, object) = REDZONE_FREE;
        } else if (c->construct != NULL) {
            c->construct(object);
        }
    }
    return s;
}

static void slab_destroy(struct slab *s, unsigned order)
{
    s->cache = NULL;
    page_free(page_from_phys(virt_to_phys(s)), order);
}

// The slab of an object, after checking that it is one of this cache's. Slabs are blocks of pages,
// and so aligned to their size.
static struct slab *object_slab(const struct slab_cache *c, const void *object)
{
    struct slab *s = (struct slab *)align_down((vaddr_t)object, PAGE_SIZE << c->slab_order);
    if (s->cache != c || ((size_t)((const char *)object - (char *)s) - c->first) % c->stride != 0) {
        panic("slab %s: %p is no object of this cache", c->name, object);
    }
    return s;
}

// An object out of a slab; NULL when all are.
static void *slab_take_locked(struct slab_cache *c)
{
    struct list *n = list_empty(&c->partial) ? list_first(&c->empty) : list_first(&c->partial);
    if (n == NULL) {
        return NULL;
    }
    struct slab *s = list_entry(n, struct slab, link);
    unsigned word = 0;
    while (s->home[word] == 0) {
        word++;
    }
    uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(s->home[word]);
    s->home[word] &= s->home[word] - 1;
    if (s->at_home-- == c->per_slab || s->at_home == 0) {
        list_remove(&s->link);
        list_push_front(s->at_home == 0 ? &c->full : &c->partial, &s->link);
    }
    c->taken++;
    return (char *)s + c->first + (size_t)i * c->stride;
}

// Back into its slab. A slab that is surplus then goes to `surplus`.
static void slab_give_locked(struct slab_cache *c, void *object, struct list *surplus)
{
    struct slab *s = object_slab(c, object);
    uint32_t i = (uint32_t)(((size_t)((char *)object - (char *)s) - c->first) / c->stride);
    if ((s->home[i / 64] >> (i % 64) & 1) != 0) {
        panic("slab %s: second free of object %p", c->name, object);
    }
    s->home[i / 64] |= 1ull << (i % 64);
    c->taken--;
    s->at_home++;
    if (s->at_home == 1 || s->at_home == c->per_slab) {
        bool empty = s->at_home == c->per_slab;
        bool keep = !empty || list_empty(&c->empty);
        list_remove(&s->link);
        c->slabs -= keep ? 0 : 1;
        list_push_front(!keep ? surplus : empty ? &c->empty : &c->partial, &s->link);
    }
}

static void surplus_destroy(const struct slab_cache *c, struct list *surplus)
{
    for (struct list *n; (n = list_pop_front(surplus)) != NULL;) {
        slab_destroy(list_entry(n, struct slab, link), c->slab_order);
    }
}

// --- magazines ----------------------------------------------------------------------------------

static struct slab_magazine *magazine_this(struct slab_cache *c)
{
    return &c->magazines[arch_percpu()->id];
}

// Half full is best: room for what comes next, whichever it is.
static void magazine_refill_locked(struct slab_cache *c, struct slab_magazine *m)
{
    spin_lock(&c->lock);
    while (m->count < c->magazine_size / 2) {
        void *object = slab_take_locked(c);
        if (object == NULL) {
            break;
        }
        m->objects[m->count++] = object;
    }
    spin_unlock(&c->lock);
}

// Gives back all but the `left` objects that were freed last.
static void magazine_drain_locked(struct slab_cache *c, struct slab_magazine *m, uint32_t left,
                                  struct list *surplus)
{
    uint32_t gone = m->count - left;
    spin_lock(&c->lock);
    for (uint32_t i = 0; i < gone; i++) {
        slab_give_locked(c, m->objects[i], surplus);
    }
    spin_unlock(&c->lock);
    memmove(m->objects, m->objects + gone, left * sizeof(m->objects[0]));
    m->count = left;
}

static void *magazine_alloc(struct slab_cache *c)
{
    struct slab_magazine *m = magazine_this(c);
    spin_lock(&m->lock);
    if (m->count == 0) {
        m->misses++;
        magazine_refill_locked(c, m);
    } else {
        m->hits++;
    }
    void *object = m->count > 0 ? m->objects[--m->count] : NULL;
    spin_unlock(&m->lock);
    return object;
}

static bool cache_grow(struct slab_cache *c)
{
    struct slab *s = slab_create(c);
    if (s == NULL) {
        return false;
    }
    spin_lock(&c->lock);
    list_push_front(&c->empty, &s->link);
    c->slabs++;
    spin_unlock(&c->lock);
    return true;
}

void *slab_alloc(struct slab_cache *c)
{
    void *object = magazine_alloc(c);
    while (object == NULL && cache_grow(c)) { // again if other CPUs were faster
        object = magazine_alloc(c);
    }
    if (object != NULL) {
        object_begin(c, object);
    }
    return object;
}

void slab_free(struct slab_cache *c, void *object)
{
    (void)object_slab(c, object);
    if (BF_DEBUG) {
        object_end(c, object);
    }
    struct list surplus;
    list_init(&surplus);
    struct slab_magazine *m = magazine_this(c);
    spin_lock(&m->lock);
    if (m->count == c->magazine_size) {
        magazine_drain_locked(c, m, c->magazine_size / 2, &surplus);
    }
    m->objects[m->count++] = object;
    spin_unlock(&m->lock);
    surplus_destroy(c, &surplus);
}

// --- all caches ---------------------------------------------------------------------------------

static void cache_reclaim(struct slab_cache *c, void *arg)
{
    (void)arg;
    struct list surplus;
    list_init(&surplus);
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        struct slab_magazine *m = &c->magazines[i];
        spin_lock(&m->lock);
        magazine_drain_locked(c, m, 0, &surplus);
        spin_unlock(&m->lock);
    }
    spin_lock(&c->lock);
    for (struct list *n; (n = list_pop_front(&c->empty)) != NULL; c->slabs--) {
        list_push_front(&surplus, n);
    }
    spin_unlock(&c->lock);
    surplus_destroy(c, &surplus);
}

void slab_reclaim(void) { slab_for_each(cache_reclaim, NULL); }

void slab_for_each(void (*fn)(struct slab_cache *c, void *arg), void *arg)
{
    list_for_each(n, &caches) {
        fn(list_entry(n, struct slab_cache, link), arg);
    }
}

// --- statistics ---------------------------------------------------------------------------------

void slab_stats(struct slab_cache *c, struct slab_stats *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        struct slab_magazine *m = &c->magazines[i];
        spin_lock(&m->lock);
        s->cached += m->count;
        s->hits += m->hits;
        s->misses += m->misses;
        spin_unlock(&m->lock);
    }
    spin_lock(&c->lock);
    s->in_use = c->taken > s->cached ? c->taken - s->cached : 0;
    s->slabs = c->slabs;
    spin_unlock(&c->lock);
    s->object_bytes = c->object_bytes;
    s->per_slab = c->per_slab;
    s->slab_bytes = PAGE_SIZE << c->slab_order;
    ksnprintf(s->name, sizeof(s->name), "%s", c->name);
}

uint64_t slab_in_use(struct slab_cache *c)
{
    struct slab_stats s;
    slab_stats(c, &s);
    return s.in_use;
}
