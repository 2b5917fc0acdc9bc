// SPDX-License-Identifier: MIT
// The vDSO's code as built (mk/kernel.mk), for vdso.c to copy into its page.
    .section .rodata.vdso, "a"
    .balign 8
    .globl vdso_image, vdso_image_end
vdso_image:
    .incbin "vdso.bin"
vdso_image_end:
