// SPDX-License-Identifier: MIT
// ARM64: the kernel's half of the address space (TTBR1) and the device window.
//
//   0xffff000000000000 + pa  physical map: RAM, RW, never executable; the image's text, rodata R--
//   KERNEL_IMAGE_BASE        text R-X, rodata R--, data RW-; the pages below kernel stacks left out
//   DEVICE_WINDOW            device registers, 4 MiB, in tables that the boot and the final map
//   share
//
// User space is all of TTBR0 (aspace.c). Kernel mappings are global; once arch_mmu_init is done
// only the device window changes.
#include "arch/arm64/port.h"
#include "arch/arm64/pte.h"
#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/mm/asid.h"
#include "kernel/mm/page.h"
#include <arch/mmu.h>

vaddr_t arch_physmap_base = PHYSMAP_BASE;
uint64_t boot_image_pa;
paddr_t mmu_root;
uint64_t mmu_empty_table[TABLE_ENTRIES] __attribute__((aligned(4096)));

static unsigned device_pages_used; // the window fills from its start; the boot CPU maps all devices

vaddr_t arch_user_top(void) { return 1ull << 48; }

paddr_t arch_image_to_phys(const void *p) { return (vaddr_t)p - KERNEL_IMAGE_BASE + boot_image_pa; }

// The next table below an entry, made if there is none.
static uint64_t *table_below(uint64_t *entry)
{
    if (*entry == 0) {
        *entry = boot_alloc_page() | PTE_VALID | PTE_TABLE;
    }
    return phys_to_virt(*entry & PTE_ADDRESS);
}

// Maps [pa, pa + bytes) at va in the tables under root, with the largest blocks that alignment
// allows. Nothing is mapped there yet, and the tables are not in use.
static void map_range(paddr_t root, vaddr_t va, paddr_t pa, uint64_t bytes, uint64_t attributes)
{
    while (bytes > 0) {
        uint64_t *l1 = table_below((uint64_t *)phys_to_virt(root) + table_index(va, 0));
        uint64_t *entry = &l1[table_index(va, 1)];
        uint64_t step = BLOCK_1G;
        uint64_t kind = 0;
        if (((va | pa) & (BLOCK_1G - 1)) != 0 || bytes < BLOCK_1G) {
            entry = &table_below(entry)[table_index(va, 2)];
            step = BLOCK_2M;
        }
        if (((va | pa) & (BLOCK_2M - 1)) != 0 || bytes < BLOCK_2M) {
            entry = &table_below(entry)[table_index(va, 3)];
            step = PAGE_SIZE;
            kind = PTE_TABLE;
        }
        *entry = pa | attributes | kind;
        va += step;
        pa += step;
        bytes -= step;
    }
}

// The image's text and read-only data must not be writable through the physical map either.
static void map_ram(paddr_t root, paddr_t start, paddr_t end)
{
    paddr_t ro_start = boot_image_pa;
    paddr_t ro_end = arch_image_to_phys(kernel_rodata_end);
    if (end <= ro_start || start >= ro_end) {
        map_range(root, PHYSMAP_BASE + start, start, end - start, PTE_KERNEL_DATA);
        return;
    }
    ASSERT(start <= ro_start && end >= ro_end);
    map_range(root, PHYSMAP_BASE + start, start, ro_start - start, PTE_KERNEL_DATA);
    map_range(root, PHYSMAP_BASE + ro_start, ro_start, ro_end - ro_start, PTE_KERNEL_RODATA);
    map_range(root, PHYSMAP_BASE + ro_end, ro_end, end - ro_end, PTE_KERNEL_DATA);
}

static void map_image_part(paddr_t root, const char *start, const char *end, uint64_t attributes)
{
    map_range(root, (vaddr_t)start, arch_image_to_phys(start), (uint64_t)(end - start), attributes);
}

static void map_image(paddr_t root)
{
    map_image_part(root, kernel_image_start, kernel_text_end, PTE_KERNEL_TEXT);
    map_image_part(root, kernel_text_end, kernel_rodata_end, PTE_KERNEL_RODATA);
    const char *start = kernel_rodata_end;
    for (unsigned i = 0; i < KERNEL_STACKS; i++) {
        const char *guard = kernel_stacks + i * KERNEL_STACK_BLOCK + KERNEL_STACK_GUARD;
        map_image_part(root, start, guard, PTE_KERNEL_DATA);
        start = guard + PAGE_SIZE;
    }
    map_image_part(root, start, kernel_image_end, PTE_KERNEL_DATA);
}

