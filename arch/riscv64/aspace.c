// SPDX-License-Identifier: MIT
// RISC-V: user address spaces: their tables, and ASIDs. The caller holds the address space's lock.
//
// An entry with V clear is ignored by the hart, so a page mapped with no permission at all keeps
// its frame in an invalid entry that is not zero (PTE_NONE). "Mapped" means: the entry is not zero.
//
// ASIDs belong to a generation. Activating an address space whose generation is past gives it the
// next number; when the numbers run out, a new generation begins and the whole TLB is flushed, so
// that no number is ever used for two address spaces between two flushes. ASID 0 is the kernel's
// alone. A hart without ASID bits flushes at every change of address space. There is one hart: with
// more, a roll-over must flush the others and keep the numbers that are active there.
#include "kernel/debug/log.h"
#include "port.h"
#include <arch/mmu.h>

#define PTE_NONE        (1ull << 8) // with V clear: mapped, no access
#define USER_LEAF       (PTE_V | PTE_U | PTE_A | PTE_D)
#define TEARDOWN_TABLES 32u // freed in one slice

static struct {
    uint64_t generation;
    uint32_t next, limit; // numbers are in [1, limit)
    paddr_t active;       // root in satp
} asids;

void asid_init(void)
{
    asids.generation = 1;
    asids.next = 1;
    asids.limit = 1u << mmu.asid_bits;
    asids.active = mmu.root;
}

// Orders the stores to an entry before later walks for this address and drops what the TLB holds of
// it (4.2.1). An address space of a past generation, or one that never ran, has nothing in the TLB.
static void tlb_invalidate(const struct arch_aspace *as, vaddr_t va)
{
    if (as->asid_generation == asids.generation) {
        __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"((uint64_t)as->asid) : "memory");
    }
}

static void asid_assign(struct arch_aspace *as)
{
    if (asids.next >= asids.limit) {
        asids.generation++;
        asids.next = 1;
        __asm__ volatile("sfence.vma" ::: "memory");
    }
    as->asid_generation = asids.generation;
    as->asid = asids.limit > 1 ? asids.next++ : 0;
    // The tables were filled without fences: their stores before the walks that begin now.
    __asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)as->asid) : "memory");
}

void arch_aspace_activate(struct arch_aspace *as)
{
    paddr_t root = as == NULL ? mmu.root : as->root;
    if (root == asids.active) {
        return;
    }
    if (as != NULL && as->asid_generation != asids.generation) {
        asid_assign(as);
    }
    asids.active = root;
    csr_write(satp, satp_make(root, as == NULL ? 0 : as->asid));
    if (mmu.asid_bits == 0) {
        __asm__ volatile("sfence.vma" ::: "memory"); // all address spaces share ASID 0
    }
}

status_t arch_aspace_init(struct arch_aspace *as)
{
    paddr_t root = aspace_table_alloc(as);
    if (root == 0) {
        return ERR_NO_MEMORY;
    }
    uint64_t *table = phys_to_virt(root);
    const uint64_t *kernel = phys_to_virt(mmu.root);
    for (unsigned i = 0; i < mmu.physmap_entries; i++) {
        table[PHYSMAP_SLOT + i] = kernel[PHYSMAP_SLOT + i];
    }
    table[IMAGE_SLOT] = kernel[IMAGE_SLOT];   // Sv39; empty in Sv48, whose last entry holds
    table[DEVICE_SLOT] = kernel[DEVICE_SLOT]; // the image and the device window
    as->root = root;
    as->asid_generation = 0;
    as->asid = 0;
    as->reserved = 0;
    return OK;
}

static uint64_t leaf_make(paddr_t pa, unsigned prot)
{
    if ((prot & (PROT_READ | PROT_WRITE | PROT_EXEC)) == 0) {
        return pte_make(pa, PTE_NONE);
    }
    uint64_t bits = USER_LEAF;
    bits |= (prot & PROT_READ) != 0 ? PTE_R : 0;
    bits |= (prot & PROT_WRITE) != 0 ? PTE_R | PTE_W : 0; // W without R is reserved (4.3.1)
    bits |= (prot & PROT_EXEC) != 0 ? PTE_X : 0;
    return pte_make(pa, bits);
}

// The level 0 entry for va, or NULL when a table on the way is missing.
static uint64_t *entry_find(const struct arch_aspace *as, vaddr_t va)
{
    uint64_t *table = phys_to_virt(as->root);
    for (unsigned level = mmu.top_level; level > 0; level--) {
        uint64_t entry = table[pte_index(va, level)];
        if (entry == 0) {
            return NULL;
        }
        table = phys_to_virt(pte_to_phys(entry));
    }
    return &table[pte_index(va, 0)];
}

status_t arch_aspace_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                         unsigned cache)
{
    (void)cache; // PMAs decide: without Svpbmt an entry has no memory type
    ASSERT(va < arch_user_top() && ((va | pa) & PAGE_MASK) == 0);
    uint64_t *table = phys_to_virt(as->root);
    for (unsigned level = mmu.top_level; level > 0; level--) {
        uint64_t *entry = &table[pte_index(va, level)];
        if (*entry == 0) {
            paddr_t next = aspace_table_alloc(as);
            if (next == 0) {
                return ERR_NO_MEMORY;
            }
            *entry = pte_make(next, PTE_V);
        }
        table = phys_to_virt(pte_to_phys(*entry));
    }
    uint64_t *leaf = &table[pte_index(va, 0)];
    ASSERT(*leaf == 0);
    *leaf = leaf_make(pa, prot);
    tlb_invalidate(as, va); // a hart may remember that there was nothing
    return OK;
}

