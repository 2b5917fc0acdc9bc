// SPDX-License-Identifier: MIT
// The head of every kernel object that a handle can name: a type, an id that is never reused, a
// reference count and a count of handles.
//
// Life cycle: object_init gives one reference to the creator. A handle holds one reference and
// counts as a handle. When the last handle goes, ops->zero_handles (if any) is called once per
// transition to zero: it ends what only handles keep alive. When the last reference goes, the
// object is dead: nobody can find it any more. If its type has `destroy`, that runs at once (must
// be O(1)); else the object goes to the reaper, which calls `reap` again and again, in bounded
// slices, until it returns true; `reap` frees the memory with its last slice.
#ifndef KERNEL_LIB_OBJECT_H
#define KERNEL_LIB_OBJECT_H

#include "kernel/lib/types.h"

struct object;

struct object_ops {
    uint8_t type; // OBJ_*
    const char *name;
    void (*zero_handles)(struct object *o); // may be NULL
    void (*destroy)(struct object *o);      // O(1) destruction, or NULL
    bool (*reap)(struct object *o); // one bounded slice; true when the object is gone; NULL if
                                    // destroy is set
};

struct object {
    const struct object_ops *ops;
    uint64_t id;
    uint32_t refs;
    uint32_t handles;
    struct object *reap_next;
};

void object_init(struct object *o, const struct object_ops *ops);
static inline void object_get(struct object *o);
// For whoever finds the object in a list that its destruction takes it out of: false if its last
// reference is gone, and it is about to leave the list.
bool object_try_get(struct object *o) MUST_CHECK;
static inline void object_put(struct object *o); // NULL is allowed
void object_handle_get(struct object *o);        // a reference and a handle
void object_handle_put(struct object *o);
// One slice of reaping; false when there is nothing to reap. Called by the reaper task only.
bool object_reap_slice(void);
bool object_reap_pending(void);
// A ticket stands for all objects dead at this moment; it is reached when their memory is gone.
// Objects are reaped in the order of their deaths, so later ones do not delay it.
uint64_t object_reap_ticket(void);
bool object_reap_reached(uint64_t ticket);
// Called by object_put when something was queued; set once by the scheduler to wake the reaper
// task.
extern void (*object_reaper_wake)(void);

// --- Every system call on a handle counts up and down: inline.

// Far more than memory can hold: reaching it means that counts are lost, and an overflow would free
// an object in use.
#define OBJECT_COUNT_MAX 0x7fffffffu
NORETURN void object_count_panic(const struct object *o, uint32_t count);
void object_dead(struct object *o); // its last reference is gone

static inline void object_count_up(struct object *o, uint32_t *count, uint32_t least)
{
    uint32_t before = __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    if (before < least || before >= OBJECT_COUNT_MAX) {
        object_count_panic(o, before);
    }
}

// True when the count reaches zero.
static inline bool object_count_down(struct object *o, uint32_t *count)
{
    // Release: what this holder did to the object comes before its end. Acquire: its end comes
    // after what all others did.
    uint32_t before = __atomic_fetch_sub(count, 1, __ATOMIC_ACQ_REL);
    if (before == 0 || before > OBJECT_COUNT_MAX) {
        object_count_panic(o, before);
    }
    return before == 1;
}

static inline void object_get(struct object *o) { object_count_up(o, &o->refs, 1); }

static inline void object_put(struct object *o)
{
    if (o != NULL && object_count_down(o, &o->refs)) {
        object_dead(o);
    }
}

#endif
