// SPDX-License-Identifier: MIT
// VMARs: regions of an address space, hierarchical, and the calls on them. Structure and locking
// stand in region.h.
//
// Who holds a VMAR: its parent's tree (so that it stays when all handles are closed), each handle,
// and its descendants hold the root. Destroying one marks it, empties it in slices and takes it out
// of its parent; what handles remain then give ERR_BAD_STATE. Placement (placement in vmar_place.c)
// leaves a guard page on each side of what the kernel places.
#include "kernel/debug/log.h"
#include "kernel/mm/region.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmar_place.h"

#define VM_PROT (VM_READ | VM_WRITE | VM_EXECUTE)

static struct slab_cache vmar_cache;

static bool vmar_reap(struct object *o);
// Reaped rather than destroyed at once: the last reference may go while locks are held.
static const struct object_ops vmar_ops = {.type = OBJ_VMAR, .name = "vmar", .reap = vmar_reap};

void vmar_init_caches(void) { slab_cache_init(&vmar_cache, "vmar", sizeof(struct vmar), 8); }

// --- regions
// -----------------------------------------------------------------------------------------

static const struct region *node_region(const struct rb_node *n)
{
    return container_of(n, struct region, node);
}

static bool region_less(const struct rb_node *a, const struct rb_node *b)
{
    return node_region(a)->base < node_region(b)->base;
}

void region_insert(struct vmar *parent, struct region *r)
{
    r->parent = parent;
    rb_insert(&parent->children, &r->node, region_less);
}

