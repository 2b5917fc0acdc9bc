// SPDX-License-Identifier: MIT
// One-shot kernel timers, kept per CPU in order of their deadlines. A timer's function runs in
// interrupt context of the kernel: with no lock held, at one of the points where pending interrupts
// are taken.
#ifndef KERNEL_SCHED_TIMER_H
#define KERNEL_SCHED_TIMER_H

#include "kernel/lib/rbtree.h"

struct timer {
    struct rb_node node;
    uint64_t deadline_ns;
    void (*fire)(struct timer *timer); // the timer is disarmed when this runs and may be armed
                                       // again or freed by it
    bool armed;
};

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
void timer_arm(struct timer *timer, uint64_t deadline_ns); // must not be armed; DEADLINE_NEVER does
                                                           // nothing
void timer_cancel(struct timer *timer);                    // harmless if not armed

#endif
