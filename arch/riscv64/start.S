// SPDX-License-Identifier: MIT
// RISC-V: from firmware to C. The image is flat, with the header of the Linux boot protocol, so
// that QEMU, U-Boot and others load it: "Boot image header in RISC-V Linux" (Linux
// Documentation/riscv/boot-image-header.rst).
//
// On entry: S-mode, MMU off, a0 = hart id, a1 = physical address of the device tree. The first hart
// boots; SBI HSM keeps the others stopped, but see hart_waits. The image lies at any 2 MiB boundary, so everything before the MMU
// is on addresses relative to the pc.
#include "csr.h"
#include <arch_frame.h>

    .section .head, "ax"
    .option push
    .option norvc
    .globl kernel_start
kernel_start:
    j       start               // code0
    .word   0                   // code1
    .dword  0x200000            // text_offset: 2 MiB above the start of RAM
    .dword  kernel_image_bytes  // effective size, with bss
    .dword  0                   // flags: little-endian
    .word   2                   // header version 0.2
    .word   0
    .dword  0
    .dword  0x5643534952        // "RISCV"
    .word   0x05435352          // "RSC\x05"
    .word   0
    .option pop

    .text
start:
    csrw    sie, zero
    li      t0, SSTATUS_SIE | SSTATUS_FS | SSTATUS_VS | SSTATUS_SUM | SSTATUS_MXR
    csrc    sstatus, t0
    lla     t0, early_trap
    csrw    stvec, t0
    lla     t0, boot_claimed
    li      t1, 1
    amoswap.w.aqrl t1, t1, (t0)
    bnez    t1, hart_waits
    rdtime  s2                  // time counts from here
    mv      s0, a0
    mv      s1, a1

    lla     t0, bss_start
    lla     t1, kernel_image_end
1:  sd      zero, (t0)
    addi    t0, t0, 8
    bltu    t0, t1, 1b

    lla     sp, kernel_stacks + KERNEL_STACK_TOP
    lla     a0, kernel_image_start
    mv      a1, s1
    call    boot_tables_build       // a0 = satp for Sv39, a1 = for Sv48 or 0

    // The step into virtual memory without an identity map: the next fetch after satp changes has
    // no translation, and the page fault goes to stvec, which already holds the virtual address. A
    // mode that the hart does not have leaves satp as it was (privileged specification 4.1.11), so
    // that execution simply goes on behind the first write.
    lla     t0, kernel_image_start
    lla     t1, 2f
    sub     t1, t1, t0
    li      t2, -0x80000000         // KERNEL_IMAGE_BASE
    add     t1, t1, t2
    csrw    stvec, t1
    sfence.vma                      // the tables' stores before any walk of them (4.2.1)
    beqz    a1, 1f
    csrw    satp, a1
1:  csrw    satp, a0
    tail    boot_no_paging          // reached only where the hart has neither

    .balign 4
early_trap:
    lla     sp, kernel_stacks + KERNEL_STACK_TOP
    csrr    a0, scause
    csrr    a1, sepc
    csrr    a2, stval
    tail    boot_trap

    .balign 4
2:  sfence.vma                      // nothing cached from before, whatever firmware did
    lla     sp, kernel_stacks + KERNEL_STACK_TOP
    csrw    sscratch, sp
    lla     t0, trap_entry
    csrw    stvec, t0
    li      tp, 0
    mv      a0, s0
    mv      a1, s1
    mv      a2, s2
    li      s0, 0                   // end of the chain of frames
    li      ra, 0
    tail    boot_enter

    // Where firmware starts a further hart (arch_cpu_start): a0 = its id, a1 = its struct
    // arch_percpu, MMU off. The step into virtual memory is the same, straight to the final tables.
    .globl  secondary_entry
secondary_entry:
    csrw    sie, zero
    li      t0, SSTATUS_SIE | SSTATUS_FS | SSTATUS_VS | SSTATUS_SUM | SSTATUS_MXR
    csrc    sstatus, t0
    lla     t0, kernel_image_start
    lla     t1, 3f
    sub     t1, t1, t0
    li      t2, -0x80000000         // KERNEL_IMAGE_BASE
    add     t1, t1, t2
    csrw    stvec, t1
    ld      t0, secondary_satp
    sfence.vma
    csrw    satp, t0
    j       .                       // not reached

    .balign 4
3:  sfence.vma
    ld      sp, PERCPU_STACK_TOP(a1)
    csrw    sscratch, sp
    lla     t0, trap_entry
    csrw    stvec, t0
    mv      tp, a1
    mv      a0, a1
    li      s0, 0
    li      ra, 0
    tail    kernel_secondary

    // A further hart at the image's entry instead of secondary_entry. OpenSBI before 1.3 does that when
    // a hart that it starts looks between the change of its state and that of its address; older
    // firmware lets all harts in at once. Either way a0 is its id, and arch_cpu_start publishes its
    // record before it asks for the hart: wait for that. Until secondary_satp is written, bss may be
    // anything.
hart_waits:
    lla     t2, kernel_image_start
    li      t3, -0x80000000         // KERNEL_IMAGE_BASE
    sub     t2, t2, t3              // from virtual to physical
    lla     t1, cpu_records + KERNEL_STACKS * 8
1:  ld      t0, secondary_satp
    fence   r, r
    beqz    t0, 1b
    lla     t0, cpu_records + 8     // the first is the boot hart's
2:  ld      a1, (t0)
    beqz    a1, 3f
    add     t3, a1, t2
    ld      t3, PERCPU_HW_ID(t3)
    beq     t3, a0, 4f
3:  addi    t0, t0, 8
    bltu    t0, t1, 2b
    j       1b
4:  fence   r, rw
    j       secondary_entry

    .data
    .balign 8
    .globl  secondary_satp
secondary_satp:                     // read with the MMU off; 0 until further harts may start
    .dword  0
boot_claimed:
    .word   0

    // The kernel stacks. The first page of each block is left out of the final tables.
    .section .bss.stack, "aw", @nobits
    .balign 4096
    .globl  kernel_stacks
kernel_stacks:
    .skip   KERNEL_STACKS * KERNEL_STACK_BLOCK
