// SPDX-License-Identifier: MIT
// The scheduler: run queues and the way back to user mode. Entry points: sched_wake, sched_block,
// sched_exit; cpu.c starts further CPUs. Lock: cpu->lock, of one CPU at a time. Book: chapters 8,
// 10 and 11.
//
// Whose is a thread? Three rules keep two CPUs from running or freeing one thread:
//   1. A thread is on the queue of t->cpu, or on_cpu there, or blocked, new or dead. t->cpu changes
//   only with the lock of the old CPU held, or
//      while the thread is blocked, by whoever wakes it under ipc_lock.
//   2. on_cpu lasts from the choice of the thread until that CPU has chosen another, so it covers
//   the end of the trap in which the
//      thread blocked. A thread that is woken meanwhile is queued on that same CPU and not stolen:
//      see wake_target and steal.
//   3. A thread that is on_cpu dies only on that CPU (sched_retire).
#include "kernel/sched/sched.h"
#include "kernel/debug/log.h"
#include "kernel/debug/trace.h"
#include "kernel/lib/printf.h"
#include <arch/timer.h>
#include <string.h>

bool (*sched_thread_doomed)(struct thread *t);
void (*sched_activate)(struct thread *t);

static bool vruntime_less(const struct rb_node *a, const struct rb_node *b)
{
    return container_of(a, struct thread, run_node)->vruntime <
           container_of(b, struct thread, run_node)->vruntime;
}

static struct thread *queue_first_locked(const struct cpu *cpu)
{
    struct rb_node *first = rb_first(&cpu->run_queue);
    return first != NULL ? container_of(first, struct thread, run_node) : NULL;
}

static void queue_insert_locked(struct cpu *cpu, struct thread *t)
{
    DEBUG_ASSERT(!t->queued && t->cpu == cpu);
    t->queued = true;
    rb_insert(&cpu->run_queue, &t->run_node, vruntime_less);
}

static void queue_remove_locked(struct cpu *cpu, struct thread *t)
{
    t->queued = false;
    rb_remove(&cpu->run_queue, &t->run_node);
}

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

// Counts the time `last` has run up to now.
static void account_locked(struct cpu *cpu, uint64_t now)
{
    struct thread *t = cpu->last;
    uint64_t delta = now - cpu->started_ns;
    cpu->started_ns = now;
    if (t == NULL) {
        cpu->idle_ns += delta;
        return;
    }
    t->run_time_ns += delta;
    t->vruntime += delta * WEIGHT_DEFAULT / t->weight;
    struct thread *first = queue_first_locked(cpu);
    uint64_t least = first != NULL && first->vruntime < t->vruntime ? first->vruntime : t->vruntime;
    if (least > cpu->min_vruntime) {
        cpu->min_vruntime = least;
    }
}

void sched_thread_init(struct thread *t)
{
    t->state = THREAD_NEW;
    t->weight = WEIGHT_DEFAULT;
    t->affinity = UINT32_MAX;
    t->cpu = cpu_this();
}

// Has the CPU choose again. Never writes false: the CPU itself sets the flag without the lock
// (sched_block), and that must not be lost.
static void request(struct cpu *cpu, bool wanted)
{
    if (wanted) {
        __atomic_store_n(&cpu->resched, true, __ATOMIC_RELAXED);
    }
}

// --- waking -------------------------------------------------------------------------------------

// A sleeper may be at most one slice behind the others: enough to run soon, too little to shut them
// out.
static void place_locked(struct cpu *cpu, struct thread *t)
{
    uint64_t floor = cpu->min_vruntime > SCHED_SLICE_NS ? cpu->min_vruntime - SCHED_SLICE_NS : 0;
    if (t->vruntime < floor) {
        t->vruntime = floor;
    }
}

// Virtual time runs differently on each CPU: what counts is the distance from the queue's least.
static void rebase(struct thread *t, const struct cpu *from, const struct cpu *to)
{
    uint64_t ahead = t->vruntime > from->min_vruntime ? t->vruntime - from->min_vruntime : 0;
    t->vruntime = to->min_vruntime + ahead;
}

static bool may_run(const struct thread *t, const struct cpu *cpu)
{
    return cpu->online && (t->affinity >> cpu->arch.id & 1) != 0;
}

// Where a thread that becomes runnable goes: where it was if that CPU is free or not done with it,
// else to a free CPU. What is read here without locks is a hint, except on_cpu: nobody can set that
// for a thread that is not runnable.
static struct cpu *wake_target(struct thread *t)
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
    return cpu->last == NULL || t->vruntime < cpu->last->vruntime;
}

// Queues a runnable thread; true if the CPU must be kicked to see it.
static bool enqueue_locked(struct cpu *cpu, struct thread *t)
{
    account_locked(cpu, arch_clock_ns()); // a thread alone has no tick: it may have run for long
    place_locked(cpu, t);
    queue_insert_locked(cpu, t);
    bool preempts = preempts_locked(cpu, t);
    bool first_waiter = rb_first(&cpu->run_queue) == &t->run_node;
    request(cpu, preempts);
    cpu->rearm = true; // someone waits now: the running thread gets a slice
    return cpu != cpu_this() && (preempts || first_waiter);
}

