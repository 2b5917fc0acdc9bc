// SPDX-License-Identifier: MIT
// What the device manager reads from the device tree, through libfdt, trusting none of it: where a
// device's registers are, which interrupt line it has, which device is the console. Pure; tested on
// the host. Source: Devicetree Specification 0.4, chapters 2.3 and 2.4; the bindings of the
// interrupt controllers (arm,gic; riscv,plic0).
#ifndef DEVMGR_TREE_H
#define DEVMGR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_PATH_MAX 128u

struct device_place {
    uint64_t base; // CPU physical address of the registers
    uint64_t bytes;
    uint32_t line; // the interrupt controller's number
    bool edge;
};

// Whether the blob is sound from end to end. After this the other functions cannot leave it.
bool tree_valid(const void *fdt, size_t bytes);
// The node of the console device (/chosen stdout-path: a path or an alias, perhaps with line
// settings), or -1.
int tree_console(const void *fdt);
// Registers and, if asked for, first interrupt of a device. NULL on success, or what is wrong (a
// static text).
const char *tree_place(const void *fdt, int node, bool irq, struct device_place *out);
// A property of one cell; `otherwise` if it is absent or of another length.
uint32_t tree_cell(const void *fdt, int node, const char *name, uint32_t otherwise);
// Whether the device is in use: no status property, or "okay".
bool tree_enabled(const void *fdt, int node);

#endif