void arch_mmu_init(const struct boot_info *boot)
{
    ASSERT((vaddr_t)kernel_image_start == KERNEL_IMAGE_BASE);
    paddr_t root = boot_alloc_page();
    mmu_root = root;
    for (unsigned i = 0; i < boot->ram_count; i++) {
        const struct boot_region *ram = &boot->ram[i];
        if (ram->end > 1ull << 46) { // far below the image in the address space
            panic("memory node: RAM at 0x%lx is outside the physical map", ram->start);
        }
        map_ram(root, ram->start, ram->end);
    }
    map_image(root);
    uint64_t *l1 = table_below((uint64_t *)phys_to_virt(root) + table_index(DEVICE_WINDOW, 0));
    l1[table_index(DEVICE_WINDOW, 1)] = arch_image_to_phys(boot_device_l2) | PTE_VALID | PTE_TABLE;
    mmu_replace_tables(root, arch_image_to_phys(mmu_empty_table),
                       KERNEL_IMAGE_BASE - boot_image_pa);
    asid_init(id_field(sysreg_read("id_aa64mmfr0_el1"), 4) == 2 ? 16 : 8); // so is TCR_EL1.AS
    klog("paging: 4 levels, 48 bits, %u ASID bits; image at 0x%lx", asid_bits, boot_image_pa);
}

volatile void *arch_map_device(paddr_t pa, size_t bytes)
{
    const unsigned capacity = DEVICE_WINDOW_TABLES * TABLE_ENTRIES;
    paddr_t first = align_down(pa, PAGE_SIZE);
    if (bytes == 0 || bytes > capacity * PAGE_SIZE || pa >= PTE_ADDRESS) {
        panic("device registers at 0x%lx, 0x%zx bytes, cannot be mapped", pa, bytes);
    }
    unsigned pages = (unsigned)((align_up(pa + bytes, PAGE_SIZE) - first) / PAGE_SIZE);
    if (pages > capacity - device_pages_used) {
        panic("no room for device registers at 0x%lx, 0x%zx bytes", pa, bytes);
    }
    unsigned index = device_pages_used;
    device_pages_used += pages;
    for (unsigned i = 0; i < pages; i++) {
        uint64_t *entry = &boot_device_l3[(index + i) / TABLE_ENTRIES][(index + i) % TABLE_ENTRIES];
        *entry = (first + i * PAGE_SIZE) | PTE_KERNEL_DEVICE | PTE_TABLE;
    }
    // From invalid to valid: no TLB entry to invalidate; the entries must be visible to walks (DSB)
    // before the next access (ISB).
    dsb_ishst();
    isb();
    return (volatile void *)(DEVICE_WINDOW + index * PAGE_SIZE + (pa - first));
}

// Lines of the caches hold what was written through kva: clean data to where instruction fetch sees
// it, then drop stale instructions (Arm ARM B2.4.4). Instruction caches that are not physically
// tagged and indexed may hold them under other addresses than kva's: there all go.
void arch_icache_sync(const struct arch_aspace *as, const void *kva, size_t bytes)
{
    (void)as;
    uint64_t ctr = sysreg_read("ctr_el0");
    uint64_t end = (vaddr_t)kva + bytes;
    uint64_t line = 4ull << id_field(ctr, 16);
    for (uint64_t p = align_down((vaddr_t)kva, line); p < end; p += line) {
        __asm__ volatile("dc cvau, %0" : : "r"(p) : "memory");
    }
    dsb_ish();                              // cleaned before the instruction cache refills
    bool physical = ((ctr >> 14) & 3) == 3; // L1Ip: PIPT
    line = 4ull << (ctr & 0xf);
    for (uint64_t p = align_down((vaddr_t)kva, line); physical && p < end; p += line) {
        __asm__ volatile("ic ivau, %0" : : "r"(p) : "memory");
    }
    if (!physical) {
        __asm__ volatile("ic ialluis" : : : "memory");
    }
    dsb_ish(); // done on all CPUs; each synchronizes when it next returns to user mode
    isb();
}
