// SPDX-License-Identifier: MIT
// Sweeps: unmapping pages of a VMO from every address space that maps them, in bounded slices.
//
// The lock order is address space before VMO, because faults come that way, and here the way is the
// other one. So a sweep finds a mapping under the VMO's lock, takes a reference to the mapping's
// root VMAR (which holds the address space's lock), drops the VMO's lock, takes both locks in their
// order and looks again whether the first mapping still to be swept is one of that address space.
//
// A VMO has at most one sweep. It goes through the list of mappings: those not yet swept stand
// first and carry an older epoch than the VMO; a swept one moves to the end. A page that leaves the
// tree goes to the VMO's limbo first and is freed when the sweep over it is done. This keeps the
// rule that everything rests on: whatever a page table maps for this VMO is in its tree or in its
// limbo, so it is not free. Faults go on meanwhile: what they map is in the tree now, and unmapping
// it once more costs a fault. Writers to pages under a sweep help to finish it first
// (vmo_page_locked), so that nobody writes to a page while another still reads its predecessor.
//
// Whoever needs a sweep carries on with it in slices, restarting its system call between them. If
// it is killed, the sweep stands still until the next operation that needs one, or a write, carries
// on.
#include "kernel/debug/log.h"
#include "kernel/mm/vmo_internal.h"

#define SKIP_MAX 8u // mappings looked at in the hope that none but the faulting one is concerned

static struct mapping *front(struct vmo *v)
{
    struct list *n = list_first(&v->mappings);
    return n != NULL ? list_entry(n, struct mapping, vmo_link) : NULL;
}

static void mark_swept(struct vmo *v, struct mapping *m)
{
    m->swept_epoch = v->sweep_epoch;
    list_remove(&m->vmo_link);
    list_push_back(&v->mappings, &m->vmo_link);
}

// User addresses of the swept pages in this mapping; false if there are none.
static bool swept_range(const struct vmo *v, const struct mapping *m, vaddr_t *start, vaddr_t *end)
{
    uint64_t first = m->offset >> PAGE_SHIFT;
    uint64_t last = first + ((m->region.end - m->region.base) >> PAGE_SHIFT) - 1;
    if (v->sweep_first > last || v->sweep_last < first) {
        return false;
    }
    uint64_t from = v->sweep_first > first ? v->sweep_first : first;
    uint64_t to = v->sweep_last < last ? v->sweep_last : last;
    *start = m->region.base + ((from - first) << PAGE_SHIFT);
    *end = m->region.base + ((to - first + 1) << PAGE_SHIFT);
    return true;
}

void vmo_sweep_begin(struct vmo *v, uint64_t first, uint64_t last)
{
    ASSERT(!v->sweeping && spin_held(&v->lock));
    v->sweeping = true;
    v->sweep_epoch++;
    v->sweep_first = first;
    v->sweep_last = last;
}

bool vmo_sweep_skip(struct vmo *v, const struct mapping *self)
{
    ASSERT(v->sweeping && spin_held(&v->lock));
    vaddr_t start, end;
    unsigned looked_at = 0;
    list_for_each(n, &v->mappings) {
        const struct mapping *m = list_entry(n, struct mapping, vmo_link);
        if (++looked_at > SKIP_MAX || (m != self && swept_range(v, m, &start, &end))) {
            return false;
        }
    }
    list_for_each(n, &v->mappings) {
        list_entry(n, struct mapping, vmo_link)->swept_epoch = v->sweep_epoch;
    }
    return true;
}

// Some mapping is still to be swept.
static bool unswept(struct vmo *v)
{
    struct mapping *m = front(v);
    return v->sweeping && m != NULL && m->swept_epoch != v->sweep_epoch;
}

// The next mapping with pages to sweep; passes over those without. NULL: none left, or no budget.
static struct mapping *next_mapping(struct vmo *v, unsigned *budget)
{
    vaddr_t start, end;
    while (unswept(v)) {
        struct mapping *m = front(v);
        if (*budget == 0) {
            return NULL;
        }
        if (swept_range(v, m, &start, &end)) {
            return m;
        }
        mark_swept(v, m);
        (*budget)--;
    }
    return NULL;
}

