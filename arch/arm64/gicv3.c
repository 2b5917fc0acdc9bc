// SPDX-License-Identifier: MIT
// ARM64: GICv3 (Arm IHI 0069): a distributor for shared lines, a redistributor per CPU for its own,
// and the CPU interface in system registers. All lines are group 1, have the same priority, and the
// shared ones go to the boot CPU.
#include "arch/arm64/port.h"
#include "arch/arm64/tree.h"
#include "kernel/debug/log.h"
#include <arch/cpu.h>
#include <arch/mmu.h>

#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ICPENDR    0x0280
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ICFGR      0x0c00
#define GICD_IROUTER    0x6000
#define GICD_BYTES      0x10000
// ARE_NS, EnableGrp1A, EnableGrp1; the same bits do with one security state
#define CTLR_ENABLE 0x13
#define CTLR_RWP    (1u << 31)

#define GICR_CTLR             0x0000
#define GICR_TYPER            0x0008
#define GICR_WAKER            0x0014
#define GICR_TYPER_VLPIS      (1u << 1)
#define GICR_TYPER_LAST       (1u << 4)
#define GICR_CTLR_RWP         (1u << 3)
#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)
// second frame: registers of the CPU's own lines, laid out as the distributor's
#define GICR_SGI        0x10000
#define GICR_STRIDE     0x20000
#define GICR_SEARCH_MAX (16 * GICR_STRIDE)

#define PRIORITY  0xa0a0a0a0u
#define POLLS_MAX 1000000u

// ICC_SGI1R_EL1: the target's affinity, the upper part of its lowest level in RS, a bit for the
// rest.
#define SGI1R(hw_id)                                                     \
    (((hw_id) & 0xff00000000ull) << 16 | ((hw_id) & 0xff0000ull) << 16 | \
     ((hw_id) & 0xff00ull) << 8 | ((hw_id) & 0xf0ull) << 40 | 1ull << ((hw_id) & 0xfull))
#define SGI1R_LINE       ((uint64_t)INTC_KICK_LINE << 24)
#define SGI1R_ALL_OTHERS (1ull << 40)

static volatile uint32_t *distributor;
static volatile uint32_t *redistributors; // all of them,
static uint64_t redistributors_bytes;
static volatile uint32_t *redistributor_of[KERNEL_STACKS]; // and that of each CPU

static inline volatile uint32_t *redistributor(void) { return redistributor_of[arch_percpu()->id]; }

static inline uint32_t reg_read(volatile uint32_t *base, unsigned offset)
{
    return base[offset / 4];
}
static inline void reg_write(volatile uint32_t *base, unsigned offset, uint32_t v)
{
    base[offset / 4] = v;
}

// The registers of a line are in the distributor, or in this CPU's redistributor.
static inline volatile uint32_t *line_base(uint32_t line)
{
    return line < INTC_SPI_FIRST ? redistributor() + GICR_SGI / 4 : distributor;
}

static void wait_clear(volatile uint32_t *base, unsigned offset, uint32_t bit, const char *what)
{
    for (unsigned i = 0; (reg_read(base, offset) & bit) != 0; i++) {
        if (i == POLLS_MAX) {
            panic("gic: %s does not clear", what);
        }
        arch_relax();
    }
}

static void wait_line(uint32_t line)
{
    if (line < INTC_SPI_FIRST) {
        wait_clear(redistributor(), GICR_CTLR, GICR_CTLR_RWP, "GICR_CTLR.RWP");
    } else {
        wait_clear(distributor, GICD_CTLR, CTLR_RWP, "GICD_CTLR.RWP");
    }
}

// The redistributor whose affinity is the CPU's. Frames follow each other in the node's second
// range; two, or four with virtual LPIs.
static bool gicv3_cpu_find(const struct arch_percpu *cpu)
{
    volatile uint32_t *base = redistributors;
    uint32_t affinity = (uint32_t)(cpu->hw_id & 0xffffff) | (uint32_t)(cpu->hw_id >> 32) << 24;
    for (uint64_t offset = 0; offset + GICR_STRIDE <= redistributors_bytes;) {
        uint32_t type = reg_read(base, (unsigned)offset + GICR_TYPER);
        if (reg_read(base, (unsigned)offset + GICR_TYPER + 4) == affinity) {
            redistributor_of[cpu->id] = base + offset / 4;
            return true;
        }
        if ((type & GICR_TYPER_LAST) != 0) {
            break;
        }
        offset += (type & GICR_TYPER_VLPIS) != 0 ? 2 * GICR_STRIDE : GICR_STRIDE;
    }
    klog("device tree: gic: reg: no redistributor of CPU 0x%lx in entry 1", cpu->hw_id);
    return false;
}

static void init_lines(volatile uint32_t *base, uint32_t first, uint32_t end)
{
    for (uint32_t line = first; line < end; line += 32) {
        reg_write(base, GICD_ICENABLER + line / 8, UINT32_MAX);
        reg_write(base, GICD_ICPENDR + line / 8, UINT32_MAX);
        reg_write(base, GICD_ICACTIVER + line / 8, UINT32_MAX);
        reg_write(base, GICD_IGROUPR + line / 8, UINT32_MAX);
    }
    for (uint32_t line = first; line < end; line += 4) {
        reg_write(base, GICD_IPRIORITYR + line, PRIORITY);
    }
}

