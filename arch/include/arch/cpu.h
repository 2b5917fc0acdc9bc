// SPDX-License-Identifier: MIT
// Port contract: the CPU. Each architecture's folder implements what is declared here; nothing
// outside arch/ tests for the CPU.
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "kernel/lib/types.h"
#include <arch_frame.h> // may define parts of this contract inline

struct thread;

// Per-CPU record. Its first fields are read by entry code; the scheduler embeds it at the start of
// struct cpu.
struct arch_percpu {
    struct thread *current; // offset 0: thread whose registers the next trap saves
    uintptr_t stack_top;    // offset 8: this CPU's only kernel stack
    uint64_t port[2];       // the port's own
    uint64_t hw_id;         // hart id or MPIDR affinity
    uint32_t id;            // logical CPU number, 0 = boot CPU
    uint32_t reserved;
    struct thread *fp_owner; // thread whose FP state is in the registers, or NULL
    // Times this CPU had other CPUs' TLBs invalidated: broadcasts, remote fences. Counted by it
    // only.
    uint64_t tlb_remote;
    struct thread *vector_owner; // as fp_owner, for registers that only some CPUs have (RISC-V V)
};
static_assert(offsetof(struct arch_percpu, stack_top) == 8 &&
                  offsetof(struct arch_percpu, port) == 16 &&
                  offsetof(struct arch_percpu, hw_id) == 32 &&
                  offsetof(struct arch_percpu, fp_owner) == 48,
              "entry code reads them");

// Sets up this CPU: vectors, percpu pointer, feature bits (PAN, FP off, counters). Called once per
// CPU with interrupts masked.
void arch_cpu_init(struct arch_percpu *percpu);
struct arch_percpu *arch_percpu(void);
extern const char arch_name[];                  // "arm64", "riscv64"
void arch_cpu_describe(char *buf, size_t size); // model, features, firmware: for the banner

// Sleeps until an interrupt is pending; interrupts stay masked (it returns with it pending).
void arch_wait_for_interrupt(void);
// Takes every pending interrupt now: calls timer_interrupt() and irq_fire(line) as needed. Kernel
// code runs with interrupts masked, so this and the trap from user mode are the only places where
// interrupts happen.
void arch_interrupts_poll(void);
bool arch_interrupt_pending(void); // cheap; for long operations between slices
NORETURN void arch_halt(void);

// --- Several CPUs. Logical numbers are dense, 0 is the boot CPU; hardware ids are what the device
// tree's /cpus reg says.

uint64_t arch_cpu_hw_id(void); // of this CPU: MPIDR affinity fields, or hart id
// The top of the kernel stack reserved for a logical CPU (guard page below it), or 0 when the port
// has none for it.
uintptr_t arch_cpu_stack_top(unsigned id);
// Boot CPU, after arch_mmu_init: powers on the CPU. It takes percpu->stack_top, the final tables
// without identity map, and calls kernel_secondary(percpu). percpu->id and hw_id are set.
// ERR_NOT_SUPPORTED (no PSCI, no HSM), ERR_IO (firmware refused).
status_t arch_cpu_start(struct arch_percpu *percpu) MUST_CHECK;
// On a new CPU, from kernel_secondary: its share of the interrupt controller and timer. After
// arch_cpu_init.
void arch_intc_init_cpu(void);
void arch_timer_init_cpu(void);
// Makes the CPU take an interrupt soon: it leaves user mode or wait_for_interrupt and looks what
// there is to do. Orders what was written before it ahead of what the target reads after it.
// Kicking an id twice may be seen as one.
void arch_cpu_kick(const struct arch_percpu *target);
// The same for every other CPU, for a panic: uses nothing that this CPU may have left half done.
void arch_cpu_kick_others(void);
// Saves the thread's FP/SIMD registers if this CPU holds them, and forgets them: the thread may run
// elsewhere next.
void arch_fp_release(struct thread *t);
// Stops this CPU for good (PSCI CPU_OFF, HSM stop); halts where firmware cannot.
NORETURN void arch_cpu_off(void);
// Whether firmware says that the CPU is off (PSCI AFFINITY_INFO, HSM hart status).
bool arch_cpu_is_off(const struct arch_percpu *percpu);
void arch_relax(void); // spin-wait hint

// The firmware's console, for when no UART is known. Any context, also before the MMU is on.
extern const bool arch_has_firmware_console;
void arch_firmware_putc(char c); // nothing where there is none

NORETURN void arch_power_off(void);
NORETURN void arch_restart(void);

// Kernel backtrace: given a frame pointer, yields the caller's pc and frame pointer; false at the
// end or outside the stack.
bool arch_unwind(vaddr_t *pc, vaddr_t *frame_pointer);
vaddr_t arch_frame_pointer(void); // of the caller

#endif
