// SPDX-License-Identifier: MIT
// Address spaces: the port's page tables under a tree of regions. Here are their beginning and end,
// the page faults, and which one is active on each CPU. Structure and locking stand in region.h.
#include "kernel/mm/aspace.h"

#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/mm/vmo_internal.h"
#include <arch/cpu.h>
#include <string.h>

#define FAULT_TRIES 4u // then the user program runs into the same fault again

static_assert(VM_READ == PROT_READ && VM_WRITE == PROT_WRITE && VM_EXECUTE == PROT_EXEC,
              "mapping flags are page protections");

static struct aspace *active[BOOT_CPUS_MAX]; // each entry written by its CPU only; atomic

void aspace_init_caches(void)
{
    vmar_init_caches();
    mapping_init_caches();
}

// --- page tables --------------------------------------------------------------------------------

paddr_t aspace_table_alloc(struct arch_aspace *arch)
{
    struct aspace *as = container_of(arch, struct aspace, arch);
    as->table_error = quota_charge(as->quota, LIMIT_PAGES, 1);
    if (as->table_error != OK) {
        return 0;
    }
    struct page *p = page_alloc_zeroed(PAGE_TABLE);
    if (p == NULL) {
        quota_release(as->quota, LIMIT_PAGES, 1);
        as->table_error = ERR_NO_MEMORY;
        return 0;
    }
    list_push_back(&as->tables, &p->link);
    as->table_pages++;
    return page_to_phys(p);
}

// One slice of freeing them, in any order: no CPU walks them any more. True when none is left. No
// invalidation: the ASID is not used again before a flush of everything.
static bool tables_free(struct aspace *as, unsigned budget)
{
    struct list *node = NULL;
    for (; budget > 0 && (node = list_pop_front(&as->tables)) != NULL; budget--) {
        page_free(list_entry(node, struct page, link), 0);
        quota_release(as->quota, LIMIT_PAGES, 1);
        as->table_pages--;
    }
    return list_empty(&as->tables);
}

// The frames stay where the VMO's lock finds them until the caller lets go of them, which is after
// this: so one flush serves the whole stretch.
bool aspace_clear(struct aspace *as, vaddr_t *cursor, vaddr_t end, unsigned *budget)
{
    vaddr_t first = end, last = end; // [first, last) was unmapped
    for (; *cursor < end && *budget > 0; (*budget)--) {
        paddr_t pa;
        vaddr_t va = arch_aspace_next(&as->arch, *cursor, end);
        *cursor = va < end ? va + PAGE_SIZE : end;
        if (va < end && arch_aspace_unmap(&as->arch, va, &pa)) {
            as->mapped_pages--;
            first = first == end ? va : first;
            last = *cursor;
        }
    }
    if (first != end) {
        arch_aspace_flush(&as->arch, first, last);
    }
    return *cursor >= end;
}

// --- beginning and end --------------------------------------------------------------------------

status_t aspace_init(struct aspace *as, struct quota *q, struct object *owner)
{
    memset(as, 0, sizeof(*as));
    list_init(&as->tables);
    as->quota = q;
    struct vmar *root;
    status_t st = vmar_create_root(as, q, owner, &root);
    if (st != OK) {
        return st;
    }
    st = arch_aspace_init(&as->arch);
    if (st != OK) {
        root->as = NULL;
        object_put(&root->object);
        return as->table_error != OK ? as->table_error : st;
    }
    as->root = root;
    return OK;
}

static uint32_t this_cpu(void)
{
    const struct arch_percpu *cpu = arch_percpu();
    return cpu != NULL ? cpu->id : 0;
}

bool aspace_active_elsewhere(const struct aspace *as)
{
    for (unsigned i = 0; i < BOOT_CPUS_MAX; i++) {
        if (i != this_cpu() && __atomic_load_n(&active[i], __ATOMIC_ACQUIRE) == as) {
            return true;
        }
    }
    return false;
}

bool aspace_teardown(struct aspace *as)
{
    struct vmar *root = as->root;
    if (root == NULL) {
        return true;
    }
    if (aspace_current() == as) {
        aspace_switch(NULL);
    }
    if (aspace_active_elsewhere(as)) {
        return false; // another CPU is about to activate the next one, or none
    }
    unsigned budget = SLICE_PAGES;
    spin_lock(&root->lock);
    bool done = vmar_clear(root, &budget) && tables_free(as, budget);
    if (done) {
        ASSERT(as->mapped_pages == 0 && as->table_pages == 0);
        root->as = NULL;
    }
    spin_unlock(&root->lock);
    if (done) {
        as->root = NULL;
        object_put(&root->object);
    }
    return done;
}

