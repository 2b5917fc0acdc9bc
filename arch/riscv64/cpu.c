// SPDX-License-Identifier: MIT
// RISC-V: bringing up a hart, what it can do, sleeping, stopping, stack frames. The hart's features
// come from its node in the device tree, because S-mode cannot read misa.
#include "kernel/lib/devicetree.h"
#include "kernel/lib/printf.h"
#include "port.h"
#include <arch/mmu.h>
#include <libfdt.h>
#include <string.h>

struct cpu_features cpu_features;

#define SCOUNTEREN_CY (1u << 0)
#define SCOUNTEREN_TM (1u << 1)

int cpu_node(const void *fdt, uint64_t wanted)
{
    int node, cpus = fdt_path_offset(fdt, "/cpus");
    if (cpus < 0) {
        return cpus;
    }
    fdt_for_each_subnode(node, fdt, cpus) {
        int len;
        const unsigned char *reg = fdt_getprop(fdt, node, "reg", &len);
        uint64_t hart = 0;
        if (reg == NULL || (len != 4 && len != 8)) {
            continue;
        }
        for (int i = 0; i < len; i++) {
            hart = hart << 8 | reg[i];
        }
        if (hart == wanted) {
            return node;
        }
    }
    return -FDT_ERR_NOTFOUND;
}

int cpu_interrupt_node(const void *fdt)
{
    int node, cpu = cpu_node(fdt, boot_hart);
    if (cpu < 0) {
        return cpu;
    }
    fdt_for_each_subnode(node, fdt, cpu) {
        if (fdt_node_check_compatible(fdt, node, "riscv,cpu-intc") == 0) {
            return node;
        }
    }
    return -FDT_ERR_NOTFOUND;
}

// Whether an ISA string such as rv64imafdc_zicsr_sstc names an extension: a single letter before
// the first '_', or a word.
static bool isa_string_has(const char *isa, const char *name)
{
    size_t len = strlen(name);
    const char *at = isa + (strncmp(isa, "rv64", 4) == 0 ? 4 : 0);
    if (len == 1) {
        for (; *at != '\0' && *at != '_'; at++) {
            if (*at == *name || (*at == 'g' && strchr("imafd", *name) != NULL)) {
                return true;
            }
        }
        return false;
    }
    while ((at = strchr(at, '_')) != NULL) {
        at++;
        if (strncmp(at, name, len) == 0 && (at[len] == '_' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

// Device trees have either riscv,isa-extensions, a list of names, or the older riscv,isa;
// `otherwise` when the hart's node has neither.
static bool cpu_has(const void *fdt, int node, const char *name, bool otherwise)
{
    if (fdt_getprop(fdt, node, "riscv,isa-extensions", NULL) != NULL) {
        return fdt_stringlist_search(fdt, node, "riscv,isa-extensions", name) >= 0;
    }
    const char *isa = devicetree_string(fdt, node, "riscv,isa");
    return isa != NULL ? isa_string_has(isa, name) : otherwise;
}

bool cpu_is_alike(const void *fdt, uint64_t hart)
{
    int node = cpu_node(fdt, hart);
    return node >= 0 && fdt_getprop(fdt, node, "mmu-type", NULL) != NULL &&
           (!cpu_features.fp || cpu_has(fdt, node, "d", true)) &&
           (!cpu_features.sstc || cpu_has(fdt, node, "sstc", false));
}

static void features_find(const void *fdt)
{
    if (fdt_check_header(fdt) != 0 || fdt_totalsize(fdt) > DEVICETREE_BYTES_MAX) {
        return; // boot_info_parse will say what is wrong; until then: no extension
    }
    int node = cpu_node(fdt, boot_hart);
    const char *isa = node < 0 ? NULL : devicetree_string(fdt, node, "riscv,isa");
    ksnprintf(cpu_features.isa, sizeof(cpu_features.isa), "%s", isa != NULL ? isa : "rv64");
    csr_set(sstatus, SSTATUS_FS); // stays zero where there are no FP registers
    cpu_features.fp = (csr_read(sstatus) & SSTATUS_FS) != 0 && cpu_has(fdt, node, "d", true);
    csr_clear(sstatus, SSTATUS_FS);
    cpu_features.sstc = cpu_has(fdt, node, "sstc", false) && !csr_probe_stimecmp();
}

void arch_cpu_init(struct arch_percpu *percpu)
{
    __asm__ volatile("mv tp, %0" ::"r"(percpu));
    csr_write(sscratch, percpu->stack_top);
    csr_write(stvec, trap_entry);
    csr_clear(sstatus, SSTATUS_FS | SSTATUS_VS | SSTATUS_SUM | SSTATUS_MXR);
    if (percpu->id == 0) {
        features_find(phys_to_virt(boot_fdt_pa)); // those that are started later are alike
        cpu_records[0] = percpu;
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
    ksnprintf(buf, size, "hart %lu, %s%s, %s", boot_hart, cpu_features.isa,
              cpu_features.fp ? "" : ", no FP", firmware);
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

// Zihintpause: a hint of the base encoding (fence w, 0), which older harts execute as a no-op.
void arch_relax(void) { __asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" ::: "memory"); }

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
