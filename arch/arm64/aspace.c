// SPDX-License-Identifier: MIT
// ARM64: user address spaces: the tables below TTBR0 (Arm ARM D8). The caller serialises calls on
// one address space. ASIDs, and whether other CPUs hold translations: kernel/mm/asid.c. What only
// this CPU can hold is invalidated here alone, everything else by broadcast.
#include "arch/arm64/port.h"
#include "arch/arm64/pte.h"
#include "kernel/debug/log.h"
#include "kernel/mm/asid.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

#define ASID_SHIFT  48
#define FLUSH_PAGES 64u // more are not flushed one by one

#define tlbi(operation, operand) \
    __asm__ volatile("tlbi " operation ", %0" : : "r"((uint64_t)(operand)) : "memory")

static void dsb_nsh(void) { __asm__ volatile("dsb nsh" : : : "memory"); }

void arch_tlb_flush_all(void)
{
    dsb_ishst();
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
    dsb_ish();
    isb();
}

static void flush_everywhere(uint64_t asid, vaddr_t start, vaddr_t end)
{
    if (end - start > FLUSH_PAGES * PAGE_SIZE) {
        tlbi("aside1is", asid);
    } else {
        for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
            tlbi("vale1is", asid | va >> PAGE_SHIFT);
        }
    }
    dsb_ish();
}

static void flush_here(uint64_t asid, vaddr_t start, vaddr_t end)
{
    if (end - start > FLUSH_PAGES * PAGE_SIZE) {
        tlbi("aside1", asid);
    } else {
        for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
            tlbi("vale1", asid | va >> PAGE_SHIFT);
        }
    }
    dsb_nsh();
}

// Leaf entries only: tables stay linked as long as the address space runs anywhere. The first
// barrier completes the writes of the entries ahead of the invalidation, and ahead of the look at
// who holds them and under which number: a CPU that takes the address space up after that look
// walks later still. The barrier after the invalidation waits until no CPU uses the old entries.
void arch_aspace_flush(struct arch_aspace *as, vaddr_t start, vaddr_t end)
{
    dsb_ishst();
    uint32_t others = asid_others(as);
    uint64_t asid = asid_of(as) << ASID_SHIFT;
    if (others != 0) {
        arch_percpu()->tlb_remote++;
        flush_everywhere(asid, start, end);
    } else if (asid_is_here(as)) {
        flush_here(asid, start, end);
    }
    isb();
}

// What the entry leads to, a page or a table, was filled before: a walk of another CPU that sees
// the entry must see that too.
static void entry_write(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static uint64_t *entry_table(uint64_t entry) { return phys_to_virt(entry & PTE_ADDRESS); }

// The level 3 entry of a page, or NULL where a table is missing.
static uint64_t *leaf_find(const struct arch_aspace *as, vaddr_t va)
{
    uint64_t *table = phys_to_virt(as->root);
    for (unsigned level = 0; level < 3; level++) {
        uint64_t entry = table[table_index(va, level)];
        if (entry == 0) {
            return NULL;
        }
        table = entry_table(entry);
    }
    return &table[table_index(va, 3)];
}

static uint64_t *leaf_make(struct arch_aspace *as, vaddr_t va)
{
    uint64_t *table = phys_to_virt(as->root);
    for (unsigned level = 0; level < 3; level++) {
        uint64_t *entry = &table[table_index(va, level)];
        if (*entry == 0) {
            paddr_t below = aspace_table_alloc(as);
            if (below == 0) {
                return NULL; // tables made so far stay, empty
            }
            entry_write(entry, below | PTE_VALID | PTE_TABLE);
        }
        table = entry_table(*entry);
    }
    return &table[table_index(va, 3)];
}

// User pages are never executable by the kernel, kernel pages never by the user; device memory by
// nobody.
static uint64_t leaf_value(paddr_t pa, unsigned prot, unsigned cache)
{
    static const uint64_t attributes[] = {
        [CACHE_NORMAL] = PTE_ATTR(ATTR_NORMAL) | PTE_SH_INNER,
        [CACHE_DEVICE] = PTE_ATTR(ATTR_DEVICE),
        [CACHE_UNCACHED] = PTE_ATTR(ATTR_UNCACHED),
    };
    ASSERT(cache < ARRAY_SIZE(attributes));
    ASSERT((prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC));
    uint64_t pte =
        pa | PTE_VALID | PTE_TABLE | PTE_USER | PTE_AF | PTE_NG | PTE_PXN | attributes[cache];
    if ((prot & PROT_WRITE) == 0) {
        pte |= PTE_READONLY;
    }
    if ((prot & PROT_EXEC) == 0 || cache != CACHE_NORMAL) {
        pte |= PTE_UXN;
    }
    return pte;
}

status_t arch_aspace_init(struct arch_aspace *as)
{
    paddr_t root = aspace_table_alloc(as);
    if (root == 0) {
        return ERR_NO_MEMORY;
    }
    *as = (struct arch_aspace){.root = root};
    return OK;
}

status_t arch_aspace_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                         unsigned cache)
{
    ASSERT(va >= USER_BASE && va < arch_user_top() && ((va | pa) & PAGE_MASK) == 0 &&
           (pa & ~PTE_ADDRESS) == 0);
    uint64_t *leaf = leaf_make(as, va);
    if (leaf == NULL) {
        return ERR_NO_MEMORY;
    }
    DEBUG_ASSERT(*leaf == 0);
    entry_write(leaf, leaf_value(pa, prot, cache));
    dsb_ishst(); // visible to walks before the program runs on; invalid entries are not in the TLB
    return OK;
}

