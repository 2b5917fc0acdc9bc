// SPDX-License-Identifier: MIT
// Host port: RAM is a piece of the heap, and the physical map is where it lies.
#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"

#include <arch/mmu.h>
#include <host.h>
#include <stdlib.h>
#include <string.h>

// The linker script's symbols. One object, so that the end follows the start.
__asm__(".bss\n"
        ".balign 4096\n"
        ".globl kernel_image_start\n"
        "kernel_image_start:\n"
        ".zero 0x10000\n"
        ".globl kernel_text_end\n"
        "kernel_text_end:\n"
        ".globl kernel_image_end\n"
        "kernel_image_end:\n"
        ".text\n");
static_assert(HOST_IMAGE_BYTES == 0x10000, "see above");

vaddr_t arch_physmap_base;

static void *ram; // from the heap, so that the address sanitizer guards both ends
static size_t ram_bytes;

void host_ram_init(size_t bytes)
{
    free(ram);
    ram_bytes = align_up(bytes, PAGE_SIZE);
    ram = aligned_alloc(PAGE_SIZE, ram_bytes);
    if (ram == NULL) {
        abort();
    }
    memset(ram, 0, ram_bytes);
    arch_physmap_base = (vaddr_t)ram - HOST_RAM_BASE;
}

void host_boot_info(struct boot_info *boot)
{
    *boot = (struct boot_info){.ram_count = 1, .reserved_count = 1, .cpu_count = 1};
    boot->ram[0] = (struct boot_region){HOST_RAM_BASE, HOST_RAM_BASE + ram_bytes};
    boot->reserved[0] = (struct boot_region){HOST_RAM_BASE, HOST_RAM_BASE + HOST_IMAGE_BYTES};
}

paddr_t arch_image_to_phys(const void *p)
{
    return HOST_RAM_BASE + (paddr_t)((const char *)p - kernel_image_start);
}

vaddr_t arch_user_top(void) { return 1ull << 47; }
void arch_mmu_init(const struct boot_info *boot) { (void)boot; }

static struct {
    paddr_t pa;
    size_t bytes;
    volatile void *regs;
} device;

void host_device_set(paddr_t pa, volatile void *regs, size_t bytes)
{
    device.pa = pa;
    device.regs = regs;
    device.bytes = bytes;
}

volatile void *arch_map_device(paddr_t pa, size_t bytes)
{
    if (pa < device.pa || !range_within(pa - device.pa, bytes, device.bytes)) {
        panic("host: no device at 0x%lx, %zu bytes", pa, bytes);
    }
    return (volatile char *)device.regs + (pa - device.pa);
}
