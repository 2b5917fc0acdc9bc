// SPDX-License-Identifier: MIT
// The first instructions of a program and of every further thread (riscv64). The kernel starts a
// thread with arg0 in a0, arg1 in a1, the address of its message buffer in a2, a 16-byte aligned
// stack, and zeros elsewhere. gp is the anchor of short data addresses (psABI); it is the same in
// every thread. Both entries end the chain of frames for backtraces and go on in C
// (user/lib/start.c, user/lib/thread.c).

    .section .text.start, "ax"
    .globl _start
    .type _start, %function
_start:
    .option push
    .option norelax
    lla gp, __global_pointer$
    .option pop
    li s0, 0
    li ra, 0
    tail process_start
    .size _start, . - _start

    .text
    .globl thread_entry
    .type thread_entry, %function
thread_entry:
    .option push
    .option norelax
    lla gp, __global_pointer$
    .option pop
    li s0, 0
    li ra, 0
    tail thread_begin
    .size thread_entry, . - thread_entry
