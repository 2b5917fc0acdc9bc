// SPDX-License-Identifier: MIT
// The way back to user mode: which thread this CPU runs next, of its own or taken from another CPU;
// slices of kernel tasks; idling. Entry point: sched_exit. Lock: cpu->lock, of one CPU at a time;
// whose a thread is stands in sched.c. Book: chapters 8, 10 and 11.
#include "kernel/debug/trace.h"
#include "kernel/sched/run_queue.h"
#include <arch/timer.h>
#include <string.h>

bool (*sched_thread_doomed)(struct thread *t);
void (*sched_activate)(struct thread *t);

#define STEAL_LOOK 16u // once, before a CPU goes idle
#define OFFER_LOOK 2u  // at every switch while another CPU is idle

// The first thread on the queue that may be taken away from its CPU. Few are skipped: those that
// must stay, and one that its CPU has not done with.
static struct thread *stealable_locked(struct cpu *victim, const struct cpu *thief, unsigned look)
{
    for (struct rb_node *n = rb_first(&victim->run_queue); n != NULL && look > 0;
         n = rb_next(n), look--) {
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
        struct thread *t = stealable_locked(victim, thief, STEAL_LOOK);
        if (t != NULL) {
            queue_remove_locked(victim, t);
            rebase(t, victim, thief);
            t->on_cpu = true;
            __atomic_store_n(&t->cpu, thief, __ATOMIC_RELEASE);
        }
        spin_unlock(&victim->lock);
        if (t != NULL) {
            thief->steals++;
            return t;
        }
    }
    return NULL;
}

// Takes the next thread off this CPU's queues; NULL if none is runnable.
static struct thread *take_next_locked(struct cpu *cpu)
{
    struct thread *t = cpu->handoff, *first = queue_first_locked(cpu);
    if (t != NULL) {
        cpu->handoff = NULL;
        place_locked(cpu, t);
        // It goes on with the slice of the thread that handed over. But one that is far ahead has
        // to wait its turn: a pair, of which one always computes and the other always hands over,
        // would keep the CPU with the small runtime of the other.
        if (first == NULL || before(t->vruntime, first->order + VRUNTIME_SLICE)) {
            return t;
        }
        queue_insert_locked(cpu, t, t->vruntime);
    }
    t = first;
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
        first != NULL ? container_of(first, struct timer, node)->latest_ns : DEADLINE_NEVER;
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
    static_assert(offsetof(struct thread, name) % sizeof(name) == 0, "one load");
    memcpy(&name, __builtin_assume_aligned(next->name, sizeof(name)), sizeof(name));
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
        prev->left_ns = cpu->started_ns;
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
    struct cpu *target = sched_wake_target(t);
    t->on_cpu = true;
    rebase(t, cpu, target);
    __atomic_store_n(&t->cpu, target, __ATOMIC_RELEASE);
    spin_unlock(&cpu->lock);
    bool kick = false;
    spin_lock(&target->lock);
    if (t->state == THREAD_RUNNABLE) {
        account_locked(target, arch_clock_ns());
        kick = sched_enqueue_locked(target, t, t->vruntime);
    }
    __atomic_store_n(&t->on_cpu, false, __ATOMIC_RELEASE);
    spin_unlock(&target->lock);
    if (kick) {
        arch_cpu_kick(&target->arch);
    }
}

// Threads wait here: a CPU that has nothing to do is told, and may steal one. What is read of it
// without its lock is a hint.
static void offer_locked(struct cpu *cpu)
{
    for (unsigned i = 0; !rb_empty(&cpu->run_queue) && i < cpu_count; i++) {
        if (cpus[i].idle && stealable_locked(cpu, &cpus[i], OFFER_LOOK) != NULL) {
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
        queue_insert_locked(cpu, prev, prev->vruntime);
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
    if (__atomic_load_n(&cpu->leaving, __ATOMIC_RELAXED)) {
        sched_leave(cpu);
    }
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
    request(cpu, first != NULL && before(first->order, t->vruntime));
    spin_unlock(&cpu->lock);
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
    uint64_t kicks = cpu->kicks;
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
            cpu->kicks_void += kicks != cpu->kicks;
            kicks = cpu->kicks;
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