static bool wake_on_locked(struct cpu *cpu, struct thread *t)
{
    DEBUG_ASSERT(t->state == THREAD_NEW || t->state == THREAD_BLOCKED);
    t->state = THREAD_RUNNABLE;
    return enqueue_locked(cpu, t);
}

void sched_wake(struct thread *t)
{
    struct cpu *home = t->cpu, *target = wake_target(t);
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
    account_locked(cpu, arch_clock_ns());
    // Behind the next one in line, if there is one: otherwise yielding to threads with larger
    // runtimes would do nothing.
    struct thread *next = queue_first_locked(cpu);
    if (next != NULL) {
        t->vruntime = t->vruntime > next->vruntime ? t->vruntime : next->vruntime;
        cpu->resched = true;
    }
    spin_unlock(&cpu->lock);
}

void sched_set_weight(struct thread *t, uint32_t weight)
{
    struct cpu *cpu = thread_cpu_lock(t);
    account_locked(cpu, arch_clock_ns());
    t->weight = weight;
    spin_unlock(&cpu->lock);
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

// Runs one slice of a kernel task; the next call of choose() may give the CPU to someone else.
static void task_run(struct cpu *cpu, struct thread *t)
{
    __atomic_store_n(&t->task_again, false, __ATOMIC_SEQ_CST);
    bool more = t->task();
    arch_interrupts_poll();
    spin_lock(&cpu->lock);
    // Work that came while the slice ran is seen here, with the lock that sched_task_wake takes.
    if (!more && !t->task_again) {
        sched_block(t);
    }
    account_locked(cpu, arch_clock_ns());
    struct thread *first = queue_first_locked(cpu);
    request(cpu, first != NULL && first->vruntime < t->vruntime);
    spin_unlock(&cpu->lock);
}

// --- choosing -----------------------------------------------------------------------------------

// The first thread on the queue that may be taken away from its CPU. Few are skipped: those that
// must stay, and one that its CPU has not done with.
static struct thread *stealable_locked(struct cpu *victim, const struct cpu *thief)
{
    unsigned looked = 0;
    for (struct rb_node *n = rb_first(&victim->run_queue); n != NULL && looked < 16;
         n = rb_next(n), looked++) {
        struct thread *t = container_of(n, struct thread, run_node);
        if (!t->on_cpu && may_run(t, thief)) {
            return t;
        }
    }
    return NULL;
}

// Takes a waiting thread from another CPU. It is this CPU's, and on_cpu, when the victim's lock is
// dropped.
static struct thread *steal(struct cpu *thief)
{
    for (unsigned i = 1; i < cpu_count; i++) {
        struct cpu *victim = &cpus[(thief->arch.id + i) % cpu_count];
        if (rb_empty(&victim->run_queue)) { // a hint, without the lock
            continue;
        }
        spin_lock(&victim->lock);
        struct thread *t = stealable_locked(victim, thief);
        if (t != NULL) {
            queue_remove_locked(victim, t);
            rebase(t, victim, thief);
            t->on_cpu = true;
            __atomic_store_n(&t->cpu, thief, __ATOMIC_RELEASE);
        }
        spin_unlock(&victim->lock);
        if (t != NULL) {
            return t;
        }
    }
    return NULL;
}

// Takes the next thread off this CPU's queues; NULL if none is runnable.
static struct thread *take_next_locked(struct cpu *cpu)
{
    struct thread *t = cpu->handoff;
    if (t != NULL) {
        cpu->handoff = NULL;
        place_locked(cpu, t);
        return t; // it goes on with the slice of the thread that handed over
    }
    t = queue_first_locked(cpu);
    if (t != NULL) {
        queue_remove_locked(cpu, t);
        cpu->slice_end_ns = cpu->started_ns + SCHED_SLICE_NS;
    }
    return t;
}

static void timer_rearm_locked(struct cpu *cpu)
{
    struct rb_node *first = rb_first(&cpu->timers);
    uint64_t deadline =
        first != NULL ? container_of(first, struct timer, node)->deadline_ns : DEADLINE_NEVER;
    if (cpu->last != NULL && !rb_empty(&cpu->run_queue) && cpu->slice_end_ns < deadline) {
        deadline = cpu->slice_end_ns;
    }
    cpu->rearm = false;
    if (deadline != cpu->timer_set_ns) {
        cpu->timer_set_ns = deadline;
        arch_timer_set(deadline);
    }
}

static void trace_switch(const struct cpu *cpu, const struct thread *next)
{
    uint64_t name = 0;
    if (next == NULL) {
        trace_at(cpu->started_ns, TRACE_IDLE, 0, 0);
        return;
    }
    memcpy(&name, next->name, sizeof(name));
    trace_at(cpu->started_ns, TRACE_SWITCH, next->object.id, name);
}

// Makes `next` (NULL: nothing) what this CPU runs; with that it has done with the thread before.
static void switch_to_locked(struct cpu *cpu, struct thread *next)
{
    struct thread *prev = cpu->last;
    cpu->last = next;
    cpu->idle = next == NULL;
    if (next != NULL) {
        next->on_cpu = true;
    }
    if (prev != next) {
        cpu->arch.current = NULL; // when prev is gone its memory may become another thread
        trace_switch(cpu, next);
    }
    if (prev != NULL && prev != next) {
        if (cpu_count > 1) {
            arch_fp_release(prev);
        }
        __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
    }
    cpu->switches += next != prev;
    timer_rearm_locked(cpu);
}

// Passes on a thread that was chosen here but may no longer run here. cpu->lock is held, and
// dropped. In between the two locks the thread is on no queue and on_cpu keeps it from being woken,
// stolen or freed; who retires it meanwhile leaves it to the target, or makes it dead.
static void send_away_unlock(struct cpu *cpu, struct thread *t)
{
    struct cpu *target = wake_target(t);
    t->on_cpu = true;
    rebase(t, cpu, target);
    __atomic_store_n(&t->cpu, target, __ATOMIC_RELEASE);
    spin_unlock(&cpu->lock);
    bool kick = false;
    spin_lock(&target->lock);
    if (t->state == THREAD_RUNNABLE) {
        kick = enqueue_locked(target, t);
    }
    __atomic_store_n(&t->on_cpu, false, __ATOMIC_RELEASE);
    spin_unlock(&target->lock);
    if (kick) {
        arch_cpu_kick(&target->arch);
    }
}

// A thread waits here: a CPU that has nothing to do is told, and may steal it. What is read of it
// without its lock is a hint.
static void offer_locked(struct cpu *cpu)
{
    const struct thread *first = queue_first_locked(cpu);
    for (unsigned i = 0; first != NULL && !first->on_cpu && i < cpu_count; i++) {
        if (cpus[i].idle && &cpus[i] != cpu && may_run(first, &cpus[i])) {
            arch_cpu_kick(&cpus[i].arch);
            return;
        }
    }
}

// The thread that ran here was killed from elsewhere, perhaps after it blocked: nobody but this CPU
// can make it dead.
static bool must_die(const struct thread *t)
{
    return t != NULL && t->killed && t->state != THREAD_DEAD;
}

// Takes the next thread of this CPU's own; the one that ran goes back on the queue if it still can
// run. False: to be called again.
static bool choose_own(struct cpu *cpu, struct thread **next)
{
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    struct thread *prev = cpu->last;
    if (must_die(prev)) { // on_cpu must not end before
        spin_unlock(&cpu->lock);
        sched_thread_doomed(prev);
        return false;
    }
    cpu->resched = false;
    if (prev != NULL && prev->state == THREAD_RUNNABLE && !prev->queued && prev != cpu->handoff) {
        queue_insert_locked(cpu, prev);
    }
    *next = take_next_locked(cpu);
    bool leaves = *next != NULL && !may_run(*next, cpu);
    switch_to_locked(cpu, leaves ? NULL : *next);
    if (leaves) {
        send_away_unlock(cpu, *next);
        return false;
    }
    if (cpu_count > 1) {
        offer_locked(cpu);
    }
    spin_unlock(&cpu->lock);
    return true;
}

// Chooses who runs: a thread of this CPU or one that waits on another; NULL if there is none.
static struct thread *choose(struct cpu *cpu)
{
    struct thread *next = NULL;
    while (!choose_own(cpu, &next)) {
    }
    if (next != NULL || cpu_count == 1) {
        return next;
    }
    next = steal(cpu);
    if (next != NULL) {
        spin_lock(&cpu->lock);
        account_locked(cpu, arch_clock_ns());
        cpu->slice_end_ns = cpu->started_ns + SCHED_SLICE_NS;
        switch_to_locked(cpu, next);
        spin_unlock(&cpu->lock);
    }
    return next;
}

// Nothing to run: no address space stays active here, because its process may be taken apart
// meanwhile.
static void idle(void)
{
    sched_activate(NULL);
    arch_wait_for_interrupt();
    arch_interrupts_poll();
}

struct thread *sched_exit(void)
{
    struct cpu *cpu = cpu_this();
    for (;;) {
        struct thread *t = cpu->last;
        if (t == NULL || __atomic_load_n(&cpu->resched, __ATOMIC_RELAXED)) {
            t = choose(cpu);
        } else if (__atomic_load_n(&cpu->rearm, __ATOMIC_RELAXED)) {
            spin_lock(&cpu->lock);
            timer_rearm_locked(cpu);
            spin_unlock(&cpu->lock);
        }
        if (t == NULL) {
            idle();
        } else if (t->task != NULL) {
            task_run(cpu, t);
        } else if (!sched_thread_doomed(t)) {
            if (cpu->arch.current != t) {
                sched_activate(t);
                cpu->arch.current = t;
            }
            return t;
        }
    }
}
