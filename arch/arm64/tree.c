// SPDX-License-Identifier: MIT
// ARM64: reading the device tree. Described in the header.
#include "arch/arm64/tree.h"

#include "kernel/lib/devicetree.h"
#include <libfdt.h>
#include <string.h>

#define GICD_V2_BYTES 0x1000u
#define GICC_BYTES    0x14u // what the driver uses of the CPU interface
#define GICD_V3_BYTES 0x10000u
#define GICR_BYTES    0x20000u // of one CPU

#define TIMER_NODE          "arm,armv8-timer"
#define VIRTUAL_TIMER_INDEX 2 // order of the binding: secure, non-secure, virtual, hypervisor
#define CELLS_MIN           3 // of a GIC's interrupt specifier: type, number, flags
#define CELLS_MAX           8
#define TYPE_PPI            1
#define PPI_FIRST           16
#define PPI_COUNT           16

#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON  0xc4000003u // of the 64-bit convention

const char *tree_controller(const void *fdt, struct tree_controller *out)
{
    static const char *const known[] = {"arm,gic-v3", "arm,gic-400", "arm,cortex-a15-gic",
                                        "arm,cortex-a9-gic", "arm,cortex-a7-gic"};
    memset(out, 0, sizeof(*out));
    unsigned which;
    int node = devicetree_find_any(fdt, known, ARRAY_SIZE(known), &which);
    if (node < 0) {
        out->name = devicetree_controller_name(fdt);
        return "no interrupt controller that the kernel knows: those are GICv2 and GICv3";
    }
    out->kind = which == 0 ? TREE_GICV3 : TREE_GICV2;
    out->name = fdt_get_name(fdt, node, NULL);
    bool v3 = out->kind == TREE_GICV3;
    if (!devicetree_reg(fdt, node, 0, &out->distributor, &out->distributor_bytes) ||
        out->distributor_bytes < (v3 ? GICD_V3_BYTES : GICD_V2_BYTES)) {
        return "reg: the distributor is missing, too small or has no CPU address";
    }
    if (!devicetree_reg(fdt, node, 1, &out->second, &out->second_bytes) ||
        out->second_bytes < (v3 ? GICR_BYTES : GICC_BYTES)) {
        return "reg: the second entry is missing, too small or has no CPU address";
    }
    return NULL;
}

// Cells of one interrupt specifier of the node: #interrupt-cells of the nearest interrupt-parent.
static unsigned interrupt_cells(const void *fdt, int node)
{
    for (; node >= 0; node = devicetree_parent(fdt, node)) {
        uint32_t phandle = devicetree_u32(fdt, node, "interrupt-parent", 0);
        int parent = phandle == 0 ? -1 : fdt_node_offset_by_phandle(fdt, phandle);
        if (parent >= 0) {
            return devicetree_u32(fdt, parent, "#interrupt-cells", 0);
        }
    }
    return 0;
}

const char *tree_timer(const void *fdt, uint32_t *line, uint32_t *hz)
{
    int node = devicetree_find(fdt, TIMER_NODE);
    if (node < 0) {
        return "no node compatible with " TIMER_NODE;
    }
    int bytes = 0, index = fdt_stringlist_search(fdt, node, "interrupt-names", "virt");
    unsigned which = index < 0 ? VIRTUAL_TIMER_INDEX : (unsigned)index;
    unsigned cells = interrupt_cells(fdt, node);
    if (cells < CELLS_MIN || cells > CELLS_MAX) {
        return TIMER_NODE ": interrupt-parent: no parent with #interrupt-cells of 3 or more";
    }
    const fdt32_t *interrupts = fdt_getprop(fdt, node, "interrupts", &bytes);
    if (interrupts == NULL || (unsigned)bytes / 4 / cells <= which) {
        return TIMER_NODE ": interrupts: no entry for the virtual timer";
    }
    uint32_t type = fdt32_ld(&interrupts[which * cells]);
    uint32_t number = fdt32_ld(&interrupts[which * cells + 1]);
    if (type != TYPE_PPI || number >= PPI_COUNT) {
        return TIMER_NODE ": interrupts: the virtual timer's is not a per-CPU interrupt";
    }
    *line = PPI_FIRST + number;
    *hz = devicetree_u32(fdt, node, "clock-frequency", 0);
    return NULL;
}

void tree_psci(const void *fdt, struct tree_psci *out)
{
    static const char *const known[] = {"arm,psci-1.0", "arm,psci-0.2", "arm,psci"};
    *out = (struct tree_psci){.has_system = true, .cpu_on = PSCI_CPU_ON, .cpu_off = PSCI_CPU_OFF};
    unsigned which;
    int node = devicetree_find_any(fdt, known, ARRAY_SIZE(known), &which);
    if (node < 0 || which == 2) { // 0.1: the tree gives the function numbers
        out->has_system = false;
        out->cpu_on = node < 0 ? 0 : devicetree_u32(fdt, node, "cpu_on", 0);
        out->cpu_off = node < 0 ? 0 : devicetree_u32(fdt, node, "cpu_off", 0);
    }
    const char *method = node < 0 ? NULL : devicetree_string(fdt, node, "method");
    if (method != NULL && strcmp(method, "hvc") == 0) {
        out->method = TREE_PSCI_HVC;
    } else if (method != NULL && strcmp(method, "smc") == 0) {
        out->method = TREE_PSCI_SMC;
    }
}
