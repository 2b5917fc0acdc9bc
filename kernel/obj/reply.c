// SPDX-License-Identifier: MIT
// Reply objects: the one-shot right to answer a caller, saved so that a server can receive again
// before it answers. Guarded by ipc_lock.
#include "kernel/debug/log.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/endpoint.h"
#include "kernel/obj/handle.h"
#include "kernel/obj/job.h"
#include "kernel/obj/process.h"

static struct slab_cache reply_cache;

void reply_init_caches(void) { slab_cache_init(&reply_cache, "reply", sizeof(struct reply), 8); }

static void reply_drop_caller(struct reply *r)
{
    spin_lock(&ipc_lock);
    struct thread *caller = r->caller;
    if (caller != NULL) {
        r->caller = NULL;
        caller->reply = NULL;
        ipc_wake_locked(caller, ERR_PEER_CLOSED);
    }
    spin_unlock(&ipc_lock);
}

static void reply_zero_handles(struct object *o) { reply_drop_caller(reply_from_object(o)); }

static void reply_destroy(struct object *o)
{
    struct reply *r = reply_from_object(o);
    struct job *job = r->job;
    slab_free(&reply_cache, r);
    quota_release(&job->quota, LIMIT_OBJECTS, 1);
    object_put(&job->object);
}

static const struct object_ops reply_ops = {.type = OBJ_REPLY,
                                            .name = "reply",
                                            .zero_handles = reply_zero_handles,
                                            .destroy = reply_destroy};

status_t reply_create(struct thread *t, struct reply **out)
{
    struct job *job = t->process->job;
    status_t s = quota_charge(&job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct reply *r = slab_alloc(&reply_cache);
    if (r == NULL) {
        quota_release(&job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&r->object, &reply_ops);
    r->job = job;
    object_get(&job->object);
    spin_lock(&ipc_lock);
    s = t->caller != NULL ? OK : t->caller_gone ? ERR_PEER_CLOSED : ERR_BAD_STATE;
    if (s == OK) {
        r->caller = t->caller;
        t->caller->server = NULL;
        t->caller->reply = r;
        t->caller = NULL;
    }
    spin_unlock(&ipc_lock);
    if (s != OK) {
        object_put(&r->object);
        return s;
    }
    *out = r;
    return OK;
}

void reply_undo(struct thread *t, struct reply *r)
{
    spin_lock(&ipc_lock);
    if (r->caller != NULL) {
        ipc_call_accepted_locked(r->caller, t);
        r->caller->reply = NULL;
        r->caller = NULL;
    }
    spin_unlock(&ipc_lock);
    object_put(&r->object);
}

status_t reply_answer(struct thread *t, struct reply *r)
{
    status_t s = ipc_tag_check(thread_args(t)[1]);
    if (s != OK) {
        return s;
    }
    spin_lock(&ipc_lock);
    struct thread *caller = r->caller;
    s = caller != NULL ? ipc_message_move(t, caller) : ERR_PEER_CLOSED;
    if (s == OK) {
        r->caller = NULL;
        caller->reply = NULL;
        arch_thread_set_extra(&caller->arch, 0);
        ipc_wake_locked(caller, OK);
    }
    spin_unlock(&ipc_lock);
    return s;
}
