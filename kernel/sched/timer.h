// SPDX-License-Identifier: MIT
// One-shot kernel timers with slack, kept per CPU in order of the time they must have fired by. A
// timer's function runs in interrupt context of the kernel: with no lock held, at one of the points
// where pending interrupts are taken.
#ifndef KERNEL_SCHED_TIMER_H
#define KERNEL_SCHED_TIMER_H

#include "kernel/lib/rbtree.h"

struct cpu;

struct timer {
    struct rb_node node;
    uint64_t deadline_ns; // not before
    uint64_t latest_ns;   // the interrupt is set to the first of these
    // The timer is disarmed when this runs, and may be armed again. Between the moment its deadline
    // was found to have passed and the moment this function has its locks, the timer may have been
    // cancelled or armed anew: then timer->serial is no longer `serial`, and the function must do
    // nothing.
    void (*fire)(struct timer *timer, uint64_t serial);
    struct cpu *cpu; // whose tree it is or was on
    uint64_t serial; // changes with every arm and cancel
    bool armed;      // cpu->lock
};

// Calls on one timer are serialised by its owner (the lock that fire takes), but for the expiry
// itself.
void timer_init(struct timer *timer, void (*fire)(struct timer *timer, uint64_t serial));
void timer_insert(struct timer *timer, uint64_t deadline_ns, uint64_t slack_ns);
void timer_remove(struct timer *timer);
// Fires at the deadline or up to slack_ns later, together with others. Must not be armed;
// DEADLINE_NEVER does nothing.
static inline void timer_arm(struct timer *timer, uint64_t deadline_ns, uint64_t slack_ns)
{
    if (deadline_ns != DEADLINE_NEVER) {
        timer_insert(timer, deadline_ns, slack_ns);
    }
}
// Harmless if not armed.
static inline void timer_cancel(struct timer *timer)
{
    if (timer->cpu != NULL) { // else never armed
        timer_remove(timer);
    }
}
// Whether some CPU is about to call or calls fire for it: its memory must stay. After the last
// cancel this ends soon and for good.
bool timer_is_firing(const struct timer *timer);

#endif
