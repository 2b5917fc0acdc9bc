// SPDX-License-Identifier: MIT
// Threads as kernel objects: creation with a message buffer, start, death. What runs when is the
// scheduler's matter. Lock: job_lock for the process's thread list, ipc_lock for what a thread
// waits for. Book: chapter 8.
#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/endpoint.h"
#include "kernel/obj/notification.h"
#include "kernel/obj/process.h"
#include "kernel/sched/sched.h"
#include <arch/mmu.h>
#include <string.h>

static struct slab_cache thread_cache;
static uint32_t live_threads;

void thread_init_caches(void)
{
    slab_cache_init(&thread_cache, "thread", sizeof(struct thread), 16);
}

uint32_t thread_count(void) { return live_threads; }

// The message buffer leaves the address space with its thread, unless the whole process is going.
static void msgbuf_destroy(struct thread *t)
{
    struct process *p = t->process;
    if (t->msgbuf_user != 0 && p->state < PROCESS_DYING) {
        status_t s;
        do {
            s = vmar_unmap(p->aspace.root, t->msgbuf_user, sizeof(struct msg_buffer)); // two pages:
                                                                                       // two slices
                                                                                       // at most
        } while (s == STATUS_RESTART);
    }
    if (t->msgbuf_vmo != NULL) {
        object_put(vmo_object(t->msgbuf_vmo));
    }
    if (t->making != NULL) {
        object_put(vmo_object(t->making));
    }
}

static unsigned state_order(size_t bytes)
{
    unsigned order = 0;
    while ((PAGE_SIZE << order) < bytes) {
        order++;
    }
    return order;
}

void *thread_state_alloc(struct thread *t, size_t bytes)
{
    unsigned order = state_order(bytes);
    struct quota *quota = &t->process->job->quota;
    if (quota_charge(quota, LIMIT_PAGES, 1ull << order) != OK) {
        return NULL;
    }
    struct page *p = page_alloc(order, PAGE_THREAD);
    if (p == NULL) {
        quota_release(quota, LIMIT_PAGES, 1ull << order);
        return NULL;
    }
    return memset(page_to_virt(p), 0, PAGE_SIZE << order);
}

void thread_state_free(struct thread *t, void *state, size_t bytes)
{
    unsigned order = state_order(bytes);
    page_free(page_from_phys(virt_to_phys(state)), order);
    quota_release(&t->process->job->quota, LIMIT_PAGES, 1ull << order);
}

// Runs in the reaper task, never on the way out of the dying thread's own trap.
static bool thread_reap(struct object *o)
{
    struct thread *t = thread_from_object(o);
    struct process *p = t->process;
    if (timer_is_firing(&t->timeout) || __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE)) {
        sched_task_stuck(); // another CPU has not done with it
        return false;
    }
    msgbuf_destroy(t);
    arch_thread_fini(&t->arch);
    slab_free(&thread_cache, t);
    quota_release(&p->job->quota, LIMIT_THREADS, 1);
    object_put(&p->object);
    return true;
}

// A thread that was never started and that nobody can start any more.
static void thread_zero_handles(struct object *o)
{
    struct thread *t = thread_from_object(o);
    if (t->state == THREAD_NEW) {
        thread_die(t);
    }
}

const struct object_ops thread_ops = {
    .type = OBJ_THREAD, .name = "thread", .zero_handles = thread_zero_handles, .reap = thread_reap};

static status_t msgbuf_page(struct vmo *v, uint64_t offset, void **out)
{
    paddr_t pa;
    bool writable;
    status_t s = vmo_get_page(v, offset, true, &pa, &writable);
    if (s == OK) {
        *out = phys_to_virt(pa);
    }
    return s;
}

// The pages belong to a VMO that only the kernel holds, so they stay where they are whatever the
// process unmaps.
static status_t msgbuf_create(struct thread *t)
{
    struct process *p = t->process;
    status_t s =
        vmo_create(sizeof(struct msg_buffer), &p->job->quota, &p->job->object, &t->msgbuf_vmo);
    void *data = NULL, *handles = NULL;
    if (s == OK) {
        s = msgbuf_page(t->msgbuf_vmo, 0, &data);
    }
    if (s == OK) {
        s = msgbuf_page(t->msgbuf_vmo, PAGE_SIZE, &handles);
    }
    if (s == OK) {
        unsigned flags = VM_READ | VM_WRITE;
        s = vmar_map(p->aspace.root, t->msgbuf_vmo, 0, 0, sizeof(struct msg_buffer), flags, flags,
                     &t->msgbuf_user);
    }
    t->msgbuf_data = data;
    t->msgbuf_handles = handles;
    return s;
}

