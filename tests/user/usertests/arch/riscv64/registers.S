// SPDX-License-Identifier: MIT
// RISC-V: registers.h.
#include <gen/syscall_nr.h>

.macro each op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, \
            25, 26, 27, 28, 29, 30, 31
    \op     f\n, (\n * 8)(a0)
    .endr
.endm

    .text
    .globl  fp_hold
fp_hold:
    each    fld
    ld      t0, 512(a0)
    fscsr   t0
1:  addi    a2, a2, -1
    bnez    a2, 1b
    mv      a0, a1

    .globl  fp_read
fp_read:
    each    fsd
    frcsr   t0
    sd      t0, 512(a0)
    fscsr   zero
    ret

    .option push
    .option arch, +v
    .globl  vector_bytes
vector_bytes:
    csrr    a0, vlenb
    ret

    .globl  vector_hold
vector_hold:
    csrr    t0, vlenb
    slli    t0, t0, 3
    mv      t1, a0
    vl8re8.v v0, (t1)
    add     t1, t1, t0
    vl8re8.v v8, (t1)
    add     t1, t1, t0
    vl8re8.v v16, (t1)
    add     t1, t1, t0
    vl8re8.v v24, (t1)
    li      t1, 4096
    add     a0, a0, t1
    ld      t1, (a0)
    ld      t2, 8(a0)
    ld      t3, 16(a0)
    vsetvl  zero, t1, t2
    csrw    vcsr, t3
1:  addi    a2, a2, -1
    bnez    a2, 1b
    mv      a0, a1

    .globl  vector_read
vector_read:
    csrr    t1, vl
    csrr    t2, vtype
    csrr    t3, vcsr
    li      t0, 4096
    add     t0, t0, a0
    sd      t1, (t0)
    sd      t2, 8(t0)
    sd      t3, 16(t0)
    csrr    t0, vlenb
    slli    t0, t0, 3
    vs8r.v  v0, (a0)
    add     a0, a0, t0
    vs8r.v  v8, (a0)
    add     a0, a0, t0
    vs8r.v  v16, (a0)
    add     a0, a0, t0
    vs8r.v  v24, (a0)
    ret
    .option pop

    .globl  exclusive_alone
exclusive_alone:
    lr.d    t1, (a0)
    sc.d    a0, t1, (a0)
    ret

    .globl  exclusive_across_yield
exclusive_across_yield:
    addi    sp, sp, -16
    sd      s1, (sp)
    mv      s1, a0
    lr.d    t1, (s1)
    li      t0, SYS_THREAD_YIELD
    ecall
    ld      t1, (s1)                // the store changes nothing, but must fail all the same
    sc.d    a0, t1, (s1)
    ld      s1, (sp)
    addi    sp, sp, 16
    ret
