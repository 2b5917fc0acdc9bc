// SPDX-License-Identifier: MIT
// RISC-V: user address spaces: their tables, and ASIDs. The caller holds the address space's lock.
//
// An entry with V clear is ignored by the hart, so a page mapped with no permission at all keeps
// its frame in an invalid entry that is not zero (PTE_NONE). "Mapped" means: the entry is not zero.
//
// ASIDs belong to a generation. Activating an address space whose generation is past gives it the
// next number; when the numbers run out, a new generation begins and every TLB is flushed, so that
// no number is ever used for two address spaces between two flushes. A CPU does not stop for that:
// the number it runs on stays reserved for its address space. ASID 0 is the kernel's alone. Harts
// with fewer ASIDs than that takes are treated as if they had none: they flush at every change of
// address space.
//
// Shootdown. as->cpus has a bit for every CPU whose TLB may hold something of the address space. Of
// these, those that run on it now get a remote fence through the firmware; the others only lose
// their bit, and a CPU that finds its bit clear when it activates the address space flushes that
// ASID. The race of one with the other is decided by the order of two accesses on each side:
//
//   activate:    (1) tell that this CPU runs on it    (2) set the bit; it was clear: flush
//   invalidate:  (3) clear the bit                    (4) does that CPU run on it? set, and fence
//
// If (4) does not see (1), then (3) was before (2), which sees the bit clear, and walks that come
// after its flush see the new entry.
#include "kernel/debug/log.h"
#include "kernel/lib/spinlock.h"
#include "port.h"
#include <arch/mmu.h>

#define PTE_NONE        (1ull << 8) // with V clear: mapped, no access
#define USER_LEAF       (PTE_V | PTE_U | PTE_A | PTE_D)
#define TEARDOWN_TABLES 32u // freed in one slice
#define ASID_BITS_LEAST 5u  // more numbers than CPUs that may reserve one

static struct spinlock asid_lock = SPINLOCK_INIT("asid", LOCK_SCHED);
static uint64_t generation = 1;
static uint32_t asid_next = 1, asid_limit; // numbers are in [1, limit)
static uint64_t icache_epoch;              // grows when instructions have been written

// What a CPU runs on.
static struct running {
    paddr_t root;      // in satp; written by its CPU, read by all
    uint64_t context;  // generation << 16 | ASID; 0 when a new generation has begun since
    uint64_t reserved; // asid_lock: context at the last change of generation
    uint64_t icache;   // the epoch that it has fenced for; its CPU's own
} running[KERNEL_STACKS];

static uint32_t this_bit(void) { return 1u << arch_percpu()->id; }

void asid_init(void)
{
    if (mmu.asid_bits < ASID_BITS_LEAST) {
        mmu.asid_bits = 0;
    }
    asid_limit = 1u << mmu.asid_bits;
    for (unsigned i = 0; i < KERNEL_STACKS; i++) {
        running[i].root = mmu.root;
    }
}

static void flush_asid(uint32_t asid)
{
    __asm__ volatile("sfence.vma zero, %0" ::"r"((uint64_t)asid) : "memory");
}

static void flush_all(void) { __asm__ volatile("sfence.vma" ::: "memory"); }

// Orders the stores to an entry before later walks for this address by this hart, and drops what
// its TLB holds of it (4.2.1).
static void tlb_invalidate_local(const struct arch_aspace *as, vaddr_t va)
{
    if ((__atomic_load_n(&as->cpus, __ATOMIC_RELAXED) & this_bit()) != 0) {
        __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"((uint64_t)as->asid) : "memory");
    }
}

static bool runs_on(unsigned cpu, const struct arch_aspace *as)
{
    return __atomic_load_n(&running[cpu].root, __ATOMIC_SEQ_CST) == as->root;
}

// The same on all harts, complete on return. The entry is written.
static void tlb_invalidate(struct arch_aspace *as, vaddr_t va)
{
    tlb_invalidate_local(as, va);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t targets = 0, others = __atomic_load_n(&as->cpus, __ATOMIC_SEQ_CST) & ~this_bit();
    for (; others != 0; others &= others - 1) {
        unsigned cpu = (unsigned)__builtin_ctz(others);
        uint32_t bit = 1u << cpu;
        if (!runs_on(cpu, as)) {
            __atomic_fetch_and(&as->cpus, ~bit, __ATOMIC_SEQ_CST);
            if (!runs_on(cpu, as)) {
                continue;
            }
            __atomic_fetch_or(&as->cpus, bit, __ATOMIC_SEQ_CST);
        }
        targets |= bit;
    }
    if (targets != 0) {
        sbi_fence_page(targets, va, __atomic_load_n(&as->asid, __ATOMIC_RELAXED));
    }
}

static uint64_t context_of(const struct arch_aspace *as)
{
    return as->asid_generation << 16 | as->asid;
}

static bool asid_reserved(uint32_t asid)
{
    for (unsigned cpu = 0; cpu < KERNEL_STACKS; cpu++) {
        if (running[cpu].reserved != 0 && (uint32_t)(running[cpu].reserved & 0xffff) == asid) {
            return true;
        }
    }
    return false;
}

