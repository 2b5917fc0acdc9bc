// SPDX-License-Identifier: MIT
// ARM64: registers.h.
#include <gen/syscall_nr.h>

.macro each op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, \
            25, 26, 27, 28, 29, 30, 31
    \op     q\n, [x9], #16
    .endr
.endm

    .text
    .globl  fp_hold
fp_hold:
    mov     x9, x0
    each    ldr
    ldp     x10, x11, [x9]
    msr     fpsr, x10
    msr     fpcr, x11
1:  subs    x2, x2, #1
    b.ne    1b
    mov     x0, x1

    .globl  fp_read
fp_read:
    mov     x9, x0
    each    str
    mrs     x10, fpsr
    mrs     x11, fpcr
    stp     x10, x11, [x9]
    msr     fpcr, xzr
    ret

    .globl  vector_bytes
vector_bytes:
    .inst   0x04bf5020              // rdvl x0, #1
    .globl  vector_hold
vector_hold:
    .globl  vector_read
vector_read:
    ret

    .globl  exclusive_alone
exclusive_alone:
    ldxr    x9, [x0]
    stxr    w10, x9, [x0]
    mov     w0, w10
    ret

    .globl  exclusive_across_yield
exclusive_across_yield:
    stp     x19, x30, [sp, #-16]!
    mov     x19, x0
    ldxr    x9, [x19]
    mov     x8, #SYS_THREAD_YIELD
    svc     #0
    ldr     x9, [x19]               // the store changes nothing, but must fail all the same
    stxr    w0, x9, [x19]
    ldp     x19, x30, [sp], #16
    ret
