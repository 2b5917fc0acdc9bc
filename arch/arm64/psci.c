// SPDX-License-Identifier: MIT
// ARM64: power through firmware (Arm DEN0022, Power State Coordination Interface). Found in the
// device tree when the kernel starts, because a panic must be able to use it; without it the
// machine can only halt.
#include "arch/arm64/port.h"
#include "kernel/lib/devicetree.h"
#include <arch/cpu.h>
#include <libfdt.h>
#include <string.h>

#define PSCI_SYSTEM_OFF   0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

static enum { PSCI_NONE, PSCI_HVC, PSCI_SMC } psci_method;

void psci_init(const void *fdt)
{
    if (!devicetree_valid(fdt)) {
        return; // kernel_main says so
    }
    int node = fdt_node_offset_by_compatible(fdt, -1, "arm,psci-1.0");
    if (node < 0) {
        node = fdt_node_offset_by_compatible(fdt, -1, "arm,psci-0.2");
    }
    if (node < 0) {
        return;
    }
    const char *method = devicetree_string(fdt, node, "method");
    if (method != NULL && strcmp(method, "hvc") == 0) {
        psci_method = PSCI_HVC;
    } else if (method != NULL && strcmp(method, "smc") == 0) {
        psci_method = PSCI_SMC;
    }
}

static void psci_call(uint32_t function)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = 0;
    register uint64_t x2 __asm__("x2") = 0;
    register uint64_t x3 __asm__("x3") = 0;
    // SMC Calling Convention: x4-x17 may change.
#define PSCI_CLOBBERS                                                                           \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", \
        "memory"
    if (psci_method == PSCI_HVC) {
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : PSCI_CLOBBERS);
    } else if (psci_method == PSCI_SMC) {
        __asm__ volatile(".inst 0xd4000003" /* smc #0 */
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                         :
                         : PSCI_CLOBBERS);
    }
}

void arch_power_off(void)
{
    psci_call(PSCI_SYSTEM_OFF);
    arch_halt();
}

void arch_restart(void)
{
    psci_call(PSCI_SYSTEM_RESET);
    arch_halt();
}
