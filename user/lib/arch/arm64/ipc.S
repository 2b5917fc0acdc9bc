// SPDX-License-Identifier: MIT
// The IPC system calls (abi/ipc.h) as functions on struct ipc_message (bullfinch/ipc.h): tag at 0,
// words at 8-55, badge at 56. The kernel keeps callee-saved registers, so the message's address
// waits in x19.

#include <gen/syscall_nr.h>

// x0 = handle, x1 = message, x2 = deadline
.macro MESSAGE_LOAD
    mov x9, x2
    mov x10, x1
    ldp x1, x2, [x10]
    ldp x3, x4, [x10, #16]
    ldp x5, x6, [x10, #32]
    ldr x7, [x10, #48]
.endm

// x19 = message. Written only if the call succeeded.
.macro MESSAGE_STORE
    tbnz w0, #31, 1f
    stp x1, x2, [x19]
    stp x3, x4, [x19, #16]
    stp x5, x6, [x19, #32]
    stp x7, x9, [x19, #48]
1:
.endm

.macro IPC_IN_OUT name, number
    .section .text.\name, "ax"
    .globl \name
    .type \name, %function
\name:
    stp x29, x30, [sp, #-32]!
    mov x29, sp
    str x19, [sp, #16]
    mov x19, x1
    MESSAGE_LOAD
    mov x8, #\number
    svc #0
    MESSAGE_STORE
    ldr x19, [sp, #16]
    ldp x29, x30, [sp], #32
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
    mov x8, #SYS_IPC_SEND
    svc #0
    ret
    .size ipc_send, . - ipc_send

    .section .text.ipc_reply, "ax"
    .globl ipc_reply
    .type ipc_reply, %function
ipc_reply: // x0 = message
    mov x1, x0
    mov x0, #0
    mov x2, #0
    MESSAGE_LOAD
    mov x8, #SYS_IPC_REPLY
    svc #0
    ret
    .size ipc_reply, . - ipc_reply

    .section .text.ipc_reply_send, "ax"
    .globl ipc_reply_send
    .type ipc_reply_send, %function
ipc_reply_send: // x0 = reply handle, x1 = message
    mov x2, #0
    MESSAGE_LOAD
    mov x8, #SYS_REPLY_SEND
    svc #0
    ret
    .size ipc_reply_send, . - ipc_reply_send
