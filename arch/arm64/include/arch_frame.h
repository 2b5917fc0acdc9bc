// SPDX-License-Identifier: MIT
// ARM64: a thread's registers, as entry code saves and loads them. struct arch_thread is the first
// member of struct thread; while the thread runs in user mode SP_EL1 points at it, so that a trap
// can store registers before it has a stack.
//
// A system call is a C function call, so it saves x0-x9, x18, x19, x28-x30, sp, pc and pstate; only
// if another thread may run before it returns, also x20-x27 and the TLS pointer, and then `full` is
// zero. On return the other registers are cleared. Faults and interrupts save everything and set
// `full`. The registers lie in such an order that entry code stores them in pairs; vectors.S knows
// the offsets below.
#ifndef ARCH_FRAME_H
#define ARCH_FRAME_H

#define AT_X(n)   ((n) * 8)
#define AT_SP     248
#define AT_PC     256
#define AT_PSTATE 264
#define AT_TLS    272
#define AT_FULL   280
#define AT_FP     288
#define AT_FPSR   800
#define AT_FPCR   804

// struct arch_percpu
#define PERCPU_STACK_TOP 8
#define PERCPU_FP_OWNER  48
// Its port's words: what TTBR0 is in the kernel (an empty table, where a stray access to a user
// address finds nothing on CPUs without PAN, too), and in user mode and during a user copy.
#define PERCPU_NO_TABLE   16
#define PERCPU_USER_TABLE 24
#define PORT_NO_TABLE     0 // index of the word
#define PORT_USER_TABLE   1

// One kernel stack per CPU, in a block of 32 KiB aligned to its size: a small stack for reporting
// an overflow of the other, a page that is never mapped, the stack. In the stack bit 14 of an
// address is set, in the guard page it is not.
#define KERNEL_STACK_BLOCK 0x8000
#define KERNEL_STACK_SHIFT 14
#define KERNEL_STACK_BYTES 0x4000
#define KERNEL_STACKS      8      // CPUs
#define KERNEL_STACK_GUARD 0x3000 // offset of the guard page = size of the emergency stack

#ifndef __ASSEMBLER__

#include "abi/types.h" // static_assert
#include <stddef.h>
#include <stdint.h>

struct arch_percpu;

struct arch_thread {
    uint64_t x[31];
    uint64_t sp;     // SP_EL0
    uint64_t pc;     // ELR_EL1
    uint64_t pstate; // SPSR_EL1 as the hardware saved it, or 0: always EL0t with D, A, I, F clear
    uint64_t tls;    // TPIDR_EL0
    uint64_t full;   // 1: every register above is valid; 0: saved by a system call
    uint64_t fp[64]; // v0-v31, while another thread's are in the registers
    uint32_t fpsr, fpcr;
    uint64_t reserved;
};
static_assert(offsetof(struct arch_thread, x[30]) == AT_X(30), "vectors.S");
static_assert(offsetof(struct arch_thread, sp) == AT_SP, "vectors.S");
static_assert(offsetof(struct arch_thread, pc) == AT_PC, "vectors.S");
static_assert(offsetof(struct arch_thread, pstate) == AT_PSTATE, "vectors.S");
static_assert(offsetof(struct arch_thread, tls) == AT_TLS, "vectors.S");
static_assert(offsetof(struct arch_thread, full) == AT_FULL, "vectors.S");
static_assert(offsetof(struct arch_thread, fp) == AT_FP, "fpu.S");
static_assert(offsetof(struct arch_thread, fpsr) == AT_FPSR, "fpu.S");
static_assert(offsetof(struct arch_thread, fpcr) == AT_FPCR, "fpu.S");
static_assert(sizeof(struct arch_thread) % 16 == 0, "pairs of registers");

// Parts of the contract that every system call uses, here to be inlined.
static inline struct arch_percpu *arch_percpu(void)
{
    struct arch_percpu *percpu;
    __asm__("mrs %0, tpidr_el1" : "=r"(percpu));
    return percpu;
}
static inline uint64_t *arch_thread_args(struct arch_thread *t) { return t->x; }
static inline uint64_t arch_thread_syscall(const struct arch_thread *t) { return t->x[8]; }
static inline uint64_t arch_thread_extra(const struct arch_thread *t) { return t->x[9]; }
static inline void arch_thread_set_extra(struct arch_thread *t, uint64_t v) { t->x[9] = v; }
static inline uint64_t arch_thread_pc(const struct arch_thread *t) { return t->pc; }
static inline void arch_thread_restart_syscall(struct arch_thread *t) { t->pc -= 4; }

#endif
#endif
