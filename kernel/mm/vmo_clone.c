// SPDX-License-Identifier: MIT
// Copy-on-write clones. The clone shares the source's tree (page_tree_share: no walk over the
// pages), and from that moment every write through a new page-table entry copies. Entries that were
// writable before are unmapped by a sweep over the range; only then does the caller get the clone,
// so a write of another thread during the call may be seen by either side, one after it only by its
// own.
//
// The sweep may take several slices. In between the clone hangs, finished but for the sweep, off
// its source, marked with the thread that makes it; the restarted system call finds it there. A
// clone whose maker was killed is dropped with the source, or when the same thread record makes
// another one.
#include "kernel/debug/log.h"
#include "kernel/mm/vmo_internal.h"
#include <arch/cpu.h>

static const void *this_thread(void)
{
    const struct arch_percpu *cpu = arch_percpu();
    return cpu != NULL ? cpu->current : NULL;
}

static bool is_asked(const struct vmo *c, uint64_t offset, uint64_t size, const struct quota *q)
{
    return c->maker_offset == offset && c->size == size && c->quota == q;
}

static struct vmo *unborn_find(struct vmo *v)
{
    const void *maker = this_thread();
    list_for_each(n, &v->unborn) {
        struct vmo *c = list_entry(n, struct vmo, unborn_link);
        if (c->maker == maker) {
            return c;
        }
    }
    return NULL;
}

// Waits for the sweep that the unborn clone needs; then it is the caller's.
static status_t clone_finish(struct vmo *v, struct vmo *c, unsigned *budget, struct vmo **out)
{
    spin_lock(&v->lock);
    bool ready = !v->sweeping || v->sweep_epoch != c->born_epoch;
    spin_unlock(&v->lock);
    if (!ready && !vmo_sweep(v, budget)) {
        return STATUS_RESTART;
    }
    spin_lock(&v->lock);
    list_remove(&c->unborn_link);
    spin_unlock(&v->lock);
    *out = c;
    return OK;
}

// Shares the pages and starts the sweep; the VMO's lock is held, no sweep runs, no tail is left.
static status_t clone_share(struct vmo *v, uint64_t offset, struct vmo *c)
{
    uint64_t first = v->first_index + (offset >> PAGE_SHIFT);
    status_t st = page_tree_share(&v->tree, first, first + vmo_pages(c) - 1, &c->tree);
    if (st != OK) {
        return st;
    }
    c->first_index = first;
    c->maker = this_thread();
    c->maker_offset = offset;
    list_push_back(&v->unborn, &c->unborn_link);
    if (!list_empty(&v->mappings) && c->tree.root != NULL) {
        vmo_sweep_begin(v, offset >> PAGE_SHIFT, (offset >> PAGE_SHIFT) + vmo_pages(c) - 1);
        c->born_epoch = v->sweep_epoch;
    }
    return OK;
}

static status_t clone_begin(struct vmo *v, uint64_t offset, struct vmo *c, unsigned *budget)
{
    for (;;) {
        status_t st = vmo_trim(v, budget);
        if (st != OK) {
            return st;
        }
        if (!vmo_sweep(v, budget)) {
            return STATUS_RESTART;
        }
        spin_lock(&v->lock);
        bool again = v->sweeping || v->tail_left; // another CPU came between
        if (!again) {
            st = range_within(offset, c->size, v->size) ? clone_share(v, offset, c)
                                                        : ERR_OUT_OF_RANGE;
        }
        spin_unlock(&v->lock);
        if (!again) {
            return st;
        }
    }
}

status_t vmo_clone(struct vmo *v, uint64_t offset, uint64_t size, struct quota *q,
                   struct object *owner, struct vmo **out)
{
    unsigned budget = SLICE_PAGES;
    if (v->fixed) {
        return ERR_NOT_SUPPORTED;
    }
    if ((offset & PAGE_MASK) != 0) {
        return ERR_INVALID_ARGS;
    }
    if (size == 0 || size > VMO_SIZE_MAX ||
        !range_within(offset, align_up(size, PAGE_SIZE), vmo_size(v))) {
        return ERR_OUT_OF_RANGE;
    }
    size = align_up(size, PAGE_SIZE);
    spin_lock(&v->lock);
    struct vmo *c = unborn_find(v);
    bool stale = c != NULL && !is_asked(c, offset, size, q);
    if (stale) {
        list_remove(&c->unborn_link);
    }
    spin_unlock(&v->lock);
    if (stale) {
        object_put(&c->object);
        c = NULL;
    }
    if (c == NULL) {
        status_t st = vmo_alloc(VMO_ANONYMOUS, size, q, owner, &c);
        if (st != OK) {
            return st;
        }
        st = clone_begin(v, offset, c, &budget);
        if (st != OK) {
            object_put(&c->object);
            return st;
        }
    }
    return clone_finish(v, c, &budget, out);
}
