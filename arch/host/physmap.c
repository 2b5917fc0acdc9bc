// SPDX-License-Identifier: MIT
// Host port: RAM is a piece of the heap, and the physical map is where it lies.
#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"

#include <arch/mmu.h>
#include <host.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_HEAP_MAX (1ull << 30)

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

// As a physical address, so a kernel one is aligned to this: as far as any code relies on it
// (slabs).
#define RAM_ALIGN (64ull << 10)

static void *allocation; // from the heap, so that the address sanitizer guards both ends
static size_t allocation_bytes, ram_bytes;
static paddr_t ram_base = HOST_RAM_BASE;

static void ram_free(void)
{
    if (allocation_bytes > RAM_HEAP_MAX) {
        munmap(allocation, allocation_bytes);
    } else {
        free(allocation);
    }
}

void host_ram_init_at(paddr_t base, size_t bytes)
{
    ram_free();
    ram_base = base;
    ram_bytes = align_up(bytes, PAGE_SIZE);
    size_t lead = base % RAM_ALIGN;
    if (ram_bytes > RAM_HEAP_MAX) {
        allocation_bytes = ram_bytes + lead + RAM_ALIGN;
        allocation = mmap(NULL, allocation_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (allocation == MAP_FAILED) {
            abort();
        }
    } else {
        allocation_bytes = ram_bytes + lead;
        if (posix_memalign(&allocation, RAM_ALIGN, allocation_bytes) != 0) {
            abort();
        }
        memset(allocation, 0, allocation_bytes);
    }
    arch_physmap_base = align_up((vaddr_t)allocation, RAM_ALIGN) + lead - base;
}

void host_ram_init(size_t bytes) { host_ram_init_at(HOST_RAM_BASE, bytes); }

void host_boot_info(struct boot_info *boot)
{
    *boot = (struct boot_info){.ram_count = 1, .reserved_count = 1, .cpu_count = 1};
    boot->ram[0] = (struct boot_region){ram_base, ram_base + ram_bytes};
    boot->reserved[0] = (struct boot_region){ram_base, ram_base + HOST_IMAGE_BYTES};
}

paddr_t arch_image_to_phys(const void *p)
{
    return ram_base + (paddr_t)((const char *)p - kernel_image_start);
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
