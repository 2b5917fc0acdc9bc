// SPDX-License-Identifier: MIT
// ARM64: user address spaces: the tables below TTBR0 and their ASIDs (Arm ARM D8). The caller
// serialises calls on one address space; ASIDs have a lock of their own.
//
// ASIDs. An address space gets one when it is activated, valid for a generation; numbers are handed
// out once per generation. When they run out the generation ends: every TLB is flushed and address
// spaces get new numbers as they are activated. A CPU does not stop for that: the number it is
// using at that moment stays reserved for its address space. With 8-bit ASIDs that happens every
// 255 address spaces, with 16-bit ones hardly ever.
#include "arch/arm64/port.h"
#include "arch/arm64/pte.h"
#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/lib/spinlock.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

#define ASID_SHIFT 48
#define FREE_SLICE 64u // tables freed before arch_aspace_fini looks for interrupts

static struct spinlock asid_lock = SPINLOCK_INIT("asid", LOCK_SCHED);
static uint64_t generation = 1;
static uint32_t asid_next = 1; // 0 belongs to no address space

// What a CPU runs on: generation << 16 | ASID; 0 when a new generation has begun since, or nothing
// is active.
static uint64_t active[BOOT_CPUS_MAX];
static uint64_t reserved[BOOT_CPUS_MAX]; // active at the last change of generation

static uint32_t asid_count(void)
{
    return id_field(sysreg_read("id_aa64mmfr0_el1"), 4) == 2 ? 1u << 16 : 1u << 8;
}

static uint64_t context_of(const struct arch_aspace *as)
{
    return as->asid_generation << 16 | as->asid;
}

// Invalidates the leaf entry of one page in all TLBs of all CPUs. The table was written before; the
// first barrier makes that visible to walks ahead of the invalidation, the second waits until no
// CPU uses the old entry.
static void tlb_invalidate(const struct arch_aspace *as, vaddr_t va)
{
    dsb_ishst();
    // Read only now: a CPU that takes the address space up under a new number after this read sees
    // the entry as it is now (activate_locked has the other half).
    uint64_t asid = __atomic_load_n(&as->asid, __ATOMIC_RELAXED);
    uint64_t operand = asid << ASID_SHIFT | va >> PAGE_SHIFT;
    __asm__ volatile("tlbi vale1is, %0" : : "r"(operand) : "memory");
    dsb_ish();
    isb();
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
                return NULL; // tables made so far stay, empty: arch_aspace_fini frees them
            }
            dsb_ishst(); // a walk that sees the table sees its zeroes
            *entry = below | PTE_VALID | PTE_TABLE;
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
    *leaf = leaf_value(pa, prot, cache);
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
    tlb_invalidate(as, va);
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
        tlb_invalidate(as, va);
        *leaf = value;
        dsb_ishst();
    } else {
        *leaf = value;
        tlb_invalidate(as, va);
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

// Frees the tables below a level 2 table, at most *budget of them. False if some are left.
static bool free_level3(struct arch_aspace *as, uint64_t *l2, unsigned *budget)
{
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (l2[i] == 0) {
            continue;
        }
        if (*budget == 0) {
            return false;
        }
        (*budget)--;
        aspace_table_free(as, l2[i] & PTE_ADDRESS);
        l2[i] = 0;
    }
    return true;
}

// One slice of freeing what is below entry *top of the root.
static bool free_level1(struct arch_aspace *as, uint64_t *top, unsigned *budget)
{
    uint64_t *l1 = entry_table(*top);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (l1[i] == 0) {
            continue;
        }
        if (!free_level3(as, entry_table(l1[i]), budget) || *budget == 0) {
            return false;
        }
        (*budget)--;
        aspace_table_free(as, l1[i] & PTE_ADDRESS);
        l1[i] = 0;
    }
    aspace_table_free(as, *top & PTE_ADDRESS);
    *top = 0;
    return true;
}

