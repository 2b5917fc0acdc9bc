// SPDX-License-Identifier: MIT
// Virtual memory objects: making, sizing and ending them. The pages of an anonymous VMO are a tree
// (page_tree.c) filled on demand (vmo_page.c) and shared with copy-on-write clones (vmo_clone.c);
// the other kinds are one run of frames. Taking pages away from address spaces is vmo_sweep.c's.
//
// Each VMO has one lock (rank LOCK_VMO). A VMO lives while there are handles, mappings or other
// references; being dead it has no mappings, and the reaper frees its pages in slices.
#include "kernel/mm/vmo.h"

#include "kernel/debug/log.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmo_internal.h"
#include <arch/mmu.h>
#include <string.h>

#define PHYSICAL_END (1ull << 48) // no port has more physical address bits
static_assert(VMO_SIZE_MAX >> PAGE_SHIFT < PAGE_TREE_INDEX_MAX, "a VMO's pages have an index");

static struct slab_cache vmo_cache;

static bool vmo_reap(struct object *o);
static const struct object_ops vmo_ops = {.type = OBJ_VMO, .name = "vmo", .reap = vmo_reap};

static void vmo_construct(void *object)
{
    struct vmo *v = object;
    spin_init(&v->lock, "vmo", LOCK_VMO);
    list_init(&v->mappings);
    list_init(&v->unborn);
    list_init(&v->unborn_link);
}

void vmo_init_caches(void)
{
    slab_cache_init_constructed(&vmo_cache, "vmo", sizeof(struct vmo), 8,
                                offsetof(struct vmo, lock), vmo_construct);
    page_tree_init_caches();
}

// --- making -------------------------------------------------------------------------------------

