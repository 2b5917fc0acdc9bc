// SPDX-License-Identifier: MIT
// Processes: an address space, a handle table, threads. Life cycle: NEW (being built by its
// creator), RUNNING (a thread was started), DYING (killed, exited or faulted: no thread of it
// enters user mode again; the reaper task takes it apart in slices), DEAD (all its memory and
// handles are given back; watchers have been told). The object itself stays while handles name it,
// for process_info.
#ifndef KERNEL_OBJ_PROCESS_H
#define KERNEL_OBJ_PROCESS_H

#include "kernel/mm/aspace.h"
#include "kernel/obj/handle.h"
#include "kernel/obj/job.h"
#include "kernel/sched/thread.h"

struct notification;

struct process {
    struct object object;
    struct job *job; // referenced
    struct aspace aspace;
    struct handle_table handles;
    char name[NAME_MAX_BYTES];
    uint64_t start_time_ns;
    bool vital; // set before it runs: its end is the system's (the root supervisor)
    // LOCK_JOB
    enum process_state state;
    enum exit_reason exit_reason;
    uint32_t exit_code;
    struct fault_info fault;
    struct list job_node;
    struct list threads;
    uint32_t thread_count;
    uint64_t dead_run_time_ns; // of threads that are gone
    struct list watches;
    struct list dying_node;
    // Private to the reaper task, no lock
    uint64_t reap_ticket; // objects that died with it
    unsigned reap_rounds; // tickets reached
};

extern const struct object_ops process_ops;
extern const struct object_ops thread_ops;

void process_init_caches(void);
static inline struct process *process_from_object(struct object *o)
{
    return container_of(o, struct process, object);
}
status_t process_create(struct job *job, const char *name, struct process **out) MUST_CHECK;
// Marks the process as dying, if it is not already; the reaper does the rest. Any context.
void process_die(struct process *p, enum exit_reason reason, uint32_t code,
                 const struct fault_info *fault);
void process_info(struct process *p, struct process_info *out);
// Signals bits on n when p is dead (at once if it is). bits 0: removes the watch.
status_t process_watch(struct process *p, struct notification *n, uint64_t bits) MUST_CHECK;
uint32_t process_count(void);

void thread_init_caches(void);
// Threads. The creator gets one reference; a live thread also holds one on itself.
status_t thread_create(struct process *p, const char *name, struct thread **out) MUST_CHECK;
status_t thread_start(struct thread *t, uint64_t entry, uint64_t sp, uint64_t arg0,
                      uint64_t arg1) MUST_CHECK;
void thread_die(struct thread *t); // wherever it is; harmless if dead
void thread_info(struct thread *t, struct thread_info *out);
uint32_t thread_count(void);

// Starts the reaper task: dying processes, then dead objects.
void reaper_start(void);
// There was no memory for what the current thread, t, touches. True, and others run first, if it
// should try again because the reaper has not given back yet what the dead held. After
// REAPER_WAIT_NS of that it is false. A program whose system call finds no memory is told; one that
// touches a page could only be killed. Whoever got memory after all sets t->memory_until_ns to 0.
#define REAPER_WAIT_NS 1000000000ull
bool reaper_wait(struct thread *t);

#endif
