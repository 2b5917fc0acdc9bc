// SPDX-License-Identifier: MIT
// The thread: registers, scheduling state, and what it waits for. A thread has no kernel stack:
// while it is blocked it is only this record, and whoever wakes it has already written its results
// into its registers.
#ifndef KERNEL_SCHED_THREAD_H
#define KERNEL_SCHED_THREAD_H

#include "abi/ipc.h"
#include "kernel/lib/list.h"
#include "kernel/lib/object.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sched/timer.h"
#include <arch/trap.h>

struct cpu;
struct process;
struct endpoint;
struct notification;
struct reply;
struct badge;
struct vmo;

enum wait_kind {
    WAIT_NONE = 0,
    WAIT_SEND,         // queued on an endpoint, message in its registers and buffer, wants no reply
    WAIT_CALL,         // the same, wants a reply
    WAIT_REPLY,        // its call was received; whoever holds the reply right will answer
    WAIT_RECEIVE,      // queued on an endpoint (and receptive to its bound notification)
    WAIT_NOTIFICATION, // queued on a notification
    WAIT_TASK,         // a kernel task with nothing to do
};

struct thread {
    struct arch_thread arch; // first: entry code saves registers here
    struct object object;
    struct process *process; // referenced; NULL for kernel tasks
    char name[NAME_MAX_BYTES];

    // Scheduler (LOCK_SCHED)
    enum thread_state state; // RUNNABLE: on a run queue, running, or handed the CPU directly;
                             // BLOCKED: see wait
    bool queued;             // on the run queue of cpu
    bool on_cpu; // cpu runs it, or has not yet done with having run it; written with cpu->lock held
    bool killed; // must die at its next chance; set while another CPU runs it
    bool task_again;   // kernel task: woken since its slice began
    struct cpu *cpu;   // where it runs, is queued, or ran last
    uint32_t affinity; // bit n: may run on CPU n
    struct rb_node run_node;
    uint64_t vruntime; // weighted CPU time (run_queue.h); wraps around
    uint64_t order;    // on the queue: vruntime, or the front for one that has just woken
    uint64_t left_ns;  // when its CPU last turned to another thread
    uint64_t run_time_ns;
    uint32_t weight;
    bool (*task)(void); // kernel task: one bounded slice of work; false when there is no more

    // Blocking (LOCK_IPC)
    enum wait_kind wait;
    struct list wait_node; // in the queue of what it waits for; ending that wakes its waiters
    struct timer timeout;
    struct badge *send_badge; // referenced while queued, so that the badge's end is not seen before
                              // its last message
    struct thread *caller;    // whom this thread, as a server, must answer
    bool caller_gone;         // it had one that died or timed out since
    struct thread *server;    // WAIT_REPLY: the thread that must answer,
    struct reply *reply;      // or the saved reply
    struct notification *bound;

    // Message buffer: two pages, also mapped in the process.
    struct vmo *msgbuf_vmo;
    uint64_t memory_until_ns; // private, no lock: reaper_wait; 0: memory has not run out
    struct vmo *making;   // by a call that this thread runs in slices: sys_vmo_create_contiguous
    uint8_t *msgbuf_data; // page 0
    struct msg_buffer_handles *msgbuf_handles; // page 1
    vaddr_t msgbuf_user;

    struct list process_node; // LOCK_JOB
};
static_assert(offsetof(struct thread, arch) == 0, "entry code relies on it");

// The second page of struct msg_buffer.
struct msg_buffer_handles {
    handle_t send[MSG_HANDLES_MAX];
    handle_t received[MSG_HANDLES_MAX];
};
static_assert(offsetof(struct msg_buffer, send) == 4096 &&
                  offsetof(struct msg_buffer, received) == 4096 + 32,
              "the kernel reaches the buffer's two pages separately");

static inline struct thread *thread_from_object(struct object *o)
{
    return container_of(o, struct thread, object);
}
static inline uint64_t *thread_args(struct thread *t) { return arch_thread_args(&t->arch); }

#endif
