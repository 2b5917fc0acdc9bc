// SPDX-License-Identifier: MIT
// ARM64: copies between kernel and user memory. User addresses are mapped only in between: TTBR0 is
// an empty table elsewhere in the kernel. LDTR and STTR act with the user's permissions, whatever PAN
// says (Arm ARM C6.2 "LDTR"), so a page that the program cannot touch is one that the kernel does not
// touch for it.
//
// A fault on an instruction between arm64_uaccess_start and _end is resolved by arm64_kernel_sync,
// or continues at arm64_uaccess_fail. Leaf functions without stack: nothing is to be undone there.
#include <arch_frame.h>
#include <gen/abi_constants.h>

    .text

// Done if x2 is 0; refuses [\user, \user + x2) that is not wholly below 2^48. Then opens user memory.
// Clobbers x3, x4; x7 = this CPU's record.
.macro user_open user
    mrs     x7, tpidr_el1
    cbz     x2, 6f
    adds    x3, \user, x2
    b.cs    arm64_uaccess_fail
    mov     x4, #(1 << 48)
    cmp     x3, x4
    b.hi    arm64_uaccess_fail
    ldr     x3, [x7, #PERCPU_USER_TABLE]
    msr     ttbr0_el1, x3
    isb
.endm

// x7 = this CPU's record. Clobbers x3.
.macro user_close
    ldr     x3, [x7, #PERCPU_NO_TABLE]
    msr     ttbr0_el1, x3
    isb
.endm

    .global arm64_uaccess_start, arm64_uaccess_end, arm64_uaccess_fail
arm64_uaccess_start:

// status_t arch_copy_from_user(void *to, uaddr_t from, size_t len)
    .global arch_copy_from_user
    .type arch_copy_from_user, %function
arch_copy_from_user:
    user_open x1
    subs    x2, x2, #32
    b.lo    2f
1:  ldtr    x3, [x1]
    ldtr    x4, [x1, #8]
    ldtr    x5, [x1, #16]
    ldtr    x6, [x1, #24]
    add     x1, x1, #32
    stp     x3, x4, [x0]
    stp     x5, x6, [x0, #16]
    add     x0, x0, #32
    subs    x2, x2, #32
    b.hs    1b
2:  adds    x2, x2, #24             // what is left, less 8
    b.mi    4f
3:  ldtr    x3, [x1]
    add     x1, x1, #8
    str     x3, [x0], #8
    subs    x2, x2, #8
    b.hs    3b
4:  adds    x2, x2, #8
    b.eq    6f
5:  ldtrb   w3, [x1]
    add     x1, x1, #1
    strb    w3, [x0], #1
    subs    x2, x2, #1
    b.ne    5b
6:  user_close
    mov     w0, wzr
    ret

// status_t arch_copy_to_user(uaddr_t to, const void *from, size_t len)
    .global arch_copy_to_user
    .type arch_copy_to_user, %function
arch_copy_to_user:
    user_open x0
    subs    x2, x2, #32
    b.lo    2f
1:  ldp     x3, x4, [x1]
    ldp     x5, x6, [x1, #16]
    add     x1, x1, #32
    sttr    x3, [x0]
    sttr    x4, [x0, #8]
    sttr    x5, [x0, #16]
    sttr    x6, [x0, #24]
    add     x0, x0, #32
    subs    x2, x2, #32
    b.hs    1b
2:  adds    x2, x2, #24
    b.mi    4f
3:  ldr     x3, [x1], #8
    sttr    x3, [x0]
    add     x0, x0, #8
    subs    x2, x2, #8
    b.hs    3b
4:  adds    x2, x2, #8
    b.eq    6f
5:  ldrb    w3, [x1], #1
    sttrb   w3, [x0]
    add     x0, x0, #1
    subs    x2, x2, #1
    b.ne    5b
6:  user_close
    mov     w0, wzr
    ret
arm64_uaccess_end:

arm64_uaccess_fail:
    user_close                      // x7 as the copy set it
    mov     w0, #ERR_BAD_ADDRESS
    ret
