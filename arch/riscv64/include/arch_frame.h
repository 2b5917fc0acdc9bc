// SPDX-License-Identifier: MIT
// RISC-V: the registers of a user thread, and the constants that entry.S shares with C. The offsets
// are used by assembly and checked by static asserts in trap.c.
//
// x[0], which as a register is always zero, holds the pc. After a system call only what a C call
// preserves is valid (from sched_exit on, arch/trap.h), with a0-a7, t0 and t1; after any other trap
// `full` is set and all of it is.
#ifndef ARCH_FRAME_H
#define ARCH_FRAME_H

// Per CPU: a page that is never mapped, the stack with its scratch words, the emergency stack.
#define KERNEL_STACKS         8 // CPUs
#define KERNEL_STACK_GUARD    4096
#define KERNEL_STACK_BYTES    16384
#define EMERGENCY_STACK_BYTES 4096
#define KERNEL_STACK_BLOCK    (KERNEL_STACK_GUARD + KERNEL_STACK_BYTES + EMERGENCY_STACK_BYTES)
// Offset of stack_top in the block.
#define KERNEL_STACK_TOP (KERNEL_STACK_GUARD + KERNEL_STACK_BYTES - KERNEL_STACK_SCRATCH_BYTES)
// A trap from kernel mode that finds less stack than this goes to the emergency stack.
#define KERNEL_STACK_RESERVE_BYTES 1024
// Above stack_top: scratch words for the first instructions of a trap from kernel mode (same
// offsets as in struct arch_thread).
#define KERNEL_STACK_SCRATCH_BYTES 64

#define THREAD_PC          0
#define THREAD_X(n)        ((n) * 8)
#define THREAD_SSTATUS     256
#define THREAD_PERCPU      264
#define THREAD_FULL        272
#define THREAD_RESERVATION 280
#define THREAD_FCSR        288
#define THREAD_F           296
#define THREAD_BYTES       560

#define PERCPU_STACK_TOP 8 // struct arch_percpu
#define PERCPU_HW_ID     32

#define KERNEL_FRAME_SSTATUS 256
#define KERNEL_FRAME_SCAUSE  264
#define KERNEL_FRAME_STVAL   272
#define KERNEL_FRAME_BYTES   288

#ifndef __ASSEMBLER__

#include <stdint.h>

struct arch_percpu;
struct vector_state;

struct arch_thread {
    uint64_t x[32];
    uint64_t sstatus; // as loaded on the way to user mode; FS is on only while this thread owns the
                      // FP registers
    struct arch_percpu *percpu; // CPU that it entered user mode on
    uint64_t full;              // 1: every register is valid and is loaded on return
    uint64_t reservation;       // target of the store-conditional that ends reservations
    uint64_t fcsr;              // FP state while the thread is not the owner
    uint64_t f[32];
    struct vector_state *vector; // NULL until the first vector instruction; valid while another
                                 // thread's state is in the registers
};

// Registers of interrupted kernel code, on the kernel stack. x[0] is the pc here too.
struct kernel_frame {
    uint64_t x[32];
    uint64_t sstatus, scause, stval;
    uint64_t reserved; // the stack stays 16-byte aligned
};

// x10-x17 are a0-a7; x5 = t0, x6 = t1.
enum { X_SP = 2, X_T0 = 5, X_T1 = 6, X_S0 = 8, X_A0 = 10 };

// The parts of the contract (arch/trap.h, arch/cpu.h) that every system call uses, inline.
static inline uint64_t *arch_thread_args(struct arch_thread *t) { return &t->x[X_A0]; }

static inline uint64_t arch_thread_syscall(const struct arch_thread *t) { return t->x[X_T0]; }

static inline uint64_t arch_thread_extra(const struct arch_thread *t) { return t->x[X_T1]; }

static inline void arch_thread_set_extra(struct arch_thread *t, uint64_t v) { t->x[X_T1] = v; }

static inline uint64_t arch_thread_pc(const struct arch_thread *t) { return t->x[0]; }

static inline struct arch_percpu *arch_percpu(void)
{
    struct arch_percpu *percpu;
    __asm__("mv %0, tp" : "=r"(percpu));
    return percpu;
}

#endif
#endif
