// SPDX-License-Identifier: MIT
// RISC-V: the kernel's own page tables (Sv48 or Sv39: RISC-V privileged specification 1.12,
// sections 4.4 and 4.5).
//
//   Sv39                Sv48
//   0xffffffc000000000  0xffff800000000000  all RAM, RW- (text and rodata of the image R--)
//   0xffffffff80000000  the same            image: text R-X, rodata R--, data and bss RW-
//   0xffffffffc0000000  the same            device window, RW-
//
// The root entries of the kernel half are complete when arch_mmu_init returns and never change:
// every user table holds a copy of them (aspace.c). The A and D bits are set in every entry from
// the start, because hardware may fault instead of setting them (section 4.3.1).
//
// Memory attributes come from the hart's PMAs; without Svpbmt there is nothing in an entry to say
// "device", and nothing to do.
#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/mm/asid.h"
#include "kernel/mm/page.h"
#include "port.h"
#include <arch/mmu.h>

#define KERNEL_LEAF  (PTE_V | PTE_A | PTE_D | PTE_G)
#define DEVICE_BLOCK (1ull << 21)

vaddr_t arch_physmap_base;
struct mmu mmu;
struct page_table device_table; // the 1 GiB device window in blocks of 2 MiB; shared by the boot
                                // and the final tables
static paddr_t image_base;      // physical address of kernel_image_start

vaddr_t arch_user_top(void) { return mmu.top_level == 3 ? 1ull << 47 : 1ull << 38; }

paddr_t arch_image_to_phys(const void *p) { return (vaddr_t)p - KERNEL_IMAGE_BASE + image_base; }

// The boot tables' entry for the image tells where it was loaded.
void mmu_boot_init(void)
{
    uint64_t satp = csr_read(satp);
    mmu.mode = satp >> SATP_MODE_SHIFT;
    mmu.top_level = mmu.mode == SATP_SV48 ? 3 : 2;
    arch_physmap_base = mmu.mode == SATP_SV48 ? 0xffff800000000000ull : 0xffffffc000000000ull;
    image_base = boot_image_base();
    // The ASID bits that exist keep what is written (4.1.11).
    csr_write(satp, satp | (uint64_t)SATP_ASID_MASK << SATP_ASID_SHIFT);
    uint64_t implemented = csr_read(satp) >> SATP_ASID_SHIFT & SATP_ASID_MASK;
    csr_write(satp, satp);
    __asm__ volatile("sfence.vma" ::
                         : "memory"); // what was fetched meanwhile carries the tried ASID
    while ((implemented >> mmu.asid_bits & 1) != 0) {
        mmu.asid_bits++;
    }
}

// Installs entries for [va, va + len) in the tables under mmu.root with the largest blocks that
// fit. Everything page-aligned.
static void kernel_map(vaddr_t va, paddr_t pa, uint64_t len, uint64_t bits)
{
    while (len != 0) {
        unsigned level = 2;
        while (((va | pa) & ((1ull << pte_shift(level)) - 1)) != 0 ||
               len < 1ull << pte_shift(level)) {
            level--;
        }
        uint64_t *table = phys_to_virt(mmu.root);
        for (unsigned l = mmu.top_level; l > level; l--) {
            uint64_t *entry = &table[pte_index(va, l)];
            if (*entry == 0) {
                *entry = pte_make(boot_alloc_page(), PTE_V);
            }
            table = phys_to_virt(pte_to_phys(*entry));
        }
        table[pte_index(va, level)] = pte_make(pa, bits);
        va += 1ull << pte_shift(level);
        pa += 1ull << pte_shift(level);
        len -= 1ull << pte_shift(level);
    }
}

// The part of a RAM region [start, end) that lies in [from, to), mapped in the physical map.
static void physmap_part(const struct boot_region *r, paddr_t from, paddr_t to, uint64_t bits)
{
    paddr_t start = r->start > from ? r->start : from;
    paddr_t end = r->end < to ? r->end : to;
    if (start < end) {
        kernel_map(arch_physmap_base + start, start, end - start, bits);
    }
}

