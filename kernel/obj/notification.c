// SPDX-License-Identifier: MIT
// Notifications and the interrupt lines that signal them. Lock: ipc_lock. Book: chapters 19 and 21.
#include "kernel/obj/notification.h"
#include "kernel/debug/log.h"
#include "kernel/debug/trace.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/endpoint.h"
#include "kernel/obj/job.h"
#include "kernel/sched/sched.h"
#include <arch/intc.h>
#include <string.h>

static struct slab_cache notification_cache, irq_cache;

void notification_init_caches(void)
{
    slab_cache_init(&notification_cache, "notification", sizeof(struct notification), 8);
    slab_cache_init(&irq_cache, "irq", sizeof(struct irq), 8);
}

// Without handles nobody can signal or wait any more, except a timer or IRQ that nobody could see.
static void notification_zero_handles(struct object *o)
{
    struct notification *n = notification_from_object(o);
    spin_lock(&ipc_lock);
    while (!list_empty(&n->waiters)) {
        struct thread *t = list_entry(list_first(&n->waiters), struct thread, wait_node);
        ipc_detach_locked(t);
        ipc_wake_locked(t, ERR_CANCELED);
    }
    timer_cancel(&n->timer);
    spin_unlock(&ipc_lock);
}

static bool notification_reap(struct object *o)
{
    struct notification *n = notification_from_object(o);
    struct job *job = n->job;
    spin_lock(&ipc_lock);
    timer_cancel(&n->timer);
    if (n->bound != NULL) {
        n->bound->bound = NULL;
        n->bound = NULL;
    }
    spin_unlock(&ipc_lock);
    if (timer_is_firing(&n->timer)) {
        return false; // its function is on the way to ipc_lock and will find the serial changed
    }
    slab_free(&notification_cache, n);
    quota_release(&job->quota, LIMIT_OBJECTS, 1);
    object_put(&job->object);
    return true;
}

static const struct object_ops notification_ops = {.type = OBJ_NOTIFICATION,
                                                   .name = "notification",
                                                   .zero_handles = notification_zero_handles,
                                                   .reap = notification_reap};

static void notification_timer(struct timer *timer, uint64_t serial)
{
    struct notification *n = container_of(timer, struct notification, timer);
    spin_lock(&ipc_lock);
    if (timer->serial == serial) {
        notification_signal_locked(n, n->timer_bits);
    }
    spin_unlock(&ipc_lock);
}

