// SPDX-License-Identifier: MIT
// ARM64: what the port reads from the device tree. Nothing here touches the machine, so host tests
// and the fuzzer run it. The blob has been found valid (devicetree_valid). Source: Linux bindings
// arm/psci.yaml, timer/arm,arch_timer.yaml, interrupt-controller/arm,gic.yaml and arm,gic-v3.yaml.
#ifndef ARM64_TREE_H
#define ARM64_TREE_H

#include "kernel/lib/types.h"

enum tree_controller_kind { TREE_GICV2, TREE_GICV3 };

struct tree_controller {
    enum tree_controller_kind kind;
    const char *name; // of the node
    paddr_t distributor, second;
    uint64_t distributor_bytes, second_bytes; // second: CPU interface, or redistributors
};

enum tree_psci_method { TREE_PSCI_NONE, TREE_PSCI_HVC, TREE_PSCI_SMC };

struct tree_psci {
    enum tree_psci_method method;
    uint32_t cpu_on, cpu_off; // function numbers; 0: not there
    bool has_system;          // version, power off and reset: from 0.2 on
};

// The interrupt controller. NULL, or what is wrong (a static text); out->name is then the node it
// is about, or NULL.
const char *tree_controller(const void *fdt, struct tree_controller *out);
// The virtual timer's line and the counter's frequency, 0 if the tree does not give it. NULL, or
// what is wrong.
const char *tree_timer(const void *fdt, uint32_t *line, uint32_t *hz);
// How firmware is called. TREE_PSCI_NONE if it is not there or not understood.
void tree_psci(const void *fdt, struct tree_psci *out);

#endif
