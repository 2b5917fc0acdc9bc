// SPDX-License-Identifier: MIT
// ARM64: the CPU: the first C function, per-CPU set-up, features, waiting, the kernel backtrace.
#include "arch/arm64/port.h"
#include "arch/arm64/pte.h"
#include "kernel/lib/devicetree.h"
#include "kernel/lib/printf.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

// The bench build lets user mode read the cycle counter.
#ifndef BF_BENCH
#define BF_BENCH 0
#endif

#define MPIDR_AFFINITY   0xff00ffffffull
#define CNTKCTL_EL0VCTEN 2 // user mode may read CNTVCT_EL0, but not touch the timers

NORETURN void kernel_main(void *fdt, paddr_t fdt_pa);
NORETURN void arm64_start(paddr_t image, paddr_t fdt_pa, unsigned level, uint64_t ticks);

// Stands for the boot CPU's record until the scheduler has one, so that a stack overflow finds the
// emergency stack.
static struct arch_percpu early_percpu;
static unsigned entry_level; // exception level that firmware started the kernel at

uint64_t arch_cpu_hw_id(void) { return sysreg_read("mpidr_el1") & MPIDR_AFFINITY; }

uintptr_t arch_cpu_stack_top(unsigned id)
{
    return id < KERNEL_STACKS ? (uintptr_t)kernel_stacks + (id + 1ull) * KERNEL_STACK_BLOCK : 0;
}

static void percpu_set(struct arch_percpu *percpu)
{
    percpu->stack_top = arch_cpu_stack_top(percpu->id);
    percpu->hw_id = arch_cpu_hw_id();
    percpu->port[PORT_NO_TABLE] = arch_image_to_phys(mmu_empty_table);
    percpu->port[PORT_USER_TABLE] = percpu->port[PORT_NO_TABLE];
    sysreg_write("tpidr_el1", percpu);
}

// Entered from start.S on the boot tables, bss cleared.
void arm64_start(paddr_t image, paddr_t fdt_pa, unsigned level, uint64_t ticks)
{
    entry_level = level;
    boot_ticks = ticks;
    boot_image_pa = image;
    percpu_set(&early_percpu);
    void *fdt = devicetree_valid(phys_to_virt(fdt_pa)) ? phys_to_virt(fdt_pa) : NULL;
    psci_init(fdt);
    kernel_main(fdt, fdt_pa);
}

static bool has_pan(void) { return id_field(sysreg_read("id_aa64mmfr1_el1"), 20) != 0; }

static bool has_pmu(void)
{
    unsigned version = id_field(sysreg_read("id_aa64dfr0_el1"), 8);
    return version != 0 && version != 15;
}

void arch_cpu_init(struct arch_percpu *percpu)
{
    percpu_set(percpu);
    percpu->fp_owner = NULL;
    sysreg_write("vbar_el1", arm64_vectors);
    sysreg_write("cpacr_el1", 0);
    sysreg_write("mdscr_el1", 0); // no debug exceptions
    sysreg_write("cntkctl_el1", CNTKCTL_EL0VCTEN);
    sysreg_write("tpidrro_el0", 0);
    if (has_pan()) {
        sysreg_write("sctlr_el1", sysreg_read("sctlr_el1") & ~(uint64_t)SCTLR_SPAN);
        __asm__ volatile(".inst 0xd500419f"); // msr pan, #1: ARMv8.1, the assembler is set to
                                              // ARMv8.0
    }
    if (id_field(sysreg_read("S3_0_C0_C7_2"), 60) != 0) { // ID_AA64MMFR2_EL1.E0PD
        sysreg_write("tcr_el1", sysreg_read("tcr_el1") | TCR_E0PD1);
    }
    if (has_pmu()) {
        sysreg_write("pmuserenr_el0", BF_BENCH ? 5 : 0); // CR, EN
        if (BF_BENCH) {
            sysreg_write("pmcr_el0", sysreg_read("pmcr_el0") | 1 | 1 << 6); // E, LC
            sysreg_write("pmccfiltr_el0", 0);
            sysreg_write("pmcntenset_el0", 1ull << 31);
        }
    }
    isb(); // all of the above holds from here
}

struct cpu_name {
    uint16_t part;
    const char *name;
};

// MIDR_EL1 part numbers of implementer 0x41 (Arm), from the cores' technical reference manuals.
static const struct cpu_name cpu_names[] = {
    {0xd03, "Cortex-A53"},  {0xd04, "Cortex-A35"},  {0xd05, "Cortex-A55"},  {0xd07, "Cortex-A57"},
    {0xd08, "Cortex-A72"},  {0xd09, "Cortex-A73"},  {0xd0a, "Cortex-A75"},  {0xd0b, "Cortex-A76"},
    {0xd0c, "Neoverse-N1"}, {0xd0d, "Cortex-A77"},  {0xd40, "Neoverse-V1"}, {0xd41, "Cortex-A78"},
    {0xd46, "Cortex-A510"}, {0xd47, "Cortex-A710"}, {0xd49, "Neoverse-N2"}, {0xd4f, "Neoverse-V2"},
};

