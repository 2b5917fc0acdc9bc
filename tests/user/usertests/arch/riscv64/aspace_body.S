// SPDX-License-Identifier: MIT
// The whole program of the processes that test_aspace.c makes; it runs wherever it is copied. a0 must
// be what stands at a1, and the message buffer at a2 is written: else it traps.
#include <gen/syscall_nr.h>

    .section .rodata.aspace_body, "a"
    .balign 8
    .global aspace_body, aspace_body_end
aspace_body:
    ld      t1, 0(a1)
    bne     t1, a0, 1f
    sd      a0, 0(a2)
    li      t0, SYS_THREAD_EXIT
    ecall
1:  ebreak
aspace_body_end:
