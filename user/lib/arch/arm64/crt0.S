// SPDX-License-Identifier: MIT
// The first instructions of a program and of every further thread (arm64). The kernel starts a
// thread with arg0 in x0, arg1 in x1, the address of its message buffer in x2, a 16-byte aligned
// stack, and zeros elsewhere. Both entries end the chain of frames for backtraces and go on in C
// (user/lib/start.c, user/lib/thread.c).

    .section .text.start, "ax"
    .globl _start
    .type _start, %function
_start:
    mov x29, #0
    mov x30, #0
    b process_start
    .size _start, . - _start

    .text
    .globl thread_entry
    .type thread_entry, %function
thread_entry:
    mov x29, #0
    mov x30, #0
    b thread_begin
    .size thread_entry, . - thread_entry
