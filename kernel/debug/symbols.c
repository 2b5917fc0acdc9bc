// SPDX-License-Identifier: MIT
// Names of the kernel's functions, from the table that the build (tools/ksyms.py) puts into the
// image:
//     u32 count
//     u32 offset[count]   from kernel_image_start, ascending
//     u32 name[count]     from the end of this array
//     names, each ended by a zero byte
// The section may be empty: the first of the two links has no table yet.
#include "kernel/debug/log.h"

#include <arch/mmu.h>

extern const uint32_t ksyms_start[], ksyms_end[]; // linker, or the table itself

// Index of the last offset <= wanted. count > 0 and offsets[0] <= wanted.
static uint32_t last_not_above(const uint32_t *offsets, uint32_t count, uint64_t wanted)
{
    uint32_t low = 0, high = count; // offsets[low] <= wanted < offsets[high]
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (offsets[middle] <= wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

const char *symbol_find(vaddr_t pc, uint64_t *offset)
{
    vaddr_t start = (vaddr_t)kernel_image_start;
    size_t words = ((uintptr_t)ksyms_end - (uintptr_t)ksyms_start) / sizeof(uint32_t);
    if (words == 0 || pc < start || pc >= (vaddr_t)kernel_text_end) {
        return NULL;
    }
    uint32_t count = ksyms_start[0];
    const uint32_t *offsets = ksyms_start + 1;
    if (count == 0 || count > (words - 1) / 2 || offsets[0] > pc - start) {
        return NULL;
    }
    uint32_t i = last_not_above(offsets, count, pc - start);
    *offset = pc - start - offsets[i];
    return (const char *)(offsets + 2 * (size_t)count) + offsets[count + i];
}