struct region *region_find(const struct vmar *r, vaddr_t addr)
{
    struct region *best = NULL;
    for (struct rb_node *n = r->children.root; n != NULL;) {
        struct region *g = container_of(n, struct region, node);
        if (g->end > addr) {
            best = g;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

struct mapping *mapping_find(struct vmar *r, vaddr_t addr)
{
    for (;;) {
        struct region *g = region_find(r, addr);
        if (g == NULL || g->base > addr || g->dying) {
            return NULL;
        }
        if (g->is_mapping) {
            return region_mapping(g);
        }
        r = region_vmar(g);
    }
}

// --- making and ending VMARs
// ---------------------------------------------------------------------------

static status_t vmar_alloc(struct quota *q, struct object *owner, vaddr_t base, vaddr_t end,
                           unsigned perms, struct vmar **out)
{
    status_t st = quota_charge(q, LIMIT_OBJECTS, 1);
    if (st != OK) {
        return st;
    }
    struct vmar *r = slab_alloc(&vmar_cache);
    if (r == NULL) {
        quota_release(q, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&r->object, &vmar_ops);
    r->region.base = base;
    r->region.end = end;
    rb_tree_init(&r->children);
    r->perms = (uint8_t)perms;
    r->hint = vmar_choose_hint(base, end);
    r->quota = q;
    r->owner = owner;
    if (owner != NULL) {
        object_get(owner);
    }
    *out = r;
    return OK;
}

status_t vmar_create_root(struct aspace *as, struct quota *q, struct object *owner,
                          struct vmar **out)
{
    struct vmar *r;
    status_t st = vmar_alloc(q, owner, USER_BASE, arch_user_top(), VM_PROT, &r);
    if (st == OK) {
        r->root = r;
        r->as = as;
        spin_init(&r->lock, "address space", LOCK_ASPACE);
        *out = r;
    }
    return st;
}

static bool vmar_reap(struct object *o)
{
    struct vmar *r = vmar_from_object(o);
    struct object *owner = r->owner;
    ASSERT(rb_empty(&r->children) && r->region.parent == NULL && r->as == NULL);
    struct object *root = r->root != r ? &r->root->object : NULL;
    quota_release(r->quota, LIMIT_OBJECTS, 1);
    slab_free(&vmar_cache, r);
    object_put(root);
    object_put(owner); // it embeds the quota, so it goes last
    return true;
}

// Takes an empty, dying VMAR out of its parent.
static void vmar_detach(struct vmar *r)
{
    rb_remove(&r->region.parent->children, &r->region.node);
    r->region.parent = NULL;
    object_put(&r->object);
}

bool vmar_clear(struct vmar *top, unsigned *budget)
{
    struct vmar *r = top;
    top->region.dying = true;
    while (*budget > 0) {
        (*budget)--;
        struct rb_node *n = rb_first(&r->children);
        if (n != NULL) {
            struct region *g = container_of(n, struct region, node);
            if (!g->is_mapping) {
                g->dying = true;
                r = region_vmar(g);
            } else if (!mapping_remove(region_mapping(g), budget)) {
                return false;
            }
        } else if (r == top) {
            return true;
        } else {
            struct vmar *parent = r->region.parent;
            vmar_detach(r);
            r = parent;
        }
    }
    return false;
}

// --- the calls
// -----------------------------------------------------------------------------------------

// Takes the address space's lock if the region still lives.
static status_t vmar_lock(struct vmar *r)
{
    spin_lock(&r->root->lock);
    bool dead = r->root->as == NULL;
    for (struct vmar *up = r; up != NULL && !dead; up = up->region.parent) {
        dead = up->region.dying;
    }
    if (dead) {
        spin_unlock(&r->root->lock);
        return ERR_BAD_STATE;
    }
    return OK;
}

static void vmar_unlock(struct vmar *r) { spin_unlock(&r->root->lock); }

// Protections a page can have. VM_WRITE needs VM_READ because no CPU of ours has write-only pages.
static status_t prot_check(unsigned flags)
{
    if ((flags & VM_WRITE) != 0 && (flags & VM_EXECUTE) != 0) {
        return ERR_ACCESS_DENIED;
    }
    return (flags & VM_WRITE) != 0 && (flags & VM_READ) == 0 ? ERR_INVALID_ARGS : OK;
}

static status_t range_check(const struct vmar *r, vaddr_t addr, uint64_t len)
{
    if (((addr | len) & PAGE_MASK) != 0 || len == 0) {
        return ERR_INVALID_ARGS;
    }
    bool inside = addr >= r->region.base && range_within(addr, len, r->region.end);
    return inside ? OK : ERR_OUT_OF_RANGE;
}

// Where a new region of len bytes goes.
static status_t place(struct vmar *r, vaddr_t addr, uint64_t len, unsigned flags, vaddr_t *base)
{
    if ((flags & VM_FIXED) == 0) {
        return addr != 0 ? ERR_INVALID_ARGS : vmar_choose(r, len, base);
    }
    status_t st = range_check(r, addr, len);
    if (st != OK) {
        return st;
    }
    struct region *g = region_find(r, addr);
    if (g != NULL && g->base < addr + len) {
        return ERR_EXISTS;
    }
    *base = addr;
    return OK;
}

status_t vmar_map(struct vmar *r, struct vmo *v, uint64_t offset, vaddr_t addr, uint64_t len,
                  unsigned flags, unsigned rights_flags, vaddr_t *base)
{
    unsigned prot = flags & VM_PROT;
    if ((flags & ~(VM_PROT | VM_FIXED)) != 0 || ((offset | len) & PAGE_MASK) != 0 || len == 0) {
        return ERR_INVALID_ARGS;
    }
    status_t st = prot_check(prot);
    if (st != OK) {
        return st;
    }
    unsigned allowed = rights_flags & r->perms; // perms never change
    struct vmo_info info;
    vmo_info(v, &info);
    if (info.kind == VMO_PHYSICAL) {
        allowed &= ~VM_EXECUTE; // a speculative fetch from device registers has side effects
    }
    if ((prot & ~allowed) != 0) {
        return ERR_ACCESS_DENIED;
    }
    st = vmar_lock(r);
    if (st != OK) {
        return st;
    }
    vaddr_t where;
    st = place(r, addr, len, flags, &where);
    if (st == OK) {
        st = mapping_create(r, v, offset, where, len, prot, allowed);
    }
    vmar_unlock(r);
    if (st == OK) {
        *base = where;
    }
    return st;
}

static status_t allocate_locked(struct vmar *r, vaddr_t addr, uint64_t size, unsigned flags,
                                struct vmar **child)
{
    vaddr_t base;
    if (r->depth >= VMAR_DEPTH_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    status_t st = place(r, addr, size, flags, &base);
    if (st != OK) {
        return st;
    }
    struct vmar *c;
    st = vmar_alloc(r->root->quota, r->root->owner, base, base + size, flags & VM_PROT, &c);
    if (st != OK) {
        return st;
    }
    c->root = r->root;
    object_get(&c->root->object);
    c->depth = (uint8_t)(r->depth + 1);
    object_get(&c->object); // the parent's; the caller has the first
    region_insert(r, &c->region);
    *child = c;
    return OK;
}

status_t vmar_allocate(struct vmar *r, vaddr_t addr, uint64_t size, unsigned flags,
                       struct vmar **child, vaddr_t *base)
{
    if ((flags & ~(VM_PROT | VM_FIXED)) != 0 || (size & PAGE_MASK) != 0 || size == 0) {
        return ERR_INVALID_ARGS;
    }
    if ((flags & VM_PROT & ~(unsigned)r->perms) != 0) {
        return ERR_ACCESS_DENIED;
    }
    status_t st = vmar_lock(r);
    if (st != OK) {
        return st;
    }
    struct vmar *c;
    st = allocate_locked(r, addr, size, flags, &c);
    vmar_unlock(r);
    if (st == OK) {
        *child = c;
        *base = c->region.base;
    }
    return st;
}

// Cuts a mapping at the edges of [start, end) and leaves in *g the part that begins inside. A cut
// is seen by nobody, so one that stays when the next fails does no harm.
static status_t cut_at_edges(struct region **g, vaddr_t start, vaddr_t end)
{
    struct mapping *m = region_mapping(*g);
    if (m->region.base < start) {
        struct vmar *parent = m->region.parent;
        status_t st = mapping_split(m, start);
        if (st != OK) {
            return st;
        }
        *g = region_find(parent, start);
        m = region_mapping(*g);
    }
    return m->region.end > end ? mapping_split(m, end) : OK;
}

// Takes down the part of a region that lies in [start, end): OK, STATUS_RESTART, or an error of a
// cut.
static status_t region_unmap(struct region *g, vaddr_t start, vaddr_t end, unsigned *budget)
{
    if (!g->is_mapping) {
        struct vmar *child = region_vmar(g);
        if (!vmar_clear(child, budget)) {
            return STATUS_RESTART;
        }
        vmar_detach(child);
        return OK;
    }
    if (!g->dying) {
        status_t st = cut_at_edges(&g, start, end);
        if (st != OK) {
            return st;
        }
    }
    return mapping_remove(region_mapping(g), budget) ? OK : STATUS_RESTART;
}

// A child VMAR is taken down whole or not at all.
static bool cuts_child(const struct vmar *r, vaddr_t start, vaddr_t end)
{
    const struct region *low = region_find(r, start);
    const struct region *high = region_find(r, end - 1);
    bool cuts_low = low != NULL && !low->is_mapping && low->base < start;
    bool cuts_high = high != NULL && !high->is_mapping && high->base < end && high->end > end;
    return cuts_low || cuts_high;
}

status_t vmar_unmap(struct vmar *r, vaddr_t addr, uint64_t len)
{
    status_t st = range_check(r, addr, len);
    if (st == OK) {
        st = vmar_lock(r);
    }
    if (st != OK) {
        return st;
    }
    vaddr_t end = addr + len;
    if (cuts_child(r, addr, end)) {
        st = ERR_INVALID_ARGS;
    }
    for (unsigned budget = SLICE_PAGES; st == OK;) {
        struct region *g = region_find(r, addr);
        if (g == NULL || g->base >= end) {
            break;
        }
        st = budget > 0 ? region_unmap(g, addr, end, &budget) : STATUS_RESTART;
    }
    vmar_unlock(r);
    return st;
}

// Every page of the range is mapped directly in r and may have the protection. (As long as the list
// of mappings is: the process's job pays for each and limits them.)
static status_t protect_check(const struct vmar *r, vaddr_t addr, vaddr_t end, unsigned prot)
{
    while (addr < end) {
        struct region *g = region_find(r, addr);
        if (g == NULL || g->base > addr || g->dying) {
            return ERR_NOT_FOUND;
        }
        if (!g->is_mapping) {
            return ERR_INVALID_ARGS;
        }
        if ((prot & ~(unsigned)region_mapping(g)->max_prot) != 0) {
            return ERR_ACCESS_DENIED;
        }
        addr = g->end;
    }
    return OK;
}

static status_t region_protect(struct region *g, vaddr_t start, vaddr_t end, unsigned prot,
                               unsigned *budget)
{
    if (region_mapping(g)->prot != prot) {
        status_t st = cut_at_edges(&g, start, end);
        if (st != OK) {
            return st;
        }
    }
    struct mapping *m = region_mapping(g);
    if ((m->prot & ~prot) != 0) { // less than before: entries must go; more comes with faults
        m->stale = true;
        m->stale_next = m->region.base;
    }
    m->prot = (uint8_t)prot;
    *budget -= *budget > 0 ? 1 : 0;
    return mapping_refresh(m, budget) ? OK : STATUS_RESTART;
}

status_t vmar_protect(struct vmar *r, vaddr_t addr, uint64_t len, unsigned flags)
{
    status_t st = (flags & ~VM_PROT) != 0 ? ERR_INVALID_ARGS : prot_check(flags);
    if (st == OK) {
        st = range_check(r, addr, len);
    }
    if (st == OK) {
        st = vmar_lock(r);
    }
    if (st != OK) {
        return st;
    }
    vaddr_t end = addr + len;
    st = protect_check(r, addr, end, flags);
    unsigned budget = SLICE_PAGES;
    while (st == OK && addr < end) {
        st = budget > 0 ? region_protect(region_find(r, addr), addr, end, flags, &budget)
                        : STATUS_RESTART;
        if (st == OK) {
            addr = region_find(r, addr)->end;
        }
    }
    vmar_unlock(r);
    return st;
}

status_t vmar_destroy(struct vmar *r)
{
    if (r->root == r) {
        return ERR_NOT_SUPPORTED;
    }
    unsigned budget = SLICE_PAGES;
    status_t st = OK;
    spin_lock(&r->root->lock);
    if (r->region.parent == NULL) {
        st = ERR_BAD_STATE; // ended before
    } else if (!vmar_clear(r, &budget)) {
        st = STATUS_RESTART; // comes back here, or whoever destroys a region around it goes on
    } else {
        vmar_detach(r);
    }
    spin_unlock(&r->root->lock);
    return st;
}

struct object *vmar_object(struct vmar *r) { return &r->object; }

struct vmar *vmar_from_object(struct object *o) { return container_of(o, struct vmar, object); }
