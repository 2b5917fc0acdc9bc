// SPDX-License-Identifier: MIT
// RISC-V: saving and loading the floating-point state: fcsr, then f0-f31, as in struct arch_thread.
// The only code of the kernel that is assembled with the D extension. The caller has switched
// sstatus.FS on.

    .option arch, +d
    .macro for_each_register op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, \
            24, 25, 26, 27, 28, 29, 30, 31
    \op     f\n, (8 + \n * 8)(a0)
    .endr
    .endm

    .text
    // void fpu_save(uint64_t *fcsr_and_registers)
    .globl  fpu_save
fpu_save:
    frcsr   t0
    sd      t0, (a0)
    for_each_register fsd
    ret

    // void fpu_load(const uint64_t *fcsr_and_registers)
    .globl  fpu_load
fpu_load:
    ld      t0, (a0)
    fscsr   t0
    for_each_register fld
    ret
