// SPDX-License-Identifier: MIT
// ARM64: the image header, and the way from firmware to C.
//
// Entry follows the Linux boot protocol (Documentation/arch/arm64/booting.rst): x0 = physical
// address of the device tree, MMU off, image cleaned to the point of coherency and at any 2
// MiB-aligned address, EL1 or EL2. Until the MMU is on, code uses PC-relative addresses only, which
// are then physical ones.
#include "arch/arm64/pte.h"
#include <arch_frame.h>

#define ID_AA64PFR0_GIC_SHIFT 24

    .section .head.text, "ax"
    .global _start
_start:
    b       entry                   // code0
    .word   0                       // code1
    .quad   0                       // text_offset
    .quad   kernel_image_bytes      // image_size, with bss
    .quad   0xa                     // flags: little endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

entry:
    msr     daifset, #0xf
    mov     x21, x0                 // device tree
    mrs     x22, CurrentEL
    bl      drop_to_el1
    mrs     x23, cntvct_el0         // time counts from here
    adrp    x20, _start             // the image begins on a page: its physical address
    adrp    x0, kernel_stacks
    mov     x1, #KERNEL_STACK_BLOCK
    add     sp, x0, x1
    mov     x29, xzr
    .global granule_read
granule_read:                       // the tests put another value here
    mrs     x0, id_aa64mmfr0_el1
    sbfx    x0, x0, #28, #4         // TGran4: negative: no pages of 4 KiB
    tbz     x0, #63, 1f
    mov     x0, x21
    b       boot_refuse_granule
1:
    mov     x0, x20
    mov     x1, x21
    bl      boot_tables_build

    // What was written with the MMU off went past the caches. Drop lines of these ranges that
    // firmware's use of the memory may have left there (clean, by the protocol), or walks and loads
    // would see them instead.
    adrp    x0, boot_tables_start
    adrp    x1, boot_tables_end
    bl      invalidate_dcache
    adrp    x0, kernel_stacks
    add     x1, x0, #KERNEL_STACK_BLOCK
    bl      invalidate_dcache

    adrp    x0, boot_identity_l0
    adrp    x1, boot_kernel_l0
    bl      enable_mmu              // identity map: the next instruction is found where it was
    ldr     x0, =virtual_start
    br      x0

// Where firmware starts a further CPU (arch_cpu_start): x0 = its struct arch_percpu, everything else
// as at `entry`. Its TTBR0 maps the page of this code, at its own address (secondary_map_build).
    .global secondary_entry
secondary_entry:
    msr     daifset, #0xf
    mov     x21, x0
    bl      drop_to_el1
    adrp    x0, secondary_ttbr1
    ldr     x1, [x0, :lo12:secondary_ttbr1]
    adrp    x22, mmu_empty_table
    adrp    x0, boot_identity_l0
    bl      enable_mmu
    ldr     x0, =secondary_virtual
    br      x0

// x0 = TTBR0, x1 = TTBR1.
enable_mmu:
    ldr     x2, =MAIR_VALUE
    msr     mair_el1, x2
    ldr     x2, =(TCR_T0SZ | TCR_T0SZ << 16 | TCR_WALK_WB | TCR_WALK_WB << 16 | TCR_TG1_4K)
    mrs     x3, id_aa64mmfr0_el1
    and     x4, x3, #0xf            // PARange; from 6 on it means 52-bit descriptors, not used
    mov     x5, #5
    cmp     x4, x5
    csel    x4, x4, x5, lo
    orr     x2, x2, x4, lsl #TCR_IPS_SHIFT
    ubfx    x4, x3, #5, #1          // ASIDBits: 0 = 8 bits, 2 = 16 bits
    orr     x2, x2, x4, lsl #TCR_AS_BIT
    msr     tcr_el1, x2
    msr     ttbr0_el1, x0
    msr     ttbr1_el1, x1
    isb                             // the TLB invalidation below is for this regime's settings
    tlbi    vmalle1                 // reset leaves TLBs and instruction caches unknown
    ic      iallu
    dsb     nsh                     // both complete, and the tables in memory, before a walk
    isb
    ldr     x2, =SCTLR_ON
    msr     sctlr_el1, x2
    isb
    ret

// [x0, x1): invalidate to the point of coherency.
invalidate_dcache:
    mrs     x2, ctr_el0
    ubfx    x2, x2, #16, #4         // DminLine: log2 of words
    mov     x3, #4
    lsl     x3, x3, x2
    dmb     sy                      // order the writes to memory before the invalidation
1:  dc      ivac, x0
    add     x0, x0, x3
    cmp     x0, x1
    b.lo    1b
    dsb     sy                      // complete before anyone walks
    ret

// Leaves EL2, with nothing of EL1 and EL0 trapped to it. Keeps x19-x29.
drop_to_el1:
    ldr     x0, =SCTLR_RES1
    msr     sctlr_el1, x0           // MMU off, little endian
    isb
    mrs     x1, CurrentEL
    cmp     x1, #(2 << 2)
    b.eq    1f
    ret
    // HCR_EL2: RW (EL1 is AArch64); APK, API (pointer authentication is not trapped)
