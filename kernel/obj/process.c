// SPDX-License-Identifier: MIT
// Processes and the reaper; see process.h for the life cycle. Lock: job_lock for states and lists.
// Book: chapter 23.
#include "kernel/obj/process.h"
#include "kernel/debug/log.h"
#include "kernel/debug/trace.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/endpoint.h"
#include "kernel/obj/notification.h"
#include "kernel/sched/sched.h"
#include <arch/timer.h>
#include <string.h>

// What the dead hold is given back faster than the living can let go of more: garbage costs those
// who make it about as much as the reaper.
#define REAPER_WEIGHT (16 * WEIGHT_DEFAULT)

struct watch {
    struct list node;
    struct notification *notification; // referenced
    uint64_t bits;
};

static struct slab_cache process_cache, watch_cache;
static struct list dying = {&dying, &dying}; // job_lock: processes the reaper takes apart
static struct thread reaper;
static uint32_t live_processes;

void process_init_caches(void)
{
    slab_cache_init(&process_cache, "process", sizeof(struct process), 8);
    slab_cache_init(&watch_cache, "watch", sizeof(struct watch), 8);
}

uint32_t process_count(void) { return live_processes; }

static void process_free(struct process *p)
{
    struct job *job = p->job;
    slab_free(&process_cache, p);
    quota_release(&job->quota, LIMIT_PROCESSES, 1);
    object_put(&job->object);
}

// The last reference is gone. A process that was never started, and whose creator has let go, still
// has to be taken apart: that happens through process_die, which zero_handles calls; so only dead
// ones come here.
static void process_destroy(struct object *o)
{
    struct process *p = process_from_object(o);
    ASSERT(p->state == PROCESS_DEAD);
    process_free(p);
}

// A process nobody can name and that never ran could only leak. A running one goes on without
// handles.
static void process_zero_handles(struct object *o)
{
    struct process *p = process_from_object(o);
    if (p->state == PROCESS_NEW) {
        process_die(p, EXIT_KILLED, 0, NULL);
    }
}

const struct object_ops process_ops = {.type = OBJ_PROCESS,
                                       .name = "process",
                                       .zero_handles = process_zero_handles,
                                       .destroy = process_destroy};

static status_t process_init(struct process *p, struct job *job, const char *name)
{
    object_init(&p->object, &process_ops);
    p->job = job;
    ksnprintf(p->name, sizeof(p->name), "%s", name);
    list_init(&p->job_node);
    list_init(&p->threads);
    list_init(&p->watches);
    list_init(&p->dying_node);
    p->start_time_ns = arch_clock_ns();
    handle_table_init(&p->handles, &job->quota);
    return aspace_init(&p->aspace, &job->quota, &job->object);
}

// A process holds a reference to itself until it is dead.
status_t process_create(struct job *job, const char *name, struct process **out)
{
    status_t s = quota_charge(&job->quota, LIMIT_PROCESSES, 1);
    if (s != OK) {
        return s;
    }
    struct process *p = slab_alloc(&process_cache);
    s = p != NULL ? process_init(p, job, name) : ERR_NO_MEMORY;
    if (s != OK) {
        if (p != NULL) {
            slab_free(&process_cache, p);
        }
        quota_release(&job->quota, LIMIT_PROCESSES, 1);
        return s;
    }
    object_get(&job->object);
    object_get(&p->object);
    spin_lock(&job_lock);
    bool killed = job_is_killed(job);
    list_push_back(&job->processes, &p->job_node);
    job->process_count++;
    live_processes++;
    spin_unlock(&job_lock);
    *out = p;
    if (killed) {
        process_die(p, EXIT_KILLED, 0, NULL);
        object_put(&p->object);
        return ERR_BAD_STATE;
    }
    return OK;
}

