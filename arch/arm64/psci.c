// SPDX-License-Identifier: MIT
// ARM64: power through firmware (Arm DEN0022, Power State Coordination Interface). Found in the
// device tree when the kernel starts, because a panic must be able to use it; without it the
// machine can only halt.
#include "arch/arm64/port.h"
#include "arch/arm64/tree.h"
#include "kernel/lib/printf.h"
#include <arch/cpu.h>

#define PSCI_VERSION      0x84000000u
#define PSCI_AFFINITY     0xc4000004u
#define PSCI_SYSTEM_OFF   0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

#define PSCI_SUCCESS       0
#define PSCI_NOT_SUPPORTED (-1)
#define PSCI_AFFINITY_OFF  1

static struct tree_psci psci; // method TREE_PSCI_NONE before psci_init

void psci_init(const void *fdt)
{
    if (fdt != NULL) { // kernel_main says what is wrong
        tree_psci(fdt, &psci);
    }
}

static int32_t psci_call(uint32_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a1;
    register uint64_t x2 __asm__("x2") = a2;
    register uint64_t x3 __asm__("x3") = a3;
    // SMC Calling Convention: x4-x17 may change.
#define PSCI_CLOBBERS                                                                           \
    "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", \
        "memory"
    if (psci.method == TREE_PSCI_HVC) {
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : PSCI_CLOBBERS);
    } else if (psci.method == TREE_PSCI_SMC) {
        __asm__ volatile(".inst 0xd4000003" /* smc #0 */
                         : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
                         :
                         : PSCI_CLOBBERS);
    } else {
        return PSCI_NOT_SUPPORTED;
    }
    return (int32_t)x0;
}

void psci_describe(char *buf, size_t size)
{
    static const char *const methods[] = {[TREE_PSCI_HVC] = "HVC", [TREE_PSCI_SMC] = "SMC"};
    if (psci.method == TREE_PSCI_NONE) {
        ksnprintf(buf, size, "no PSCI");
        return;
    }
    if (!psci.has_system) {
        ksnprintf(buf, size, "PSCI 0.1 by %s", methods[psci.method]);
        return;
    }
    uint32_t version = (uint32_t)psci_call(PSCI_VERSION, 0, 0, 0);
    ksnprintf(buf, size, "PSCI %u.%u by %s", version >> 16, version & 0xffff, methods[psci.method]);
}

status_t psci_cpu_on(uint64_t hw_id, paddr_t entry, void *context)
{
    if (psci.cpu_on == 0) { // a tree of PSCI 0.1 without the number
        return ERR_NOT_SUPPORTED;
    }
    switch (psci_call(psci.cpu_on, hw_id, entry, (uintptr_t)context)) {
    case PSCI_SUCCESS: return OK;
    case PSCI_NOT_SUPPORTED: return ERR_NOT_SUPPORTED;
    default: return ERR_IO;
    }
}

void arch_cpu_off(void)
{
    if (psci.cpu_off != 0) {
        (void)psci_call(psci.cpu_off, 0, 0, 0); // returns only if firmware refuses
    }
    arch_halt();
}

// PSCI 0.1 cannot say.
bool arch_cpu_is_off(const struct arch_percpu *percpu)
{
    return psci.has_system && psci_call(PSCI_AFFINITY, percpu->hw_id, 0, 0) == PSCI_AFFINITY_OFF;
}

void arch_power_off(void)
{
    if (psci.has_system) {
        (void)psci_call(PSCI_SYSTEM_OFF, 0, 0, 0);
    }
    arch_halt();
}

void arch_restart(void)
{
    if (psci.has_system) {
        (void)psci_call(PSCI_SYSTEM_RESET, 0, 0, 0);
    }
    arch_halt();
}
