// SPDX-License-Identifier: MIT
// RISC-V: trap entry and exit. RISC-V privileged specification 1.12, sections 4.1.1 (sstatus),
// 4.1.4 (sscratch), 4.1.8 (scause).
//
// While a user program runs, sscratch points at its struct arch_thread; in the kernel, at this
// CPU's stack_top, above which lie a few scratch words at the same offsets. So the first
// instructions of a trap have somewhere to save t0 before they know where they came from, and
// sstatus.SPP alone decides that: no register that a user program can set is looked at.
//
// The kernel runs with sstatus.SIE clear throughout, so nothing here is interrupted, and only
// faults enter trap_from_kernel. The kernel's tp is the struct arch_percpu; gp is not used by the
// kernel and stays the user's until another thread is loaded.
#include "csr.h"
#include <arch_frame.h>
#include <gen/syscall_nr.h>

// What C code does not preserve and a system call keeps: ra (the stub is inline assembly),
// arguments, number and extra word; and tp and s0, which the kernel uses. t0 is saved, sp and pc
// are not here.
.macro save_call_registers
    sd      ra, THREAD_X(1)(sp)
    sd      tp, THREAD_X(4)(sp)
    sd      t1, THREAD_X(6)(sp)
    sd      s0, THREAD_X(8)(sp)
    sd      a0, THREAD_X(10)(sp)
    sd      a1, THREAD_X(11)(sp)
    sd      a2, THREAD_X(12)(sp)
    sd      a3, THREAD_X(13)(sp)
    sd      a4, THREAD_X(14)(sp)
    sd      a5, THREAD_X(15)(sp)
    sd      a6, THREAD_X(16)(sp)
    sd      a7, THREAD_X(17)(sp)
.endm

// What C code preserves.
.macro save_preserved_registers at
    sd      gp, THREAD_X(3)(\at)
    sd      s1, THREAD_X(9)(\at)
    sd      s2, THREAD_X(18)(\at)
    sd      s3, THREAD_X(19)(\at)
    sd      s4, THREAD_X(20)(\at)
    sd      s5, THREAD_X(21)(\at)
    sd      s6, THREAD_X(22)(\at)
    sd      s7, THREAD_X(23)(\at)
    sd      s8, THREAD_X(24)(\at)
    sd      s9, THREAD_X(25)(\at)
    sd      s10, THREAD_X(26)(\at)
    sd      s11, THREAD_X(27)(\at)
.endm

// The registers that the kernel's C code has not preserved and that a system call returns, but a0.
// sp goes away here.
.macro load_call_registers
    ld      t1, THREAD_X(6)(a0)
    ld      a1, THREAD_X(11)(a0)
    ld      a2, THREAD_X(12)(a0)
    ld      a3, THREAD_X(13)(a0)
    ld      a4, THREAD_X(14)(a0)
    ld      a5, THREAD_X(15)(a0)
    ld      a6, THREAD_X(16)(a0)
    ld      a7, THREAD_X(17)(a0)
    ld      ra, THREAD_X(1)(a0)
    ld      sp, THREAD_X(2)(a0)
    ld      tp, THREAD_X(4)(a0)
    ld      s0, THREAD_X(8)(a0)
.endm

// Kernel values in registers that carry nothing must not reach the program.
.macro clear_dead_registers
    li      t0, 0
    li      t2, 0
    li      t3, 0
    li      t4, 0
    li      t5, 0
    li      t6, 0
.endm

.macro load_status
    csrw    sscratch, a0
    ld      t0, THREAD_SSTATUS(a0)
    ld      t1, THREAD_PC(a0)
    csrw    sstatus, t0
    csrw    sepc, t1
.endm

    .section .text.entry, "ax"
    .balign 4
    .globl  trap_entry
trap_entry:
    csrrw   sp, sscratch, sp
    sd      t0, THREAD_X(5)(sp)
    csrr    t0, sstatus
    andi    t0, t0, SSTATUS_SPP
    bnez    t0, trap_from_kernel

    save_call_registers
    csrr    t0, sscratch
    csrr    t1, sepc
    sd      t0, THREAD_X(2)(sp)
    csrr    t0, scause
    addi    t0, t0, -CAUSE_ECALL_USER
    bnez    t0, trap_full
    ld      t0, THREAD_X(5)(sp)     // the number
    sltiu   t0, t0, SYS_COUNT
    beqz    t0, trap_full

    addi    t1, t1, 4               // behind the ecall
    sd      t1, THREAD_PC(sp)
    sd      zero, THREAD_FULL(sp)
    mv      s0, sp
    mv      a0, sp
    ld      tp, THREAD_PERCPU(sp)
    ld      sp, PERCPU_STACK_TOP(tp)
    csrw    sscratch, sp
    call    trap_syscall
    bnez    a0, 1f

    // The same thread goes on: s1-s11 and gp still hold its values.
    mv      a0, s0
    load_status
    load_call_registers
    clear_dead_registers
    ld      a0, THREAD_X(10)(a0)
    sret

    // Another thread may run first. A system call that is to be repeated has made its frame full.
1:  save_preserved_registers s0
    call    sched_exit
    j       thread_load

    // Interrupts and faults: t1 = pc. Everything is saved.
