// SPDX-License-Identifier: MIT
// ARM64: reads live translation tables back for the tests, from the manual's bits (Arm ARM D8.3)
// and not from the constants that wrote them.
#include "arch/arm64/port.h"
#include "arch/arm64/pte.h"
#include "kernel/debug/log.h"
#include <arch/mmu.h>

#define BIT(n)         (1ull << (n))
#define FIELD(v, l, n) ((v) >> (l) & ((1ull << (n)) - 1))

// Bits of an entry that maps memory which the kernel uses: valid, type, AttrIndx, AP, SH, AF, nG,
// address, PXN, UXN. The others are NS (5), nT (16, in the address of blocks), GP, DBM, contiguous
// (50-52), software's (55-58), PBHA or AttrIndx[3] and POIndex (59-63).
#define LEAF_KNOWN  ((0xfffull & ~BIT(5)) | 0x0000fffffffff000ull | BIT(53) | BIT(54))
#define TABLE_KNOWN (BIT(0) | BIT(1) | 0x0000fffffffff000ull)

const bool arch_mmu_has_types = true;

// Device memory is outer shareable whatever SH (bits 8 and 9) says.
uint64_t arch_mmu_attributes(bool device)
{
    return ~TABLE_KNOWN & (device ? ~(BIT(8) | BIT(9)) : UINT64_MAX);
}

unsigned arch_mmu_bits(uint64_t entry)
{
    static const unsigned types[8] = {0,       MMU_DEVICE, MMU_UNCACHED, MMU_ODD,
                                      MMU_ODD, MMU_ODD,    MMU_ODD,      MMU_ODD};
    bool user = (entry & BIT(6)) != 0, writable = (entry & BIT(7)) == 0; // AP[1], AP[2]
    unsigned bits = MMU_KERNEL_READ | types[FIELD(entry, 2, 3)];
    bits |= writable ? MMU_KERNEL_WRITE : 0;
    bits |= (entry & BIT(53)) == 0 ? MMU_KERNEL_EXEC : 0;
    bits |= user ? MMU_USER_READ : 0;
    bits |= user && writable ? MMU_USER_WRITE : 0;
    bits |= (entry & BIT(54)) == 0 ? MMU_USER_EXEC : 0; // of EL0-unreadable pages, too
    bits |= (entry & BIT(11)) == 0 ? MMU_GLOBAL : 0;
    bits |= (entry & BIT(10)) != 0 ? MMU_ACCESSED : 0;
    bool shared = FIELD(entry, 8, 2) == 3; // inner shareable; of no meaning for other than
                                           // write-back
    bits |= FIELD(entry, 2, 3) == 0 && !shared ? MMU_ODD : 0;
    return bits | ((entry & ~LEAF_KNOWN) != 0 ? MMU_ODD : 0);
}

struct walk {
    uint64_t *tables[4];
    unsigned index[4];
    bool odd[4]; // whether the entry that led here has attributes for everything below
    unsigned level;
    vaddr_t half; // the bits above those that the tables translate
};

static struct mmu_leaf leaf_here(const struct walk *w)
{
    uint64_t *entry = &w->tables[w->level][w->index[w->level]];
    vaddr_t va = w->half;
    unsigned bits = arch_mmu_bits(*entry);
    for (unsigned level = 0; level <= w->level; level++) {
        va |= (vaddr_t)w->index[level] << (39 - 9 * level);
        bits |= w->odd[level] ? MMU_ODD : 0;
    }
    uint64_t bytes = 1ull << (39 - 9 * w->level);
    return (struct mmu_leaf){va, *entry & PTE_ADDRESS & ~(bytes - 1), bytes, bits, entry};
}

static bool walk(struct walk *w, bool (*visit)(const struct mmu_leaf *leaf, void *arg), void *arg)
{
    for (;;) {
        if (w->index[w->level] == TABLE_ENTRIES) {
            if (w->level == 0) {
                return true;
            }
            w->index[--w->level]++;
            continue;
        }
        uint64_t entry = w->tables[w->level][w->index[w->level]];
        if ((entry & BIT(0)) != 0 && w->level < 3 && (entry & BIT(1)) != 0) {
            w->level++;
            w->tables[w->level] = phys_to_virt(entry & PTE_ADDRESS);
            w->index[w->level] = 0;
            w->odd[w->level] = (entry & ~TABLE_KNOWN) != 0;
            continue;
        }
        if ((entry & BIT(0)) != 0) {
            struct mmu_leaf leaf = leaf_here(w);
            if (!visit(&leaf, arg)) {
                return false;
            }
        }
        w->index[w->level]++;
    }
}

bool arch_mmu_walk(const struct arch_aspace *as,
                   bool (*visit)(const struct mmu_leaf *leaf, void *arg), void *arg)
{
    struct walk w = {.tables = {phys_to_virt(as != NULL ? as->root : mmu_root)},
                     .half = as != NULL ? 0 : PHYSMAP_BASE};
    return walk(&w, visit, arg);
}

bool arch_mmu_registers_hold(const struct arch_aspace *as)
{
    uint64_t kernel = sysreg_read("ttbr1_el1") & PTE_ADDRESS;
    uint64_t user = sysreg_read("ttbr0_el1") & PTE_ADDRESS;
    uint64_t none = arch_image_to_phys(mmu_empty_table);
    uint64_t next = arch_percpu()->port[PORT_USER_TABLE] & PTE_ADDRESS; // on return to user mode
    uint64_t sctlr = sysreg_read("sctlr_el1");
    bool wxn = (sctlr & SCTLR_WXN) != 0, cached = (sctlr & (SCTLR_M | SCTLR_C)) != 0;
    bool types = sysreg_read("mair_el1") == MAIR_VALUE;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        if (mmu_empty_table[i] != 0) {
            klog("mmu: the empty table is not empty");
            return false;
        }
    }
    bool hold = kernel == mmu_root && user == none && next == (as != NULL ? as->root : none) &&
                wxn && cached && types;
    if (!hold) {
        klog("mmu: CPU %u: ttbr1 %lx (want %lx) ttbr0 %lx (want %lx), next %lx, sctlr %lx",
             arch_percpu()->id, kernel, mmu_root, user, none, next, sctlr);
    }
    return hold;
}
