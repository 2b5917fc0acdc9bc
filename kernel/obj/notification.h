// SPDX-License-Identifier: MIT
// Notifications: a word of bits that is signalled and waited for; may be bound to a thread, whose
// receives it then also wakes; may carry one timer. IRQ objects, which signal them. Guarded by
// ipc_lock.
#ifndef KERNEL_OBJ_NOTIFICATION_H
#define KERNEL_OBJ_NOTIFICATION_H

#include "kernel/lib/object.h"
#include "kernel/sched/thread.h"

struct job;

struct notification {
    struct object object;
    struct job *job;
    uint64_t bits;
    struct list waiters;  // threads, by wait_node
    struct thread *bound; // not referenced: a dying thread unbinds
    struct timer timer;
    uint64_t timer_bits;
};

struct irq {
    struct object object;
    struct job *job;
    uint32_t line;
    struct notification *notification; // referenced, or NULL
    uint64_t bits;
};

void notification_init_caches(void);
static inline struct notification *notification_from_object(struct object *o)
{
    return container_of(o, struct notification, object);
}
static inline struct irq *irq_from_object(struct object *o)
{
    return container_of(o, struct irq, object);
}
status_t notification_create(struct job *job, struct notification **out) MUST_CHECK;
void notification_signal(struct notification *n, uint64_t bits);
void notification_signal_locked(struct notification *n, uint64_t bits);
status_t notification_wait(struct thread *t, struct notification *n, uint64_t deadline,
                           uint64_t *bits) MUST_CHECK;
status_t notification_bind(struct notification *n, struct thread *t) MUST_CHECK;
status_t notification_unbind(struct notification *n) MUST_CHECK;
void notification_unbind_thread_locked(struct thread *t);
void notification_arm(struct notification *n, uint64_t deadline, uint64_t bits, uint64_t slack_ns);

status_t irq_create(struct job *job, uint32_t line, bool edge,
                    struct irq **out) MUST_CHECK; // ERR_BUSY, ERR_OUT_OF_RANGE
void irq_bind(struct irq *irq, struct notification *n, uint64_t bits);
status_t irq_ack(struct irq *irq) MUST_CHECK; // ERR_BAD_STATE if not bound

#endif
