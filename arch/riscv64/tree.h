// SPDX-License-Identifier: MIT
// RISC-V: what the port reads from the device tree. Nothing here touches the machine, so host tests
// and the fuzzer run it. The blob has been found valid (devicetree_valid) unless noted. Source:
// Linux bindings riscv/cpus.yaml, interrupt-controller/sifive,plic-1.0.0.yaml and riscv,aplic.yaml.
#ifndef RISCV64_TREE_H
#define RISCV64_TREE_H

#include "kernel/lib/types.h"

#define TREE_LINES_MAX 1024u // of a PLIC and of an APLIC: line numbers are below this

enum tree_controller_kind { TREE_PLIC, TREE_APLIC };

struct tree_controller {
    enum tree_controller_kind kind;
    const char *name; // of the node
    paddr_t base;
    uint64_t bytes;
    uint32_t lines;   // line numbers are 1 to lines - 1
    uint32_t context; // that raises the hart's supervisor external interrupt
};

// The offset of a hart's node, or a negative libfdt error.
int tree_hart(const void *fdt, uint64_t hart);
// Whether the hart of that node has an extension; `otherwise` when the node does not say.
bool tree_hart_has(const void *fdt, int node, const char *extension, bool otherwise);
// The interrupt controller of the hart's supervisor mode. NULL, or what is wrong (a static text);
// out->name is then the node it is about, or NULL.
const char *tree_controller(const void *fdt, uint64_t hart, struct tree_controller *out);
// Ticks of the `time` counter per second. NULL, or what is wrong.
const char *tree_timebase(const void *fdt, uint64_t hart, uint64_t *hz);

// Whether /chosen bootargs has the word among the kernel's options. For use with the MMU off, on
// any 4-byte-aligned blob, valid or not, of which 2 MiB can be read: libfdt cannot run there, since
// its switch tables hold addresses.
bool tree_early_option(const void *fdt, const char *word);

#endif