void process_die(struct process *p, enum exit_reason reason, uint32_t code,
                 const struct fault_info *fault)
{
    spin_lock(&job_lock);
    if (p->state >= PROCESS_DYING) {
        spin_unlock(&job_lock);
        return;
    }
    p->state = PROCESS_DYING;
    p->exit_reason = reason;
    p->exit_code = code;
    if (fault != NULL) {
        p->fault = *fault;
    }
    list_remove(&p->job_node);
    list_push_back(&p->job->dying, &p->job_node);
    list_push_back(&dying, &p->dying_node);
    spin_unlock(&job_lock);
    trace(TRACE_DEATH, p->object.id, reason);
    if (p->vital) {
        panic(
            "process '%s', which nothing can replace, ended: reason %u, code %u, fault %u at 0x%lx, pc 0x%lx",
            p->name, (unsigned)reason, code, p->fault.kind, p->fault.address, p->fault.pc);
    }
    sched_task_wake(&reaper);
    sched_recheck(); // its threads that are in the kernel at this moment do not come back
}

static struct watch *watch_find_locked(struct process *p, struct notification *n)
{
    list_for_each(it, &p->watches) {
        struct watch *w = list_entry(it, struct watch, node);
        if (w->notification == n) {
            return w;
        }
    }
    return NULL;
}

static void watch_free(struct process *p, struct watch *w)
{
    object_put(&w->notification->object);
    slab_free(&watch_cache, w);
    quota_release(&p->job->quota, LIMIT_OBJECTS, 1);
}

