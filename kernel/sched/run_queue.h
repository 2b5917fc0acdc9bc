// SPDX-License-Identifier: MIT
// Private to kernel/sched: virtual time, and the run queue of a CPU in its order. Here to be
// inlined by sched.c, which puts threads onto queues, and choose.c, which takes them off. Functions
// with _locked in their names need the CPU's lock. Book: chapter 8.
#ifndef KERNEL_SCHED_RUN_QUEUE_H
#define KERNEL_SCHED_RUN_QUEUE_H

#include "kernel/debug/log.h"
#include "kernel/sched/sched.h"

// Units of virtual time to a nanosecond at WEIGHT_DEFAULT: so many that one at WEIGHT_MAX is still
// a whole unit, and no thread runs for nothing by running often and briefly.
#define UNITS_PER_NS   (WEIGHT_MAX / WEIGHT_DEFAULT)
#define VRUNTIME_SLICE (SCHED_SLICE_NS * UNITS_PER_NS)
// A thread alone is not looked at, perhaps for days. What it ran beyond this (18 minutes) is not
// charged: nobody waited. It keeps products, and distances on one queue, far below 2^63.
#define CHARGE_MAX_NS (1ull << 40)
// Nor do we trust the virtual runtime of a thread that has not run for so long (68 seconds).
#define STALE_NS  (1ull << 36)
#define AHEAD_MAX (1ull << 46)
static_assert(CHARGE_MAX_NS <= UINT64_MAX / WEIGHT_MAX && AHEAD_MAX <= UINT64_MAX / WEIGHT_MAX &&
                  VRUNTIME_SLICE < AHEAD_MAX && WEIGHT_MAX % WEIGHT_DEFAULT == 0,
              "no product overflows");

static inline uint64_t units_of(uint64_t ns, uint32_t weight) { return ns * WEIGHT_MAX / weight; }

// Virtual time wraps around (a thread of WEIGHT_MIN gets there in 78 hours); what counts is
// distances.
static inline bool before(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }

static inline bool order_less(const struct rb_node *a, const struct rb_node *b)
{
    return before(container_of(a, struct thread, run_node)->order,
                  container_of(b, struct thread, run_node)->order);
}

static inline struct thread *queue_first_locked(const struct cpu *cpu)
{
    struct rb_node *first = rb_first(&cpu->run_queue);
    return first != NULL ? container_of(first, struct thread, run_node) : NULL;
}

static inline void queue_insert_locked(struct cpu *cpu, struct thread *t, uint64_t order)
{
    DEBUG_ASSERT(!t->queued && t->cpu == cpu);
    t->queued = true;
    t->order = order;
    rb_insert(&cpu->run_queue, &t->run_node, order_less);
}

static inline void queue_remove_locked(struct cpu *cpu, struct thread *t)
{
    t->queued = false;
    rb_remove(&cpu->run_queue, &t->run_node);
}

// Counts the time `last` has run up to now.
static inline void account_locked(struct cpu *cpu, uint64_t now)
{
    struct thread *t = cpu->last;
    uint64_t delta = now - cpu->started_ns;
    cpu->started_ns = now;
    if (t == NULL) {
        cpu->idle_ns += delta;
        return;
    }
    t->run_time_ns += delta;
    t->vruntime += units_of(delta < CHARGE_MAX_NS ? delta : CHARGE_MAX_NS, t->weight);
    struct thread *first = queue_first_locked(cpu);
    uint64_t least =
        first != NULL && before(first->order, t->vruntime) ? first->order : t->vruntime;
    if (before(cpu->min_vruntime, least)) {
        cpu->min_vruntime = least;
    }
}

// Has the CPU choose again. Never writes false: the CPU itself sets the flag without the lock
// (sched_block), and that must not be lost.
static inline void request(struct cpu *cpu, bool wanted)
{
    if (wanted) {
        __atomic_store_n(&cpu->resched, true, __ATOMIC_RELAXED);
    }
}

static inline uint64_t front_locked(const struct cpu *cpu)
{
    return cpu->min_vruntime - VRUNTIME_SLICE;
}

// A sleeper may be at most one slice behind the others: enough to run soon, too little to shut them
// out. The CPU's time has just been counted.
static inline void place_locked(const struct cpu *cpu, struct thread *t)
{
    uint64_t front = front_locked(cpu);
    if (before(t->vruntime, front) || before(t->left_ns + STALE_NS, cpu->started_ns)) {
        t->vruntime = front;
    }
}

// One that has slept for a slice goes to the front of the queue, so that what reacts to the world
// does so at once, but only if it is less than a slice ahead of the least: what it runs there is
// charged, so it cannot come first again before the others have caught up.
static inline uint64_t wake_order_locked(const struct cpu *cpu, const struct thread *t)
{
    bool slept = before(t->left_ns + SCHED_SLICE_NS, cpu->started_ns);
    bool ahead = !before(t->vruntime, cpu->min_vruntime + VRUNTIME_SLICE);
    return slept && !ahead ? front_locked(cpu) : t->vruntime;
}

// Virtual time runs differently on each CPU: what counts is the distance from the queue's least.
// Without the other CPU's lock that is a moment old, which does no harm.
static inline void rebase(struct thread *t, const struct cpu *from, const struct cpu *to)
{
    t->vruntime += __atomic_load_n(&to->min_vruntime, __ATOMIC_RELAXED) -
                   __atomic_load_n(&from->min_vruntime, __ATOMIC_RELAXED);
}

static inline bool may_run(const struct thread *t, const struct cpu *cpu)
{
    return cpu->online && (t->affinity >> cpu->arch.id & 1) != 0;
}

// sched.c: where a thread that becomes runnable goes, and queueing it when the running one's time
// has just been counted. True if the CPU must be kicked to see it.
struct cpu *sched_wake_target(struct thread *t);
bool sched_enqueue_locked(struct cpu *cpu, struct thread *t, uint64_t order);

#endif
