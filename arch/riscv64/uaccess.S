// SPDX-License-Identifier: MIT
// RISC-V: the only code that touches user memory. sstatus.SUM is set from its first to its last
// instruction and nowhere else, so that any other kernel access to a user address faults. The
// caller (trap.c) has checked that the user range lies below arch_user_top(); a page fault between
// uaccess_start and uaccess_end is resolved and the access retried, or continues at uaccess_fail
// (trap_kernel).
#include "csr.h"

#define ERR_BAD_ADDRESS (-6) // checked against the table in trap.c

    // status_t uaccess_copy(void *to, const void *from, size_t len)
    .text
    .globl  uaccess_copy, uaccess_start, uaccess_end, uaccess_fail
uaccess_copy:
    li      t6, SSTATUS_SUM
    csrs    sstatus, t6
uaccess_start:
    xor     t0, a0, a1
    andi    t0, t0, 7
    bnez    t0, 4f                  // never aligned to each other: bytes
1:  andi    t0, a0, 7               // up to a word boundary
    beqz    t0, 2f
    beqz    a2, 5f
    lb      t0, (a1)
    sb      t0, (a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    j       1b
2:  li      t5, 64
    bltu    a2, t5, 3f
    ld      t0, 0(a1)
    ld      t1, 8(a1)
    ld      t2, 16(a1)
    ld      t3, 24(a1)
    ld      a3, 32(a1)
    ld      a4, 40(a1)
    ld      a5, 48(a1)
    ld      a6, 56(a1)
    sd      t0, 0(a0)
    sd      t1, 8(a0)
    sd      t2, 16(a0)
    sd      t3, 24(a0)
    sd      a3, 32(a0)
    sd      a4, 40(a0)
    sd      a5, 48(a0)
    sd      a6, 56(a0)
    addi    a0, a0, 64
    addi    a1, a1, 64
    addi    a2, a2, -64
    j       2b
3:  li      t5, 8
    bltu    a2, t5, 4f
    ld      t0, (a1)
    sd      t0, (a0)
    addi    a0, a0, 8
    addi    a1, a1, 8
    addi    a2, a2, -8
    j       3b
4:  beqz    a2, 5f
    lb      t0, (a1)
    sb      t0, (a0)
    addi    a0, a0, 1
    addi    a1, a1, 1
    addi    a2, a2, -1
    j       4b
uaccess_end:
5:  csrc    sstatus, t6
    li      a0, 0
    ret
uaccess_fail:
    csrc    sstatus, t6
    li      a0, ERR_BAD_ADDRESS
    ret
