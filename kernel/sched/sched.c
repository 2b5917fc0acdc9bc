// SPDX-License-Identifier: MIT
// The scheduler: waking, blocking, ending and weighing threads. Entry points: sched_wake,
// sched_block, sched_retire. choose.c has the way back to user mode, cpu.c starts further CPUs.
// Lock: cpu->lock, of one CPU at a time. Book: chapters 8, 10 and 11.
//
// Whose is a thread? Three rules keep two CPUs from running or freeing one thread:
//   1. A thread is on the queue of t->cpu, or on_cpu there, or blocked, new or dead. t->cpu changes
//      only with the lock of the old CPU held, or while the thread is blocked, by whoever wakes it
//      under ipc_lock.
//   2. on_cpu lasts from the choice of the thread until that CPU has chosen another, so it covers
//      the end of the trap in which the thread blocked. A thread that is woken meanwhile is queued
//      on that same CPU and not stolen: see sched_wake_target, and steal in choose.c.
//   3. A thread that is on_cpu dies only on that CPU (sched_retire).
#include "kernel/lib/printf.h"
#include "kernel/sched/run_queue.h"
#include <arch/timer.h>

// Locks the CPU that the thread belongs to.
static struct cpu *thread_cpu_lock(struct thread *t)
{
    for (;;) {
        struct cpu *cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
        spin_lock(&cpu->lock);
        if (cpu == t->cpu) {
            return cpu;
        }
        spin_unlock(&cpu->lock);
    }
}

void sched_thread_init(struct thread *t)
{
    t->state = THREAD_NEW;
    t->weight = WEIGHT_DEFAULT;
    t->affinity = UINT32_MAX;
    t->cpu = cpu_this();
}

void sched_recheck(void)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        request(&cpus[i], true);
    }
}

// --- waking -------------------------------------------------------------------------------------

// Where a thread that becomes runnable goes: where it was if that CPU is free or not done with it,
// else to a free CPU. What is read here without locks is a hint, except on_cpu: nobody can set that
// for a thread that is not runnable.
struct cpu *sched_wake_target(struct thread *t)
{
    struct cpu *home = t->cpu;
    if (cpu_count == 1 || __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) ||
        (home->idle && may_run(t, home))) {
        return home;
    }
    struct cpu *allowed = may_run(t, home) ? home : NULL;
    for (unsigned i = 0; i < cpu_count; i++) {
        if (may_run(t, &cpus[i]) && (cpus[i].idle || allowed == NULL)) {
            allowed = &cpus[i];
            if (cpus[i].idle) {
                break;
            }
        }
    }
    return allowed != NULL ? allowed : home;
}

// Whether the thread should run before what the CPU runs now, whose time has just been counted.
static bool preempts_locked(const struct cpu *cpu, const struct thread *t)
{
    return cpu->last == NULL || before(t->order, cpu->last->vruntime);
}

// Queues a runnable thread, when the running one's time has just been counted: without a tick that
// may be long ago. True if the CPU must be kicked to see it.
bool sched_enqueue_locked(struct cpu *cpu, struct thread *t, uint64_t order)
{
    bool alone = rb_empty(&cpu->run_queue);
    queue_insert_locked(cpu, t, order);
    bool preempts = preempts_locked(cpu, t);
    request(cpu, preempts);
    cpu->rearm |= alone; // someone waits now: the running thread gets a slice
    return cpu != cpu_this() && (preempts || alone);
}

static bool wake_on_locked(struct cpu *cpu, struct thread *t)
{
    DEBUG_ASSERT(t->state == THREAD_NEW || t->state == THREAD_BLOCKED);
    account_locked(cpu, arch_clock_ns());
    place_locked(cpu, t);
    t->state = THREAD_RUNNABLE;
    return sched_enqueue_locked(cpu, t, wake_order_locked(cpu, t));
}

