// SPDX-License-Identifier: MIT
// Endpoints, badges and replies: synchronous message passing. The register and buffer conventions
// stand in abi/ipc.h.
//
// A message moves when a sender and a receiver meet, in one step: handles first (all or none), then
// words and data. A thread that waits keeps its message in its own registers and buffer; nothing is
// copied into the kernel. All waiting state is guarded by ipc_lock.
//
// The right to answer a call is held by the receiving thread (thread->caller) or, once saved, by a
// reply object. Whatever ends the holder (death, another receive, closing the reply) wakes the
// caller with ERR_PEER_CLOSED.
#ifndef KERNEL_OBJ_ENDPOINT_H
#define KERNEL_OBJ_ENDPOINT_H

#include "kernel/lib/object.h"
#include "kernel/lib/spinlock.h"
#include "kernel/sched/thread.h"

struct handle_arg;
struct job;

struct endpoint {
    struct object object;
    struct job *job;                // referenced; charged LIMIT_OBJECTS
    struct list senders, receivers; // threads, by wait_node
    struct list closed_badges;      // badges whose last handle is gone, waiting to be received
    uint32_t receive_handles;       // handles with RECEIVE; none: nobody can ever answer
};

// One per minted badge, shared by all handles derived from the minted one.
struct badge {
    uint32_t refs;
    uint64_t value;
    struct endpoint *endpoint; // referenced
    struct list closed_node;
};

struct reply {
    struct object object;
    struct job *job;
    struct thread *caller; // NULL: gone or answered
};

extern struct spinlock ipc_lock;

void endpoint_init_caches(void);
void reply_init_caches(void);
static inline struct endpoint *endpoint_from_object(struct object *o)
{
    return container_of(o, struct endpoint, object);
}
static inline struct reply *reply_from_object(struct object *o)
{
    return container_of(o, struct reply, object);
}
status_t endpoint_create(struct job *job, struct endpoint **out) MUST_CHECK;
status_t badge_create(struct endpoint *e, uint64_t value,
                      struct badge **out) MUST_CHECK; // one reference
void badge_drop(struct badge *b);                     // for badge_put
static inline void badge_get(struct badge *b)         // NULL is allowed, here and below
{
    if (b != NULL) {
        __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED);
    }
}
static inline void badge_put(struct badge *b)
{
    if (b != NULL) {
        badge_drop(b);
    }
}
void badge_abandon(struct badge *b); // undoes badge_create: no handle carries it and nobody is told
void endpoint_receiver_get(struct endpoint *e);
void endpoint_receiver_put(struct endpoint *e); // the last one wakes all senders with
                                                // ERR_PEER_CLOSED

// Bodies of the IPC calls. t is the calling thread; its registers hold the message. They return a
// status for the caller's first register or STATUS_BLOCKED.
status_t endpoint_send(struct thread *t, struct endpoint *e, struct badge *badge, bool call,
                       uint64_t deadline) MUST_CHECK;
status_t endpoint_receive(struct thread *t, struct endpoint *e, uint64_t deadline) MUST_CHECK;
status_t endpoint_reply(struct thread *t) MUST_CHECK;
status_t endpoint_reply_receive(struct thread *t, struct endpoint *e, uint64_t deadline) MUST_CHECK;
status_t reply_create(struct thread *t, struct reply **out) MUST_CHECK; // from t's caller
void reply_undo(struct thread *t, struct reply *r); // gives it back, when no handle could be made
status_t reply_answer(struct thread *t, struct reply *r) MUST_CHECK;

// Between endpoint.c and reply.c.
status_t ipc_tag_check(uint64_t tag) MUST_CHECK; // ERR_INVALID_ARGS
// Moves the message in `from`'s registers and buffer to `to`'s; the status of handle_move, before
// anything has moved.
status_t ipc_message_move(struct thread *from, struct thread *to) MUST_CHECK;
void ipc_call_accepted_locked(struct thread *caller, struct thread *server); // server has received
                                                                             // caller's call

// Takes t out of whatever it waits for and lets go of whom it must answer. Caller holds ipc_lock;
// the thread stays BLOCKED or dies.
void ipc_detach_locked(struct thread *t);
void ipc_release_caller_locked(struct thread *t);
// The current thread stops here until woken or timed out; it is on a queue already, or about to be
// WAIT_REPLY.
void ipc_wait_begin_locked(struct thread *t, enum wait_kind kind, uint64_t deadline);
// Completes a blocking call: status into the first register, timer off, runnable.
void ipc_wake_locked(struct thread *t, status_t status);

#endif
