// SPDX-License-Identifier: MIT
// ARM64: exception entry and return (Arm ARM D1.3). From EL0, SP_EL1 points at the thread's struct
// arch_thread: registers are stored there, then SP becomes this CPU's kernel stack. From EL1, which
// is a fault in a user copy or a bug, registers go to the stack in use.
#include <arch_frame.h>
#include <gen/syscall_nr.h>

#define KF_BYTES 304 // struct kernel_frame
#define KF_SP 248
#define KF_PC 256
#define KF_ESR 272
#define KF_RECORD 288
#define EC_SVC64 0x15

// Registers to and from the frame at SP (struct arch_thread and struct kernel_frame begin alike).
.macro pairs_2_9 op
    \op     x2, x3, [sp, #AT_X(2)]
    \op     x4, x5, [sp, #AT_X(4)]
    \op     x6, x7, [sp, #AT_X(6)]
    \op     x8, x9, [sp, #AT_X(8)]
.endm
.macro pairs_10_17 op
    \op     x10, x11, [sp, #AT_X(10)]
    \op     x12, x13, [sp, #AT_X(12)]
    \op     x14, x15, [sp, #AT_X(14)]
    \op     x16, x17, [sp, #AT_X(16)]
.endm
.macro pairs_18_27 op
    \op     x18, x19, [sp, #AT_X(18)]
    \op     x20, x21, [sp, #AT_X(20)]
    \op     x22, x23, [sp, #AT_X(22)]
    \op     x24, x25, [sp, #AT_X(24)]
    \op     x26, x27, [sp, #AT_X(26)]
.endm

// After a system call: what is not restored held kernel data.
.macro clear_10_17
    mov     x10, xzr
    mov     x11, xzr
    mov     x12, xzr
    mov     x13, xzr
    mov     x14, xzr
    mov     x15, xzr
    mov     x16, xzr
    mov     x17, xzr
.endm

// The rest of a full save: x28-x30 and the stack pointer are in the frame already.
.macro save_full
    mrs     x28, elr_el1
    mrs     x29, spsr_el1
    stp     x28, x29, [sp, #AT_PC]
    mrs     x28, tpidr_el0
    mov     x29, #1
    stp     x28, x29, [sp, #AT_TLS]
    stp     x0, x1, [sp, #AT_X(0)]
    pairs_2_9 stp
    pairs_10_17 stp
    pairs_18_27 stp
.endm

// To C: x0 = x19 = the thread that was interrupted; an empty kernel stack, no caller.
.macro enter_kernel
    mov     x0, sp
    mov     x19, sp
    mrs     x28, tpidr_el1
    ldp     x28, x29, [x28, #PERCPU_STACK_TOP] // and PERCPU_NO_TABLE, the next word
    msr     ttbr0_el1, x29
    isb                             // from here on no user address is mapped
    mov     sp, x28
    mov     x29, xzr
.endm

// Vector of an interrupt or error from EL0.
.macro el0_vector handler
    .balign 128
    stp     x28, x29, [sp, #AT_X(28)]
    mrs     x29, sp_el0
    stp     x30, x29, [sp, #AT_X(30)]
    adr     x30, \handler
    b       el0_full
.endm

// Vector of an exception from EL1. The stack may be what is broken: is there room for the frame?
// Bit 14 tells (arch_frame.h), found without a free register.
.macro el1_vector target, number
    .balign 128
    sub     sp, sp, #KF_BYTES
    add     sp, sp, x0              // sp + x0
    sub     x0, sp, x0              // sp
    tbz     x0, #KERNEL_STACK_SHIFT, 9f
    sub     x0, sp, x0              // x0
    sub     sp, sp, x0              // sp
    stp     x0, x1, [sp, #AT_X(0)]
    mov     x1, #\number
    b       \target
9:  sub     x0, sp, x0
    sub     sp, sp, x0
    b       el1_overflow
.endm

    .text
    .balign 2048
    .global arm64_vectors
arm64_vectors:
    el1_vector el1_unexpected, 0    // EL1 with SP_EL0: never used
    el1_vector el1_unexpected, 1
    el1_vector el1_unexpected, 2
    el1_vector el1_unexpected, 3
    el1_vector el1_sync, 4          // EL1 with SP_EL1
    el1_vector el1_unexpected, 5    // interrupts are masked
    el1_vector el1_unexpected, 6
    el1_vector el1_unexpected, 7

    // Synchronous exception from EL0: the system call first.
    .balign 128
    stp     x28, x29, [sp, #AT_X(28)]
    mrs     x28, esr_el1
    mrs     x29, sp_el0
    lsr     x28, x28, #26
    stp     x30, x29, [sp, #AT_X(30)]
    cmp     x28, #EC_SVC64
    b.ne    el0_fault
    cmp     x8, #SYS_COUNT
    b.hs    el0_fault
    mrs     x28, elr_el1
    mrs     x29, spsr_el1
    stp     x28, x29, [sp, #AT_PC]
    stp     x0, x1, [sp, #AT_X(0)]
    pairs_2_9 stp
    stp     x18, x19, [sp, #AT_X(18)]
    enter_kernel
    bl      trap_syscall
    b       syscall_return

    el0_vector arm64_user_interrupt // IRQ
    el0_vector arm64_user_interrupt // FIQ: group 0 of a GIC without security; taken as an interrupt
    el0_vector arm64_user_serror

    .rept 4                         // AArch32
    el0_vector arm64_user_aarch32
    .endr
    .org    arm64_vectors + 16 * 128 // refused if one of them was too long

// w0: something is to be done first; x19 = the thread.
syscall_return:
    cbnz    w0, 1f
    mrs     x1, tpidr_el1
    ldr     x2, [x1, #PERCPU_USER_TABLE]
    mov     sp, x19
    msr     ttbr0_el1, x2
    ldp     x28, x29, [sp, #AT_PC]  // a fault of a user copy has changed these two
    msr     elr_el1, x28
    msr     spsr_el1, x29
    ldr     x30, [sp, #AT_X(30)]
    ldp     x0, x1, [sp, #AT_X(0)]
    pairs_2_9 ldp
    ldp     x18, x19, [sp, #AT_X(18)]
    clear_10_17
    ldp     x28, x29, [sp, #AT_X(28)]
    eret
    dsb     nsh                     // no speculation past the return
    isb
1:  mrs     x1, tpidr_el0
    stp     x1, xzr, [x19, #AT_TLS] // not full
    stp     x20, x21, [x19, #AT_X(20)]
    stp     x22, x23, [x19, #AT_X(22)]
    stp     x24, x25, [x19, #AT_X(24)]
    stp     x26, x27, [x19, #AT_X(26)]
    bl      sched_exit
    b       thread_return

el0_fault:
    adr     x30, arm64_user_fault
el0_full:
    save_full                       // leaves x30
    enter_kernel
    blr     x30
    b       thread_return

// x0 = thread to run (or first run: arch_thread_enter), x19 = the one that trapped. No CLREX: an
// exception return clears the local monitor (Arm ARM B2.12 "Synchronization and semaphores"). No
// ISB: the return synchronizes the context.
    .global arch_thread_enter
arch_thread_enter:
    mov     x19, xzr
thread_return:
    mrs     x1, tpidr_el1
    ldr     x2, [x1, #PERCPU_USER_TABLE]
    cmp     x0, x19
    msr     ttbr0_el1, x2
    b.eq    1f
    // Another thread: FP is on only if its state is in the registers.
    ldr     x1, [x1, #PERCPU_FP_OWNER]
    mov     x2, #(3 << 20)
    cmp     x1, x0
    csel    x2, x2, xzr, eq
    msr     cpacr_el1, x2
1:  mov     sp, x0
    ldp     x28, x29, [sp, #AT_TLS]
    msr     tpidr_el0, x28
    ldp     x10, x11, [sp, #AT_PC]
    msr     elr_el1, x10
    msr     spsr_el1, x11
    ldp     x30, x10, [sp, #AT_X(30)]
    msr     sp_el0, x10
    ldp     x0, x1, [sp, #AT_X(0)]
    pairs_2_9 ldp
    pairs_18_27 ldp
    cbnz    x29, 2f                 // full
    clear_10_17
    ldp     x28, x29, [sp, #AT_X(28)]
    eret
    dsb     nsh
    isb
2:  pairs_10_17 ldp
    ldp     x28, x29, [sp, #AT_X(28)]
    eret
    dsb     nsh
    isb

// Exceptions from EL1: x0 and x1 are saved, x1 = vector number.
.macro save_kernel_frame
    pairs_2_9 stp
    pairs_10_17 stp
    pairs_18_27 stp
    stp     x28, x29, [sp, #AT_X(28)]
    add     x2, sp, #KF_BYTES
    stp     x30, x2, [sp, #AT_X(30)]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #KF_PC]
    add     x2, x2, #4              // as if the instruction had been a call (arch_unwind)
    stp     x29, x2, [sp, #KF_RECORD]
    mrs     x2, esr_el1
    mrs     x3, far_el1
    stp     x2, x3, [sp, #KF_ESR]
    add     x29, sp, #KF_RECORD
    mov     x0, sp
.endm

el1_sync:
    save_kernel_frame
    bl      arm64_kernel_sync       // returns to run the instruction again, or elsewhere
    ldp     x2, x3, [sp, #KF_PC]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x0, x1, [sp, #AT_X(0)]
    pairs_2_9 ldp
    pairs_10_17 ldp
    ldr     x18, [sp, #AT_X(18)]    // x19-x29 are as C left them: preserved
    ldp     x29, x30, [sp, #AT_X(29)]
    add     sp, sp, #KF_BYTES
    eret
    dsb     nsh
    isb

el1_unexpected:
    save_kernel_frame
    bl      arm64_kernel_unexpected

// No room: report on the emergency stack. The thread's TLS register is in its frame, so TPIDR_EL0
// is free to hold x0.
el1_overflow:
    msr     tpidr_el0, x0
    mrs     x0, tpidr_el1
    cbz     x0, .                   // overflow before the CPU was set up: nothing to report it with
    ldr     x0, [x0, #PERCPU_STACK_TOP]
    sub     x0, x0, #(KERNEL_STACK_BLOCK - KERNEL_STACK_GUARD)
    msr     tpidrro_el0, x1
    mov     x1, sp
    sub     sp, x0, #KF_BYTES
    add     x1, x1, #KF_BYTES       // sp of the overflow
    str     x1, [sp, #KF_SP]
    mrs     x0, tpidr_el0
    mrs     x1, tpidrro_el0
    stp     x0, x1, [sp, #AT_X(0)]
    ldr     x1, [sp, #KF_SP]
    save_kernel_frame
    str     x1, [sp, #KF_SP]
    bl      arm64_stack_overflow
