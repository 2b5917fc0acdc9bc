// SPDX-License-Identifier: MIT
// The pages of VMOs: finding, allocating and copying them for an access, and the kernel's own reads
// and writes. docs/book/15-vmo.md has the table of cases.
#include "kernel/debug/log.h"
#include "kernel/mm/vmo_internal.h"
#include <arch/mmu.h>
#include <string.h>

static bool in_sweep(const struct vmo *v, uint64_t page)
{
    return v->sweeping && page >= v->sweep_first && page <= v->sweep_last;
}

// A charged page with nobody's data in it yet.
static status_t page_take(struct quota *q, bool zeroed, struct page **out)
{
    status_t st = quota_charge(q, LIMIT_PAGES, 1);
    if (st != OK) {
        return st;
    }
    *out = zeroed ? page_alloc_zeroed(PAGE_USER) : page_alloc(0, PAGE_USER);
    if (*out == NULL) {
        quota_release(q, LIMIT_PAGES, 1);
        return ERR_NO_MEMORY;
    }
    return OK;
}

// Not zeroed: for a caller that overwrites all of it before anyone else can reach it.
static status_t fill_locked(struct vmo *v, uint64_t page, bool zeroed, struct page **out)
{
    struct page *p;
    status_t st = page_take(v->quota, zeroed, &p);
    if (st != OK) {
        return st;
    }
    st = page_tree_insert(&v->tree, v->first_index + page, p);
    if (st != OK) {
        page_free(p, 0);
        quota_release(v->quota, LIMIT_PAGES, 1);
        return st;
    }
    *out = p;
    return OK;
}

status_t vmo_fill_locked(struct vmo *v, uint64_t page, struct page **out)
{
    return fill_locked(v, page, true, out);
}

// Gives the VMO a copy of its own of a page that others reach too. The shared page goes to the
// limbo: this VMO's mappings may still show it, and without our reference its other holders could
// free it. The copy is charged already, because a shared page is charged to everybody who shares
// it.
static status_t page_copy(struct vmo *v, uint64_t page, struct mapping *self, struct page **out)
{
    struct page **slot;
    status_t st = page_tree_own_slot(&v->tree, v->first_index + page, &slot);
    if (st != OK) {
        return st;
    }
    struct page *shared = *slot;
    if (__atomic_load_n(&shared->shares, __ATOMIC_ACQUIRE) == 1) { // the others are gone
        *out = shared;
        return OK;
    }
    if (v->sweeping) { // the limbo is in use
        return STATUS_RESTART;
    }
    struct page *copy = page_alloc(0, PAGE_USER);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(page_to_virt(copy), page_to_virt(shared), PAGE_SIZE);
    copy->shares = 1;
    *slot = copy;
    v->limbo[v->limbo_count++] = page_subtree_of_page(shared);
    v->limbo_charged = false;
    vmo_sweep_begin(v, page, page);
    *out = copy;
    return vmo_sweep_skip(v, self) ? OK : STATUS_RESTART;
}

static status_t page_locked(struct vmo *v, uint64_t page, bool write, bool overwrite,
                            struct mapping *self, paddr_t *pa, bool *writable)
{
    ASSERT(spin_held(&v->lock));
    if (page >= vmo_pages(v)) {
        return ERR_OUT_OF_RANGE;
    }
    if (v->fixed) {
        *pa = v->base + (page << PAGE_SHIFT);
        *writable = true;
        return OK;
    }
    if (write && in_sweep(v, page)) {
        return STATUS_RESTART;
    }
    bool alone;
    status_t st = OK;
    struct page *p = page_tree_lookup(&v->tree, v->first_index + page, &alone);
    if (p == NULL) {
        st = fill_locked(v, page, !overwrite, &p);
        alone = true;
    } else if (write && !alone) {
        st = page_copy(v, page, self, &p);
        alone = true;
    }
    if (st == OK) {
        *pa = page_to_phys(p);
        *writable = write || (alone && !in_sweep(v, page));
    }
    return st;
}

status_t vmo_page_locked(struct vmo *v, uint64_t page, bool write, struct mapping *self,
                         paddr_t *pa, bool *writable)
{
    return page_locked(v, page, write, false, self, pa, writable);
}

status_t vmo_get_page(struct vmo *v, uint64_t offset, bool write, paddr_t *pa, bool *writable)
{
    unsigned budget = SLICE_PAGES;
    for (;;) {
        spin_lock(&v->lock);
        status_t st = vmo_page_locked(v, offset >> PAGE_SHIFT, write, NULL, pa, writable);
        spin_unlock(&v->lock);
        bool swept = vmo_sweep(v, &budget);
        if (st != STATUS_RESTART || !swept) {
            return st;
        }
    }
}

// --- kernel copies ------------------------------------------------------------------------------

// Copies [offset, offset + len) of one page under the VMO's lock, so that the page stays the VMO's.
static status_t read_part(struct vmo *v, uint64_t offset, void *buf, size_t len)
{
    status_t st = OK;
    spin_lock(&v->lock);
    if (!range_within(offset, len, v->size)) {
        st = ERR_OUT_OF_RANGE;
    } else if (v->fixed) {
        memcpy(buf, phys_to_virt(v->base + offset), len);
    } else {
        bool alone;
        struct page *p =
            page_tree_lookup(&v->tree, v->first_index + (offset >> PAGE_SHIFT), &alone);
        if (p == NULL) {
            memset(buf, 0, len);
        } else {
            memcpy(buf, (char *)page_to_virt(p) + (offset & PAGE_MASK), len);
        }
    }
    spin_unlock(&v->lock);
    return st;
}

static status_t write_part(struct vmo *v, uint64_t offset, const void *buf, size_t len)
{
    paddr_t pa;
    bool writable;
    spin_lock(&v->lock);
    status_t st =
        page_locked(v, offset >> PAGE_SHIFT, true, len == PAGE_SIZE, NULL, &pa, &writable);
    if (st == OK) {
        memcpy((char *)phys_to_virt(pa) + (offset & PAGE_MASK), buf, len);
    }
    spin_unlock(&v->lock);
    return st;
}

static status_t copy_check(struct vmo *v, uint64_t offset, size_t len)
{
    if (v->kind == VMO_PHYSICAL) {
        return ERR_NOT_SUPPORTED;
    }
    return range_within(offset, len, vmo_size(v)) ? OK : ERR_OUT_OF_RANGE;
}

status_t vmo_read(struct vmo *v, uint64_t offset, void *buf, size_t len)
{
    status_t st = copy_check(v, offset, len);
    for (char *to = buf; st == OK && len > 0;) {
        size_t part = vmo_part_len(offset, len);
        st = read_part(v, offset, to, part);
        offset += part;
        to += part;
        len -= part;
    }
    return st;
}

status_t vmo_write(struct vmo *v, uint64_t offset, const void *buf, size_t len)
{
    unsigned budget = SLICE_PAGES;
    status_t st = copy_check(v, offset, len);
    for (const char *from = buf; st == OK && len > 0;) {
        size_t part = vmo_part_len(offset, len);
        st = write_part(v, offset, from, part);
        if (st == STATUS_RESTART && vmo_sweep(v, &budget)) {
            st = OK; // and the same part again
            continue;
        }
        offset += part;
        from += part;
        len -= part;
    }
    // A copied page may still be in the limbo.
    return st == OK && !vmo_sweep(v, &budget) ? STATUS_RESTART : st;
}