bool arch_aspace_unmap(struct arch_aspace *as, vaddr_t va, paddr_t *pa)
{
    uint64_t *leaf = va < arch_user_top() ? entry_find(as, va) : NULL;
    if (leaf == NULL || *leaf == 0) {
        return false;
    }
    *pa = pte_to_phys(*leaf);
    *leaf = 0;
    tlb_invalidate(as, va);
    return true;
}

// No break-before-make on RISC-V: until the fence the hart may use the old entry or the new one,
// both whole (4.3.1).
bool arch_aspace_change(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                        unsigned cache)
{
    (void)cache;
    uint64_t *leaf = va < arch_user_top() ? entry_find(as, va) : NULL;
    if (leaf == NULL || *leaf == 0) {
        return false;
    }
    *leaf = leaf_make(pa, prot);
    tlb_invalidate(as, va);
    return true;
}

bool arch_aspace_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, unsigned *prot)
{
    const uint64_t *leaf = va < arch_user_top() ? entry_find(as, va) : NULL;
    if (leaf == NULL || *leaf == 0) {
        return false;
    }
    *pa = pte_to_phys(*leaf);
    *prot = 0;
    if ((*leaf & PTE_V) != 0) {
        *prot |= (*leaf & PTE_R) != 0 ? PROT_READ : 0;
        *prot |= (*leaf & PTE_W) != 0 ? PROT_WRITE : 0;
        *prot |= (*leaf & PTE_X) != 0 ? PROT_EXEC : 0;
    }
    return true;
}

// The table of level 0 that covers va, or NULL with the level of the empty entry that ends the way
// to it.
static const uint64_t *leaf_table_find(const struct arch_aspace *as, vaddr_t va, unsigned *level)
{
    const uint64_t *table = phys_to_virt(as->root);
    for (*level = mmu.top_level; *level > 0; (*level)--) {
        uint64_t entry = table[pte_index(va, *level)];
        if (entry == 0) {
            return NULL;
        }
        table = phys_to_virt(pte_to_phys(entry));
    }
    return table;
}

vaddr_t arch_aspace_next(struct arch_aspace *as, vaddr_t va, vaddr_t end)
{
    end = end < arch_user_top() ? end : arch_user_top();
    va = align_down(va, PAGE_SIZE);
    while (va < end) {
        unsigned level;
        const uint64_t *table = leaf_table_find(as, va, &level);
        if (table == NULL) {
            va = align_down(va, 1ull << pte_shift(level)) + (1ull << pte_shift(level));
            continue;
        }
        for (unsigned i = pte_index(va, 0); i < PTE_COUNT && va < end; i++, va += PAGE_SIZE) {
            if (table[i] != 0) {
                return va;
            }
        }
    }
    return end;
}

// Tearing down, level by level, children first. Each returns false when the budget is used up; a
// table that is gone leaves an empty entry, so that the next slice goes on where this one stopped.
// Leaf entries are not looked at.
typedef bool table_free_fn(struct arch_aspace *as, uint64_t *entry, unsigned *budget);

static bool level0_free(struct arch_aspace *as, uint64_t *entry, unsigned *budget)
{
    if (*budget == 0) {
        return false;
    }
    (*budget)--;
    aspace_table_free(as, pte_to_phys(*entry));
    *entry = 0;
    return true;
}

static bool children_free(struct arch_aspace *as, uint64_t *table, unsigned count,
                          table_free_fn *child_free, unsigned *budget)
{
    for (unsigned i = 0; i < count; i++) {
        if (table[i] != 0 && !child_free(as, &table[i], budget)) {
            return false;
        }
    }
    return true;
}

static bool level1_free(struct arch_aspace *as, uint64_t *entry, unsigned *budget)
{
    return children_free(as, phys_to_virt(pte_to_phys(*entry)), PTE_COUNT, level0_free, budget) &&
           level0_free(as, entry, budget);
}

static bool level2_free(struct arch_aspace *as, uint64_t *entry, unsigned *budget)
{
    return children_free(as, phys_to_virt(pte_to_phys(*entry)), PTE_COUNT, level1_free, budget) &&
           level0_free(as, entry, budget);
}

// No fence: the address space runs nowhere, and its ASID is not used again before a flush of
// everything, so that no hart walks these tables any more.
bool arch_aspace_fini(struct arch_aspace *as)
{
    unsigned budget = TEARDOWN_TABLES;
    ASSERT(as->root != asids.active);
    table_free_fn *top_free = mmu.top_level == 3 ? level2_free : level1_free;
    if (!children_free(as, phys_to_virt(as->root), PHYSMAP_SLOT, top_free, &budget)) {
        return false;
    }
    aspace_table_free(as, as->root);
    as->root = 0;
    return true;
}

void arch_icache_sync(const void *kva, size_t bytes)
{
    (void)kva;
    (void)bytes;
    __asm__ volatile("fence.i" ::
                         : "memory"); // this hart; there is no finer instruction (unprivileged
                                      // specification, Zifencei)
}
