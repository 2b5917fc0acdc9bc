// SPDX-License-Identifier: MIT
// RISC-V: bringing up a hart, what it can do, sleeping, stopping, stack frames. The hart's features
// come from its node in the device tree, because S-mode cannot read misa.
#include "arch/riscv64/tree.h"
#include "kernel/lib/devicetree.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/spinlock.h"
#include "port.h"
#include <arch/mmu.h>
#include <libfdt.h>

struct cpu_features cpu_features;

#define SCOUNTEREN_CY (1u << 0)
#define SCOUNTEREN_TM (1u << 1)

bool cpu_is_alike(const void *fdt, uint64_t hart)
{
    int node = tree_hart(fdt, hart);
    return node >= 0 && fdt_getprop(fdt, node, "mmu-type", NULL) != NULL &&
           (!cpu_features.fp || tree_hart_has(fdt, node, "d", true)) &&
           (cpu_features.vector_bytes == 0 || tree_hart_has(fdt, node, "v", false)) &&
           (!cpu_features.sstc || tree_hart_has(fdt, node, "sstc", false));
}

static void features_find(const void *fdt)
{
    if (fdt == NULL) {
        return; // kernel_main will say what is wrong; until then: no extension
    }
    int node = tree_hart(fdt, boot_hart);
    const char *isa = node < 0 ? NULL : devicetree_string(fdt, node, "riscv,isa");
    ksnprintf(cpu_features.isa, sizeof(cpu_features.isa), "%s", isa != NULL ? isa : "rv64");
    csr_set(sstatus, SSTATUS_FS); // stays zero where there are no FP registers
    cpu_features.fp = (csr_read(sstatus) & SSTATUS_FS) != 0 && tree_hart_has(fdt, node, "d", true);
    csr_clear(sstatus, SSTATUS_FS);
    if (tree_hart_has(fdt, node, "v", false)) {
        vector_find();
    }
    cpu_features.sstc = tree_hart_has(fdt, node, "sstc", false) && !csr_probe_stimecmp();
}

void arch_cpu_init(struct arch_percpu *percpu)
{
    __asm__ volatile("mv tp, %0" ::"r"(percpu));
    csr_write(sscratch, percpu->stack_top);
    csr_write(stvec, trap_entry);
    csr_clear(sstatus, SSTATUS_FS | SSTATUS_VS | SSTATUS_SUM | SSTATUS_MXR);
    if (percpu->id == 0) {
        features_find(boot_fdt); // those that are started later are alike
        cpu_records[0] = percpu;
    } else if (!vector_is_alike()) {
        arch_cpu_off(); // threads could not move here; the boot CPU says that it did not come
    }
    // User programs may read the clock (the vDSO does) and count cycles (design section 12); 4.1.5
    // of the privileged specification.
    csr_write(scounteren, SCOUNTEREN_CY | SCOUNTEREN_TM);
}

const char arch_name[] = "riscv64";

void arch_cpu_describe(char *buf, size_t size)
{
    char firmware[64];
    sbi_describe(firmware, sizeof(firmware));
    char vector[32] = "";
    if (cpu_features.vector_bytes != 0) {
        ksnprintf(vector, sizeof(vector), ", vectors of %u bits", cpu_features.vector_bytes * 8);
    }
    ksnprintf(buf, size, "hart %lu, %s%s%s, %s", boot_hart, cpu_features.isa,
              cpu_features.fp ? "" : ", no F and D, which programs need", vector, firmware);
}

// sstatus.SIE is off in the kernel, which does not keep wfi from waking for interrupts enabled in
// sie (3.3.3).
void arch_wait_for_interrupt(void)
{
    while (!arch_interrupt_pending()) {
        __asm__ volatile("wfi" ::: "memory");
    }
}

bool arch_interrupt_pending(void) { return (csr_read(sip) & csr_read(sie)) != 0; }

void arch_halt(void)
{
    csr_write(sie, 0);
    for (;;) {
        __asm__ volatile("wfi" ::: "memory");
    }
}

// Zihintpause: a hint of the base encoding (fence w, 0), which older harts execute as a no-op. The
// build that counts locks runs under QEMU's -icount, one CPU at a time: there WFI ends the turn,
// and an interrupt of its own, to be taken later, keeps it from sleeping.
void arch_relax(void)
{
    if (BF_LOCKSTAT) {
        csr_set(sip, SIE_SSIE);
        __asm__ volatile("wfi" ::: "memory");
    } else {
        __asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" ::: "memory");
    }
}

void arch_power_off(void) { sbi_shutdown(false); }

void arch_restart(void) { sbi_shutdown(true); }

// A frame has two words below it. Only this CPU's stacks are looked at.
static bool on_a_stack(vaddr_t frame)
{
    const struct arch_percpu *percpu = arch_percpu();
    vaddr_t top = percpu != NULL ? percpu->stack_top : arch_cpu_stack_top(0);
    vaddr_t bottom = top - (KERNEL_STACK_TOP - KERNEL_STACK_GUARD);
    vaddr_t emergency = top + KERNEL_STACK_SCRATCH_BYTES;
    return frame % 8 == 0 &&
           ((frame >= bottom + 16 && frame <= top) ||
            (frame >= emergency + 16 && frame <= emergency + EMERGENCY_STACK_BYTES));
}

// With frame pointers, s0 points behind the saved ra and s0 (RISC-V ELF psABI, "frame pointer
// convention").
bool arch_unwind(vaddr_t *pc, vaddr_t *frame_pointer)
{
    if (!on_a_stack(*frame_pointer)) {
        return false;
    }
    const uint64_t *frame = (const uint64_t *)*frame_pointer;
    if (frame[-1] == 0) {
        return false;
    }
    *pc = frame[-1] - 2; // inside the call: behind one that does not return lies another function
    *frame_pointer = frame[-2];
    return true;
}

vaddr_t arch_frame_pointer(void)
{
    const uint64_t *own = __builtin_frame_address(0);
    return own[-2];
}
