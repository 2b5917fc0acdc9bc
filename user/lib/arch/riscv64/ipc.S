// SPDX-License-Identifier: MIT
// The IPC system calls (abi/ipc.h) as functions on struct ipc_message (bullfinch/ipc.h): tag at 0,
// words at 8-55, badge at 56. The kernel keeps callee-saved registers, so the message's address
// waits in s1.

#include <gen/syscall_nr.h>

// a0 = handle, a1 = message, a2 = deadline
.macro MESSAGE_LOAD
    mv t1, a2
    mv t2, a1
    ld a1, 0(t2)
    ld a2, 8(t2)
    ld a3, 16(t2)
    ld a4, 24(t2)
    ld a5, 32(t2)
    ld a6, 40(t2)
    ld a7, 48(t2)
.endm

// s1 = message. Written only if the call succeeded.
.macro MESSAGE_STORE
    sext.w t2, a0
    bltz t2, 1f
    sd a1, 0(s1)
    sd a2, 8(s1)
    sd a3, 16(s1)
    sd a4, 24(s1)
    sd a5, 32(s1)
    sd a6, 40(s1)
    sd a7, 48(s1)
    sd t1, 56(s1)
1:
.endm

.macro IPC_IN_OUT name, number
    .section .text.\name, "ax"
    .globl \name
    .type \name, %function
\name:
    addi sp, sp, -32
    sd ra, 24(sp)
    sd s0, 16(sp)
    sd s1, 8(sp)
    addi s0, sp, 32
    mv s1, a1
    MESSAGE_LOAD
    li t0, \number
    ecall
    MESSAGE_STORE
    ld ra, 24(sp)
    ld s0, 16(sp)
    ld s1, 8(sp)
    addi sp, sp, 32
    ret
    .size \name, . - \name
.endm

    IPC_IN_OUT ipc_call, SYS_IPC_CALL
    IPC_IN_OUT ipc_recv, SYS_IPC_RECV
    IPC_IN_OUT ipc_reply_recv, SYS_IPC_REPLY_RECV

    .section .text.ipc_send, "ax"
    .globl ipc_send
    .type ipc_send, %function
ipc_send:
    MESSAGE_LOAD
    li t0, SYS_IPC_SEND
    ecall
    ret
    .size ipc_send, . - ipc_send

    .section .text.ipc_reply, "ax"
    .globl ipc_reply
    .type ipc_reply, %function
ipc_reply: // a0 = message
    mv a1, a0
    li a0, 0
    li a2, 0
    MESSAGE_LOAD
    li t0, SYS_IPC_REPLY
    ecall
    ret
    .size ipc_reply, . - ipc_reply

    .section .text.ipc_reply_send, "ax"
    .globl ipc_reply_send
    .type ipc_reply_send, %function
ipc_reply_send: // a0 = reply handle, a1 = message
    li a2, 0
    MESSAGE_LOAD
    li t0, SYS_REPLY_SEND
    ecall
    ret
    .size ipc_reply_send, . - ipc_reply_send
