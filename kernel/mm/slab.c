// SPDX-License-Identifier: MIT
// Object caches after Bonwick ("The Slab Allocator", USENIX Summer 1994): a slab is a power of two
// of pages that starts with a struct slab and holds objects of one size; free objects of a slab are
// chained through their own memory.
//
// A cache keeps three lists of slabs. Allocation prefers partly used slabs, so that others run
// empty; one empty slab is kept to save a cache at a boundary from allocating and freeing pages
// with every object, further ones go back to the page allocator.
//
// Debug builds fill free objects with POISON and put eight bytes of REDZONE behind each object: a
// write after free is seen when the object is handed out again, a write past the end when it is
// freed, a double free because the object is on its slab's chain.
//
// One lock a cache, rank LOCK_SLAB, and one for the list of caches.
// docs/book/07-object-allocator.md tells the choices.
#include "kernel/mm/slab.h"

#include "kernel/debug/log.h"
#include "kernel/mm/page.h"
#include <arch/mmu.h>
#include <string.h>

#define POISON         0x5au
#define REDZONE        0x7ed20e7ed20e7ed2ull
#define SLAB_ORDER_MAX 3u
#define OBJECTS_MIN    4u // a slab of fewer wastes too much; then it gets more pages

struct slab {
    struct list link; // one of the cache's lists
    struct slab_cache *cache;
    void *free; // chain through the first word of each free object
    uint32_t in_use;
};

static struct list caches = {&caches, &caches};
static struct spinlock caches_lock = SPINLOCK_INIT("slab caches", LOCK_SLAB);

void slab_cache_init(struct slab_cache *c, const char *name, size_t object_bytes, size_t align)
{
    ASSERT(object_bytes > 0 && (align & (align - 1)) == 0);
    align = align < sizeof(void *) ? sizeof(void *) : align;
    size_t bytes = align_up(object_bytes, sizeof(void *)) + (BF_DEBUG ? sizeof(uint64_t) : 0);
    size_t stride = align_up(bytes, align);
    size_t first = align_up(sizeof(struct slab), align);
    unsigned order = 0;
    while (order < SLAB_ORDER_MAX && first + OBJECTS_MIN * stride > (PAGE_SIZE << order)) {
        order++;
    }
    ASSERT(first + stride <= (PAGE_SIZE << order));
    *c = (struct slab_cache){
        .name = name,
        .object_bytes = (uint32_t)object_bytes,
        .stride = (uint32_t)stride,
        .per_slab = (uint32_t)(((PAGE_SIZE << order) - first) / stride),
        .first = (uint32_t)first,
        .slab_order = order,
    };
    list_init(&c->partial);
    list_init(&c->full);
    list_init(&c->empty);
    spin_init(&c->lock, name, LOCK_SLAB);
    spin_lock(&caches_lock);
    list_push_back(&caches, &c->link);
    spin_unlock(&caches_lock);
}

// --- debug checks
// --------------------------------------------------------------------------------------------------

static uint64_t *object_redzone(const struct slab_cache *c, void *object)
{
    return (uint64_t *)((char *)object + align_up(c->object_bytes, sizeof(void *)));
}

// The first word of a free object is the chain; the rest must still be poison.
static void poison_check(const struct slab_cache *c, const void *object)
{
    const uint8_t *bytes = object;
    for (size_t i = sizeof(void *); i < c->object_bytes; i++) {
        if (bytes[i] != POISON) {
            panic("slab %s: object %p changed after it was freed: byte %zu is 0x%x, expected 0x%x",
                  c->name, object, i, bytes[i], POISON);
        }
    }
}

static void free_check(const struct slab_cache *c, const struct slab *s, void *object)
{
    if (*object_redzone(c, object) != REDZONE) {
        panic("slab %s: written past the end of object %p", c->name, object);
    }
    for (void *o = s->free; o != NULL; o = *(void **)o) {
        if (o == object) {
            panic("slab %s: object %p freed twice", c->name, object);
        }
    }
}

// --- slabs
// ---------------------------------------------------------------------------------------------------------

