// SPDX-License-Identifier: MIT
// Mappings: the leaves of an address space. A mapping holds a reference to its VMO and is on the
// VMO's list, which sweeps use; its page-table entries are made by faults only (aspace.c).
//
// Entries leave the page tables in slices here (mapping_remove, mapping_refresh) or in vmo_sweep.c;
// a mapping stays on its VMO's list until its last entry is gone.
#include "kernel/debug/log.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmo_internal.h"

static struct slab_cache mapping_cache;

void mapping_init_caches(void)
{
    slab_cache_init(&mapping_cache, "mapping", sizeof(struct mapping), 8);
}

static status_t mapping_alloc(struct vmar *root, struct mapping **out)
{
    status_t st = quota_charge(root->as->quota, LIMIT_OBJECTS, 1);
    if (st != OK) {
        return st;
    }
    *out = slab_alloc(&mapping_cache);
    if (*out == NULL) {
        quota_release(root->as->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    return OK;
}

static void mapping_free(struct mapping *m)
{
    quota_release(m->root->as->quota, LIMIT_OBJECTS, 1);
    slab_free(&mapping_cache, m);
}

status_t mapping_create(struct vmar *parent, struct vmo *v, uint64_t offset, vaddr_t base,
                        uint64_t len, unsigned prot, unsigned max_prot)
{
    struct mapping *m;
    status_t st = mapping_alloc(parent->root, &m);
    if (st != OK) {
        return st;
    }
    m->region = (struct region){.base = base, .end = base + len, .is_mapping = true};
    m->root = parent->root;
    m->vmo = v;
    m->offset = offset;
    m->prot = (uint8_t)prot;
    m->max_prot = (uint8_t)max_prot;
    spin_lock(&v->lock);
    bool fits = range_within(offset, len, v->size);
    if (fits) {
        m->swept_epoch = v->sweep_epoch; // it has no entries, so a running sweep need not visit it
        list_push_back(&v->mappings, &m->vmo_link);
    }
    spin_unlock(&v->lock);
    if (!fits) {
        mapping_free(m);
        return ERR_OUT_OF_RANGE;
    }
    object_get(&v->object);
    region_insert(parent, &m->region);
    return OK;
}

status_t mapping_split(struct mapping *m, vaddr_t addr)
{
    ASSERT(addr > m->region.base && addr < m->region.end && !m->region.dying);
    struct mapping *upper;
    status_t st = mapping_alloc(m->root, &upper);
    if (st != OK) {
        return st;
    }
    spin_lock(&m->vmo->lock);
    *upper = *m;
    upper->region.base = addr;
    upper->offset = m->offset + (addr - m->region.base);
    upper->stale_next = m->stale_next > addr ? m->stale_next : addr;
    upper->sweep_next = m->sweep_next > addr ? m->sweep_next : addr;
    m->region.end = addr;
    // Behind its lower half: swept and unswept mappings stay apart on the list.
    list_insert_between(&upper->vmo_link, &m->vmo_link, m->vmo_link.next);
    spin_unlock(&m->vmo->lock);
    object_get(&m->vmo->object);
    region_insert(m->region.parent, &upper->region);
    return OK;
}

bool mapping_remove(struct mapping *m, unsigned *budget)
{
    if (!m->region.dying) {
        m->region.dying = true; // no faults from now on
        m->stale_next = m->region.base;
    }
    if (!aspace_clear(m->root->as, &m->stale_next, m->region.end, budget)) {
        return false;
    }
    struct vmo *v = m->vmo;
    spin_lock(&v->lock);
    list_remove(&m->vmo_link);
    spin_unlock(&v->lock);
    rb_remove(&m->region.parent->children, &m->region.node);
    mapping_free(m);
    object_put(&v->object);
    return true;
}

bool mapping_refresh(struct mapping *m, unsigned *budget)
{
    if (m->stale && aspace_clear(m->root->as, &m->stale_next, m->region.end, budget)) {
        m->stale = false;
    }
    return !m->stale;
}