// Both locks are held; m is of the address space whose lock it is.
static void mapping_sweep(struct vmo *v, struct mapping *m, unsigned *budget)
{
    vaddr_t start, end;
    if (!swept_range(v, m, &start, &end)) {
        mark_swept(v, m);
        return;
    }
    if (m->cursor_epoch != v->sweep_epoch) { // no earlier slice of this sweep was here
        m->cursor_epoch = v->sweep_epoch;
        m->sweep_next = start;
    }
    if (aspace_clear(m->root->as, &m->sweep_next, end, budget)) {
        mark_swept(v, m);
    }
}

// Nothing maps the limbo any more: frees it, and ends the sweep when it is empty.
static bool limbo_free(struct vmo *v, unsigned *budget)
{
    while (v->limbo_count > 0) {
        struct quota *charged = v->limbo_charged ? v->quota : NULL;
        if (!page_subtree_free(&v->limbo[v->limbo_count - 1], charged, budget)) {
            return false;
        }
        v->limbo_count--;
    }
    v->sweeping = false;
    return true;
}

bool vmo_sweep(struct vmo *v, unsigned *budget)
{
    for (;;) {
        spin_lock(&v->lock);
        if (!v->sweeping) {
            spin_unlock(&v->lock);
            return true;
        }
        struct mapping *m = next_mapping(v, budget);
        if (m == NULL) {
            bool done = !unswept(v) && limbo_free(v, budget);
            spin_unlock(&v->lock);
            return done;
        }
        struct vmar *root = m->root;
        object_get(&root->object);
        spin_unlock(&v->lock);

        spin_lock(&root->lock);
        spin_lock(&v->lock);
        m = front(v);
        if (unswept(v) && m->root == root) {
            mapping_sweep(v, m, budget);
        }
        *budget -= *budget > 0 ? 1 : 0;
        spin_unlock(&v->lock);
        spin_unlock(&root->lock);
        object_put(&root->object);
    }
}

// Moves up to LIMBO_MAX subtrees of [*first, last] from the tree to the empty limbo, starts the
// sweep over them and moves *first behind them. *any tells whether there were some.
static status_t limbo_fill(struct vmo *v, uint64_t *first, uint64_t last, unsigned *budget,
                           bool *any)
{
    uint64_t lowest = 0, highest = 0;
    status_t st = OK;
    while (v->limbo_count < LIMBO_MAX && *budget > 0) {
        uint64_t start, end;
        page_subtree part;
        st = page_tree_detach(&v->tree, v->first_index + *first, v->first_index + last, &part,
                              &start, &end);
        if (st != OK || part == 0) {
            break;
        }
        lowest = v->limbo_count == 0 ? start : lowest;
        highest = end;
        v->limbo[v->limbo_count++] = part;
        (*budget)--;
    }
    *any = v->limbo_count > 0;
    if (*any) {
        v->limbo_charged = true;
        vmo_sweep_begin(v, lowest - v->first_index, highest - v->first_index);
        // Behind them, so that somebody who touches the pages again cannot keep us here.
        *first = highest - v->first_index + 1;
        return OK;
    }
    return st;
}

status_t vmo_drop(struct vmo *v, uint64_t first, uint64_t last, unsigned *budget)
{
    for (;;) {
        if (!vmo_sweep(v, budget) || *budget == 0) {
            return STATUS_RESTART;
        }
        spin_lock(&v->lock);
        bool any = true;
        status_t st = OK;
        if (!v->sweeping) { // another CPU may have started one
            any = false;
            st = first <= last ? limbo_fill(v, &first, last, budget, &any) : OK;
        }
        spin_unlock(&v->lock);
        if (st != OK || !any) {
            return st;
        }
    }
}

status_t vmo_trim(struct vmo *v, unsigned *budget)
{
    for (;;) {
        spin_lock(&v->lock);
        bool left = v->tail_left;
        uint64_t first = vmo_pages(v);
        spin_unlock(&v->lock);
        if (!left) {
            return OK;
        }
        status_t st = vmo_drop(v, first, PAGE_TREE_INDEX_MAX - v->first_index, budget);
        if (st != OK) {
            return st;
        }
        // Clear unless the VMO has shrunk once more meanwhile; it cannot grow while a tail is left.
        spin_lock(&v->lock);
        v->tail_left = v->tail_left && vmo_pages(v) != first;
        spin_unlock(&v->lock);
    }
}