bool arch_aspace_fini(struct arch_aspace *as)
{
    if (as->root == 0) {
        return true;
    }
    // No CPU walks these tables any more, but TLBs may hold pointers to them under this ASID.
    if (as->asid != 0) {
        __asm__ volatile("tlbi aside1is, %0" : : "r"((uint64_t)as->asid << ASID_SHIFT) : "memory");
        dsb_ish();
        isb();
        as->asid = 0;
        as->asid_generation = 0;
    }
    unsigned budget = FREE_SLICE;
    uint64_t *root = phys_to_virt(as->root);
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (root[i] != 0 && (!free_level1(as, &root[i], &budget) || budget == 0)) {
            return false;
        }
    }
    aspace_table_free(as, as->root);
    as->root = 0;
    return true;
}

static bool asid_reserved(uint32_t asid)
{
    for (unsigned cpu = 0; cpu < BOOT_CPUS_MAX; cpu++) {
        if (reserved[cpu] != 0 && (uint32_t)(reserved[cpu] & 0xffff) == asid) {
            return true;
        }
    }
    return false;
}

static void generation_begin(void)
{
    generation++;
    asid_next = 1;
    for (unsigned cpu = 0; cpu < BOOT_CPUS_MAX; cpu++) {
        uint64_t context = __atomic_exchange_n(&active[cpu], 0, __ATOMIC_RELAXED);
        if (context != 0) {
            reserved[cpu] = context;
        } // else it still runs on what it did at the change before this one
    }
    // Numbers of the old generation go out again: nothing of theirs may be left anywhere.
    dsb_ishst();
    __asm__ volatile("tlbi vmalle1is" : : : "memory");
    dsb_ish();
    isb();
}

// Gives the address space an ASID of the present generation; its old one if some CPU kept that
// through the change.
static void asid_assign(struct arch_aspace *as)
{
    uint64_t old = context_of(as);
    for (unsigned cpu = 0; as->asid != 0 && cpu < BOOT_CPUS_MAX; cpu++) {
        if (reserved[cpu] == old) {
            as->asid_generation = generation;
            reserved[cpu] = context_of(as);
        }
    }
    if (as->asid_generation == generation) {
        return;
    }
    do {
        if (asid_next == asid_count()) {
            generation_begin();
        }
        as->asid = asid_next++;
    } while (asid_reserved(as->asid));
    __atomic_store_n(&as->asid_generation, generation, __ATOMIC_RELEASE); // the number first
}

// Slow path of activation: the generation changed, or this CPU runs on nothing it could be compared
// with.
static void activate_locked(struct arch_aspace *as, uint64_t *mine)
{
    spin_lock(&asid_lock);
    if (as->asid_generation != generation) {
        asid_assign(as);
    }
    __atomic_store_n(mine, context_of(as), __ATOMIC_RELAXED);
    spin_unlock(&asid_lock);
    dsb_ish(); // the number is visible before this CPU walks the tables with it (tlb_invalidate)
}

void arch_aspace_activate(struct arch_aspace *as)
{
    uint64_t ttbr = arch_image_to_phys(mmu_empty_table);
    if (as != NULL) {
        // A change of generation on another CPU zeroes `active`: then the exchange fails, and the
        // slow path looks again. If the exchange comes first, the change sees and reserves this
        // ASID.
        uint64_t *mine = &active[arch_percpu()->id];
        uint64_t before = __atomic_load_n(mine, __ATOMIC_RELAXED);
        if (before == 0 ||
            __atomic_load_n(&as->asid_generation, __ATOMIC_ACQUIRE) !=
                __atomic_load_n(&generation, __ATOMIC_RELAXED) ||
            !__atomic_compare_exchange_n(mine, &before, context_of(as), false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED)) {
            activate_locked(as, mine);
        }
        ttbr = as->root | (uint64_t)as->asid << ASID_SHIFT;
    }
    sysreg_write("ttbr0_el1", ttbr);
    isb(); // kernel copies that follow use the new tables
}
