// SPDX-License-Identifier: MIT
// What the kernel learns from the device tree before it has an allocator: memory, reservations, the
// boot archive, the command line, a random seed. All of it is firmware input: checked, bounded,
// copied.
#ifndef KERNEL_INIT_BOOT_INFO_H
#define KERNEL_INIT_BOOT_INFO_H

#include "kernel/lib/types.h"

#define BOOT_REGIONS_MAX 32u
#define BOOT_CMDLINE_MAX 1024u
#define BOOT_CPUS_MAX    8u

struct boot_region {
    paddr_t start, end; // [start, end), page-aligned
};

struct boot_info {
    const void *fdt; // kernel pointer (physical map)
    paddr_t fdt_start, fdt_end;
    // Sorted, disjoint, inward page-aligned; without what /reserved-memory says is not to be
    // mapped.
    struct boot_region ram[BOOT_REGIONS_MAX];
    unsigned ram_count;
    uint64_t ram_bytes; // of the memory nodes
    // Kernel image, tree, initrd, /memreserve/, /reserved-memory: sorted, disjoint, outward
    // page-aligned; may lie outside RAM. When there are more than fit, neighbours are joined:
    // reserving too much is safe.
    struct boot_region reserved[BOOT_REGIONS_MAX];
    unsigned reserved_count;
    uint64_t free_limit; // bytes of free RAM that are used at most (option memory); 0: all
    paddr_t initrd_start, initrd_end; // 0, 0 if none; not page-aligned
    char cmdline[BOOT_CMDLINE_MAX];
    uint8_t seed[64]; // kaslr-seed and rng-seed
    unsigned seed_bytes;
    unsigned cpu_count;
    uint64_t cpu_hw_ids[BOOT_CPUS_MAX]; // reg of each: MPIDR affinity or hart id
    char model[64];
};

// Fills *info. `fdt` is a valid tree (devicetree_valid), or NULL if firmware's is none. Also makes
// the blob fit to be shown to programs: its padding is cut off and its random seeds are wiped.
// Returns NULL, or why the machine cannot be used with this tree; other damage is named in the log,
// with node and property, and skipped.
const char *boot_info_parse(void *fdt, paddr_t fdt_pa, struct boot_info *info);

#endif
