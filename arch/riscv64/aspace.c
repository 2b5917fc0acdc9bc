// SPDX-License-Identifier: MIT
// RISC-V: user address spaces: their tables, and ASIDs. The caller holds the address space's lock.
//
// An entry with V clear is ignored by the hart, so a page mapped with no permission at all keeps
// its frame in an invalid entry that is not zero (PTE_NONE). "Mapped" means: the entry is not zero.
//
// ASIDs, and which harts are told of an invalidation: kernel/mm/asid.c. Other harts are reached by
// remote fences through the firmware, which are slow: one for each stretch of pages.
#include "kernel/debug/log.h"
#include "kernel/mm/asid.h"
#include "port.h"
#include <arch/mmu.h>

#define PTE_NONE    (1ull << 8) // with V clear: mapped, no access
#define USER_LEAF   (PTE_V | PTE_U | PTE_A | PTE_D)
#define FLUSH_PAGES 16u // more are not flushed one by one

static uint64_t icache_epoch;               // grows when instructions have been written
static uint64_t icache_seen[KERNEL_STACKS]; // the epoch that a CPU has fenced for; its own

static void flush_asid(uint64_t asid)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"(asid) : "memory");
}

static void flush_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

void arch_tlb_flush_all(void)
{
    flush_all();
    sbi_fence_all(((1u << cpu_records_count) - 1) & ~(1u << arch_percpu()->id));
}

// Orders the stores to the entries before later walks by this hart, and drops what its TLB holds of
// them (4.2.1).
static void flush_here(const struct arch_aspace *as, vaddr_t start, vaddr_t end)
{
    if (!asid_is_here(as)) {
        return;
    }
    uint64_t asid = asid_of(as);
    if (end - start > FLUSH_PAGES * PAGE_SIZE) {
        flush_asid(asid);
        return;
    }
    for (vaddr_t va = start; va < end; va += PAGE_SIZE) {
        __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(asid) : "memory");
    }
}

void arch_aspace_flush(struct arch_aspace *as, vaddr_t start, vaddr_t end)
{
    flush_here(as, start, end);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t others = asid_others(as);
    if (others != 0) {
        arch_percpu()->tlb_remote++;
        sbi_fence_range(others, start, end - start, asid_of(as));
    }
}

// Instructions written while this CPU ran elsewhere (arch_icache_sync told only those that ran
// there).
static void icache_catch_up(void)
{
    uint64_t *seen = &icache_seen[arch_percpu()->id];
    uint64_t epoch = __atomic_load_n(&icache_epoch, __ATOMIC_SEQ_CST);
    if (*seen != epoch) {
        *seen = epoch;
        __asm__ volatile("fence.i" ::: "memory");
    }
}

void arch_aspace_activate(struct arch_aspace *as)
{
    if (asid_enter(as)) {
        flush_asid(asid_of(as));
    }
    csr_write(satp, as == NULL ? satp_make(mmu.root, 0) : satp_make(as->root, asid_of(as)));
    if (as != NULL) {
        icache_catch_up(); // after asid_enter, which tells arch_icache_sync of this CPU
    }
    if (asid_bits == 0) {
        flush_all(); // all address spaces share ASID 0
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
    *as = (struct arch_aspace){.root = root};
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

// What the entry leads to, a page or a table, was filled before: a walk of another hart that sees
// the entry must see that too.
static void entry_write(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
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
            entry_write(entry, pte_make(next, PTE_V));
        }
        table = phys_to_virt(pte_to_phys(*entry));
    }
    uint64_t *leaf = &table[pte_index(va, 0)];
    ASSERT(*leaf == 0);
    entry_write(leaf, leaf_make(pa, prot));
    flush_here(as, va, va + PAGE_SIZE); // a hart may remember that there was nothing; others look
                                        // again when they fault (trap.c)
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
    uint64_t old = *leaf;
    entry_write(leaf, leaf_make(pa, prot));
    if ((old & PTE_V) == 0 || (pte_to_phys(old) == pa && (*leaf & old) == old)) {
        flush_here(as, va, va + PAGE_SIZE); // more is allowed: others find out when they fault
    } else {
        arch_aspace_flush(as, va, va + PAGE_SIZE);
    }
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

// This hart, and those that run on the address space; the others when they next enter any. There is
// no finer instruction (unprivileged specification, Zifencei).
void arch_icache_sync(const struct arch_aspace *as, const void *kva, size_t bytes)
{
    (void)kva;
    (void)bytes;
    __atomic_fetch_add(&icache_epoch, 1, __ATOMIC_SEQ_CST); // after the stores, for all harts
    icache_catch_up();
    sbi_fence_i(asid_running(as) & ~(1u << arch_percpu()->id));
}
