// SPDX-License-Identifier: MIT
// Endpoints and badges: the rendezvous of senders and receivers. Entry points: endpoint_send,
// endpoint_receive, endpoint_reply. Lock: ipc_lock, taken by everything here that touches waiting
// threads. Replies that outlive the next receive are in reply.c. Book: chapters 17 and 18.
#include "kernel/obj/endpoint.h"
#include "kernel/debug/log.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/handle.h"
#include "kernel/obj/job.h"
#include "kernel/obj/notification.h"
#include "kernel/obj/process.h"
#include "kernel/sched/sched.h"
#include <string.h>

#define REAP_SLICE 32u

struct spinlock ipc_lock = SPINLOCK_INIT("ipc", LOCK_IPC);
static struct slab_cache endpoint_cache, badge_cache;

static bool endpoint_reap(struct object *o);
static const struct object_ops endpoint_ops = {
    .type = OBJ_ENDPOINT, .name = "endpoint", .reap = endpoint_reap};

void endpoint_init_caches(void)
{
    slab_cache_init(&endpoint_cache, "endpoint", sizeof(struct endpoint), 8);
    slab_cache_init(&badge_cache, "badge", sizeof(struct badge), 8);
}

status_t endpoint_create(struct job *job, struct endpoint **out)
{
    status_t s = quota_charge(&job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct endpoint *e = slab_alloc(&endpoint_cache);
    if (e == NULL) {
        quota_release(&job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&e->object, &endpoint_ops);
    e->job = job;
    object_get(&job->object);
    list_init(&e->senders);
    list_init(&e->receivers);
    list_init(&e->closed_badges);
    *out = e;
    return OK;
}

static void badge_free(struct badge *b)
{
    quota_release(&b->endpoint->job->quota, LIMIT_OBJECTS, 1);
    slab_free(&badge_cache, b);
}

static bool endpoint_reap(struct object *o)
{
    struct endpoint *e = endpoint_from_object(o);
    for (unsigned i = 0; i < REAP_SLICE; i++) {
        struct list *node = list_pop_front(&e->closed_badges);
        if (node == NULL) {
            struct job *job = e->job;
            slab_free(&endpoint_cache, e);
            quota_release(&job->quota, LIMIT_OBJECTS, 1);
            object_put(&job->object);
            return true;
        }
        badge_free(list_entry(node, struct badge, closed_node));
    }
    return false;
}

// --- completing and ending waits ----------------------------------------------------------------

void ipc_wake_locked(struct thread *t, status_t status)
{
    thread_args(t)[0] = (uint64_t)(int64_t)status;
    t->wait = WAIT_NONE;
    timer_cancel(&t->timeout);
    sched_wake(t);
}

static void badge_put_locked(struct badge *b);

void ipc_detach_locked(struct thread *t)
{
    switch (t->wait) {
    case WAIT_SEND:
    case WAIT_CALL:
    case WAIT_RECEIVE:
    case WAIT_NOTIFICATION:
        list_remove(&t->wait_node);
        badge_put_locked(t->send_badge);
        t->send_badge = NULL;
        break;
    case WAIT_REPLY:
        if (t->server != NULL) {
            t->server->caller = NULL;
            t->server->caller_gone = true;
            t->server = NULL;
        }
        if (t->reply != NULL) {
            t->reply->caller = NULL;
            t->reply = NULL;
        }
        break;
    case WAIT_NONE:
    case WAIT_TASK: break;
    }
}

void ipc_release_caller_locked(struct thread *t)
{
    struct thread *caller = t->caller;
    t->caller_gone = false;
    if (caller != NULL) {
        t->caller = NULL;
        caller->server = NULL;
        ipc_wake_locked(caller, ERR_PEER_CLOSED);
    }
}

// Between the timer's expiry and this lock another CPU may have woken the thread, which may even
// wait again: then the serial differs.
static void ipc_timeout(struct timer *timer, uint64_t serial)
{
    struct thread *t = container_of(timer, struct thread, timeout);
    spin_lock(&ipc_lock);
    if (timer->serial == serial) {
        ipc_detach_locked(t);
        ipc_wake_locked(t, ERR_TIMED_OUT);
    }
    spin_unlock(&ipc_lock);
}

// The current thread stops here; its results will be written by whoever wakes it.
void ipc_wait_begin_locked(struct thread *t, enum wait_kind kind, uint64_t deadline)
{
    t->wait = kind;
    t->timeout.fire = ipc_timeout;
    timer_arm(&t->timeout, deadline, BLOCK_SLACK_NS);
    sched_block(t);
}

// --- badges -------------------------------------------------------------------------------------

status_t badge_create(struct endpoint *e, uint64_t value, struct badge **out)
{
    status_t s = quota_charge(&e->job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct badge *b = slab_alloc(&badge_cache);
    if (b == NULL) {
        quota_release(&e->job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    b->refs = 1;
    b->value = value;
    b->endpoint = e;
    object_get(&e->object);
    list_init(&b->closed_node);
    *out = b;
    return OK;
}

static void receive_closed_locked(struct thread *t, struct badge *b)
{
    uint64_t *args = thread_args(t);
    memset(&args[1], 0, 7 * sizeof(uint64_t));
    args[1] = MSG_TAG(MSG_BADGE_CLOSED, 0, 0);
    arch_thread_set_extra(&t->arch, b->value);
    badge_free(b);
}

// The last handle with this badge is gone: the receiver is told, now or with its next receive. The
// badge's reference to the endpoint ends here, so that an unread list of closed badges does not
// keep the endpoint alive.
static void badge_closed_locked(struct badge *b)
{
    struct endpoint *e = b->endpoint;
    struct list *node = list_pop_front(&e->receivers);
    if (node != NULL) {
        struct thread *receiver = list_entry(node, struct thread, wait_node);
        receive_closed_locked(receiver, b);
        ipc_wake_locked(receiver, RECV_MESSAGE);
    } else if (e->receive_handles == 0) {
        badge_free(b);
    } else {
        list_push_back(&e->closed_badges, &b->closed_node);
    }
    object_put(&e->object);
}

static void badge_put_locked(struct badge *b)
{
    if (b != NULL && __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        badge_closed_locked(b);
    }
}

void badge_drop(struct badge *b)
{
    if (__atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        spin_lock(&ipc_lock);
        badge_closed_locked(b);
        spin_unlock(&ipc_lock);
    }
}

void badge_abandon(struct badge *b)
{
    struct endpoint *e = b->endpoint;
    badge_free(b);
    object_put(&e->object);
}

// --- receive handles ----------------------------------------------------------------------------

// Called with the handle lock held, which ranks above ipc_lock: only an atomic count here.
void endpoint_receiver_get(struct endpoint *e)
{
    __atomic_fetch_add(&e->receive_handles, 1, __ATOMIC_RELAXED);
}

static void wake_all_locked(struct list *queue, status_t status)
{
    while (!list_empty(queue)) {
        struct thread *t = list_entry(list_first(queue), struct thread, wait_node);
        ipc_detach_locked(t);
        ipc_wake_locked(t, status);
    }
}

void endpoint_receiver_put(struct endpoint *e)
{
    if (__atomic_sub_fetch(&e->receive_handles, 1, __ATOMIC_ACQ_REL) == 0) {
        spin_lock(&ipc_lock);
        wake_all_locked(&e->senders, ERR_PEER_CLOSED);
        wake_all_locked(&e->receivers, ERR_CANCELED);
        spin_unlock(&ipc_lock);
    }
}

// --- moving a message ---------------------------------------------------------------------------

status_t ipc_tag_check(uint64_t tag)
{
    bool good = (tag & MSG_TAG_RESERVED) == 0 && MSG_BYTES(tag) <= MSG_BYTES_MAX &&
                MSG_HANDLES(tag) <= MSG_HANDLES_MAX && MSG_LABEL(tag) != MSG_BADGE_CLOSED;
    return good ? OK : ERR_INVALID_ARGS;
}

// Moves the message in `from`'s registers and buffer to `to`'s. Only the handles can fail, so they
// go first.
status_t ipc_message_move(struct thread *from, struct thread *to)
{
    const uint64_t *source = thread_args(from);
    uint64_t *dest = thread_args(to);
    uint64_t tag = source[1];
    unsigned count = MSG_HANDLES(tag);
    if (count != 0) {
        handle_t values[MSG_HANDLES_MAX];
        memcpy(values, from->msgbuf_handles->send, sizeof(values)); // one read: the page is the
                                                                    // user's
        status_t s =
            handle_move(&from->process->handles, values, count, &to->process->handles, values);
        if (s != OK) {
            return s;
        }
        memcpy(to->msgbuf_handles->received, values, count * sizeof(handle_t));
    }
    if (MSG_BYTES(tag) != 0) {
        memcpy(to->msgbuf_data, from->msgbuf_data, MSG_BYTES(tag));
    }
    for (unsigned i = 1; i < 8; i++) {
        dest[i] = source[i];
    }
    return OK;
}

// `server` has received a call from `caller`.
void ipc_call_accepted_locked(struct thread *caller, struct thread *server)
{
    caller->wait = WAIT_REPLY;
    caller->server = server;
    server->caller = caller;
    server->caller_gone = false;
}

static status_t send_to_receiver_locked(struct thread *t, struct thread *receiver,
                                        struct badge *badge, bool call, uint64_t deadline)
{
    status_t s = ipc_message_move(t, receiver);
    if (s != OK) {
        return s; // the receiver goes on waiting
    }
    list_remove(&receiver->wait_node);
    arch_thread_set_extra(&receiver->arch, badge != NULL ? badge->value : 0);
    if (!call) {
        ipc_wake_locked(receiver, RECV_MESSAGE);
        return OK;
    }
    ipc_wait_begin_locked(t, WAIT_REPLY, deadline);
    ipc_call_accepted_locked(t, receiver);
    thread_args(receiver)[0] = RECV_MESSAGE;
    receiver->wait = WAIT_NONE;
    timer_cancel(&receiver->timeout);
    sched_wake_handoff(receiver);
    return STATUS_BLOCKED;
}

static status_t send_locked(struct thread *t, struct endpoint *e, struct badge *badge, bool call,
                            uint64_t deadline)
{
    if (e->receive_handles == 0) {
        return ERR_PEER_CLOSED;
    }
    struct list *node = list_first(&e->receivers);
    if (node != NULL) {
        return send_to_receiver_locked(t, list_entry(node, struct thread, wait_node), badge, call,
                                       deadline);
    }
    if (deadline == DEADLINE_POLL) {
        return ERR_TIMED_OUT;
    }
    t->send_badge = badge;
    badge_get(badge);
    list_push_back(&e->senders, &t->wait_node);
    ipc_wait_begin_locked(t, call ? WAIT_CALL : WAIT_SEND, deadline);
    return STATUS_BLOCKED;
}

status_t endpoint_send(struct thread *t, struct endpoint *e, struct badge *badge, bool call,
                       uint64_t deadline)
{
    status_t s = ipc_tag_check(thread_args(t)[1]);
    if (s != OK) {
        return s;
    }
    spin_lock(&ipc_lock);
    s = send_locked(t, e, badge, call, deadline);
    spin_unlock(&ipc_lock);
    return s;
}

// --- receive ------------------------------------------------------------------------------------

// Takes the message of the first sender whose handles can be moved; senders whose cannot get the
// error.
static bool receive_from_queue_locked(struct thread *t, struct endpoint *e)
{
    struct list *node;
    while ((node = list_first(&e->senders)) != NULL) {
        struct thread *sender = list_entry(node, struct thread, wait_node);
        uint64_t badge = sender->send_badge != NULL ? sender->send_badge->value : 0;
        bool call = sender->wait == WAIT_CALL;
        status_t s = ipc_message_move(sender, t);
        list_remove(&sender->wait_node);
        struct badge *held = sender->send_badge;
        sender->send_badge = NULL;
        if (s != OK || !call) {
            ipc_wake_locked(sender, s);
        } else {
            ipc_call_accepted_locked(sender, t);
        }
        badge_put_locked(held);
        if (s == OK) {
            arch_thread_set_extra(&t->arch, badge);
            return true;
        }
    }
    return false;
}

static status_t receive_locked(struct thread *t, struct endpoint *e, uint64_t deadline)
{
    ipc_release_caller_locked(t);
    uint64_t *args = thread_args(t);
    if (t->bound != NULL && t->bound->bits != 0) {
        memset(&args[1], 0, 7 * sizeof(uint64_t));
        args[2] = t->bound->bits;
        t->bound->bits = 0;
        arch_thread_set_extra(&t->arch, 0);
        return RECV_NOTIFICATION;
    }
    struct list *closed = list_pop_front(&e->closed_badges);
    if (closed != NULL) {
        receive_closed_locked(t, list_entry(closed, struct badge, closed_node));
        return RECV_MESSAGE;
    }
    if (receive_from_queue_locked(t, e)) {
        return RECV_MESSAGE;
    }
    if (deadline == DEADLINE_POLL) {
        return ERR_TIMED_OUT;
    }
    list_push_back(&e->receivers, &t->wait_node);
    ipc_wait_begin_locked(t, WAIT_RECEIVE, deadline);
    return STATUS_BLOCKED;
}

status_t endpoint_receive(struct thread *t, struct endpoint *e, uint64_t deadline)
{
    spin_lock(&ipc_lock);
    status_t s = receive_locked(t, e, deadline);
    spin_unlock(&ipc_lock);
    return s;
}

// --- reply --------------------------------------------------------------------------------------

// Moves the reply to the caller and completes its call, without making it runnable yet.
static status_t reply_locked(struct thread *t, struct thread **answered)
{
    struct thread *caller = t->caller;
    if (caller == NULL) {
        status_t s = t->caller_gone ? ERR_PEER_CLOSED : ERR_BAD_STATE;
        t->caller_gone = false;
        return s;
    }
    status_t s = ipc_message_move(t, caller);
    if (s != OK) {
        return s; // the caller still waits and can still be answered
    }
    t->caller = NULL;
    caller->server = NULL;
    arch_thread_set_extra(&caller->arch, 0);
    *answered = caller;
    return OK;
}

status_t endpoint_reply(struct thread *t)
{
    status_t s = ipc_tag_check(thread_args(t)[1]);
    if (s != OK) {
        return s;
    }
    struct thread *caller = NULL;
    spin_lock(&ipc_lock);
    s = reply_locked(t, &caller);
    if (s == OK) {
        ipc_wake_locked(caller, OK);
    }
    spin_unlock(&ipc_lock);
    return s;
}

static status_t reply_receive_locked(struct thread *t, struct endpoint *e, uint64_t deadline)
{
    struct thread *caller = NULL;
    status_t s = reply_locked(t, &caller);
    if (s != OK && s != ERR_PEER_CLOSED && s != ERR_BAD_STATE) {
        return s; // bad handles in the reply: the server may correct it
    }
    s = receive_locked(t, e, deadline);
    if (caller == NULL) {
        return s;
    }
    if (s != STATUS_BLOCKED) {
        ipc_wake_locked(caller, OK);
        return s;
    }
    // The server waits: the CPU goes back to the caller at once.
    thread_args(caller)[0] = OK;
    caller->wait = WAIT_NONE;
    timer_cancel(&caller->timeout);
    sched_wake_handoff(caller);
    return s;
}

status_t endpoint_reply_receive(struct thread *t, struct endpoint *e, uint64_t deadline)
{
    status_t s = ipc_tag_check(thread_args(t)[1]);
    if (s != OK) {
        return s;
    }
    spin_lock(&ipc_lock);
    s = reply_receive_locked(t, e, deadline);
    spin_unlock(&ipc_lock);
    return s;
}
