// SPDX-License-Identifier: MIT
// The whole program of the processes that test_aspace.c makes; it runs wherever it is copied. x0 must
// be what stands at x1, and the message buffer at x2 is written: else it traps.
#include <gen/syscall_nr.h>

    .section .rodata.aspace_body, "a"
    .balign 8
    .global aspace_body, aspace_body_end
aspace_body:
    ldr     x3, [x1]
    cmp     x3, x0
    b.ne    1f
    str     x0, [x2]
    mov     x8, #SYS_THREAD_EXIT
    svc     #0
1:  brk     #1
aspace_body_end:
