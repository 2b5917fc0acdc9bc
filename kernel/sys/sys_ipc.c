// SPDX-License-Identifier: MIT
// System calls on endpoints, replies and notifications. The raw ones find their message in the
// caller's registers (abi/ipc.h).
#include "kernel/obj/endpoint.h"
#include "kernel/obj/notification.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"
#include <arch/timer.h>

static uint64_t deadline_of(struct thread *t) { return arch_thread_extra(&t->arch); }

status_t sys_endpoint_create(struct thread *t, uint64_t *endpoint)
{
    struct endpoint *e;
    status_t s = endpoint_create(job_of(t), &e);
    return s == OK ? handle_to_new(t, &e->object, RIGHTS_DEFAULT_ENDPOINT, endpoint) : s;
}

#define BADGED_RIGHTS (RIGHT_SEND | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_INSPECT)

status_t sys_endpoint_mint(struct thread *t, const struct handle_arg *endpoint, uint64_t badge,
                           uint32_t rights, uint64_t *new)
{
    if (badge == 0 || endpoint->badge != NULL || (rights & ~BADGED_RIGHTS) != 0) {
        return ERR_INVALID_ARGS;
    }
    struct badge *b;
    status_t s = badge_create(endpoint_from_object(endpoint->object), badge, &b);
    if (s != OK) {
        return s;
    }
    handle_t value = HANDLE_NONE;
    struct handle_table *table = &t->process->handles;
    s = handle_derive(table, endpoint->value, table, rights, b, &value);
    if (s != OK) {
        badge_abandon(b);
        return s;
    }
    badge_put(b);
    *new = value;
    return OK;
}

status_t sys_ipc_send(struct thread *t, const struct handle_arg *endpoint, uint64_t *regs)
{
    (void)regs;
    return endpoint_send(t, endpoint_from_object(endpoint->object), endpoint->badge, false,
                         deadline_of(t));
}

status_t sys_ipc_call(struct thread *t, const struct handle_arg *endpoint, uint64_t *regs)
{
    (void)regs;
    return endpoint_send(t, endpoint_from_object(endpoint->object), endpoint->badge, true,
                         deadline_of(t));
}

status_t sys_ipc_recv(struct thread *t, const struct handle_arg *endpoint, uint64_t *regs)
{
    (void)regs;
    return endpoint_receive(t, endpoint_from_object(endpoint->object), deadline_of(t));
}

status_t sys_ipc_reply(struct thread *t, uint64_t *regs)
{
    (void)regs;
    return endpoint_reply(t);
}

status_t sys_ipc_reply_recv(struct thread *t, const struct handle_arg *endpoint, uint64_t *regs)
{
    (void)regs;
    return endpoint_reply_receive(t, endpoint_from_object(endpoint->object), deadline_of(t));
}

status_t sys_reply_save(struct thread *t, uint64_t *reply)
{
    struct reply *r;
    status_t s = reply_create(t, &r);
    if (s != OK) {
        return s;
    }
    handle_t value = HANDLE_NONE;
    s = handle_create(&t->process->handles, &r->object, RIGHTS_DEFAULT_REPLY, &value);
    if (s != OK) {
        reply_undo(t, r);
        return s;
    }
    object_put(&r->object);
    *reply = value;
    return OK;
}

status_t sys_reply_send(struct thread *t, const struct handle_arg *reply, uint64_t *regs)
{
    (void)regs;
    status_t s = reply_answer(t, reply_from_object(reply->object));
    if (s == OK || s == ERR_PEER_CLOSED) {
        status_t closed = handle_close(&t->process->handles, reply->value);
        (void)closed; // another thread may have closed it meanwhile
    }
    return s;
}

status_t sys_notification_create(struct thread *t, uint64_t *notification)
{
    struct notification *n;
    status_t s = notification_create(job_of(t), &n);
    return s == OK ? handle_to_new(t, &n->object, RIGHTS_DEFAULT_NOTIFICATION, notification) : s;
}

status_t sys_notification_signal(struct thread *t, const struct handle_arg *n, uint64_t bits)
{
    (void)t;
    notification_signal(notification_from_object(n->object), bits);
    return OK;
}

status_t sys_notification_wait(struct thread *t, const struct handle_arg *n, uint64_t deadline_ns,
                               uint64_t *bits)
{
    return notification_wait(t, notification_from_object(n->object), deadline_ns, bits);
}

status_t sys_notification_bind(struct thread *t, const struct handle_arg *n,
                               const struct handle_arg *thread)
{
    (void)t;
    return notification_bind(notification_from_object(n->object),
                             thread_from_object(thread->object));
}

status_t sys_notification_unbind(struct thread *t, const struct handle_arg *n)
{
    (void)t;
    return notification_unbind(notification_from_object(n->object));
}

status_t sys_notification_arm(struct thread *t, const struct handle_arg *n, uint64_t deadline_ns,
                              uint64_t bits, uint64_t slack_ns)
{
    (void)t;
    notification_arm(notification_from_object(n->object), deadline_ns, bits, slack_ns);
    return OK;
}

status_t sys_clock_get(struct thread *t, uint64_t *ns)
{
    (void)t;
    *ns = arch_clock_ns();
    return OK;
}