static struct slab *slab_create(struct slab_cache *c)
{
    struct page *p = page_alloc(c->slab_order, PAGE_SLAB);
    if (p == NULL) {
        return NULL;
    }
    struct slab *s = page_to_virt(p);
    *s = (struct slab){.cache = c};
    list_init(&s->link);
    for (unsigned i = 0; i < (1u << c->slab_order); i++) {
        p[i].slab = s;
    }
    for (uint32_t i = c->per_slab; i-- > 0;) {
        char *object = (char *)s + c->first + (size_t)i * c->stride;
        if (BF_DEBUG) {
            memset(object, POISON, c->object_bytes);
        }
        *(void **)object = s->free;
        s->free = object;
    }
    return s;
}

static void slab_destroy(struct slab *s, unsigned order)
{
    struct page *p = page_from_phys(virt_to_phys(s));
    for (unsigned i = 0; i < (1u << order); i++) {
        p[i].slab = NULL;
    }
    page_free(p, order);
}

// A slab with a free object, moved to the front of `partial`; NULL when there is none without a new
// one.
static struct slab *slab_find(struct slab_cache *c)
{
    if (list_empty(&c->partial)) {
        struct list *n = list_pop_front(&c->empty);
        if (n == NULL) {
            return NULL;
        }
        list_push_front(&c->partial, n);
    }
    return list_entry(list_first(&c->partial), struct slab, link);
}

void *slab_alloc(struct slab_cache *c)
{
    spin_lock(&c->lock);
    struct slab *s = slab_find(c);
    if (s == NULL) {
        s = slab_create(c);
        if (s == NULL) {
            spin_unlock(&c->lock);
            return NULL;
        }
        c->slabs++;
        list_push_front(&c->partial, &s->link);
    }
    void *object = s->free;
    s->free = *(void **)object;
    if (++s->in_use == c->per_slab) {
        list_remove(&s->link);
        list_push_front(&c->full, &s->link);
    }
    c->in_use++;
    spin_unlock(&c->lock);
    if (BF_DEBUG) {
        poison_check(c, object);
        *object_redzone(c, object) = REDZONE;
    }
    memset(object, 0, c->object_bytes);
    return object;
}

// The slab of an object, after checking that it is one of this cache's.
static struct slab *object_slab(struct slab_cache *c, void *object)
{
    struct page *p = page_from_phys(virt_to_phys(object));
    struct slab *s = p != NULL ? p->slab : NULL;
    if (s == NULL || s->cache != c ||
        ((size_t)((char *)object - (char *)s) - c->first) % c->stride != 0) {
        panic("slab %s: %p is no object of this cache", c->name, object);
    }
    return s;
}

void slab_free(struct slab_cache *c, void *object)
{
    struct slab *s = object_slab(c, object);
    spin_lock(&c->lock);
    if (BF_DEBUG) {
        free_check(c, s, object);
        memset(object, POISON, c->object_bytes);
    }
    ASSERT(s->in_use > 0);
    *(void **)object = s->free;
    s->free = object;
    s->in_use--;
    c->in_use--;
    list_remove(&s->link);
    bool surplus = s->in_use == 0 && !list_empty(&c->empty);
    if (surplus) {
        c->slabs--;
    } else {
        list_push_front(s->in_use == 0 ? &c->empty : &c->partial, &s->link);
    }
    spin_unlock(&c->lock);
    if (surplus) {
        slab_destroy(s, c->slab_order);
    }
}

// --- statistics
// ----------------------------------------------------------------------------------------------------

uint64_t slab_bytes(void)
{
    struct page_stats pages;
    page_stats(&pages);
    return pages.by_owner[PAGE_SLAB] * PAGE_SIZE;
}

void slab_for_each(void (*fn)(const struct slab_cache *c, void *arg), void *arg)
{
    // Caches are set up while the kernel starts and stay, so the list can be walked without its
    // lock.
    list_for_each(n, &caches) {
        fn(list_entry(n, struct slab_cache, link), arg);
    }
}
