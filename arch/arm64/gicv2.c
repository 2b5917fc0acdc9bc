// SPDX-License-Identifier: MIT
// ARM64: GICv2 (Arm IHI 0048B): a distributor shared by all CPUs, a memory-mapped interface for
// each. Every line has the same priority; the shared ones go to the boot CPU.
#include "arch/arm64/port.h"
#include "arch/arm64/tree.h"
#include "kernel/debug/log.h"
#include <arch/mmu.h>

#define GICD_CTLR         0x000
#define GICD_TYPER        0x004
#define GICD_ISENABLER    0x100
#define GICD_ICENABLER    0x180
#define GICD_ICPENDR      0x280
#define GICD_ICACTIVER    0x380
#define GICD_IPRIORITYR   0x400
#define GICD_ITARGETSR    0x800
#define GICD_ICFGR        0xc00
#define GICD_BYTES        0x1000
#define GICC_CTLR         0x00
#define GICC_PMR          0x04
#define GICC_BPR          0x08
#define GICC_IAR          0x0c
#define GICC_EOIR         0x10
#define GICC_BYTES        0x14 // what is used of it
#define PRIORITY          0xa0a0a0a0u
#define PRIORITY_MASK_ALL 0xf0

#define GICD_SGIR         0xf00
#define SGIR_TARGETS(set) ((uint32_t)(set) << 16)
#define SGIR_ALL_OTHERS   (1u << 24)

static volatile uint32_t *distributor, *cpu_interface;
static uint8_t targets[KERNEL_STACKS]; // bit of each CPU's interface; 0 before its cpu_init

static inline uint32_t gicd_read(unsigned offset) { return distributor[offset / 4]; }
static inline void gicd_write(unsigned offset, uint32_t v) { distributor[offset / 4] = v; }

// Which CPU interface this CPU is: the target bytes of its own lines say it (4.3.12). One without
// lines reads zero: only one CPU (uniprocessor).
static uint32_t own_target(void)
{
    for (unsigned line = 0; line < INTC_SPI_FIRST; line += 4) {
        uint32_t v = gicd_read(GICD_ITARGETSR + line);
        v = (v | v >> 8 | v >> 16 | v >> 24) & 0xff;
        if (v != 0) {
            return v;
        }
    }
    return 1;
}

static void init_cpu_interface(void)
{
    targets[arch_percpu()->id] = (uint8_t)own_target();
    gicd_write(GICD_ISENABLER, 1u << INTC_KICK_LINE); // some controllers keep it on in any case
    cpu_interface[GICC_PMR / 4] = PRIORITY_MASK_ALL;
    cpu_interface[GICC_BPR / 4] = 0;
    cpu_interface[GICC_CTLR / 4] = 1;
}

static void gicv2_init(const struct tree_controller *node, uint32_t *lines)
{
    distributor = arch_map_device(node->distributor, GICD_BYTES);
    cpu_interface = arch_map_device(node->second, GICC_BYTES);

    gicd_write(GICD_CTLR, 0);
    uint32_t count = 32 * ((gicd_read(GICD_TYPER) & 0x1f) + 1);
    *lines = count < INTC_SPURIOUS ? count : INTC_SPURIOUS;
    for (uint32_t line = 0; line < *lines; line += 32) {
        gicd_write(GICD_ICENABLER + line / 8, UINT32_MAX);
        gicd_write(GICD_ICPENDR + line / 8, UINT32_MAX);
        gicd_write(GICD_ICACTIVER + line / 8, UINT32_MAX);
    }
    for (uint32_t line = 0; line < *lines; line += 4) {
        gicd_write(GICD_IPRIORITYR + line, PRIORITY);
    }
    uint32_t target = own_target() * 0x01010101u;
    for (uint32_t line = INTC_SPI_FIRST; line < *lines; line += 4) {
        gicd_write(GICD_ITARGETSR + line, target);
    }
    gicd_write(GICD_CTLR, 1);
    init_cpu_interface();
}

static bool gicv2_cpu_find(const struct arch_percpu *cpu)
{
    return cpu->id < 8; // a target is a bit of a byte; which one, the CPU says itself
}

// The registers of the first 32 lines are banked: every CPU sees its own.
static void gicv2_cpu_init(void)
{
    gicd_write(GICD_ICENABLER, UINT32_MAX);
    gicd_write(GICD_ICPENDR, UINT32_MAX);
    gicd_write(GICD_ICACTIVER, UINT32_MAX);
    for (uint32_t line = 0; line < INTC_SPI_FIRST; line += 4) {
        gicd_write(GICD_IPRIORITYR + line, PRIORITY);
    }
    init_cpu_interface();
}

static void gicv2_kick(const struct arch_percpu *cpu)
{
    gicd_write(GICD_SGIR, SGIR_TARGETS(targets[cpu->id]) | INTC_KICK_LINE);
}

static void gicv2_kick_others(void) { gicd_write(GICD_SGIR, SGIR_ALL_OTHERS | INTC_KICK_LINE); }

static void gicv2_set_edge(uint32_t line, bool edge)
{
    unsigned offset = GICD_ICFGR + line / 16 * 4;
    uint32_t bit = 2u << (line % 16 * 2);
    uint32_t v = gicd_read(offset);
    gicd_write(offset, edge ? v | bit : v & ~bit);
}

static void gicv2_mask(uint32_t line)
{
    gicd_write(GICD_ICENABLER + line / 32 * 4, 1u << line % 32);
    (void)gicd_read(GICD_ICENABLER + line / 32 * 4); // device accesses to one device stay in order:
                                                     // the write has arrived
}

static void gicv2_unmask(uint32_t line)
{
    gicd_write(GICD_ISENABLER + line / 32 * 4, 1u << line % 32);
}

static uint32_t gicv2_acknowledge(void) { return cpu_interface[GICC_IAR / 4]; }

static void gicv2_end(uint32_t acknowledged) { cpu_interface[GICC_EOIR / 4] = acknowledged; }

const struct intc_driver gicv2_driver = {
    .name = "GICv2",
    .init = gicv2_init,
    .set_edge = gicv2_set_edge,
    .mask = gicv2_mask,
    .unmask = gicv2_unmask,
    .acknowledge = gicv2_acknowledge,
    .end = gicv2_end,
    .cpu_find = gicv2_cpu_find,
    .cpu_init = gicv2_cpu_init,
    .kick = gicv2_kick,
    .kick_others = gicv2_kick_others,
};
