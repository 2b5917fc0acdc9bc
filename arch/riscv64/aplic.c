// SPDX-License-Identifier: MIT
// RISC-V: the advanced platform-level interrupt controller, delivering directly to harts (RISC-V
// Advanced Interrupt Architecture 1.0, chapter 4). The node is that of the supervisor's domain; the
// machine's domain above it delegates its sources to it when firmware sets it up. Everything goes
// to the boot hart.
//
// A claimed line that is level-sensitive stays pending until its device lowers it (4.7), so
// claiming masks the line until the driver unmasks it.
#include "arch/riscv64/tree.h"
#include "kernel/debug/log.h"
#include "port.h"
#include <arch/intc.h>
#include <arch/mmu.h>

#define DOMAINCFG       0x0000u
#define DOMAINCFG_IE    (1u << 8) // and BE, DM are 0: little-endian, direct delivery
#define SOURCECFG(line) ((line) * 4)
#define SOURCECFG_D     (1u << 10) // delegated to a domain below
#define SOURCECFG_EDGE  4u         // rising
#define SOURCECFG_LEVEL 6u         // high
#define CLRIPNUM        0x1ddcu
#define SETIENUM        0x1edcu
#define CLRIE(word)     (0x1f00u + (word) * 4)
#define CLRIENUM        0x1fdcu
#define TARGET(line)    (0x3000u + (line) * 4)
#define TARGET_HART(i)  ((i) << 18)
#define TARGET_PRIORITY 1u
#define IDC(i)          (0x4000u + (i) * 32)
#define IDC_IDELIVERY   0x00u
#define IDC_ITHRESHOLD  0x08u
#define IDC_CLAIMI      0x1cu
#define CLAIMI_LINE(v)  ((v) >> 16 & 0x3ffu)
#define APLIC_HARTS_MAX 16384u

static volatile char *registers;
static uint32_t lines, hart; // index of the boot hart in this domain

static volatile uint32_t *reg(uint32_t offset) { return (volatile uint32_t *)(registers + offset); }

static void aplic_configure(uint32_t line, bool edge)
{
    reg_write(reg(SOURCECFG(line)), edge ? SOURCECFG_EDGE : SOURCECFG_LEVEL);
    reg_write(reg(TARGET(line)), TARGET_HART(hart) | TARGET_PRIORITY); // lost while inactive
    reg_write(reg(CLRIPNUM), line); // what the change itself may have made pending
}

static void aplic_mask(uint32_t line)
{
    reg_write(reg(CLRIENUM), line);
    (void)reg_read(reg(DOMAINCFG)); // the write has arrived: accesses to a device stay in order
}

static void aplic_unmask(uint32_t line) { reg_write(reg(SETIENUM), line); }

static uint32_t aplic_claim(void)
{
    uint32_t line = CLAIMI_LINE(reg_read(reg(IDC(hart) + IDC_CLAIMI)));
    if (line != 0) {
        ASSERT(line < lines); // only lines of ours were enabled
        aplic_mask(line);
    }
    return line;
}

static void aplic_init(const struct tree_controller *node)
{
    uint64_t needed = IDC(node->context + 1ull);
    if (node->context >= APLIC_HARTS_MAX || node->bytes < needed) {
        panic("device tree: %s: reg is too small for hart index %u", node->name, node->context);
    }
    registers = arch_map_device(node->base, needed);
    lines = node->lines;
    hart = node->context;
    reg_write(reg(DOMAINCFG), 0);
    for (uint32_t word = 0; word <= (lines - 1) / 32; word++) {
        reg_write(reg(CLRIE(word)), UINT32_MAX);
    }
    for (uint32_t line = 1; line < lines; line++) {
        aplic_configure(line, false);
    }
    reg_write(reg(IDC(hart) + IDC_ITHRESHOLD), 0); // none
    reg_write(reg(IDC(hart) + IDC_IDELIVERY), 1);
    reg_write(reg(DOMAINCFG), DOMAINCFG_IE);
}

const struct intc_driver aplic_driver = {
    .name = "APLIC",
    .init = aplic_init,
    .configure = aplic_configure,
    .mask = aplic_mask,
    .unmask = aplic_unmask,
    .claim = aplic_claim,
};