status_t thread_create(struct process *p, const char *name, struct thread **out)
{
    if (p->state >= PROCESS_DYING) {
        return ERR_BAD_STATE; // it may have no address space for the message buffer any more
    }
    status_t s = quota_charge(&p->job->quota, LIMIT_THREADS, 1);
    if (s != OK) {
        return s;
    }
    struct thread *t = slab_alloc(&thread_cache);
    if (t == NULL) {
        quota_release(&p->job->quota, LIMIT_THREADS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&t->object, &thread_ops);
    t->process = p;
    object_get(&p->object);
    sched_thread_init(t);
    list_init(&t->wait_node);
    list_init(&t->process_node);
    ksnprintf(t->name, sizeof(t->name), "%s", name);
    s = msgbuf_create(t);
    if (s == OK) {
        spin_lock(&job_lock);
        if (p->state < PROCESS_DYING) {
            object_get(&t->object); // the thread's own, until it dies
            list_push_back(&p->threads, &t->process_node);
            p->thread_count++;
            live_threads++;
        } else {
            s = ERR_BAD_STATE;
        }
        spin_unlock(&job_lock);
    }
    if (s != OK) {
        object_put(&t->object);
        return s;
    }
    *out = t;
    return OK;
}

static bool user_address_ok(uint64_t va) { return va >= USER_BASE && va < arch_user_top(); }

status_t thread_start(struct thread *t, uint64_t entry, uint64_t sp, uint64_t arg0, uint64_t arg1)
{
    if (!user_address_ok(entry) || (sp != 0 && !user_address_ok(sp - 1)) || sp % 16 != 0) {
        return ERR_INVALID_ARGS;
    }
    spin_lock(&job_lock);
    spin_lock(&ipc_lock); // as for every wake: nobody retires the thread meanwhile
    struct process *p = t->process;
    status_t s = t->state == THREAD_NEW && p->state < PROCESS_DYING ? OK : ERR_BAD_STATE;
    if (s == OK) {
        p->state = PROCESS_RUNNING;
        arch_thread_init(&t->arch, entry, sp, arg0, arg1, t->msgbuf_user);
        sched_start(t);
    }
    spin_unlock(&ipc_lock);
    spin_unlock(&job_lock);
    return s;
}

// Takes a dead thread out of its process's list. True if it was the last one of a running process.
static bool thread_unlist(struct thread *t)
{
    struct process *p = t->process;
    spin_lock(&job_lock);
    bool listed = !list_empty(&t->process_node); // not so if its creation failed half-way
    if (listed) {
        list_remove(&t->process_node);
        p->thread_count--;
        p->dead_run_time_ns += sched_run_time_ns(t);
        live_threads--;
    }
    bool last = listed && list_empty(&p->threads) && p->state == PROCESS_RUNNING;
    spin_unlock(&job_lock);
    return last;
}

void thread_die(struct thread *t)
{
    spin_lock(&ipc_lock);
    if (sched_retire(t) != RETIRED) {
        spin_unlock(&ipc_lock);
        return; // dead already, or another CPU runs it and will see to it
    }
    ipc_detach_locked(t);
    timer_cancel(&t->timeout);
    ipc_release_caller_locked(t);
    notification_unbind_thread_locked(t);
    t->wait = WAIT_NONE;
    spin_unlock(&ipc_lock);
    if (thread_unlist(t)) {
        process_die(t->process, EXIT_NORMAL, 0, NULL);
    }
    object_put(&t->object);
}

void thread_info(struct thread *t, struct thread_info *out)
{
    memset(out, 0, sizeof(*out));
    out->id = t->object.id;
    out->state = t->state;
    out->weight = t->weight;
    out->run_time_ns = sched_run_time_ns(t);
    memcpy(out->name, t->name, sizeof(out->name));
}