void sched_wake(struct thread *t)
{
    struct cpu *home = t->cpu, *target = sched_wake_target(t);
    spin_lock(&target->lock);
    if (target != home) {
        rebase(t, home, target);
        __atomic_store_n(&t->cpu, target, __ATOMIC_RELEASE);
    }
    bool kick = wake_on_locked(target, t);
    spin_unlock(&target->lock);
    if (kick) {
        arch_cpu_kick(&target->arch);
    }
}

// Where its starter stands, and with no sleeper's credit: a chain of threads, each started by the
// one before, gets the share of one.
void sched_start(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    const struct thread *starter = cpu->last;
    bool behind = starter == NULL || before(starter->vruntime, cpu->min_vruntime);
    t->vruntime = behind ? cpu->min_vruntime : starter->vruntime;
    t->left_ns = cpu->started_ns;
    __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELEASE);
    spin_unlock(&cpu->lock);
    sched_wake(t);
}

void sched_wake_handoff(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    if (cpu->handoff != NULL || __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) || !may_run(t, cpu)) {
        sched_wake(t);
        return;
    }
    spin_lock(&cpu->lock);
    DEBUG_ASSERT(t->state == THREAD_BLOCKED);
    if (t->cpu != cpu) {
        rebase(t, t->cpu, cpu);
        __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELEASE);
    }
    t->state = THREAD_RUNNABLE;
    cpu->handoff = t; // placed when it is taken, after the current thread's time has been counted
    cpu->resched = true;
    spin_unlock(&cpu->lock);
}

void sched_block(struct thread *t)
{
    DEBUG_ASSERT(t->state == THREAD_RUNNABLE && !t->queued);
    t->state = THREAD_BLOCKED;
    cpu_this()->resched = true;
}

enum retire_result sched_retire(struct thread *t)
{
    struct cpu *cpu = thread_cpu_lock(t);
    enum retire_result result = RETIRED;
    if (t->state == THREAD_DEAD) {
        result = RETIRE_WAS_DEAD;
    } else if (t->on_cpu && cpu != cpu_this()) {
        t->killed = true;
        request(cpu, true);
        result = RETIRE_RUNS_ELSEWHERE;
    } else {
        if (t->queued) {
            queue_remove_locked(cpu, t);
        }
        if (cpu->handoff == t) {
            cpu->handoff = NULL;
        }
        t->state = THREAD_DEAD;
        request(cpu, cpu == cpu_this());
    }
    spin_unlock(&cpu->lock);
    if (result == RETIRE_RUNS_ELSEWHERE) {
        arch_cpu_kick(&cpu->arch);
    }
    return result;
}

void sched_yield(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    // Behind all who wait, or a pair that yields to each other would run one of them only, with a
    // third thread in between; but not behind those who are so far ahead that they will not run
    // soon themselves. What it has run since the last count comes on top (choose_own).
    struct thread *next = queue_first_locked(cpu);
    if (next != NULL) {
        uint64_t limit = next->order + VRUNTIME_SLICE;
        uint64_t last = container_of(rb_last(&cpu->run_queue), struct thread, run_node)->order;
        uint64_t behind = before(last, limit) ? last : limit;
        t->vruntime = before(t->vruntime, behind) ? behind : t->vruntime;
        cpu->resched = true;
    }
    spin_unlock(&cpu->lock);
}

void sched_task_stuck(void)
{
    struct thread *t = cpu_this()->last;
    if (t != NULL && t->task != NULL) {
        sched_yield(t);
    }
}

// A thread that has had more than the others waits until they have caught up: as long as the same
// CPU time takes with the new weight, or raising it would help only after the wait of the old one.
static void reweigh_locked(const struct cpu *cpu, struct thread *t, uint32_t weight)
{
    if (before(cpu->min_vruntime, t->vruntime)) {
        uint64_t ahead = t->vruntime - cpu->min_vruntime;
        ahead = ahead < AHEAD_MAX ? ahead : AHEAD_MAX;
        t->vruntime = cpu->min_vruntime + ahead * t->weight / weight;
    }
    t->weight = weight;
}

