// SPDX-License-Identifier: MIT
// RISC-V: reads live page tables back for the tests, from the specification's bits (privileged
// specification 1.12, section 4.3.1) and not from the constants that wrote them.
#include "kernel/debug/log.h"
#include "port.h"
#include <arch/mmu.h>

#define BIT(n)     (1ull << (n))
#define LEAF_KNOWN (0xffull | ((1ull << 44) - 1) << 10) // not software's (8, 9), PBMT, N, reserved

const bool arch_mmu_has_types = false;

uint64_t arch_mmu_attributes(bool device)
{
    (void)device;
    return ~(BIT(0) | ((1ull << 44) - 1) << 10);
}

unsigned arch_mmu_bits(uint64_t entry)
{
    bool user = (entry & BIT(4)) != 0;
    unsigned rights = (unsigned)(entry >> 1) & 7; // R, W, X: the order of the bits for kernel and
                                                  // user
    unsigned bits = user ? rights << 3 : rights;
    bits |= (entry & BIT(5)) != 0 ? MMU_GLOBAL : 0;
    bits |= (entry & BIT(6)) != 0 && (entry & BIT(7)) != 0 ? MMU_ACCESSED : 0;
    bool reserved = (rights & 3) == 2; // writable, not readable
    return bits | (reserved || (entry & ~LEAF_KNOWN) != 0 ? MMU_ODD : 0);
}
static_assert(MMU_KERNEL_READ == 1 && MMU_KERNEL_WRITE == 2 && MMU_KERNEL_EXEC == 4 &&
                  MMU_USER_READ == 8,
              "shifted above");

struct walk {
    uint64_t *tables[4]; // by level, from mmu.top_level down to 0
    unsigned index[4];
    bool odd[4];         // whether the entry that led here has more than V and an address
    unsigned level, end; // end: of the indices in the root
};

static struct mmu_leaf leaf_here(const struct walk *w)
{
    uint64_t *entry = &w->tables[w->level][w->index[w->level]];
    vaddr_t va = 0;
    unsigned bits = arch_mmu_bits(*entry);
    for (unsigned level = w->level; level <= mmu.top_level; level++) {
        va |= (vaddr_t)w->index[level] << pte_shift(level);
        bits |= w->odd[level] ? MMU_ODD : 0;
    }
    if (w->index[mmu.top_level] >= PHYSMAP_SLOT) { // sign extension
        va |= UINT64_MAX << (pte_shift(mmu.top_level) + 9);
    }
    return (struct mmu_leaf){va, pte_to_phys(*entry), 1ull << pte_shift(w->level), bits, entry};
}

static bool walk(struct walk *w, bool (*visit)(const struct mmu_leaf *leaf, void *arg), void *arg)
{
    for (;;) {
        if (w->index[w->level] == (w->level == mmu.top_level ? w->end : PTE_COUNT)) {
            if (w->level == mmu.top_level) {
                return true;
            }
            w->index[++w->level]++;
            continue;
        }
        uint64_t entry = w->tables[w->level][w->index[w->level]];
        if ((entry & BIT(0)) != 0 && (entry & 0xe) == 0 && w->level > 0) {
            w->level--;
            w->tables[w->level] = phys_to_virt(pte_to_phys(entry));
            w->index[w->level] = 0;
            w->odd[w->level] = (entry & ~(LEAF_KNOWN & ~0xfeull)) != 0;
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

// Of the kernel's half, a process has exactly what the kernel has.
static bool kernel_half_is_shared(const uint64_t *root)
{
    const uint64_t *kernel = phys_to_virt(mmu.root);
    for (unsigned i = PHYSMAP_SLOT; i < PTE_COUNT; i++) {
        if (root[i] != kernel[i]) {
            klog("mmu: root entry %u is %lx, not the kernel's %lx", i, root[i], kernel[i]);
            return false;
        }
    }
    return true;
}

bool arch_mmu_walk(const struct arch_aspace *as,
                   bool (*visit)(const struct mmu_leaf *leaf, void *arg), void *arg)
{
    struct walk w = {.level = mmu.top_level, .end = as != NULL ? PHYSMAP_SLOT : PTE_COUNT};
    w.tables[w.level] = phys_to_virt(as != NULL ? as->root : mmu.root);
    return (as == NULL || kernel_half_is_shared(w.tables[w.level])) && walk(&w, visit, arg);
}

bool arch_mmu_registers_hold(const struct arch_aspace *as)
{
    uint64_t satp = csr_read(satp), sstatus = csr_read(sstatus);
    paddr_t root = (satp & ((1ull << 44) - 1)) << PAGE_SHIFT;
    paddr_t wanted = as != NULL ? as->root : mmu.root;
    bool hold = satp >> SATP_MODE_SHIFT == mmu.mode && root == wanted &&
                (sstatus & (SSTATUS_SUM | SSTATUS_MXR)) == 0;
    if (!hold) {
        klog("mmu: CPU %u: satp %lx (want root %lx) sstatus %lx", arch_percpu()->id, satp, wanted,
             sstatus);
    }
    return hold;
}
