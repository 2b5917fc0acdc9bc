// SPDX-License-Identifier: MIT
// Port contract: traps and threads' registers. The kernel has one stack per CPU and is entered only
// from user mode (interrupts stay masked inside):
//
//   entry code saves the user's registers in the current thread's struct arch_thread, takes this
//   CPU's stack from its top and calls one of
//       trap_syscall(t)            system call
//       trap_fault(t, &fault)      any exception of the user program; a system call whose number is
//                                  SYS_COUNT or more is one, FAULT_BAD_SYSCALL
//       trap_interrupt(t)          after arch_interrupts_poll() has run
//   The last two return the thread to run next. trap_syscall returns whether there is something to
//   do before the thread goes on. If not, the registers that C code preserves are still the user's,
//   and only the others are loaded. If so, entry code saves those, too, and calls sched_exit(),
//   which returns the thread to run. Before the call nobody looks at them in the frame.
//
//   The registers of the next thread are then loaded (all of them if its frame is full, else those
//   that C code preserves, and results; the rest zeroed), with its address space active.
//
// A trap from kernel mode is a fault inside arch_copy_* (resolved through aspace_fault or turned
// into an error) or a bug: panic.
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#include "kernel/lib/types.h"
#include <arch_frame.h> // struct arch_thread: registers, first member of struct thread; fp state

struct thread;

struct fault_info {
    enum fault_kind kind;
    uint64_t address; // accessed, for memory faults
    uint64_t pc;
    uint64_t cause; // ESR_EL1 or scause, for the log
};

// Implemented by the kernel (kernel/sys/trap.c), called by the port.
bool trap_syscall(struct thread *t);
struct thread *trap_fault(struct thread *t, const struct fault_info *fault);
struct thread *trap_interrupt(struct thread *t);
// Implemented by the kernel, called from arch_interrupts_poll.
void timer_interrupt(void);
void sched_kicked(void);      // arch_cpu_kick of this CPU
void irq_fire(uint32_t line); // the port has masked the line and finished the interrupt

// Implemented by the kernel for registers that few threads use and whose size the CPU decides:
// memory charged to the thread's job, zeroed; NULL if its quota or the machine has none left. Freed
// from arch_thread_fini.
void *thread_state_alloc(struct thread *t, size_t bytes);
void thread_state_free(struct thread *t, void *state, size_t bytes);

// Frame access. args points at the eight argument/result registers (x0-x7, a0-a7).
uint64_t *arch_thread_args(struct arch_thread *t);
uint64_t arch_thread_syscall(const struct arch_thread *t);     // number register (x8, t0)
uint64_t arch_thread_extra(const struct arch_thread *t);       // deadline register (x9, t1)
void arch_thread_set_extra(struct arch_thread *t, uint64_t v); // badge register
uint64_t arch_thread_pc(const struct arch_thread *t);
// Steps the pc back onto the system call instruction: STATUS_RESTART.
void arch_thread_restart_syscall(struct arch_thread *t);
// Fresh registers: everything zero but pc, sp and three arguments; user mode, interrupts on. The
// frame is full.
void arch_thread_init(struct arch_thread *t, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1,
                      uint64_t a2);
// Drops FP and vector state kept for the thread (it dies).
void arch_thread_fini(struct arch_thread *t);
// Prints the registers, for the log. Eight or so lines through klog.
void arch_thread_dump(const struct arch_thread *t);

// Loads the thread's registers and enters user mode: the end of kernel_main.
NORETURN void arch_thread_enter(struct thread *t);

#endif
