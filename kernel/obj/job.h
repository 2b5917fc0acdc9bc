// SPDX-License-Identifier: MIT
// Jobs: the tree that owns processes and quotas. A job lives while anything in it does; killing one
// kills every process below it and lets nothing new start there.
#ifndef KERNEL_OBJ_JOB_H
#define KERNEL_OBJ_JOB_H

#include "kernel/lib/list.h"
#include "kernel/lib/object.h"
#include "kernel/lib/quota.h"
#include "kernel/lib/spinlock.h"

struct process;

struct job {
    struct object object;
    struct quota quota;
    struct job *parent; // referenced; NULL for the root
    uint32_t depth;
    bool killed;
    char name[NAME_MAX_BYTES];
    // LOCK_JOB
    struct list children, sibling;
    struct list processes; // not yet dying
    struct list dying;
    uint32_t child_count, process_count;
};

extern struct spinlock job_lock; // the job tree, processes' states and thread lists
extern const struct object_ops job_ops;

void job_init_caches(void);
static inline struct job *job_from_object(struct object *o)
{
    return container_of(o, struct job, object);
}
// One reference for the caller. ERR_OUT_OF_RANGE (too deep), ERR_BAD_STATE (killed), ERR_QUOTA,
// ERR_NO_MEMORY. parent NULL: the root job.
status_t job_create(struct job *parent, const char *name, struct job **out) MUST_CHECK;
// A slice; STATUS_RESTART until no live process is left. `last`, the caller's process, goes after
// all others: dead, it could not go on.
status_t job_kill(struct job *job, struct process *last) MUST_CHECK;
bool job_is_killed(const struct job *job); // it or an ancestor
void job_info(struct job *job, struct job_info *out);
// The index-th child or process with a reference, or NULL.
struct job *job_child_at(struct job *job, uint64_t index);
struct process *job_process_at(struct job *job, uint64_t index);

#endif
