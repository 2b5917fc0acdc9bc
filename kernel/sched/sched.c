// SPDX-License-Identifier: MIT
// The scheduler's run queue and the way back to user mode. Entry points: sched_wake, sched_block,
// sched_exit. Lock: cpu->lock. Book: chapters 8 and 11.
#include "kernel/sched/sched.h"
#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include <arch/timer.h>

bool (*sched_thread_doomed)(struct thread *t);
void (*sched_activate)(struct thread *t);

static struct cpu boot_cpu;

void sched_init_boot_cpu(void)
{
    spin_init(&boot_cpu.lock, "cpu", LOCK_SCHED);
    rb_tree_init(&boot_cpu.run_queue);
    rb_tree_init(&boot_cpu.timers);
    boot_cpu.timer_set_ns = DEADLINE_NEVER;
    arch_cpu_init(&boot_cpu.arch);
}

static bool vruntime_less(const struct rb_node *a, const struct rb_node *b)
{
    return container_of(a, struct thread, run_node)->vruntime <
           container_of(b, struct thread, run_node)->vruntime;
}

static void queue_insert_locked(struct cpu *cpu, struct thread *t)
{
    DEBUG_ASSERT(!t->queued);
    t->queued = true;
    rb_insert(&cpu->run_queue, &t->run_node, vruntime_less);
}

static void queue_remove_locked(struct cpu *cpu, struct thread *t)
{
    t->queued = false;
    rb_remove(&cpu->run_queue, &t->run_node);
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
    struct rb_node *first = rb_first(&cpu->run_queue);
    uint64_t least = t->vruntime;
    if (first != NULL && container_of(first, struct thread, run_node)->vruntime < least) {
        least = container_of(first, struct thread, run_node)->vruntime;
    }
    if (least > cpu->min_vruntime) {
        cpu->min_vruntime = least;
    }
}

void sched_thread_init(struct thread *t)
{
    t->state = THREAD_NEW;
    t->weight = WEIGHT_DEFAULT;
}

// A sleeper may be at most one slice behind the others: enough to run soon, too little to shut them
// out.
static void place_locked(struct cpu *cpu, struct thread *t)
{
    uint64_t floor = cpu->min_vruntime > SCHED_SLICE_NS ? cpu->min_vruntime - SCHED_SLICE_NS : 0;
    if (t->vruntime < floor) {
        t->vruntime = floor;
    }
}

void sched_wake(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    DEBUG_ASSERT(t->state == THREAD_NEW || t->state == THREAD_BLOCKED);
    t->state = THREAD_RUNNABLE;
    account_locked(cpu, arch_clock_ns()); // a thread alone has no tick: it may have run for long
    place_locked(cpu, t);
    queue_insert_locked(cpu, t);
    cpu->resched |= cpu->last != NULL && t->vruntime < cpu->last->vruntime;
    cpu->rearm = true; // someone waits now: the running thread gets a slice
    spin_unlock(&cpu->lock);
}

void sched_wake_handoff(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    if (cpu->handoff != NULL) {
        sched_wake(t);
        return;
    }
    spin_lock(&cpu->lock);
    DEBUG_ASSERT(t->state == THREAD_BLOCKED);
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

void sched_dead(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    if (t->queued) {
        queue_remove_locked(cpu, t);
    }
    if (cpu->handoff == t) {
        cpu->handoff = NULL;
    }
    if (cpu->arch.current == t) {
        cpu->arch.current = NULL; // its memory may be reused before the next switch
    }
    t->state = THREAD_DEAD;
    cpu->resched = true;
    spin_unlock(&cpu->lock);
}

void sched_yield(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    // Behind the next one in line, if there is one: otherwise yielding to threads with larger
    // runtimes would do nothing.
    struct rb_node *first = rb_first(&cpu->run_queue);
    if (first != NULL) {
        uint64_t next = container_of(first, struct thread, run_node)->vruntime;
        t->vruntime = t->vruntime > next ? t->vruntime : next;
        cpu->resched = true;
    }
    spin_unlock(&cpu->lock);
}

void sched_set_weight(struct thread *t, uint32_t weight)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    t->weight = weight;
    spin_unlock(&cpu->lock);
}

uint64_t sched_run_time_ns(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    uint64_t running = cpu->last == t ? arch_clock_ns() - cpu->started_ns : 0;
    return t->run_time_ns + running;
}

void sched_task_start(struct thread *t, const char *name, bool (*slice)(void))
{
    ksnprintf(t->name, sizeof(t->name), "%s", name);
    t->task = slice;
    sched_thread_init(t);
    t->wait = WAIT_TASK;
    t->state = THREAD_BLOCKED;
}

void sched_task_wake(struct thread *t)
{
    if (t->state == THREAD_BLOCKED) {
        sched_wake(t);
    }
}

// Takes the next thread off the queues; NULL if none is runnable.
static struct thread *take_next_locked(struct cpu *cpu)
{
    struct thread *t = cpu->handoff;
    if (t != NULL) {
        cpu->handoff = NULL;
        place_locked(cpu, t);
        return t; // it goes on with the slice of the thread that handed over
    }
    struct rb_node *first = rb_first(&cpu->run_queue);
    if (first == NULL) {
        return NULL;
    }
    t = container_of(first, struct thread, run_node);
    queue_remove_locked(cpu, t);
    cpu->slice_end_ns = cpu->started_ns + SCHED_SLICE_NS;
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

// Chooses who runs. The thread that ran goes back on the queue if it still can run.
static struct thread *choose(struct cpu *cpu)
{
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    struct thread *prev = cpu->last;
    cpu->resched = false;
    if (prev != NULL && prev->state == THREAD_RUNNABLE && !prev->queued && prev != cpu->handoff) {
        queue_insert_locked(cpu, prev);
    }
    struct thread *next = take_next_locked(cpu);
    cpu->last = next;
    cpu->switches += next != prev;
    timer_rearm_locked(cpu);
    spin_unlock(&cpu->lock);
    return next;
}

static void idle(struct cpu *cpu)
{
    (void)cpu;
    arch_wait_for_interrupt();
    arch_interrupts_poll();
}

// Runs one slice of a kernel task; the next call of choose() may give the CPU to someone else.
static void task_run(struct cpu *cpu, struct thread *t)
{
    if (!t->task()) {
        sched_block(t);
    }
    arch_interrupts_poll();
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    struct rb_node *first = rb_first(&cpu->run_queue);
    cpu->resched |=
        first != NULL && container_of(first, struct thread, run_node)->vruntime < t->vruntime;
    spin_unlock(&cpu->lock);
}

struct thread *sched_exit(void)
{
    struct cpu *cpu = cpu_this();
    for (;;) {
        struct thread *t = cpu->last;
        if (t == NULL || cpu->resched) {
            t = choose(cpu);
        } else if (cpu->rearm) {
            spin_lock(&cpu->lock);
            timer_rearm_locked(cpu);
            spin_unlock(&cpu->lock);
        }
        if (t == NULL) {
            idle(cpu);
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
