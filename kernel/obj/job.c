// SPDX-License-Identifier: MIT
// Jobs; see job.h. Lock: job_lock for the tree. Book: chapter 23.
#include "kernel/obj/job.h"
#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/process.h"
#include <string.h>

#define KILL_SLICE 32u

struct spinlock job_lock = SPINLOCK_INIT("job", LOCK_JOB);
static struct slab_cache job_cache;

void job_init_caches(void) { slab_cache_init(&job_cache, "job", sizeof(struct job), 8); }

static void job_destroy(struct object *o)
{
    struct job *job = job_from_object(o);
    struct job *parent = job->parent;
    ASSERT(parent != NULL); // the kernel keeps the root job
    spin_lock(&job_lock);
    list_remove(&job->sibling);
    parent->child_count--;
    spin_unlock(&job_lock);
    slab_free(&job_cache, job);
    quota_release(&parent->quota, LIMIT_OBJECTS, 1);
    object_put(&parent->object);
}

const struct object_ops job_ops = {.type = OBJ_JOB, .name = "job", .destroy = job_destroy};

// The tree is at most JOB_DEPTH_MAX deep.
bool job_is_killed(const struct job *job)
{
    for (; job != NULL; job = job->parent) {
        if (job->killed) {
            return true;
        }
    }
    return false;
}

static void job_init(struct job *job, struct job *parent, const char *name)
{
    object_init(&job->object, &job_ops);
    quota_init(&job->quota, parent != NULL ? &parent->quota : NULL);
    list_init(&job->children);
    list_init(&job->sibling);
    list_init(&job->processes);
    list_init(&job->dying);
    ksnprintf(job->name, sizeof(job->name), "%s", name);
    job->parent = parent;
    job->depth = parent != NULL ? parent->depth + 1 : 0;
}

status_t job_create(struct job *parent, const char *name, struct job **out)
{
    status_t s = OK;
    if (parent != NULL) {
        if (parent->depth + 1 >= JOB_DEPTH_MAX) {
            return ERR_OUT_OF_RANGE;
        }
        s = quota_charge(&parent->quota, LIMIT_OBJECTS, 1);
        if (s != OK) {
            return s;
        }
    }
    struct job *job = slab_alloc(&job_cache);
    if (job == NULL) {
        if (parent != NULL) {
            quota_release(&parent->quota, LIMIT_OBJECTS, 1);
        }
        return ERR_NO_MEMORY;
    }
    job_init(job, parent, name);
    if (parent == NULL) {
        *out = job;
        return OK;
    }
    spin_lock(&job_lock);
    bool killed = job_is_killed(parent);
    if (!killed) {
        object_get(&parent->object);
        list_push_back(&parent->children, &job->sibling);
        parent->child_count++;
    }
    spin_unlock(&job_lock);
    if (killed) {
        slab_free(&job_cache, job);
        quota_release(&parent->quota, LIMIT_OBJECTS, 1);
        return ERR_BAD_STATE;
    }
    *out = job;
    return OK;
}

// The job after `at` in a walk of the tree under `top`, parents before children; NULL at the end.
static struct job *walk_next_locked(struct job *top, struct job *at)
{
    if (!list_empty(&at->children)) {
        return list_entry(list_first(&at->children), struct job, sibling);
    }
    while (at != top && at->sibling.next == &at->parent->children) {
        at = at->parent;
    }
    return at == top ? NULL : list_entry(at->sibling.next, struct job, sibling);
}

// Some process below top that is not dying, `last` only if there is no other.
static struct process *live_process_below_locked(struct job *top, struct process *last)
{
    struct process *found = NULL;
    for (struct job *job = top; job != NULL; job = walk_next_locked(top, job)) {
        list_for_each(it, &job->processes) {
            found = list_entry(it, struct process, job_node);
            if (found != last) {
                return found;
            }
        }
    }
    return found;
}

status_t job_kill(struct job *job, struct process *last)
{
    for (unsigned i = 0; i < KILL_SLICE; i++) {
        spin_lock(&job_lock);
        job->killed = true;
        struct process *p = live_process_below_locked(job, last);
        if (p != NULL) {
            object_get(&p->object);
        }
        spin_unlock(&job_lock);
        if (p == NULL) {
            return OK;
        }
        process_die(p, EXIT_KILLED, 0, NULL);
        object_put(&p->object);
    }
    return STATUS_RESTART;
}

void job_info(struct job *job, struct job_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = job->object.id;
    spin_lock(&job_lock);
    memcpy(out->used, job->quota.used, sizeof(out->used));
    memcpy(out->limit, job->quota.limit, sizeof(out->limit));
    out->child_jobs = job->child_count;
    out->processes = job->process_count;
    memcpy(out->name, job->name, sizeof(out->name));
    spin_unlock(&job_lock);
}

struct job *job_child_at(struct job *job, uint64_t index)
{
    struct job *found = NULL;
    spin_lock(&job_lock);
    list_for_each(it, &job->children) {
        struct job *child = list_entry(it, struct job, sibling);
        if (index == 0 && object_try_get(&child->object)) {
            found = child;
            break;
        }
        index -= index != 0;
    }
    spin_unlock(&job_lock);
    return found;
}

struct process *job_process_at(struct job *job, uint64_t index)
{
    struct process *found = NULL;
    spin_lock(&job_lock);
    list_for_each(it, &job->processes) {
        if (index-- == 0) {
            found = list_entry(it, struct process, job_node);
            object_get(&found->object);
            break;
        }
    }
    spin_unlock(&job_lock);
    return found;
}
