// SPDX-License-Identifier: MIT
// ARM64: the translation tables that the kernel starts on. boot_tables_build runs with the MMU off,
// at the physical address of the image: it uses PC-relative addresses only (no pointer in
// initialised data) and aligned accesses.
//
//   TTBR0  identity map of the 1 GiB blocks that hold the image, for the jump
//   TTBR1  the physical map of the 1 GiB blocks that hold the image and the device tree;
//          the image, in 2 MiB blocks; the device window, whose tables the final map keeps
//
// Blocks of 1 GiB may cover addresses where no memory is. They are executable in the identity map
// only, which is gone when arch_mmu_init returns.
//
// Later the tables of the identity map serve again: each further CPU turns its MMU on with a map of
// one page, that of the code which does so.
#include "arch/arm64/port.h"
#include "arch/arm64/pte.h"
#include "kernel/lib/devicetree.h"
#include <arch/mmu.h>
#include <string.h>

#define BOOT_TABLE __attribute__((section(".bss.boot_tables"), aligned(4096)))

void boot_tables_build(paddr_t image, paddr_t fdt);

BOOT_TABLE uint64_t boot_kernel_l0[TABLE_ENTRIES];
BOOT_TABLE uint64_t boot_identity_l0[TABLE_ENTRIES];
BOOT_TABLE static uint64_t image_l1[TABLE_ENTRIES];
BOOT_TABLE static uint64_t image_l2[TABLE_ENTRIES];
// Level 1 tables of the physical and the identity map: image and device tree may lie in different
// 512 GiB.
BOOT_TABLE static uint64_t physmap_l1[2][TABLE_ENTRIES];
BOOT_TABLE static uint64_t identity_l1[2][TABLE_ENTRIES];
BOOT_TABLE uint64_t boot_device_l2[TABLE_ENTRIES];
BOOT_TABLE uint64_t boot_device_l3[DEVICE_WINDOW_TABLES][TABLE_ENTRIES];

extern char boot_tables_start[], boot_tables_end[];

static uint64_t table_entry(const void *table)
{
    return (uint64_t)(uintptr_t)table | PTE_VALID | PTE_TABLE;
}

// Maps the 1 GiB around pa at base + pa. *used of the two level 1 tables are taken; a third is
// never needed, and an address for which there is none is left out.
static void map_gib(uint64_t *l0, uint64_t (*l1)[TABLE_ENTRIES], unsigned *used, vaddr_t va,
                    uint64_t block)
{
    unsigned top = table_index(va, 0);
    if (l0[top] == 0 && *used < 2) {
        l0[top] = table_entry(l1[(*used)++]);
    }
    if (l0[top] != 0) {
        uint64_t *table = (uint64_t *)(uintptr_t)(l0[top] & PTE_ADDRESS); // the MMU is off
        table[table_index(va, 1)] = block;
    }
}

void boot_tables_build(paddr_t image, paddr_t fdt)
{
    for (volatile uint64_t *p = (uint64_t *)boot_tables_start; p < (uint64_t *)boot_tables_end;
         p++) {
        *p = 0;
    }
    paddr_t image_last = image + (paddr_t)(kernel_image_end - kernel_image_start) - 1;
    const uint64_t executable = PTE_KERNEL | PTE_SH_INNER | PTE_ATTR(ATTR_NORMAL);
    unsigned used = 0;
    map_gib(boot_identity_l0, identity_l1, &used, image, align_down(image, BLOCK_1G) | executable);
    map_gib(boot_identity_l0, identity_l1, &used, image_last,
            align_down(image_last, BLOCK_1G) | executable);

    used = 0;
    const paddr_t reached[] = {image, image_last, fdt, fdt + DEVICETREE_BYTES_MAX - 1};
    for (unsigned i = 0; i < ARRAY_SIZE(reached); i++) {
        vaddr_t va = PHYSMAP_BASE + reached[i];
        map_gib(boot_kernel_l0, physmap_l1, &used, va,
                align_down(reached[i], BLOCK_1G) | PTE_KERNEL_DATA);
    }
    boot_kernel_l0[table_index(KERNEL_IMAGE_BASE, 0)] = table_entry(image_l1);
    image_l1[table_index(KERNEL_IMAGE_BASE, 1)] = table_entry(image_l2);
    for (paddr_t offset = 0; image + offset <= image_last; offset += BLOCK_2M) {
        image_l2[table_index(KERNEL_IMAGE_BASE + offset, 2)] = (image + offset) | executable;
    }
    image_l1[table_index(DEVICE_WINDOW, 1)] = table_entry(boot_device_l2);
    for (unsigned i = 0; i < DEVICE_WINDOW_TABLES; i++) {
        boot_device_l2[i] = table_entry(boot_device_l3[i]);
    }
}

// Runs on the final tables; nothing uses the boot tables any more, and TTBR0 of the boot CPU is
// empty.
void secondary_map_build(void)
{
    uint64_t *const tables[] = {boot_identity_l0, identity_l1[0], identity_l1[1], image_l2};
    paddr_t page = arch_image_to_phys(kernel_image_start);
    for (unsigned level = 0; level < ARRAY_SIZE(tables); level++) {
        memset(tables[level], 0, PAGE_SIZE);
        uint64_t entry = page | PTE_KERNEL_TEXT | PTE_TABLE;
        if (level + 1 < ARRAY_SIZE(tables)) {
            entry = arch_image_to_phys(tables[level + 1]) | PTE_VALID | PTE_TABLE;
        }
        tables[level][table_index(page, level)] = entry;
    }
    dsb_ish(); // walks of other CPUs look into the caches: nothing else is needed
}