static void physmap_build(const struct boot_info *boot)
{
    // Up to the image's table entry: 254 GiB in Sv39, 127.5 TiB in Sv48.
    paddr_t limit = mmu.top_level == 3 ? 255ull << pte_shift(3) : 254ull << pte_shift(2);
    paddr_t text = image_base, data = arch_image_to_phys(kernel_rodata_end);
    for (unsigned i = 0; i < boot->ram_count; i++) {
        const struct boot_region *r = &boot->ram[i];
        if (r->end > limit) {
            panic("/memory: RAM at 0x%lx-0x%lx is out of reach of Sv%d", r->start, r->end,
                  mmu.top_level == 3 ? 48 : 39);
        }
        physmap_part(r, 0, text, KERNEL_LEAF | PTE_R | PTE_W);
        physmap_part(r, text, data, KERNEL_LEAF | PTE_R); // writing to code and constants faults
                                                          // through every mapping
        physmap_part(r, data, limit, KERNEL_LEAF | PTE_R | PTE_W);
        unsigned used = (unsigned)((r->end - 1) >> pte_shift(mmu.top_level)) + 1;
        mmu.physmap_entries = used > mmu.physmap_entries ? used : mmu.physmap_entries;
    }
}

static void image_map(const char *start, const char *end, uint64_t bits)
{
    kernel_map((vaddr_t)start, arch_image_to_phys(start), (uint64_t)(end - start),
               KERNEL_LEAF | bits);
}

void arch_mmu_init(const struct boot_info *boot)
{
    mmu.root = boot_alloc_page();
    physmap_build(boot);
    image_map(kernel_image_start, kernel_text_end, PTE_R | PTE_X);
    image_map(kernel_text_end, kernel_rodata_end, PTE_R);
    const char *start = kernel_rodata_end;
    for (unsigned i = 0; i < KERNEL_STACKS; i++) {
        const char *guard = kernel_stacks + i * KERNEL_STACK_BLOCK;
        image_map(start, guard, PTE_R | PTE_W);
        start = guard + KERNEL_STACK_GUARD; // an overflowing stack meets the gap
    }
    image_map(start, kernel_image_end, PTE_R | PTE_W);

    // kernel_map made the table of the highest 512 GiB for the image; the device window joins it.
    uint64_t *top = phys_to_virt(mmu.root);
    if (mmu.top_level == 3) {
        top = phys_to_virt(pte_to_phys(top[PTE_COUNT - 1]));
    }
    top[DEVICE_SLOT] = pte_make(arch_image_to_phys(&device_table), PTE_V);

    // First fence: the stores to the new tables before any walk of them. Second: no translation of
    // the boot tables survives (4.2.1). The image and the stack keep their addresses across the
    // switch.
    __asm__ volatile("sfence.vma" ::: "memory");
    csr_write(satp, satp_make(mmu.root, 0));
    __asm__ volatile("sfence.vma" ::: "memory");
    asid_init(mmu.asid_bits);
    klog("paging: Sv%d, %u ASID bits; image at 0x%lx", mmu.top_level == 3 ? 48 : 39, asid_bits,
         arch_image_to_phys(kernel_image_start));
}

// Whether the window's blocks from `slot` on are free, or already map the same memory.
static bool device_slot_fits(paddr_t block, unsigned slot, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t entry = device_table.entry[slot + i];
        if (entry != 0 && pte_to_phys(entry) != block + i * DEVICE_BLOCK) {
            return false;
        }
    }
    return true;
}

volatile void *arch_map_device(paddr_t pa, size_t bytes)
{
    paddr_t first = align_down(pa, DEVICE_BLOCK);
    uint64_t count = (align_up(pa + bytes, DEVICE_BLOCK) - first) / DEVICE_BLOCK;
    unsigned slot = 0;
    while (slot + count <= PTE_COUNT && !device_slot_fits(first, slot, count)) {
        slot++;
    }
    if (bytes == 0 || slot + count > PTE_COUNT) {
        panic("no room for device registers at 0x%lx, %zu bytes", pa, bytes);
    }
    for (unsigned i = 0; i < count; i++) {
        device_table.entry[slot + i] =
            pte_make(first + i * DEVICE_BLOCK, KERNEL_LEAF | PTE_R | PTE_W);
    }
    // The hart may have cached that there was nothing (4.2.1).
    __asm__ volatile("sfence.vma" ::: "memory");
    return (volatile char *)(DEVICE_WINDOW + slot * DEVICE_BLOCK + (pa - first));
}