bool arch_aspace_unmap(struct arch_aspace *as, vaddr_t va, paddr_t *pa)
{
    uint64_t *leaf = leaf_find(as, va);
    if (leaf == NULL || *leaf == 0) {
        return false;
    }
    *pa = *leaf & PTE_ADDRESS;
    *leaf = 0;
    return true;
}

bool arch_aspace_change(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                        unsigned cache)
{
    uint64_t *leaf = leaf_find(as, va);
    if (leaf == NULL || *leaf == 0) {
        return false;
    }
    uint64_t value = leaf_value(pa, prot, cache);
    if (((*leaf ^ value) & (PTE_ADDRESS | PTE_ATTR_MASK | PTE_SH_INNER)) != 0) {
        // Break-before-make: no TLB may hold the old and the new frame at once (Arm ARM D8.16.1).
        *leaf = 0;
        arch_aspace_flush(as, va, va + PAGE_SIZE);
        entry_write(leaf, value);
        dsb_ishst();
    } else {
        *leaf = value;
        arch_aspace_flush(as, va, va + PAGE_SIZE);
    }
    return true;
}

bool arch_aspace_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, unsigned *prot)
{
    const uint64_t *leaf = leaf_find(as, va);
    if (leaf == NULL || *leaf == 0) {
        return false;
    }
    *pa = *leaf & PTE_ADDRESS;
    *prot = PROT_USER | PROT_READ | ((*leaf & PTE_READONLY) != 0 ? 0 : PROT_WRITE) |
            ((*leaf & PTE_UXN) != 0 ? 0 : PROT_EXEC);
    return true;
}

vaddr_t arch_aspace_next(struct arch_aspace *as, vaddr_t va, vaddr_t end)
{
    while (va < end) {
        const uint64_t *table = phys_to_virt(as->root);
        unsigned level = 0;
        while (level < 3 && table[table_index(va, level)] != 0) {
            table = entry_table(table[table_index(va, level)]);
            level++;
        }
        if (level == 3 && table[table_index(va, 3)] != 0) {
            return va;
        }
        uint64_t span = 1ull << (39 - 9 * level);
        va = align_down(va, span) + span;
    }
    return end;
}

void arch_aspace_activate(struct arch_aspace *as)
{
    bool flush = asid_enter(as);
    uint64_t ttbr =
        as != NULL ? as->root | asid_of(as) << ASID_SHIFT : arch_image_to_phys(mmu_empty_table);
    if (flush) {
        tlbi("aside1", asid_of(as) << ASID_SHIFT);
        dsb_ish(); // done, and a new number is visible, before this CPU walks with it
    }
    arch_percpu()->port[PORT_USER_TABLE] = ttbr; // TTBR0 itself: on return, and in user copies
    if (asid_bits == 0) {                        // all address spaces share number 0
        tlbi("aside1", 0);
        dsb_nsh();
        isb();
    }
}