status_t notification_create(struct job *job, struct notification **out)
{
    status_t s = quota_charge(&job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct notification *n = slab_alloc(&notification_cache);
    if (n == NULL) {
        quota_release(&job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&n->object, &notification_ops);
    n->job = job;
    object_get(&job->object);
    list_init(&n->waiters);
    timer_init(&n->timer, notification_timer);
    *out = n;
    return OK;
}

// Who waits for the notification itself goes before the bound thread.
void notification_signal_locked(struct notification *n, uint64_t bits)
{
    n->bits |= bits;
    if (n->bits == 0) {
        return;
    }
    struct list *node = list_pop_front(&n->waiters);
    struct thread *t = node != NULL ? list_entry(node, struct thread, wait_node) : n->bound;
    if (t == NULL || (node == NULL && t->wait != WAIT_RECEIVE)) {
        return;
    }
    uint64_t *args = thread_args(t);
    if (node != NULL) {
        args[1] = n->bits;
        ipc_wake_locked(t, OK);
    } else {
        ipc_detach_locked(t);
        memset(&args[1], 0, 7 * sizeof(uint64_t));
        args[2] = n->bits;
        arch_thread_set_extra(&t->arch, 0);
        ipc_wake_locked(t, RECV_NOTIFICATION);
    }
    n->bits = 0;
}

void notification_signal(struct notification *n, uint64_t bits)
{
    spin_lock(&ipc_lock);
    notification_signal_locked(n, bits);
    spin_unlock(&ipc_lock);
}

status_t notification_wait(struct thread *t, struct notification *n, uint64_t deadline,
                           uint64_t *bits)
{
    status_t s = OK;
    spin_lock(&ipc_lock);
    if (n->bits != 0) {
        *bits = n->bits;
        n->bits = 0;
    } else if (deadline == DEADLINE_POLL) {
        s = ERR_TIMED_OUT;
    } else {
        list_push_back(&n->waiters, &t->wait_node);
        ipc_wait_begin_locked(t, WAIT_NOTIFICATION, deadline);
        s = STATUS_BLOCKED;
    }
    spin_unlock(&ipc_lock);
    return s;
}

status_t notification_bind(struct notification *n, struct thread *t)
{
    status_t s = OK;
    spin_lock(&ipc_lock);
    if (t->state == THREAD_DEAD) {
        s = ERR_BAD_STATE;
    } else if (n->bound != NULL || t->bound != NULL) {
        s = ERR_BUSY;
    } else {
        n->bound = t;
        t->bound = n;
        notification_signal_locked(n, 0); // bits that were set before wake the thread if it is
                                          // receiving
    }
    spin_unlock(&ipc_lock);
    return s;
}

status_t notification_unbind(struct notification *n)
{
    status_t s = ERR_BAD_STATE;
    spin_lock(&ipc_lock);
    if (n->bound != NULL) {
        n->bound->bound = NULL;
        n->bound = NULL;
        s = OK;
    }
    spin_unlock(&ipc_lock);
    return s;
}

void notification_unbind_thread_locked(struct thread *t)
{
    if (t->bound != NULL) {
        t->bound->bound = NULL;
        t->bound = NULL;
    }
}

void notification_arm(struct notification *n, uint64_t deadline, uint64_t bits, uint64_t slack_ns)
{
    spin_lock(&ipc_lock);
    timer_cancel(&n->timer);
    n->timer_bits = bits;
    timer_arm(&n->timer, deadline, slack_ns);
    spin_unlock(&ipc_lock);
}

// --- interrupt lines ----------------------------------------------------------------------------

#define IRQ_LINES_MAX 1024u

static struct irq *irq_lines[IRQ_LINES_MAX]; // ipc_lock

static void irq_destroy(struct object *o)
{
    struct irq *irq = irq_from_object(o);
    struct job *job = irq->job;
    arch_irq_mask(irq->line);
    spin_lock(&ipc_lock);
    irq_lines[irq->line] = NULL;
    spin_unlock(&ipc_lock);
    if (irq->notification != NULL) {
        object_put(&irq->notification->object);
    }
    slab_free(&irq_cache, irq);
    quota_release(&job->quota, LIMIT_OBJECTS, 1);
    object_put(&job->object);
}

static const struct object_ops irq_ops = {.type = OBJ_IRQ, .name = "irq", .destroy = irq_destroy};

status_t irq_create(struct job *job, uint32_t line, bool edge, struct irq **out)
{
    if (line >= IRQ_LINES_MAX || !arch_irq_valid(line)) {
        return ERR_OUT_OF_RANGE;
    }
    status_t s = quota_charge(&job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct irq *irq = slab_alloc(&irq_cache);
    if (irq == NULL) {
        quota_release(&job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    spin_lock(&ipc_lock);
    s = irq_lines[line] != NULL ? ERR_BUSY : OK;
    if (s == OK) {
        irq_lines[line] = irq;
    }
    spin_unlock(&ipc_lock);
    if (s != OK) {
        slab_free(&irq_cache, irq);
        quota_release(&job->quota, LIMIT_OBJECTS, 1);
        return s;
    }
    object_init(&irq->object, &irq_ops);
    irq->job = job;
    object_get(&job->object);
    irq->line = line;
    arch_irq_mask(line);
    arch_irq_configure(line, edge);
    *out = irq;
    return OK;
}

void irq_bind(struct irq *irq, struct notification *n, uint64_t bits)
{
    object_get(&n->object);
    spin_lock(&ipc_lock);
    struct notification *old = irq->notification;
    irq->notification = n;
    irq->bits = bits;
    spin_unlock(&ipc_lock);
    if (old != NULL) {
        object_put(&old->object);
    }
    arch_irq_unmask(irq->line);
}

status_t irq_ack(struct irq *irq)
{
    if (irq->notification == NULL) {
        return ERR_BAD_STATE;
    }
    arch_irq_unmask(irq->line);
    return OK;
}

// The port has masked the line; it stays masked until the driver acknowledges.
void irq_fire(uint32_t line)
{
    trace(TRACE_IRQ, line, 0);
    spin_lock(&ipc_lock);
    struct irq *irq = line < IRQ_LINES_MAX ? irq_lines[line] : NULL;
    if (irq != NULL && irq->notification != NULL) {
        notification_signal_locked(irq->notification, irq->bits);
    }
    spin_unlock(&ipc_lock);
}
