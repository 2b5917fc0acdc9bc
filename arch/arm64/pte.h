// SPDX-License-Identifier: MIT
// ARM64: translation table descriptors and the registers that go with them (Arm ARM D8, VMSAv8-64,
// 4 KiB granule, 48 bits, four levels of 512 entries). Private to the port.
#ifndef ARM64_PTE_H
#define ARM64_PTE_H

// MAIR_EL1: index 0 normal write-back, 1 device nGnRE, 2 normal non-cacheable.
#define MAIR_VALUE    0x4404ff
#define ATTR_NORMAL   0
#define ATTR_DEVICE   1
#define ATTR_UNCACHED 2

// TCR_EL1 but for IPS and AS, which depend on the CPU: 48-bit halves, 4 KiB granules, walks inner
// shareable write-back.
#define TCR_T0SZ      16
#define TCR_WALK_WB   (1 << 8 | 1 << 10 | 3 << 12) // IRGN, ORGN, SH of TTBR0; TTBR1: 16 bits up
#define TCR_TG1_4K    (2 << 30)
#define TCR_EPD1_BIT  23
#define TCR_IPS_SHIFT 32
#define TCR_AS_BIT    36
#define TCR_E0PD1     (1ull << 56) // user accesses to the kernel's half fault without a walk: no timing

// SCTLR_EL1. Bits that are RES1 in ARMv8.0: 29 LSMAOE, 28 nTLSMD, 23 SPAN, 22 EIS, 20 TSCXT, 11
// EOS.
#define SCTLR_RES1 0x30d00800
#define SCTLR_M    (1 << 0)
#define SCTLR_C    (1 << 2)
#define SCTLR_SA   (1 << 3) // stack pointer alignment checked at EL1
#define SCTLR_SA0  (1 << 4) // and at EL0
#define SCTLR_I    (1 << 12)
#define SCTLR_DZE  (1 << 14) // EL0 may use DC ZVA,
#define SCTLR_UCT  (1 << 15) // read CTR_EL0,
#define SCTLR_NTWI (1 << 16) // wait with WFI and
#define SCTLR_NTWE (1 << 18) // WFE,
#define SCTLR_WXN  (1 << 19) // writable means never executable
#define SCTLR_SPAN (1 << 23) // 0: taking an exception to EL1 sets PAN
#define SCTLR_UCI  (1 << 26) // and maintain caches by address
#define SCTLR_ON                                                                               \
    (SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_SA0 | SCTLR_I | SCTLR_DZE | SCTLR_UCT | \
     SCTLR_NTWI | SCTLR_NTWE | SCTLR_UCI)

#ifndef __ASSEMBLER__

#include "kernel/lib/types.h"

#define PTE_VALID       (1ull << 0)
#define PTE_TABLE       (1ull << 1) // at levels 0-2 a table; at level 3 a page
#define PTE_ATTR(index) ((uint64_t)(index) << 2)
#define PTE_ATTR_MASK   PTE_ATTR(7)
#define PTE_USER        (1ull << 6) // AP[1]
#define PTE_READONLY    (1ull << 7) // AP[2]
#define PTE_SH_INNER    (3ull << 8)
#define PTE_AF          (1ull << 10)
#define PTE_NG          (1ull << 11) // tagged with the ASID
#define PTE_PXN         (1ull << 53)
#define PTE_UXN         (1ull << 54)
#define PTE_ADDRESS     0x0000fffffffff000ull

// What every kernel mapping has. AF is set in advance: the kernel does not track accesses.
#define PTE_KERNEL        (PTE_VALID | PTE_AF | PTE_UXN)
#define PTE_KERNEL_DATA   (PTE_KERNEL | PTE_SH_INNER | PTE_ATTR(ATTR_NORMAL) | PTE_PXN)
#define PTE_KERNEL_RODATA (PTE_KERNEL_DATA | PTE_READONLY)
#define PTE_KERNEL_TEXT   (PTE_KERNEL | PTE_SH_INNER | PTE_ATTR(ATTR_NORMAL) | PTE_READONLY)
#define PTE_KERNEL_DEVICE (PTE_KERNEL | PTE_ATTR(ATTR_DEVICE) | PTE_PXN)

#define PHYSMAP_BASE  0xffff000000000000ull // + physical address
#define TABLE_ENTRIES 512u
#define BLOCK_1G      (1ull << 30)
#define BLOCK_2M      (1ull << 21)

// Index of an address in the table of a level (0 = root).
static inline unsigned table_index(vaddr_t va, unsigned level)
{
    return (unsigned)(va >> (39 - 9 * level)) & (TABLE_ENTRIES - 1);
}

#endif
#endif