1:  ldr     x0, =(1 << 31 | 1 << 40 | 1 << 41)
    msr     hcr_el2, x0
    isb
    mov     x0, #3                  // CNTHCTL_EL2: EL1PCTEN, EL1PCEN: counter and timer free
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr
    mov     x0, #0x33ff             // CPTR_EL2: RES1 bits; FP free, SVE trapped
    msr     cptr_el2, x0
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0

    mrs     x1, id_aa64dfr0_el1     // MDCR_EL2: all event counters belong to EL1, if there are any
    ubfx    x0, x1, #8, #4
    sub     x0, x0, #1
    cmp     x0, #14                 // PMUVer 0: none, 15: not architected
    mov     x0, xzr
    b.hs    2f
    mrs     x0, pmcr_el0
    ubfx    x0, x0, #11, #5
2:  msr     mdcr_el2, x0

    mrs     x1, id_aa64mmfr0_el1
    ubfx    x1, x1, #56, #4         // FGT: fine-grained traps, unknown at reset
    cbz     x1, 3f
    msr     S3_4_C1_C1_4, xzr       // HFGRTR_EL2
    msr     S3_4_C1_C1_5, xzr       // HFGWTR_EL2
    msr     S3_4_C1_C1_6, xzr       // HFGITR_EL2
    msr     S3_4_C3_C1_4, xzr       // HDFGRTR_EL2
    msr     S3_4_C3_C1_5, xzr       // HDFGWTR_EL2
3:  mrs     x1, id_aa64mmfr1_el1
    ubfx    x1, x1, #40, #4         // HCX
    cbz     x1, 4f
    msr     S3_4_C1_C2_2, xzr       // HCRX_EL2
4:  mrs     x1, id_aa64pfr0_el1
    ubfx    x1, x1, #ID_AA64PFR0_GIC_SHIFT, #4
    cbz     x1, 5f
    mrs     x0, S3_4_C12_C9_5       // ICC_SRE_EL2: SRE and Enable: EL1 may use the GICv3 registers
    mov     x2, #9
    orr     x0, x0, x2
    msr     S3_4_C12_C9_5, x0
    isb
    mrs     x0, S3_4_C12_C9_5
    tbz     x0, #0, 5f              // firmware keeps the memory-mapped interface
    msr     S3_4_C12_C11_0, xzr     // ICH_HCR_EL2
5:  mov     x0, #0x3c5              // EL1h, D, A, I, F masked
    msr     spsr_el2, x0
    msr     elr_el2, x30
    eret

    .ltorg

    .text
// From here on at the link address; x20 = physical address of the image, x21 = of the device tree,
// x22 = CurrentEL at entry, x23 = counter.
virtual_start:
    ldr     x0, =kernel_stacks + KERNEL_STACK_BLOCK
    mov     sp, x0
    ldr     x0, =arm64_vectors
    msr     vbar_el1, x0
    isb
    ldr     x0, =kernel_bss_start   // both 16-byte aligned
    ldr     x1, =kernel_bss_end
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b
    mov     x29, xzr                // the backtrace ends here
    mov     x0, x20
    mov     x1, x21
    lsr     x2, x22, #2
    mov     x3, x23
    bl      arm64_start
    b       .

// A further CPU at the link address; x21 = its struct arch_percpu, x22 = the empty table. Its stack
// and everything else it uses from here on is in the final tables and seen through the caches.
secondary_virtual:
    msr     ttbr0_el1, x22
    mrs     x0, sctlr_el1
    orr     x0, x0, #SCTLR_WXN
    msr     sctlr_el1, x0
    isb
    tlbi    vmalle1                 // the identity map, and entries from before WXN
    dsb     nsh
    ldr     x0, =arm64_vectors
    msr     vbar_el1, x0
    msr     tpidr_el1, x21          // a stack overflow finds the emergency stack
    isb
    ldr     x0, [x21, #PERCPU_STACK_TOP]
    mov     sp, x0
    mov     x29, xzr                // the backtrace ends here
    mov     x0, x21
    bl      kernel_secondary
    b       .

// void mmu_replace_tables(paddr_t root, paddr_t empty, uint64_t image_delta) Switches TTBR1 to new
// tables for mappings in use, with other attributes and block sizes: the old must have left the TLB
// before the new can enter it (Arm ARM D8.16 "break-before-make"). So walks through TTBR1 are off
// in between, and the code runs in the identity map (address minus image_delta). Ends with TTBR0
// empty. Touches no memory.
    .global mmu_replace_tables
mmu_replace_tables:
    adr     x3, 1f
    sub     x3, x3, x2
    br      x3
1:  mrs     x4, tcr_el1
    orr     x5, x4, #(1 << TCR_EPD1_BIT)
    msr     tcr_el1, x5
    isb                             // no new walks through TTBR1
    tlbi    vmalle1
    dsb     nsh
    isb
    dsb     ishst                   // the new tables are visible to walks
    msr     ttbr1_el1, x0
    isb
    msr     tcr_el1, x4
    isb
    adr     x3, 2f
    add     x3, x3, x2
    br      x3
2:  msr     ttbr0_el1, x1
    isb
    mrs     x4, sctlr_el1           // now that nothing writable need be executed
    orr     x4, x4, #SCTLR_WXN
    msr     sctlr_el1, x4
    isb
    tlbi    vmalle1                 // the identity map, and entries from before WXN
    dsb     nsh
    isb
    ret

    .section .stacks, "aw", %nobits
    .balign KERNEL_STACK_BLOCK
    .global kernel_stacks
kernel_stacks:
    .skip   KERNEL_STACKS * KERNEL_STACK_BLOCK
