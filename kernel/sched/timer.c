// SPDX-License-Identifier: MIT
// Kernel timers: a red-black tree per CPU, and the interrupt that takes the expired ones.
//
// A timer may fire anywhere in [deadline, latest]. The tree is ordered by `latest`, the hardware is
// set to the first, and its interrupt takes timers from the front as long as their deadlines have
// passed. The first that is not due has an interrupt of its own to come, not later than the
// `latest` of any behind it: they can go along then. So no other choice of moments takes fewer
// interrupts for the timers armed. Book: chapter 11.
#include "kernel/sched/timer.h"
#include "kernel/debug/log.h"
#include "kernel/debug/trace.h"
#include "kernel/sched/sched.h"
#include <arch/timer.h>

static bool latest_less(const struct rb_node *a, const struct rb_node *b)
{
    return container_of(a, struct timer, node)->latest_ns <
           container_of(b, struct timer, node)->latest_ns;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer, uint64_t serial))
{
    *timer = (struct timer){.fire = fire};
}

void timer_insert(struct timer *timer, uint64_t deadline_ns, uint64_t slack_ns)
{
    timer->serial++; // it is not armed: no CPU looks at it now
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    ASSERT(!timer->armed);
    timer->deadline_ns = deadline_ns;
    timer->latest_ns =
        slack_ns < DEADLINE_NEVER - deadline_ns ? deadline_ns + slack_ns : DEADLINE_NEVER - 1;
    timer->armed = true;
    timer->cpu = cpu;
    rb_insert(&cpu->timers, &timer->node, latest_less);
    cpu->rearm |= rb_first(&cpu->timers) == &timer->node;
    spin_unlock(&cpu->lock);
}

void timer_remove(struct timer *timer)
{
    struct cpu *cpu = timer->cpu;
    spin_lock(&cpu->lock);
    timer->serial++; // under the lock: an expiry just before must have taken the old one along
    if (timer->armed) {
        // Another CPU's hardware may stay set: the interrupt finds nothing due and sets the next.
        cpu->rearm |= rb_first(&cpu->timers) == &timer->node;
        rb_remove(&cpu->timers, &timer->node);
        timer->armed = false;
    }
    spin_unlock(&cpu->lock);
}

bool timer_is_firing(const struct timer *timer)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        if (__atomic_load_n(&cpus[i].firing, __ATOMIC_ACQUIRE) == timer) {
            return true;
        }
    }
    return false;
}

// Takes the first expired timer off the tree and marks it as firing; NULL when none is due.
static struct timer *timer_take_expired(struct cpu *cpu, uint64_t now, uint64_t *serial)
{
    struct timer *due = NULL;
    spin_lock(&cpu->lock);
    struct rb_node *first = rb_first(&cpu->timers);
    if (first != NULL && container_of(first, struct timer, node)->deadline_ns <= now) {
        due = container_of(first, struct timer, node);
        rb_remove(&cpu->timers, first);
        due->armed = false;
        cpu->timers_fired++;
        *serial = due->serial;
    }
    __atomic_store_n(&cpu->firing, due, __ATOMIC_RELEASE);
    spin_unlock(&cpu->lock);
    return due;
}

void timer_interrupt(void)
{
    struct cpu *cpu = cpu_this();
    uint64_t now = arch_clock_ns(), serial, fired = cpu->timers_fired;
    struct timer *due;
    trace_at(now, TRACE_TIMER, 0, 0);
    while ((due = timer_take_expired(cpu, now, &serial)) != NULL) {
        due->fire(due, serial);
    }
    spin_lock(&cpu->lock);
    cpu->timer_set_ns = DEADLINE_NEVER;
    arch_timer_set(DEADLINE_NEVER);
    cpu->rearm = true;
    bool slice_over = now >= cpu->slice_end_ns && !rb_empty(&cpu->run_queue);
    cpu->resched |= slice_over;
    cpu->timer_interrupts++;
    cpu->timer_void += !slice_over && fired == cpu->timers_fired;
    spin_unlock(&cpu->lock);
}
