// SPDX-License-Identifier: MIT
// RISC-V: the tables that carry the kernel from firmware to its final tables. boot_tables_build
// runs with the MMU off, at the image's physical address: it may use addresses of symbols only in
// the pc-relative form that -mcmodel=medany gives, no pointers stored in data, no library.
// boot_enter is the first C code in virtual memory.
//
// Both modes share the table of the highest 512 GiB (the root itself in Sv39): entry 510 holds the
// image, 511 the device window. The physical map gets only the 1 GiB blocks of the image and of the
// device tree. mmu.c replaces all of it.
#include "arch/riscv64/tree.h"
#include "kernel/debug/log.h"
#include "kernel/lib/devicetree.h"
#include "port.h"
#include <arch/mmu.h>

#define GIB       (1ull << 30)
#define MIB2      (1ull << 21)
#define BOOT_LEAF (PTE_V | PTE_R | PTE_W | PTE_A | PTE_D)

static struct page_table boot_top, boot_root48, boot_image, boot_physmap[2];
static uint64_t boot_physmap_slot[2]; // entry of boot_root48 that holds each of them, 0 while
                                      // unused

void kernel_main(void *fdt, paddr_t fdt_pa);

uint64_t boot_hart;
void *boot_fdt;
uint64_t boot_ticks;

static uint64_t boot_table_entry(const struct page_table *t)
{
    return pte_make((paddr_t)(uintptr_t)t, PTE_V);
}

// Maps the 1 GiB block around pa in the physical maps of both modes.
static void boot_map_block(paddr_t pa)
{
    uint64_t block = pa / GIB;
    uint64_t leaf = pte_make(block * GIB, BOOT_LEAF);
    if (block < IMAGE_SLOT - PHYSMAP_SLOT) {
        boot_top.entry[PHYSMAP_SLOT + block] = leaf;
    }
    uint64_t slot = PHYSMAP_SLOT + block / PTE_COUNT;
    if (slot >= DEVICE_SLOT) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(boot_physmap); i++) {
        if (boot_physmap_slot[i] == 0) {
            boot_physmap_slot[i] = slot;
            boot_root48.entry[slot] = boot_table_entry(&boot_physmap[i]);
        }
        if (boot_physmap_slot[i] == slot) {
            boot_physmap[i].entry[block % PTE_COUNT] = leaf;
            return;
        }
    }
}

struct boot_tables boot_tables_build(paddr_t image, paddr_t fdt)
{
    paddr_t image_end = (paddr_t)(uintptr_t)kernel_image_end;
    unsigned i = 0;
    for (paddr_t pa = image; pa < image_end; pa += MIB2) {
        boot_image.entry[i++] = pte_make(pa, BOOT_LEAF | PTE_X);
    }
    boot_top.entry[IMAGE_SLOT] = boot_table_entry(&boot_image);
    boot_top.entry[DEVICE_SLOT] = boot_table_entry(&device_table);
    boot_root48.entry[PTE_COUNT - 1] = boot_table_entry(&boot_top);
    boot_map_block(image);
    boot_map_block(image_end - 1);
    boot_map_block(fdt);
    boot_map_block(fdt + DEVICETREE_BYTES_MAX - 1);

    uint64_t sv39 = SATP_SV39, sv48 = SATP_SV48;
    struct boot_tables t;
    t.sv39 = (sv39 << SATP_MODE_SHIFT) | ((paddr_t)(uintptr_t)&boot_top >> PAGE_SHIFT);
    t.sv48 = (sv48 << SATP_MODE_SHIFT) | ((paddr_t)(uintptr_t)&boot_root48 >> PAGE_SHIFT);
    if (tree_early_option((const void *)(uintptr_t)fdt, "sv39")) {
        t.sv48 = 0;
    }
    return t;
}

// Before the MMU is on nothing but the firmware can print, and printf cannot run.
static void early_print(const char *text)
{
    for (; *text != '\0'; text++) {
        arch_firmware_putc(*text);
    }
}

static void early_print_hex(const char *name, uint64_t value)
{
    early_print(name);
    for (int shift = 60; shift >= 0; shift -= 4) {
        unsigned digit = (value >> shift) & 0xf;
        arch_firmware_putc((char)(digit < 10 ? '0' + digit : 'a' + digit - 10));
    }
}

void boot_no_paging(void)
{
    early_print("boot: this hart has neither Sv48 nor Sv39 paging: the kernel cannot run on it\n");
    arch_halt();
}

void boot_trap(uint64_t cause, uint64_t pc, uint64_t value)
{
    early_print_hex("boot: trap before the MMU is on: scause ", cause);
    early_print_hex(", sepc ", pc);
    early_print_hex(", stval ", value);
    early_print("\nboot: is the device tree where register a1 says?\n");
    arch_halt();
}

paddr_t boot_image_base(void) { return pte_to_phys(boot_image.entry[0]); }

void boot_enter(uint64_t hart, paddr_t fdt_pa, uint64_t ticks)
{
    boot_hart = hart;
    boot_ticks = ticks;
    mmu_boot_init();
    boot_fdt = devicetree_valid(phys_to_virt(fdt_pa)) ? phys_to_virt(fdt_pa) : NULL;
    kernel_main(boot_fdt, fdt_pa);
    panic("kernel_main returned");
}