const char arch_name[] = "arm64";
const bool arch_has_firmware_console = false; // PSCI is about power only

void arch_firmware_putc(char c) { (void)c; }

struct cpu_feature {
    uint8_t id, shift, least; // the field of id register `id`, and the value it takes to have it
    const char *name;
};

enum { ISAR0, ISAR1, PFR0, PFR1, MMFR1, MMFR2, ID_COUNT };

// What the banner tells of the CPU, whether or not the kernel uses it (Arm ARM D19.2).
static const struct cpu_feature cpu_features[] = {
    {ISAR0, 4, 1, "AES"},  {ISAR0, 12, 1, "SHA2"}, {ISAR0, 16, 1, "CRC32"}, {ISAR0, 20, 2, "LSE"},
    {ISAR0, 60, 1, "RNG"}, {ISAR1, 4, 1, "PAuth"}, {ISAR1, 8, 1, "PAuth"},  {PFR0, 32, 1, "SVE"},
    {PFR1, 0, 1, "BTI"},   {PFR1, 8, 1, "MTE"},    {MMFR1, 20, 1, "PAN"},   {MMFR2, 60, 1, "E0PD"},
};

static void features_describe(char *buf, size_t size)
{
    const uint64_t ids[ID_COUNT] = {
        [ISAR0] = sysreg_read("S3_0_C0_C6_0"), [ISAR1] = sysreg_read("S3_0_C0_C6_1"),
        [PFR0] = sysreg_read("S3_0_C0_C4_0"),  [PFR1] = sysreg_read("S3_0_C0_C4_1"),
        [MMFR1] = sysreg_read("S3_0_C0_C7_1"), [MMFR2] = sysreg_read("S3_0_C0_C7_2"),
    };
    size_t n =
        (size_t)ksnprintf(buf, size, "%s", fpu_present() ? "FP" : "no FP, which programs need,");
    for (unsigned i = 0; i < ARRAY_SIZE(cpu_features) && n < size; i++) {
        const struct cpu_feature *f = &cpu_features[i];
        if (id_field(ids[f->id], f->shift) >= f->least) {
            n += (size_t)ksnprintf(buf + n, size - n, " %s", f->name);
        }
    }
}

void arch_cpu_describe(char *buf, size_t size)
{
    char features[80], firmware[40];
    features_describe(features, sizeof(features));
    psci_describe(firmware, sizeof(firmware));
    uint64_t midr = sysreg_read("midr_el1");
    unsigned implementer = (unsigned)(midr >> 24) & 0xff;
    unsigned part = (unsigned)(midr >> 4) & 0xfff;
    const char *name = "ARM64 CPU";
    for (unsigned i = 0; implementer == 0x41 && i < ARRAY_SIZE(cpu_names); i++) {
        if (cpu_names[i].part == part) {
            name = cpu_names[i].name;
        }
    }
    ksnprintf(buf, size, "%s r%up%u (midr 0x%08lx), entered at EL%u, %s, %s", name,
              (unsigned)(midr >> 20) & 0xf, (unsigned)midr & 0xf, midr, entry_level, features,
              firmware);
}

void arch_wait_for_interrupt(void)
{
    // The ISB makes a timer just set count, the DSB completes what devices are to see before the
    // CPU sleeps. A masked interrupt wakes WFI all the same (Arm ARM D1.6.2).
    __asm__ volatile("isb\n dsb sy\n wfi" : : : "memory");
}

bool arch_interrupt_pending(void)
{
    return (sysreg_read("isr_el1") & (1 << 7 | 1 << 6)) != 0; // I, F
}

void arch_halt(void)
{
    __asm__ volatile("msr daifset, #0xf" : : : "memory");
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void arch_relax(void) { __asm__ volatile("yield"); }

// Frame records (AAPCS64 6.4.6): x29 points at the caller's x29 and the return address. Only this
// CPU's stacks are read.
bool arch_unwind(vaddr_t *pc, vaddr_t *frame_pointer)
{
    vaddr_t fp = *frame_pointer;
    vaddr_t top = arch_percpu()->stack_top;
    vaddr_t stack = top - KERNEL_STACK_BYTES;
    vaddr_t emergency = top - KERNEL_STACK_BLOCK;
    bool in_stack = fp >= stack && fp <= top - 16;
    bool in_emergency = fp >= emergency && fp <= emergency + KERNEL_STACK_GUARD - 16;
    if ((fp & 7) != 0 || !(in_stack || in_emergency)) {
        return false;
    }
    const uint64_t *record = (const uint64_t *)fp;
    if (record[0] <= fp && record[0] != 0) { // callers are further up; the stack lies above the
                                             // emergency stack
        return false;
    }
    *frame_pointer = record[0];
    *pc = record[1] - 4; // the call: the return address of one that does not return is another
                         // function's
    return record[1] != 0;
}

vaddr_t arch_frame_pointer(void) { return *(const vaddr_t *)__builtin_frame_address(0); }