static void generation_begin(void)
{
    generation++;
    asid_next = 1;
    for (unsigned cpu = 0; cpu < KERNEL_STACKS; cpu++) {
        uint64_t context = __atomic_exchange_n(&running[cpu].context, 0, __ATOMIC_SEQ_CST);
        if (context != 0) {
            running[cpu].reserved = context;
        } // else it still runs on what it did at the change before this one
    }
    flush_all();
    sbi_fence_all(((1u << cpu_records_count) - 1) & ~this_bit());
}

// Gives the address space an ASID of the present generation; its old one if some CPU kept that
// through the change.
static void asid_assign(struct arch_aspace *as)
{
    uint64_t old = context_of(as);
    bool kept = false;
    for (unsigned cpu = 0; as->asid != 0 && cpu < KERNEL_STACKS; cpu++) {
        if (running[cpu].reserved == old) {
            running[cpu].reserved = generation << 16 | as->asid;
            kept = true;
        }
    }
    while (!kept) {
        if (asid_next == asid_limit) {
            generation_begin();
        }
        __atomic_store_n(&as->asid, asid_next++, __ATOMIC_RELAXED);
        kept = !asid_reserved(as->asid);
    }
    __atomic_store_n(&as->asid_generation, generation, __ATOMIC_RELEASE); // the number first
}

// Slow path of activation: the generation changed, or this CPU has run on nothing in it. The
// cleared bit makes arch_aspace_activate flush: the tables may have been filled without fences, and
// an invalidation that has not seen the new number was before that (the locks order them).
static void activate_locked(struct arch_aspace *as, uint64_t *mine)
{
    spin_lock(&asid_lock);
    if (as->asid_generation != generation && mmu.asid_bits != 0) {
        asid_assign(as);
    }
    __atomic_store_n(mine, context_of(as), __ATOMIC_RELAXED);
    spin_unlock(&asid_lock);
    __atomic_fetch_and(&as->cpus, ~this_bit(), __ATOMIC_SEQ_CST);
}

// A change of generation on another CPU zeroes the context: then the exchange fails, and the slow
// path looks again. If the exchange comes first, the change sees and reserves this ASID.
static void asid_take(struct arch_aspace *as, uint64_t *mine)
{
    uint64_t before = __atomic_load_n(mine, __ATOMIC_RELAXED);
    if (before == 0 ||
        __atomic_load_n(&as->asid_generation, __ATOMIC_ACQUIRE) !=
            __atomic_load_n(&generation, __ATOMIC_RELAXED) ||
        !__atomic_compare_exchange_n(mine, &before, context_of(as), false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED)) {
        activate_locked(as, mine);
    }
}

// Instructions written while this CPU ran on no address space (arch_icache_sync told only others).
static void icache_catch_up(struct running *here)
{
    uint64_t epoch = __atomic_load_n(&icache_epoch, __ATOMIC_SEQ_CST);
    if (here->icache != epoch) {
        here->icache = epoch;
        __asm__ volatile("fence.i" ::: "memory");
    }
}

void arch_aspace_activate(struct arch_aspace *as)
{
    struct running *here = &running[arch_percpu()->id];
    paddr_t root = as == NULL ? mmu.root : as->root;
    if (root == here->root) {
        return;
    }
    if (as != NULL) {
        asid_take(as, &here->context);
    }
    csr_write(satp, satp_make(root, as == NULL ? 0 : as->asid));
    __atomic_store_n(&here->root, root, __ATOMIC_SEQ_CST); // (1)
    if (as != NULL) {
        uint32_t cpus = __atomic_fetch_or(&as->cpus, this_bit(), __ATOMIC_SEQ_CST); // (2)
        if ((cpus & this_bit()) == 0) {
            flush_asid(as->asid);
        }
        icache_catch_up(here);
    }
    if (mmu.asid_bits == 0) {
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
    as->root = root;
    as->asid_generation = 0;
    as->asid = 0;
    as->cpus = 0;
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
    tlb_invalidate_local(as, va); // a hart may remember that there was nothing; others, when they
                                  // fault (trap.c)
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
    uint64_t old = *leaf;
    *leaf = leaf_make(pa, prot);
    if ((old & PTE_V) == 0 || (pte_to_phys(old) == pa && (*leaf & old) == old)) {
        tlb_invalidate_local(as, va); // more is allowed: other harts find out when they fault
    } else {
        tlb_invalidate(as, va);
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
    for (unsigned cpu = 0; cpu < KERNEL_STACKS; cpu++) {
        ASSERT(!runs_on(cpu, as));
    }
    table_free_fn *top_free = mmu.top_level == 3 ? level2_free : level1_free;
    if (!children_free(as, phys_to_virt(as->root), PHYSMAP_SLOT, top_free, &budget)) {
        return false;
    }
    aspace_table_free(as, as->root);
    as->root = 0;
    return true;
}

// This hart, and those that run user programs; the others when they next do. There is no finer
// instruction (unprivileged specification, Zifencei).
void arch_icache_sync(const void *kva, size_t bytes)
{
    (void)kva;
    (void)bytes;
    __atomic_fetch_add(&icache_epoch, 1, __ATOMIC_SEQ_CST); // after the stores, for all harts
    icache_catch_up(&running[arch_percpu()->id]);
    uint32_t targets = 0;
    for (unsigned cpu = 0; cpu < cpu_records_count; cpu++) {
        if (__atomic_load_n(&running[cpu].root, __ATOMIC_SEQ_CST) != mmu.root) {
            targets |= 1u << cpu;
        }
    }
    sbi_fence_i(targets & ~this_bit());
}
