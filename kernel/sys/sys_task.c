// SPDX-License-Identifier: MIT
// System calls on jobs, processes and threads.
#include "kernel/obj/notification.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"

// --- jobs ---------------------------------------------------------------------------------------

status_t sys_job_create(struct thread *t, const struct handle_arg *parent, uaddr_t name,
                        uint64_t name_len, uint64_t *job)
{
    char text[NAME_MAX_BYTES];
    struct job *new;
    status_t s = name_from_user(name, name_len, text);
    if (s == OK) {
        s = job_create(job_from_object(parent->object), text, &new);
    }
    return s == OK ? handle_to_new(t, &new->object, RIGHTS_DEFAULT_JOB, job) : s;
}

status_t sys_job_set_limit(struct thread *t, const struct handle_arg *job, uint32_t kind,
                           uint64_t limit)
{
    (void)t;
    if (kind >= LIMIT_KINDS) {
        return ERR_INVALID_ARGS;
    }
    quota_set_limit(&job_from_object(job->object)->quota, (enum limit_kind)kind, limit);
    return OK;
}

status_t sys_job_kill(struct thread *t, const struct handle_arg *job)
{
    return job_kill(job_from_object(job->object), t->process);
}

status_t sys_job_info(struct thread *t, const struct handle_arg *job, uaddr_t info)
{
    (void)t;
    struct job_info out;
    job_info(job_from_object(job->object), &out);
    return arch_copy_to_user(info, &out, sizeof(out));
}

static status_t enumerate_jobs(struct job *job, uint64_t index, uaddr_t info)
{
    struct job *child = job_child_at(job, index);
    if (child == NULL) {
        return ERR_NOT_FOUND;
    }
    struct job_info out;
    job_info(child, &out);
    object_put(&child->object);
    return arch_copy_to_user(info, &out, sizeof(out));
}

static status_t enumerate_processes(struct job *job, uint64_t index, uaddr_t info)
{
    struct process *p = job_process_at(job, index);
    if (p == NULL) {
        return ERR_NOT_FOUND;
    }
    struct process_info out;
    process_info(p, &out);
    object_put(&p->object);
    return arch_copy_to_user(info, &out, sizeof(out));
}

status_t sys_job_enumerate(struct thread *t, const struct handle_arg *job, uint32_t kind,
                           uint64_t index, uaddr_t info)
{
    (void)t;
    switch (kind) {
    case ENUMERATE_JOBS: return enumerate_jobs(job_from_object(job->object), index, info);
    case ENUMERATE_PROCESSES: return enumerate_processes(job_from_object(job->object), index, info);
    default: return ERR_INVALID_ARGS;
    }
}

static status_t open_job(struct thread *t, struct job *job, rights_t rights, uint64_t id,
                         uint64_t *h)
{
    struct job *child;
    for (uint64_t i = 0; (child = job_child_at(job, i)) != NULL; i++) {
        if (child->object.id == id) {
            return handle_to_new(t, &child->object, RIGHTS_DEFAULT_JOB & rights, h);
        }
        object_put(&child->object);
    }
    return ERR_NOT_FOUND;
}

static status_t open_process(struct thread *t, struct job *job, rights_t rights, uint64_t id,
                             uint64_t *h)
{
    struct process *p;
    for (uint64_t i = 0; (p = job_process_at(job, i)) != NULL; i++) {
        if (p->object.id == id) {
            return handle_to_new(t, &p->object, RIGHTS_DEFAULT_PROCESS & (rights | RIGHT_WAIT), h);
        }
        object_put(&p->object);
    }
    return ERR_NOT_FOUND;
}

status_t sys_job_open(struct thread *t, const struct handle_arg *job, uint32_t kind, uint64_t id,
                      uint64_t *h)
{
    switch (kind) {
    case ENUMERATE_JOBS: return open_job(t, job_from_object(job->object), job->rights, id, h);
    case ENUMERATE_PROCESSES:
        return open_process(t, job_from_object(job->object), job->rights, id, h);
    default: return ERR_INVALID_ARGS;
    }
}

// --- processes ----------------------------------------------------------------------------------

