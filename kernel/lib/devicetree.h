// SPDX-License-Identifier: MIT
// What the kernel needs of a flattened device tree beyond libfdt: a check of the whole blob, and
// the address of a device as the CPU sees it. Everything here reads firmware input and trusts none
// of it. Source: Devicetree Specification 0.4, chapters 2.3 (reg, ranges) and 5 (the format).
#ifndef KERNEL_LIB_DEVICETREE_H
#define KERNEL_LIB_DEVICETREE_H

#include "kernel/lib/types.h"

#define DEVICETREE_BYTES_MAX \
    (2u << 20) // the largest blob taken; boards have 10 to 200 KiB, QEMU pads to 1 MiB

// Whether the blob at `fdt` (8-byte aligned, at least its header readable) is well formed to its
// end, in version 17 of the format (2007; older ones have no size of the structure block). After
// this libfdt cannot leave it.
bool devicetree_valid(const void *fdt);

// Reads a number of `cells` 32-bit big-endian cells (0 to 4) from *p and moves *p behind it. False
// if it does not fit 64 bits.
bool devicetree_number(const uint32_t **p, unsigned cells, uint64_t *value);

// #address-cells and #size-cells that `node` gives its children (2 and 1 if absent). False if a
// value is above 4.
bool devicetree_cells(const void *fdt, int node, unsigned *address_cells, unsigned *size_cells);

// The index-th range of the node's reg property, translated through the ranges of all its parents
// to a CPU physical address. False if it is absent, damaged, has no CPU address, or meets what the
// tree says is memory: device registers never do.
bool devicetree_reg(const void *fdt, int node, unsigned index, paddr_t *base, uint64_t *size);

// The same without translation and checks, in the address space of the parent: for /memory and
// /reserved-memory, which stand for physical addresses. base + size does not wrap round.
bool devicetree_reg_local(const void *fdt, int node, int parent, unsigned index, paddr_t *base,
                          uint64_t *size);

// The node that it is in, or a negative libfdt error: for the root, and beyond 16 levels.
int devicetree_parent(const void *fdt, int node);

// A string property; NULL if it is absent or not terminated.
const char *devicetree_string(const void *fdt, int node, const char *name);

// Whether the node is in use: no status property, or "okay" or "ok".
bool devicetree_enabled(const void *fdt, int node);

// The first enabled node that is compatible, or a negative libfdt error.
int devicetree_find(const void *fdt, const char *compatible);

// The first that is compatible with any of `count` strings; *which is the first of those that its
// list holds. One walk through the tree, which costs a quarter of a million instructions.
int devicetree_find_any(const void *fdt, const char *const *compatible, unsigned count,
                        unsigned *which);

// What the first interrupt controller outside the CPUs calls itself, for messages; NULL if there is
// none.
const char *devicetree_controller_name(const void *fdt);

// Bytes up to the end of the last block in use; at most totalsize, which firmware pads.
uint32_t devicetree_used_bytes(const void *fdt);

// What a tree that is damaged still says of one device: the address of the first node in `bytes` of
// memory that is whole, not disabled, has this string first in a list (`compatible`), and holds the
// address that its name ends in (reg, of no bus that translates). 0 if there is none. For a last
// message only; runs with the MMU off, too.
paddr_t devicetree_salvage(const void *memory, size_t bytes, const char *compatible);

// A property of one cell; `otherwise` if it is absent or of another length.
uint32_t devicetree_u32(const void *fdt, int node, const char *name, uint32_t otherwise);

#endif
