// SPDX-License-Identifier: MIT
// Reference counts of kernel objects, and the queue of dead ones. The life cycle is told in the
// header.
//
// The counts are atomic and need no lock: whoever adds a reference holds one already, so the count
// cannot be zero then. The reaper lock guards only the queue.
#include "kernel/lib/object.h"

#include "kernel/debug/log.h"
#include "kernel/lib/spinlock.h"

void (*object_reaper_wake)(void);

static struct spinlock reaper_lock = SPINLOCK_INIT("reaper", LOCK_REAPER);
static struct object *queue_head, *queue_tail; // reaper_lock
static uint64_t enqueued, reaped;              // reaper_lock; objects that came, and that are gone
static struct object *reaping;                 // private to the reaper task, no lock
static uint64_t last_id;                       // atomic

void object_init(struct object *o, const struct object_ops *ops)
{
    ASSERT((ops->destroy != NULL) != (ops->reap != NULL));
    *o = (struct object){
        .ops = ops,
        .id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED),
        .refs = 1,
    };
}

void object_count_panic(const struct object *o, uint32_t count)
{
    panic("%s %lu: count is %u when a reference is added or dropped", o->ops->name, o->id, count);
}

bool object_try_get(struct object *o)
{
    uint32_t refs = __atomic_load_n(&o->refs, __ATOMIC_RELAXED);
    do {
        if (refs == 0) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&o->refs, &refs, refs + 1, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return true;
}

static void reaper_enqueue(struct object *o)
{
    o->reap_next = NULL;
    spin_lock(&reaper_lock);
    if (queue_head == NULL) {
        queue_head = o;
    } else {
        queue_tail->reap_next = o;
    }
    queue_tail = o;
    enqueued++;
    spin_unlock(&reaper_lock);
    if (object_reaper_wake != NULL) {
        object_reaper_wake();
    }
}

void object_dead(struct object *o)
{
    ASSERT(o->handles == 0);
    if (o->ops->destroy != NULL) {
        o->ops->destroy(o);
    } else {
        reaper_enqueue(o);
    }
}

void object_handle_get(struct object *o)
{
    object_get(o);
    object_count_up(o, &o->handles, 0);
}

void object_handle_put(struct object *o)
{
    // The handle's reference is dropped last, so the object lives while zero_handles runs.
    if (object_count_down(o, &o->handles) && o->ops->zero_handles != NULL) {
        o->ops->zero_handles(o);
    }
    object_put(o);
}

static struct object *reaper_dequeue(void)
{
    spin_lock(&reaper_lock);
    struct object *o = queue_head;
    if (o != NULL) {
        queue_head = o->reap_next;
    }
    spin_unlock(&reaper_lock);
    return o;
}

bool object_reap_slice(void)
{
    if (reaping == NULL) {
        reaping = reaper_dequeue();
    }
    if (reaping == NULL) {
        return false;
    }
    struct object *o = reaping;
    if (o->ops->reap(o)) {
        reaping = NULL; // and its memory is gone
        spin_lock(&reaper_lock);
        reaped++;
        spin_unlock(&reaper_lock);
    }
    return true;
}

bool object_reap_pending(void)
{
    return reaping != NULL || __atomic_load_n(&queue_head, __ATOMIC_RELAXED) != NULL;
}

uint64_t object_reap_ticket(void)
{
    spin_lock(&reaper_lock);
    uint64_t ticket = enqueued;
    spin_unlock(&reaper_lock);
    return ticket;
}

bool object_reap_reached(uint64_t ticket)
{
    spin_lock(&reaper_lock);
    bool reached = reaped >= ticket;
    spin_unlock(&reaper_lock);
    return reached;
}