void sched_set_weight(struct thread *t, uint32_t weight)
{
    struct cpu *cpu = thread_cpu_lock(t);
    bool kick = false, queued = t->queued;
    account_locked(cpu, arch_clock_ns());
    if (queued) {
        queue_remove_locked(cpu, t);
    }
    reweigh_locked(cpu, t, weight);
    if (queued) {
        kick = sched_enqueue_locked(cpu, t, t->vruntime);
    }
    spin_unlock(&cpu->lock);
    if (kick) {
        arch_cpu_kick(&cpu->arch);
    }
}

status_t sched_set_affinity(struct thread *t, uint32_t mask)
{
    bool usable = false;
    for (unsigned i = 0; i < cpu_count; i++) {
        usable |= cpus[i].online && (mask >> i & 1) != 0;
    }
    if (!usable) {
        return ERR_INVALID_ARGS;
    }
    struct cpu *cpu = thread_cpu_lock(t);
    t->affinity = mask;
    bool kick = t->state == THREAD_RUNNABLE && !may_run(t, cpu);
    request(cpu, kick); // choose() sends it on
    spin_unlock(&cpu->lock);
    if (kick && cpu != cpu_this()) {
        arch_cpu_kick(&cpu->arch);
    }
    return OK;
}

uint64_t sched_run_time_ns(struct thread *t)
{
    struct cpu *cpu = thread_cpu_lock(t);
    uint64_t time = t->run_time_ns + (cpu->last == t ? arch_clock_ns() - cpu->started_ns : 0);
    spin_unlock(&cpu->lock);
    return time;
}

// --- kernel tasks -------------------------------------------------------------------------------

// Tasks stay on the CPU that starts them.
void sched_task_start(struct thread *t, const char *name, bool (*slice)(void))
{
    ksnprintf(t->name, sizeof(t->name), "%s", name);
    t->task = slice;
    sched_thread_init(t);
    t->affinity = 1u << t->cpu->arch.id;
    t->wait = WAIT_TASK;
    t->state = THREAD_BLOCKED;
}

void sched_task_wake(struct thread *t)
{
    struct cpu *cpu = t->cpu;
    bool kick = false;
    spin_lock(&cpu->lock);
    t->task_again = true;
    if (t->state == THREAD_BLOCKED) {
        kick = wake_on_locked(cpu, t);
    }
    spin_unlock(&cpu->lock);
    if (kick) {
        arch_cpu_kick(&cpu->arch);
    }
}

void sched_kicked(void)
{
    struct cpu *cpu = cpu_this();
    bool wanted = __atomic_load_n(&cpu->resched, __ATOMIC_RELAXED) ||
                  __atomic_load_n(&cpu->rearm, __ATOMIC_RELAXED);
    cpu->kicks++;
    cpu->kicks_void += !wanted && !cpu->idle; // an idle one: sched_exit
}

void sched_cpu_stats(struct cpu *cpu, struct cpu_stats *out)
{
    spin_lock(&cpu->lock);
    if (cpu->last == NULL && cpu->online) {
        account_locked(cpu, arch_clock_ns()); // it may have slept for long
    }
    *out = (struct cpu_stats){
        .id = cpu->arch.id,
        .online = cpu->online,
        .hw_id = cpu->arch.hw_id,
        .idle_ns = cpu->idle_ns,
        .switches = cpu->switches,
        .syscalls = cpu->syscalls,
        .timer_interrupts = cpu->timer_interrupts,
        .timer_void = cpu->timer_void,
        .timers_fired = cpu->timers_fired,
        .kicks = cpu->kicks,
        .kicks_void = cpu->kicks_void,
        .steals = cpu->steals,
        .tlb_remote = cpu->arch.tlb_remote,
    };
    spin_unlock(&cpu->lock);
}