trap_full:
    sd      t1, THREAD_PC(sp)
    li      t0, 1
    sd      t0, THREAD_FULL(sp)
    save_preserved_registers sp
    sd      t2, THREAD_X(7)(sp)
    sd      t3, THREAD_X(28)(sp)
    sd      t4, THREAD_X(29)(sp)
    sd      t5, THREAD_X(30)(sp)
    sd      t6, THREAD_X(31)(sp)
    li      s0, 0                   // end of the chain of frames
    mv      a0, sp
    ld      tp, THREAD_PERCPU(sp)
    ld      sp, PERCPU_STACK_TOP(tp)
    csrw    sscratch, sp
    csrr    a1, scause
    csrr    a2, stval
    call    trap_from_user
    // falls through

    // a0 = thread to run, tp = percpu.
thread_load:
    sd      tp, THREAD_PERCPU(a0)
    // A store-conditional, whether it succeeds or not, ends the reservation of the thread that ran
    // before; otherwise this thread's own store-conditional could succeed on it (unprivileged
    // specification 8.2).
    addi    t0, a0, THREAD_RESERVATION
    sc.d    zero, zero, (t0)
    load_status
    ld      gp, THREAD_X(3)(a0)
    ld      s1, THREAD_X(9)(a0)
    ld      s2, THREAD_X(18)(a0)
    ld      s3, THREAD_X(19)(a0)
    ld      s4, THREAD_X(20)(a0)
    ld      s5, THREAD_X(21)(a0)
    ld      s6, THREAD_X(22)(a0)
    ld      s7, THREAD_X(23)(a0)
    ld      s8, THREAD_X(24)(a0)
    ld      s9, THREAD_X(25)(a0)
    ld      s10, THREAD_X(26)(a0)
    ld      s11, THREAD_X(27)(a0)
    ld      t0, THREAD_FULL(a0)
    load_call_registers
    bnez    t0, 1f
    clear_dead_registers
    ld      a0, THREAD_X(10)(a0)
    sret
1:  ld      t0, THREAD_X(5)(a0)
    ld      t2, THREAD_X(7)(a0)
    ld      t3, THREAD_X(28)(a0)
    ld      t4, THREAD_X(29)(a0)
    ld      t5, THREAD_X(30)(a0)
    ld      t6, THREAD_X(31)(a0)
    ld      a0, THREAD_X(10)(a0)
    sret

    // The first entry into user mode; a thread takes over the CPU without having trapped.
    .globl  arch_thread_enter
arch_thread_enter:
    j       thread_load

    // A fault in the kernel: sp = stack_top with t0 saved above it, sscratch = the interrupted sp.
    // The frame goes onto the same stack, if there is room for it and for the handler; else the
    // stack has overflowed (or sp is wild), and the emergency stack serves the panic.
trap_from_kernel:
    sd      t1, THREAD_X(6)(sp)
    sd      t2, THREAD_X(7)(sp)
    csrr    t0, sscratch
    csrw    sscratch, sp
    sub     t1, sp, t0              // bytes in use
    li      t2, KERNEL_STACK_TOP - KERNEL_STACK_GUARD - KERNEL_STACK_RESERVE_BYTES
    bltu    t2, t1, 1f
    addi    t1, t0, -KERNEL_FRAME_BYTES
    j       2f
1:  li      t1, KERNEL_STACK_SCRATCH_BYTES + EMERGENCY_STACK_BYTES - KERNEL_FRAME_BYTES
    add     t1, t1, sp
2:  sd      t0, THREAD_X(2)(t1)
    ld      t0, THREAD_X(5)(sp)
    ld      t2, THREAD_X(6)(sp)
    sd      t0, THREAD_X(5)(t1)
    sd      t2, THREAD_X(6)(t1)
    ld      t2, THREAD_X(7)(sp)
    mv      sp, t1
    csrr    t0, sepc
    sd      t0, THREAD_PC(sp)
    csrr    t0, sstatus
    sd      t0, KERNEL_FRAME_SSTATUS(sp)
    ld      t1, THREAD_X(6)(sp)
    save_call_registers
    save_preserved_registers sp
    sd      t2, THREAD_X(7)(sp)
    sd      t3, THREAD_X(28)(sp)
    sd      t4, THREAD_X(29)(sp)
    sd      t5, THREAD_X(30)(sp)
    sd      t6, THREAD_X(31)(sp)
    li      t0, SSTATUS_SUM
    csrc    sstatus, t0             // the fault handler is not the copy that it interrupted
    csrr    t0, scause
    csrr    t1, stval
    sd      t0, KERNEL_FRAME_SCAUSE(sp)
    sd      t1, KERNEL_FRAME_STVAL(sp)
    mv      a0, sp
    call    trap_kernel

    mv      a0, sp
    ld      t0, KERNEL_FRAME_SSTATUS(a0)
    csrw    sstatus, t0
    ld      t0, THREAD_PC(a0)
    csrw    sepc, t0
    load_call_registers             // sp too: the frame is below it, and nothing interrupts
    ld      t0, THREAD_X(5)(a0)
    ld      t2, THREAD_X(7)(a0)
    ld      t3, THREAD_X(28)(a0)
    ld      t4, THREAD_X(29)(a0)
    ld      t5, THREAD_X(30)(a0)
    ld      t6, THREAD_X(31)(a0)
    ld      a0, THREAD_X(10)(a0)
    sret

    // bool csr_probe_stimecmp(void): writes all ones to stimecmp and tells whether that trapped.
    // Firmware may announce Sstc and still leave it off for S-mode (menvcfg.STCE).
    .text
    .balign 4
    .globl  csr_probe_stimecmp
csr_probe_stimecmp:
    lla     t0, 1f
    csrrw   t0, stvec, t0
    li      t1, -1
    li      a0, 0
    csrw    CSR_STIMECMP, t1
    li      a0, 1
    .balign 4
1:  csrw    stvec, t0               // reached by the next instruction or by the trap
    xori    a0, a0, 1
    ret