static void init_cpu_interface(void)
{
    sysreg_write("S3_0_C12_C12_5", sysreg_read("S3_0_C12_C12_5") | 1); // ICC_SRE_EL1.SRE
    isb(); // the registers below exist from here on
    if ((sysreg_read("S3_0_C12_C12_5") & 1) == 0) {
        panic("gic: firmware keeps ICC_SRE_EL1.SRE off");
    }
    sysreg_write("S3_0_C4_C6_0", 0xff); // ICC_PMR_EL1: every priority
    sysreg_write("S3_0_C12_C12_3", 0);  // ICC_BPR1_EL1
    sysreg_write("S3_0_C12_C12_4", 0);  // ICC_CTLR_EL1: ending an interrupt also deactivates it
    sysreg_write("S3_0_C12_C12_7", 1);  // ICC_IGRPEN1_EL1
    isb();
}

static void gicv3_cpu_init(void)
{
    volatile uint32_t *base = redistributor();
    reg_write(base, GICR_WAKER, reg_read(base, GICR_WAKER) & ~WAKER_PROCESSOR_SLEEP);
    wait_clear(base, GICR_WAKER, WAKER_CHILDREN_ASLEEP, "GICR_WAKER.ChildrenAsleep");
    init_lines(base + GICR_SGI / 4, 0, INTC_SPI_FIRST);
    wait_line(0);
    reg_write(base + GICR_SGI / 4, GICD_ISENABLER, 1u << INTC_KICK_LINE);
    init_cpu_interface();
}

static void gicv3_kick(const struct arch_percpu *cpu)
{
    sysreg_write("S3_0_C12_C11_5", SGI1R(cpu->hw_id) | SGI1R_LINE); // ICC_SGI1R_EL1
    isb();                                                          // not later than what follows
}

static void gicv3_kick_others(void)
{
    sysreg_write("S3_0_C12_C11_5", SGI1R_ALL_OTHERS | SGI1R_LINE);
    isb();
}

static void gicv3_init(const struct tree_controller *node, uint32_t *lines)
{
    distributor = arch_map_device(node->distributor, GICD_BYTES);
    redistributors_bytes =
        node->second_bytes < GICR_SEARCH_MAX ? node->second_bytes : GICR_SEARCH_MAX;
    redistributors = arch_map_device(node->second, redistributors_bytes);
    if (!gicv3_cpu_find(arch_percpu())) {
        panic("device tree: gic: reg: no redistributor of the boot CPU");
    }

    reg_write(distributor, GICD_CTLR, 0);
    wait_clear(distributor, GICD_CTLR, CTLR_RWP, "GICD_CTLR.RWP");
    uint32_t count = 32 * ((reg_read(distributor, GICD_TYPER) & 0x1f) + 1);
    *lines = count < INTC_SPURIOUS ? count : INTC_SPURIOUS;
    init_lines(distributor, INTC_SPI_FIRST, *lines);
    wait_clear(distributor, GICD_CTLR, CTLR_RWP, "GICD_CTLR.RWP");
    reg_write(distributor, GICD_CTLR, CTLR_ENABLE); // affinity routing on, before routes are set
    uint64_t route = sysreg_read("mpidr_el1") & 0xff00ffffffull;
    for (uint32_t line = INTC_SPI_FIRST; line < *lines; line++) {
        *(volatile uint64_t *)(distributor + GICD_IROUTER / 4 + 2 * line) = route;
    }
    gicv3_cpu_init();
}

static void gicv3_set_edge(uint32_t line, bool edge)
{
    unsigned offset = GICD_ICFGR + line / 16 * 4;
    uint32_t bit = 2u << (line % 16 * 2);
    uint32_t v = reg_read(line_base(line), offset);
    reg_write(line_base(line), offset, edge ? v | bit : v & ~bit);
}

static void gicv3_mask(uint32_t line)
{
    reg_write(line_base(line), GICD_ICENABLER + line / 32 * 4, 1u << line % 32);
    wait_line(line); // disabling has taken effect only when RWP is clear (12.9.22)
}

static void gicv3_unmask(uint32_t line)
{
    reg_write(line_base(line), GICD_ISENABLER + line / 32 * 4, 1u << line % 32);
}

static uint32_t gicv3_acknowledge(void)
{
    uint32_t acknowledged = (uint32_t)sysreg_read("S3_0_C12_C12_0"); // ICC_IAR1_EL1
    // The acknowledge must reach the controller before the device is touched (Arm IHI 0069, 4.1.1).
    __asm__ volatile("dsb sy" : : : "memory");
    return acknowledged;
}

static void gicv3_end(uint32_t acknowledged)
{
    sysreg_write("S3_0_C12_C12_1", acknowledged); // ICC_EOIR1_EL1
    isb();
}

const struct intc_driver gicv3_driver = {
    .name = "GICv3",
    .init = gicv3_init,
    .set_edge = gicv3_set_edge,
    .mask = gicv3_mask,
    .unmask = gicv3_unmask,
    .acknowledge = gicv3_acknowledge,
    .end = gicv3_end,
    .cpu_find = gicv3_cpu_find,
    .cpu_init = gicv3_cpu_init,
    .kick = gicv3_kick,
    .kick_others = gicv3_kick_others,
};
