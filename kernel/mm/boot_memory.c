// SPDX-License-Identifier: MIT
// RAM before there is an allocator: which ranges are taken, the gaps between them, and the boot
// allocator, a pointer that moves through the largest gap near the kernel image. Runs on the boot
// CPU; afterwards the ranges do not change any more. Book: chapter 6.
#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/mm/page_internal.h"
#include <arch/mmu.h>
#include <string.h>

#define BOOT_REACH (1ull << 30) // the boot tables map the aligned GiB that holds the kernel image

// What the boot reserved, what the boot allocator gave out, one metadata array a region.
// The limit of free RAM takes at most every gap, of which there is one before each reservation and
// one at the end of each piece of RAM.
#define TAKEN_MAX (3 * BOOT_REGIONS_MAX + REGIONS_MAX + 1)

static struct boot_region taken[TAKEN_MAX]; // sorted by start
static unsigned taken_count;
static paddr_t boot_first, boot_next, boot_end; // [boot_first, boot_next) is given out

void boot_taken_add(paddr_t start, paddr_t end)
{
    if (start >= end) {
        return;
    }
    ASSERT(taken_count < TAKEN_MAX);
    unsigned i = taken_count++;
    for (; i > 0 && taken[i - 1].start > start; i--) {
        taken[i] = taken[i - 1];
    }
    taken[i] = (struct boot_region){start, end};
}

bool boot_gap_next(paddr_t *cursor, paddr_t end, struct boot_region *gap)
{
    paddr_t start = *cursor;
    paddr_t stop = end;
    for (unsigned i = 0; i < taken_count; i++) {
        if (taken[i].end <= start) {
            continue;
        }
        if (taken[i].start > start) {
            stop = taken[i].start < end ? taken[i].start : end;
            break;
        }
        start = taken[i].end; // inside a taken range, or touching it: go behind it
    }
    if (start >= end) {
        *cursor = end;
        return false;
    }
    *gap = (struct boot_region){start, stop};
    *cursor = stop;
    return true;
}

struct boot_region boot_gap_largest(paddr_t start, paddr_t end)
{
    struct boot_region best = {0, 0}, gap;
    while (boot_gap_next(&start, end, &gap)) {
        if (gap.end - gap.start > best.end - best.start) {
            best = gap;
        }
    }
    return best;
}

static void limit_apply(const struct boot_info *boot)
{
    uint64_t left = align_down(boot->free_limit, PAGE_SIZE);
    for (unsigned i = 0; i < boot->ram_count && boot->free_limit != 0; i++) {
        struct boot_region gap;
        for (paddr_t cursor = boot->ram[i].start; boot_gap_next(&cursor, boot->ram[i].end, &gap);) {
            uint64_t bytes = gap.end - gap.start;
            uint64_t kept = bytes < left ? bytes : left;
            boot_taken_add(gap.start + kept, gap.end);
            left -= kept;
        }
    }
}

static void enough_check(const struct boot_info *boot)
{
    uint64_t ram = 0, free = 0;
    for (unsigned i = 0; i < boot->ram_count; i++) {
        struct boot_region gap;
        ram += boot->ram[i].end - boot->ram[i].start;
        for (paddr_t cursor = boot->ram[i].start; boot_gap_next(&cursor, boot->ram[i].end, &gap);) {
            free += gap.end - gap.start;
        }
    }
    if (free < MEMORY_NEEDED) {
        panic("too little memory: of %lu KiB of RAM the kernel image, the boot archive and the "
              "firmware leave %lu KiB free; %llu KiB are needed",
              ram >> 10, free >> 10, MEMORY_NEEDED >> 10);
    }
}

void boot_alloc_init(const struct boot_info *boot)
{
    taken_count = 0;
    for (unsigned i = 0; i < boot->reserved_count; i++) {
        boot_taken_add(align_down(boot->reserved[i].start, PAGE_SIZE),
                       align_up(boot->reserved[i].end, PAGE_SIZE));
    }
    limit_apply(boot);
    paddr_t reach = align_down(arch_image_to_phys(kernel_image_start), BOOT_REACH);
    struct boot_region best = {0, 0};
    for (unsigned i = 0; i < boot->ram_count; i++) {
        paddr_t start = boot->ram[i].start > reach ? boot->ram[i].start : reach;
        paddr_t end = boot->ram[i].end < reach + BOOT_REACH ? boot->ram[i].end : reach + BOOT_REACH;
        struct boot_region gap = start < end ? boot_gap_largest(start, end) : best;
        if (gap.end - gap.start > best.end - best.start) {
            best = gap;
        }
    }
    boot_first = boot_next = best.start;
    boot_end = best.end;
    enough_check(boot);
}

paddr_t boot_alloc_page(void)
{
    if (boot_next >= boot_end) {
        panic("boot: no free RAM near the kernel image for page tables (had 0x%lx to 0x%lx)",
              boot_first, boot_end);
    }
    paddr_t pa = boot_next;
    boot_next += PAGE_SIZE;
    memset(phys_to_virt(pa), 0, PAGE_SIZE);
    return pa;
}

void boot_alloc_close(void)
{
    boot_taken_add(boot_first, boot_next);
    boot_end = boot_next;
}
