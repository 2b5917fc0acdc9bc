// SPDX-License-Identifier: MIT
// The scheduler: weighted fair queueing by virtual runtime, one run queue per CPU, one-shot timers,
// no tick.
//
// Each thread has a virtual runtime that grows by the CPU time it uses, divided by its weight. The
// runnable thread with the smallest runs next, for at most SCHED_SLICE_NS while others wait. A
// thread that wakes does not get credit for the time it slept beyond one slice.
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include "kernel/lib/spinlock.h"
#include "kernel/sched/thread.h"
#include <arch/cpu.h>

#define SCHED_SLICE_NS 4000000ull
#define CPUS_MAX       8u

struct cpu {
    struct arch_percpu arch; // first: the port finds it through its own register
    struct spinlock lock;    // everything below, unless noted
    struct rb_tree run_queue;
    struct rb_tree timers;
    struct thread *handoff; // runs next, without queueing: direct switch
    struct thread *last;    // thread whose time is being counted, NULL when idle
    uint64_t started_ns;    // when `last` began to run
    uint64_t slice_end_ns;
    uint64_t min_vruntime;
    uint64_t timer_set_ns; // what the hardware timer is set to
    bool resched; // choose again before returning to user mode; also read by this CPU without the
                  // lock
    bool rearm;   // deadlines changed; the same
    bool idle;    // waits for an interrupt; needs a kick to look at its queue
    bool online;  // has entered the scheduler, and not left it
    bool leaving; // to be turned off when it next chooses; atomic
    const struct timer *firing; // timer whose function this CPU calls; atomic
    uint64_t idle_ns;
    uint64_t switches;
    uint64_t syscalls; // debug builds; only this CPU writes it, without the lock
    // Counted by the CPU itself, read by others (struct cpu_stats)
    uint64_t timer_interrupts, timer_void, timers_fired;
    uint64_t kicks, kicks_void;
    uint64_t steals;
};
static_assert(offsetof(struct cpu, arch) == 0, "arch_percpu() is the CPU");

extern struct cpu cpus[CPUS_MAX];
extern unsigned cpu_count; // known CPUs; cpus[0] booted

static inline struct cpu *cpu_this(void) { return (struct cpu *)arch_percpu(); }

void sched_init_boot_cpu(void); // before anything else of this file
// Starts the further CPUs of the machine (hardware ids; that of the boot CPU is skipped) and waits
// until each idles or has failed to.
void sched_start_cpus(const uint64_t *hw_ids, unsigned count);
unsigned sched_cpus_online(void);
NORETURN void sched_enter_secondary(struct arch_percpu *percpu); // on the new CPU
// Before power goes: turns every other CPU off, between two threads, and waits at most two seconds
// until firmware says that they are. Their threads do not run again. No lock is held.
void sched_stop_cpus(void);
NORETURN void sched_leave(struct cpu *cpu); // on a CPU that is `leaving`, no lock held
// Starts a kernel task: a thread of the kernel that does its work in slices and competes like any
// other.
void sched_task_start(struct thread *t, const char *name, bool (*slice)(void));
void sched_task_wake(struct thread *t);
// Called in a slice of a task that cannot go on before another CPU has done something: it looks
// again when everyone who waits has had a turn. With a great weight it would else take the CPU from
// them only to wait.
void sched_task_stuck(void);

void sched_thread_init(struct thread *t); // NEW, default weight
void sched_start(struct thread *t);       // makes a NEW thread runnable; ipc_lock is held
// Makes a BLOCKED thread runnable. Its results are already in its registers. ipc_lock is held.
void sched_wake(struct thread *t);
// As sched_wake, but the calling CPU runs it next, before any other; for rendezvous where the
// current thread blocks.
void sched_wake_handoff(struct thread *t);
void sched_block(struct thread *t); // the current thread stops being runnable
enum retire_result { RETIRED, RETIRE_WAS_DEAD, RETIRE_RUNS_ELSEWHERE };
// Makes the thread DEAD and takes it off every queue; from then on nobody wakes or runs it. If
// another CPU runs it, marks it as killed and kicks that CPU, which will call this again itself.
// ipc_lock is held, as for every wake.
enum retire_result sched_retire(struct thread *t);
void sched_yield(struct thread *t);
void sched_set_weight(struct thread *t, uint32_t weight);
uint64_t sched_run_time_ns(struct thread *t);
void sched_cpu_stats(struct cpu *cpu, struct cpu_stats *out);
// May only run on the CPUs of the mask from its next choice on; the mask must hold an online CPU
// (ERR_INVALID_ARGS).
status_t sched_set_affinity(struct thread *t, uint32_t mask) MUST_CHECK;

// Whether something has happened since this CPU chose its thread that it must look at before it
// returns to user mode. All that takes a thread off a CPU says so: it blocks, dies (its process,
// too), is killed, another one goes first, its slice ends.
static inline bool sched_due(void)
{
    const struct cpu *cpu = cpu_this();
    return __atomic_load_n(&cpu->resched, __ATOMIC_RELAXED) ||
           __atomic_load_n(&cpu->rearm, __ATOMIC_RELAXED);
}
// The way back to user mode when sched_due says so: takes pending work, picks the thread to run,
// idles when there is none.
struct thread *sched_exit(void);
// Has every CPU look again before its thread returns to user mode.
void sched_recheck(void);
// Set by the object layer: whether the thread must not return to user mode because its process is
// dying; it is then made dead.
extern bool (*sched_thread_doomed)(struct thread *t);
// Set by the object layer: activates the address space of the thread; NULL: of none.
extern void (*sched_activate)(struct thread *t);

#endif