status_t sys_process_create(struct thread *t, const struct handle_arg *job, uaddr_t name,
                            uint64_t name_len, uint64_t *process, uint64_t *vmar)
{
    char text[NAME_MAX_BYTES];
    struct process *p;
    status_t s = name_from_user(name, name_len, text);
    if (s == OK) {
        s = process_create(job_from_object(job->object), text, &p);
    }
    if (s != OK) {
        return s;
    }
    struct object *root = vmar_object(p->aspace.root);
    object_get(root);
    s = handle_to_new(t, root, RIGHTS_DEFAULT_VMAR, vmar);
    if (s != OK) {
        process_die(p, EXIT_KILLED, 0, NULL);
        object_put(&p->object);
        return s;
    }
    object_get(&p->object);
    s = handle_to_new(t, &p->object, RIGHTS_DEFAULT_PROCESS, process);
    if (s != OK) {
        status_t closed = handle_close(&t->process->handles, (handle_t)*vmar);
        DEBUG_ASSERT(closed == OK);
        (void)closed;
        process_die(p, EXIT_KILLED, 0, NULL); // no handle was ever made, so nothing else ends it
    }
    object_put(&p->object);
    return s;
}

status_t sys_process_kill(struct thread *t, const struct handle_arg *process)
{
    (void)t;
    process_die(process_from_object(process->object), EXIT_KILLED, 0, NULL);
    return OK;
}

status_t sys_process_exit(struct thread *t, uint32_t code)
{
    process_die(t->process, EXIT_NORMAL, code, NULL);
    return OK;
}

status_t sys_process_info(struct thread *t, const struct handle_arg *process, uaddr_t info)
{
    (void)t;
    struct process_info out;
    process_info(process_from_object(process->object), &out);
    return arch_copy_to_user(info, &out, sizeof(out));
}

status_t sys_process_watch(struct thread *t, const struct handle_arg *process,
                           const struct handle_arg *n, uint64_t bits)
{
    (void)t;
    return process_watch(process_from_object(process->object), notification_from_object(n->object),
                         bits);
}

// --- threads ------------------------------------------------------------------------------------

status_t sys_thread_create(struct thread *t, const struct handle_arg *process, uaddr_t name,
                           uint64_t name_len, uint64_t *thread, uint64_t *msgbuf)
{
    char text[NAME_MAX_BYTES];
    struct thread *new;
    status_t s = name_from_user(name, name_len, text);
    if (s == OK) {
        s = thread_create(process_from_object(process->object), text, &new);
    }
    if (s != OK) {
        return s;
    }
    *msgbuf = new->msgbuf_user;
    object_get(&new->object);
    s = handle_to_new(t, &new->object, RIGHTS_DEFAULT_THREAD, thread);
    if (s != OK) {
        thread_die(new); // no handle was ever made, so nothing else ends it
    }
    object_put(&new->object);
    return s;
}

status_t sys_thread_start(struct thread *t, const struct handle_arg *thread, uint64_t entry,
                          uint64_t sp, uint64_t arg0, uint64_t arg1)
{
    (void)t;
    return thread_start(thread_from_object(thread->object), entry, sp, arg0, arg1);
}

status_t sys_thread_exit(struct thread *t)
{
    thread_die(t);
    return OK;
}

status_t sys_thread_kill(struct thread *t, const struct handle_arg *thread)
{
    (void)t;
    thread_die(thread_from_object(thread->object));
    return OK;
}

status_t sys_thread_yield(struct thread *t)
{
    sched_yield(t);
    return OK;
}

status_t sys_thread_set_weight(struct thread *t, const struct handle_arg *thread, uint32_t weight)
{
    (void)t;
    if (weight < WEIGHT_MIN || weight > WEIGHT_MAX) {
        return ERR_INVALID_ARGS;
    }
    sched_set_weight(thread_from_object(thread->object), weight);
    return OK;
}

status_t sys_thread_set_affinity(struct thread *t, const struct handle_arg *thread, uint32_t mask)
{
    (void)t;
    return sched_set_affinity(thread_from_object(thread->object), mask);
}

status_t sys_thread_info(struct thread *t, const struct handle_arg *thread, uaddr_t info)
{
    (void)t;
    struct thread_info out;
    thread_info(thread_from_object(thread->object), &out);
    return arch_copy_to_user(info, &out, sizeof(out));
}