// --- faults -------------------------------------------------------------------------------------

// Puts the page into the page tables, over whatever is there.
static status_t entry_set(struct aspace *as, const struct mapping *m, vaddr_t va, paddr_t pa,
                          unsigned prot)
{
    paddr_t old_pa;
    unsigned old_prot;
    if ((prot & PROT_EXEC) != 0) {
        prot |= PROT_READ; // not every CPU can execute without reading
        arch_icache_sync(&as->arch, phys_to_virt(pa), PAGE_SIZE);
    }
    if (arch_aspace_query(&as->arch, va, &old_pa, &old_prot)) {
        if (old_pa != pa || (old_prot & prot) != prot) {
            arch_aspace_change(&as->arch, va, pa, prot, m->vmo->cache);
        }
        return OK; // else another CPU was first
    }
    status_t st = arch_aspace_map(&as->arch, va, pa, prot, m->vmo->cache);
    if (st != OK) {
        return as->table_error != OK ? as->table_error : st;
    }
    as->mapped_pages++;
    return OK;
}

// Both locks are held. STATUS_RESTART: the VMO's sweep comes first.
static status_t fault_locked(struct aspace *as, struct mapping *m, vaddr_t va, bool write)
{
    struct vmo *v = m->vmo;
    paddr_t pa;
    bool writable;
    uint64_t page = (m->offset + (va - m->region.base)) >> PAGE_SHIFT;
    status_t st = vmo_page_locked(v, page, write, m, &pa, &writable);
    if (st == OK) {
        st = entry_set(as, m, va, pa, writable ? m->prot : m->prot & ~VM_WRITE);
    }
    return st == ERR_OUT_OF_RANGE ? ERR_BAD_ADDRESS : st; // the VMO has shrunk
}

// One try. On STATUS_RESTART, and whenever *swept is set, that VMO (referenced) has a sweep to work
// on.
static status_t fault_try(struct aspace *as, vaddr_t va, unsigned prot, struct vmo **swept)
{
    struct vmar *root = as->root;
    status_t st = ERR_BAD_ADDRESS;
    spin_lock(&root->lock);
    struct mapping *m = root->region.dying ? NULL : mapping_find(root, va);
    unsigned allowed = m == NULL ? 0 : m->prot;
    allowed |= (allowed & VM_EXECUTE) != 0 ? VM_READ : 0;
    if (m != NULL && (prot & ~allowed) == 0) {
        struct vmo *v = m->vmo;
        spin_lock(&v->lock);
        st = fault_locked(as, m, va, (prot & PROT_WRITE) != 0);
        if (v->sweeping) {
            object_get(&v->object);
            *swept = v;
        }
        spin_unlock(&v->lock);
    }
    spin_unlock(&root->lock);
    return st;
}

status_t aspace_fault(struct aspace *as, vaddr_t va, unsigned prot)
{
    va = align_down(va, PAGE_SIZE);
    prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
    ASSERT(prot != 0);
    unsigned budget = SLICE_PAGES;
    for (unsigned i = 0; i < FAULT_TRIES; i++) {
        struct vmo *swept = NULL;
        status_t st = fault_try(as, va, prot, &swept);
        if (swept != NULL) {
            vmo_sweep(swept, &budget);
            object_put(&swept->object);
        }
        if (st != STATUS_RESTART) {
            return st;
        }
    }
    return OK; // nothing mapped yet: the access faults again and the sweep goes on from there
}

// --- the active address space -------------------------------------------------------------------

struct aspace *aspace_current(void) { return active[this_cpu()]; }

void aspace_switch(struct aspace *as)
{
    struct aspace **here = &active[this_cpu()];
    if (*here != as) {
        arch_aspace_activate(as != NULL ? &as->arch : NULL);
        // Only now: aspace_teardown of the one before must not begin while it is active. The new
        // one cannot be torn down yet, because its thread is this CPU's.
        __atomic_store_n(here, as, __ATOMIC_RELEASE);
    }
}