static status_t watch_create(struct process *p, struct notification *n, uint64_t bits,
                             struct watch **out)
{
    status_t s = quota_charge(&p->job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct watch *w = slab_alloc(&watch_cache);
    if (w == NULL) {
        quota_release(&p->job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    list_init(&w->node);
    w->notification = n;
    w->bits = bits;
    object_get(&n->object);
    *out = w;
    return OK;
}

static status_t watch_remove(struct process *p, struct notification *n)
{
    spin_lock(&job_lock);
    struct watch *w = watch_find_locked(p, n);
    if (w != NULL) {
        list_remove(&w->node);
    }
    spin_unlock(&job_lock);
    if (w == NULL) {
        return ERR_NOT_FOUND;
    }
    watch_free(p, w);
    return OK;
}

status_t process_watch(struct process *p, struct notification *n, uint64_t bits)
{
    if (bits == 0) {
        return watch_remove(p, n);
    }
    struct watch *w = NULL;
    status_t s = watch_create(p, n, bits, &w);
    if (s != OK) {
        return s;
    }
    spin_lock(&job_lock);
    bool dead = p->state == PROCESS_DEAD;
    struct watch *old = dead ? NULL : watch_find_locked(p, n);
    if (old != NULL) {
        old->bits = bits;
    } else if (!dead) {
        list_push_back(&p->watches, &w->node);
        w = NULL;
    }
    spin_unlock(&job_lock);
    if (dead) {
        notification_signal(n, bits);
    }
    if (w != NULL) {
        watch_free(p, w);
    }
    return OK;
}

void process_info(struct process *p, struct process_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = p->object.id;
    spin_lock(&job_lock);
    out->state = p->state;
    out->exit_reason = p->exit_reason;
    out->exit_code = p->exit_code;
    out->fault_kind = p->fault.kind;
    out->fault_address = p->fault.address;
    out->fault_pc = p->fault.pc;
    out->run_time_ns = p->dead_run_time_ns;
    list_for_each(it, &p->threads) {
        out->run_time_ns += sched_run_time_ns(list_entry(it, struct thread, process_node));
    }
    out->start_time_ns = p->start_time_ns;
    out->pages = p->aspace.mapped_pages;
    out->threads = p->thread_count;
    out->handles = p->handles.used;
    memcpy(out->name, p->name, sizeof(out->name));
    spin_unlock(&job_lock);
}

// --- reaper -------------------------------------------------------------------------------------

static struct thread *thread_first(struct process *p)
{
    spin_lock(&job_lock);
    struct list *node = list_first(&p->threads);
    struct thread *t = node == NULL ? NULL : list_entry(node, struct thread, process_node);
    if (t != NULL) {
        object_get(&t->object);
    }
    spin_unlock(&job_lock);
    return t;
}

// Tells the first watcher; false when there is none left.
static bool watch_fire_one(struct process *p)
{
    spin_lock(&job_lock);
    struct list *node = list_pop_front(&p->watches);
    spin_unlock(&job_lock);
    if (node == NULL) {
        return false;
    }
    struct watch *w = list_entry(node, struct watch, node);
    notification_signal(w->notification, w->bits);
    watch_free(p, w);
    return true;
}

static void process_dead(struct process *p)
{
    spin_lock(&job_lock);
    p->state = PROCESS_DEAD;
    list_remove(&p->dying_node);
    list_remove(&p->job_node);
    p->job->process_count--;
    live_processes--;
    spin_unlock(&job_lock);
    while (watch_fire_one(p)) {
    }
    object_put(&p->object);
}

// What the process let go of (VMOs above all) has died but may still wait for the reaper. Watchers
// are told when that memory is free, too. Two tickets, because a thread lets go of its message
// buffer only when it is reaped itself. One slice of reaping for each call.
static bool remains_reaped(struct process *p)
{
    if (p->reap_rounds == 0) {
        p->reap_ticket = object_reap_ticket();
        p->reap_rounds = 1;
    }
    if (!object_reap_reached(p->reap_ticket)) {
        (void)object_reap_slice();
        return false;
    }
    if (p->reap_rounds == 1) {
        p->reap_ticket = object_reap_ticket();
        p->reap_rounds = 2;
    }
    return object_reap_reached(p->reap_ticket);
}

// One slice of taking a dying process apart: threads, then handles, then memory. After that it is
// dead.
static void process_teardown_slice(struct process *p)
{
    struct thread *t = thread_first(p);
    if (t != NULL) {
        thread_die(t);
        if (t->state != THREAD_DEAD) { // another CPU runs it, has been told, and will see to it
            sched_task_stuck();
        }
        object_put(&t->object);
    } else if (handle_table_teardown(&p->handles)) {
        if (aspace_active_elsewhere(&p->aspace)) {
            sched_task_stuck();
        } else if (aspace_teardown(&p->aspace) && remains_reaped(p)) {
            process_dead(p);
        }
    }
}

static bool reaper_slice(void)
{
    spin_lock(&job_lock);
    struct list *node = list_first(&dying);
    spin_unlock(&job_lock);
    if (node != NULL) {
        process_teardown_slice(list_entry(node, struct process, dying_node));
        return true;
    }
    return object_reap_slice();
}

static bool reaper_pending(void)
{
    spin_lock(&job_lock);
    bool pending = !list_empty(&dying);
    spin_unlock(&job_lock);
    return pending || object_reap_pending();
}

bool reaper_wait(struct thread *t)
{
    uint64_t now = arch_clock_ns();
    bool wait = reaper_pending() && (t->memory_until_ns == 0 || now < t->memory_until_ns);
    if (!wait) {
        t->memory_until_ns = 0;
        return false;
    }
    if (t->memory_until_ns == 0) {
        t->memory_until_ns = now + REAPER_WAIT_NS;
    }
    sched_yield(t);
    return true;
}

static void reaper_wake(void) { sched_task_wake(&reaper); }

static bool thread_doomed(struct thread *t)
{
    if (!t->killed && t->state != THREAD_DEAD && t->process->state < PROCESS_DYING) {
        return false;
    }
    thread_die(t);
    return true;
}

static void thread_activate(struct thread *t)
{
    aspace_switch(t != NULL ? &t->process->aspace : NULL);
}

// For a panic: what this CPU runs.
static void cpu_describe(char *buf, size_t size)
{
    const struct cpu *cpu = cpu_this();
    const struct thread *t = cpu->last;
    if (t == NULL) {
        ksnprintf(buf, size, "%s", cpu->online ? "idle" : "starting");
    } else if (t->task != NULL) {
        ksnprintf(buf, size, "kernel task %s", t->name);
    } else {
        ksnprintf(buf, size, "thread %s/%s (%lu), user pc 0x%lx", t->process->name, t->name,
                  t->object.id, arch_thread_pc(&t->arch));
    }
}

void reaper_start(void)
{
    panic_cpu_describe = cpu_describe;
    sched_task_start(&reaper, "reaper", reaper_slice);
    sched_set_weight(&reaper, REAPER_WEIGHT);
    object_reaper_wake = reaper_wake;
    sched_thread_doomed = thread_doomed;
    sched_activate = thread_activate;
}