status_t vmo_alloc(enum vmo_kind kind, uint64_t size, struct quota *q, struct object *owner,
                   struct vmo **out)
{
    status_t st = quota_charge(q, LIMIT_OBJECTS, 1);
    if (st != OK) {
        return st;
    }
    struct vmo *v = slab_alloc(&vmo_cache);
    if (v == NULL) {
        quota_release(q, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&v->object, &vmo_ops);
    v->quota = q;
    v->owner = owner;
    if (owner != NULL) {
        object_get(owner);
    }
    v->kind = kind;
    v->size = size;
    v->tree.quota = q;
    *out = v;
    return OK;
}

static bool size_ok(uint64_t size) { return size > 0 && size <= VMO_SIZE_MAX; }

status_t vmo_create(uint64_t size, struct quota *q, struct object *owner, struct vmo **out)
{
    if (!size_ok(size)) {
        return ERR_OUT_OF_RANGE;
    }
    return vmo_alloc(VMO_ANONYMOUS, align_up(size, PAGE_SIZE), q, owner, out);
}

// A VMO over the frames [base, base + size).
static status_t create_fixed(enum vmo_kind kind, paddr_t base, uint64_t size, unsigned cache,
                             struct quota *q, struct object *owner, struct vmo **out)
{
    status_t st = vmo_alloc(kind, size, q, owner, out);
    if (st == OK) {
        (*out)->fixed = true;
        (*out)->base = base;
        (*out)->cache = cache;
    }
    return st;
}

status_t vmo_create_physical(paddr_t base, uint64_t size, unsigned cache, struct quota *q,
                             struct object *owner, struct vmo **out)
{
    if (((base | size) & PAGE_MASK) != 0 || cache > CACHE_UNCACHED) {
        return ERR_INVALID_ARGS;
    }
    if (!size_ok(size) || !range_within(base, size, PHYSICAL_END)) {
        return ERR_OUT_OF_RANGE;
    }
    if (page_is_ram(base, base + size)) {
        return ERR_ACCESS_DENIED;
    }
    return create_fixed(VMO_PHYSICAL, base, size, cache, q, owner, out);
}

status_t vmo_create_boot(paddr_t pa, uint64_t size, struct quota *q, struct object *owner,
                         struct vmo **out)
{
    if (!size_ok(size) || !range_within(pa, size, PHYSICAL_END - PAGE_SIZE)) {
        return ERR_OUT_OF_RANGE;
    }
    paddr_t base = align_down(pa, PAGE_SIZE);
    uint64_t whole = align_up(pa + size, PAGE_SIZE) - base;
    return create_fixed(VMO_CONTIGUOUS, base, whole, CACHE_NORMAL, q, owner, out);
}

static void run_free(paddr_t pa, uint64_t pages)
{
    while (pages > 0) {
        uint64_t freed = page_run_free(pa, pages);
        pa += freed << PAGE_SHIFT;
        pages -= freed;
    }
}

status_t vmo_create_contiguous(uint64_t size, uint64_t align, bool below_4g, struct quota *q,
                               struct object *owner, struct vmo **out)
{
    if ((align & (align - 1)) != 0) {
        return ERR_INVALID_ARGS;
    }
    if (!size_ok(size) || align > PAGE_RUN_ALIGN_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    uint64_t pages = align_up(size, PAGE_SIZE) >> PAGE_SHIFT;
    status_t st = quota_charge(q, LIMIT_PAGES, pages);
    if (st != OK) {
        return st;
    }
    struct page *p = NULL;
    st = page_run_alloc(pages, align, below_4g ? PAGE_ZONE_DMA32 : PAGE_ZONE_NORMAL, PAGE_USER, &p);
    if (st == OK) {
        st = create_fixed(VMO_CONTIGUOUS, page_to_phys(p), pages << PAGE_SHIFT, CACHE_NORMAL, q,
                          owner, out);
        if (st != OK) {
            run_free(page_to_phys(p), pages);
        }
    }
    if (st != OK) {
        quota_release(q, LIMIT_PAGES, pages);
        return st;
    }
    (*out)->frames_owned = true;
    return OK;
}

status_t vmo_contiguous_zero(struct vmo *v, paddr_t *pa)
{
    uint64_t left = vmo_pages(v) - v->zeroed_pages;
    uint64_t n = left < SLICE_PAGES ? left : SLICE_PAGES;
    memset(phys_to_virt(v->base + (v->zeroed_pages << PAGE_SHIFT)), 0, n << PAGE_SHIFT);
    v->zeroed_pages += n;
    *pa = v->base;
    return n == left ? OK : STATUS_RESTART;
}

bool vmo_contiguous_is(const struct vmo *v, uint64_t size, uint64_t align, bool below_4g)
{
    return v->size == align_up(size, PAGE_SIZE) && (align == 0 || v->base % align == 0) &&
           (!below_4g || v->base < 1ull << 32);
}

// --- ending -------------------------------------------------------------------------------------

// Frees frames of a contiguous VMO from the start; true when none is left.
static bool frames_free(struct vmo *v, unsigned *budget)
{
    while (v->frames_owned && v->size > 0 && *budget > 0) {
        uint64_t pages = page_run_free(v->base, vmo_pages(v));
        quota_release(v->quota, LIMIT_PAGES, pages);
        v->base += pages << PAGE_SHIFT;
        v->size -= pages << PAGE_SHIFT;
        *budget -= pages < *budget ? (unsigned)pages : *budget;
    }
    return !v->frames_owned || v->size == 0;
}

static bool unborn_free(struct vmo *v, unsigned *budget)
{
    for (; *budget > 0 && !list_empty(&v->unborn); (*budget)--) {
        struct list *n = list_pop_front(&v->unborn);
        object_put(&list_entry(n, struct vmo, unborn_link)->object);
    }
    return list_empty(&v->unborn);
}

// Nobody has a reference any more, so nothing locks.
static bool vmo_reap(struct object *o)
{
    struct vmo *v = vmo_from_object(o);
    unsigned budget = SLICE_PAGES;
    ASSERT(list_empty(&v->mappings));
    page_subtree all = (page_subtree)v->tree.root;
    bool done = vmo_sweep(v, &budget) && unborn_free(v, &budget) && frames_free(v, &budget) &&
                page_subtree_free(&all, v->quota, &budget);
    v->tree.root = (struct page_tree_node *)all;
    if (!done) {
        return false;
    }
    struct object *owner = v->owner;
    quota_release(v->quota, LIMIT_OBJECTS, 1);
    slab_free(&vmo_cache, v);
    object_put(owner); // it embeds the quota, so it goes last
    return true;
}

// --- size ---------------------------------------------------------------------------------------

uint64_t vmo_size(struct vmo *v)
{
    spin_lock(&v->lock);
    uint64_t size = v->size;
    spin_unlock(&v->lock);
    return size;
}

// Sets the size, which is the moment the resize happens; what lies past a smaller end is dropped
// after it. The nodes around the new end are made our own before, so that the dropping cannot fail.
static status_t size_set_locked(struct vmo *v, uint64_t size)
{
    uint64_t pages = size >> PAGE_SHIFT;
    if (pages - 1 > PAGE_TREE_INDEX_MAX - v->first_index) {
        return ERR_OUT_OF_RANGE; // a clone of clones at the far end
    }
    if (size < v->size) {
        status_t st = page_tree_own_path(&v->tree, v->first_index + pages);
        if (st != OK) {
            return st;
        }
        v->tail_left = true;
    } else if (size > v->size && v->tail_left) {
        return STATUS_RESTART; // old pages would show up again
    }
    v->size = size;
    return OK;
}

status_t vmo_resize(struct vmo *v, uint64_t size)
{
    unsigned budget = SLICE_PAGES;
    if (v->fixed) {
        return ERR_NOT_SUPPORTED;
    }
    if (!size_ok(size)) {
        return ERR_OUT_OF_RANGE;
    }
    size = align_up(size, PAGE_SIZE);
    for (;;) {
        spin_lock(&v->lock);
        status_t st = size_set_locked(v, size);
        spin_unlock(&v->lock);
        if (st != OK && st != STATUS_RESTART) {
            return st;
        }
        status_t trimmed = vmo_trim(v, &budget);
        if (trimmed != OK || st == OK) {
            return trimmed;
        }
    }
}

// --- committing ---------------------------------------------------------------------------------

status_t vmo_commit(struct vmo *v, uint64_t offset, uint64_t len)
{
    if (!range_within(offset, len, vmo_size(v))) {
        return ERR_OUT_OF_RANGE;
    }
    if (v->fixed || len == 0) {
        return OK;
    }
    uint64_t page = offset >> PAGE_SHIFT;
    uint64_t last = (offset + len - 1) >> PAGE_SHIFT;
    for (unsigned budget = SLICE_PAGES; budget > 0; budget--) {
        spin_lock(&v->lock);
        uint64_t end = last < vmo_pages(v) ? last : vmo_pages(v) - 1;
        page =
            page_tree_hole(&v->tree, v->first_index + page, v->first_index + end) - v->first_index;
        struct page *p;
        status_t st = page <= end ? vmo_fill_locked(v, page, &p) : OK;
        spin_unlock(&v->lock);
        if (st != OK || page > end) {
            return st;
        }
    }
    return STATUS_RESTART;
}

status_t vmo_decommit(struct vmo *v, uint64_t offset, uint64_t len)
{
    unsigned budget = SLICE_PAGES;
    if (v->fixed) {
        return ERR_NOT_SUPPORTED;
    }
    if (((offset | len) & PAGE_MASK) != 0) {
        return ERR_INVALID_ARGS;
    }
    if (!range_within(offset, len, vmo_size(v))) {
        return ERR_OUT_OF_RANGE;
    }
    if (len == 0) {
        return OK;
    }
    return vmo_drop(v, offset >> PAGE_SHIFT, ((offset + len) >> PAGE_SHIFT) - 1, &budget);
}

// --- looking ------------------------------------------------------------------------------------

void vmo_info(struct vmo *v, struct vmo_info *out)
{
    memset(out, 0, sizeof(*out));
    spin_lock(&v->lock);
    out->id = v->object.id;
    out->size = v->size;
    out->committed_bytes = v->fixed ? v->size : page_tree_pages(&v->tree) << PAGE_SHIFT;
    out->kind = (uint32_t)v->kind;
    out->cache = v->cache;
    spin_unlock(&v->lock);
}

struct object *vmo_object(struct vmo *v) { return &v->object; }

struct vmo *vmo_from_object(struct object *o) { return container_of(o, struct vmo, object); }
