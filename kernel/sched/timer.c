// SPDX-License-Identifier: MIT
// Kernel timers: a red-black tree of deadlines per CPU, and the interrupt that takes the expired
// ones. Book: chapter 4.
#include "kernel/sched/timer.h"
#include "kernel/debug/log.h"
#include "kernel/sched/sched.h"
#include <arch/timer.h>

static bool deadline_less(const struct rb_node *a, const struct rb_node *b)
{
    return container_of(a, struct timer, node)->deadline_ns <
           container_of(b, struct timer, node)->deadline_ns;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    timer->fire = fire;
    timer->armed = false;
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    if (deadline_ns == DEADLINE_NEVER) {
        return;
    }
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    ASSERT(!timer->armed);
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    rb_insert(&cpu->timers, &timer->node, deadline_less);
    cpu->rearm |= rb_first(&cpu->timers) == &timer->node;
    spin_unlock(&cpu->lock);
}

void timer_cancel(struct timer *timer)
{
    if (!timer->armed) {
        return;
    }
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    // The hardware stays set: an early interrupt finds nothing due and sets the next deadline.
    rb_remove(&cpu->timers, &timer->node);
    timer->armed = false;
    spin_unlock(&cpu->lock);
}

static struct timer *timer_take_expired(struct cpu *cpu, uint64_t now)
{
    struct timer *due = NULL;
    spin_lock(&cpu->lock);
    struct rb_node *first = rb_first(&cpu->timers);
    if (first != NULL && container_of(first, struct timer, node)->deadline_ns <= now) {
        due = container_of(first, struct timer, node);
        rb_remove(&cpu->timers, first);
        due->armed = false;
    }
    spin_unlock(&cpu->lock);
    return due;
}

void timer_interrupt(void)
{
    struct cpu *cpu = cpu_this();
    uint64_t now = arch_clock_ns();
    struct timer *due;
    while ((due = timer_take_expired(cpu, now)) != NULL) {
        due->fire(due);
    }
    cpu->timer_set_ns = DEADLINE_NEVER;
    arch_timer_set(DEADLINE_NEVER);
    cpu->rearm = true;
    if (now >= cpu->slice_end_ns && !rb_empty(&cpu->run_queue)) {
        cpu->resched = true;
    }
}
