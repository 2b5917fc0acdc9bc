// SPDX-License-Identifier: MIT
// The scheduler: run queues and the way back to user mode. Entry points: sched_wake, sched_block,
// sched_exit; cpu.c starts further CPUs. Lock: cpu->lock, of one CPU at a time. Book: chapters 8,
// 10 and 11.
//
// Whose is a thread? Three rules keep two CPUs from running or freeing one thread:
//   1. A thread is on the queue of t->cpu, or on_cpu there, or blocked, new or dead. t->cpu changes
//   only with the lock of the old CPU held, or
//      while the thread is blocked, by whoever wakes it under ipc_lock.
//   2. on_cpu lasts from the choice of the thread until that CPU has chosen another, so it covers
//   the end of the trap in which the
//      thread blocked. A thread that is woken meanwhile is queued on that same CPU and not stolen:
//      see wake_target and steal.
//   3. A thread that is on_cpu dies only on that CPU (sched_retire).
#include "kernel/sched/sched.h"
#include "kernel/debug/log.h"
#include "kernel/debug/trace.h"
#include "kernel/lib/printf.h"
#include <arch/timer.h>
#include <string.h>

bool (*sched_thread_doomed)(struct thread *t);
void (*sched_activate)(struct thread *t);

// --- virtual time -------------------------------------------------------------------------------

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

static uint64_t units_of(uint64_t ns, uint32_t weight) { return ns * WEIGHT_MAX / weight; }

// Virtual time wraps around (a thread of WEIGHT_MIN gets there in 78 hours); what counts is
// distances.
static bool before(uint64_t a, uint64_t b) { return (int64_t)(a - b) < 0; }

static bool order_less(const struct rb_node *a, const struct rb_node *b)
{
    return before(container_of(a, struct thread, run_node)->order,
                  container_of(b, struct thread, run_node)->order);
}

static struct thread *queue_first_locked(const struct cpu *cpu)
{
    struct rb_node *first = rb_first(&cpu->run_queue);
    return first != NULL ? container_of(first, struct thread, run_node) : NULL;
}

static void queue_insert_locked(struct cpu *cpu, struct thread *t, uint64_t order)
{
    DEBUG_ASSERT(!t->queued && t->cpu == cpu);
    t->queued = true;
    t->order = order;
    rb_insert(&cpu->run_queue, &t->run_node, order_less);
}

static void queue_remove_locked(struct cpu *cpu, struct thread *t)
{
    t->queued = false;
    rb_remove(&cpu->run_queue, &t->run_node);
}

// Locks the CPU that the thread belongs to.
static struct cpu *thread_cpu_lock(struct thread *t)
{
    for (;;) {
        struct cpu *cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
        spin_lock(&cpu->lock);
        if (cpu == t->cpu) {
            return cpu;
        }
        spin_unlock(&cpu->lock);
    }
}

// Counts the time `last` has run up to now.
static void account_locked(struct cpu *cpu, uint64_t now)
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

void sched_thread_init(struct thread *t)
{
    t->state = THREAD_NEW;
    t->weight = WEIGHT_DEFAULT;
    t->affinity = UINT32_MAX;
    t->cpu = cpu_this();
}

// Has the CPU choose again. Never writes false: the CPU itself sets the flag without the lock
// (sched_block), and that must not be lost.
static void request(struct cpu *cpu, bool wanted)
{
    if (wanted) {
        __atomic_store_n(&cpu->resched, true, __ATOMIC_RELAXED);
    }
}

void sched_recheck(void)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        request(&cpus[i], true);
    }
}

// --- waking -------------------------------------------------------------------------------------

static uint64_t front_locked(const struct cpu *cpu) { return cpu->min_vruntime - VRUNTIME_SLICE; }

// A sleeper may be at most one slice behind the others: enough to run soon, too little to shut them
// out. The CPU's time has just been counted.
static void place_locked(const struct cpu *cpu, struct thread *t)
{
    uint64_t front = front_locked(cpu);
    if (before(t->vruntime, front) || before(t->left_ns + STALE_NS, cpu->started_ns)) {
        t->vruntime = front;
    }
}

// One that has slept for a slice goes to the front of the queue, so that what reacts to the world
// does so at once, but only if it is less than a slice ahead of the least: what it runs there is
// charged, so it cannot come first again before the others have caught up.
static uint64_t wake_order_locked(const struct cpu *cpu, const struct thread *t)
{
    bool slept = before(t->left_ns + SCHED_SLICE_NS, cpu->started_ns);
    bool ahead = !before(t->vruntime, cpu->min_vruntime + VRUNTIME_SLICE);
    return slept && !ahead ? front_locked(cpu) : t->vruntime;
}

// Virtual time runs differently on each CPU: what counts is the distance from the queue's least.
// Without the other CPU's lock that is a moment old, which does no harm.
static void rebase(struct thread *t, const struct cpu *from, const struct cpu *to)
{
    t->vruntime += __atomic_load_n(&to->min_vruntime, __ATOMIC_RELAXED) -
                   __atomic_load_n(&from->min_vruntime, __ATOMIC_RELAXED);
}

static bool may_run(const struct thread *t, const struct cpu *cpu)
{
    return cpu->online && (t->affinity >> cpu->arch.id & 1) != 0;
}

// Where a thread that becomes runnable goes: where it was if that CPU is free or not done with it,
// else to a free CPU. What is read here without locks is a hint, except on_cpu: nobody can set that
// for a thread that is not runnable.
static struct cpu *wake_target(struct thread *t)
{
    struct cpu *home = t->cpu;
    if (cpu_count == 1 || __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) ||
        (home->idle && may_run(t, home))) {
        return home;
    }
    struct cpu *allowed = may_run(t, home) ? home : NULL;
    for (unsigned i = 0; i < cpu_count; i++) {
        if (may_run(t, &cpus[i]) && (cpus[i].idle || allowed == NULL)) {
            allowed = &cpus[i];
            if (cpus[i].idle) {
                break;
            }
        }
    }
    return allowed != NULL ? allowed : home;
}

// Whether the thread should run before what the CPU runs now, whose time has just been counted.
static bool preempts_locked(const struct cpu *cpu, const struct thread *t)
{
    return cpu->last == NULL || before(t->order, cpu->last->vruntime);
}

// Queues a runnable thread, when the running one's time has just been counted: without a tick that
// may be long ago. True if the CPU must be kicked to see it.
static bool enqueue_locked(struct cpu *cpu, struct thread *t, uint64_t order)
{
    bool alone = rb_empty(&cpu->run_queue);
    queue_insert_locked(cpu, t, order);
    bool preempts = preempts_locked(cpu, t);
    request(cpu, preempts);
    cpu->rearm |= alone; // someone waits now: the running thread gets a slice
    return cpu != cpu_this() && (preempts || alone);
}

static bool wake_on_locked(struct cpu *cpu, struct thread *t)
{
    DEBUG_ASSERT(t->state == THREAD_NEW || t->state == THREAD_BLOCKED);
    account_locked(cpu, arch_clock_ns());
    place_locked(cpu, t);
    t->state = THREAD_RUNNABLE;
    return enqueue_locked(cpu, t, wake_order_locked(cpu, t));
}

void sched_wake(struct thread *t)
{
    struct cpu *home = t->cpu, *target = wake_target(t);
    spin_lock(&target->lock);
    if (target != home) {
        rebase(t, home, target);
        __atomic_store_n(&t->cpu, target, __ATOMIC_RELEASE);
    }
    bool kick = wake_on_locked(target, t);
    spin_unlock(&target->lock);
    if (kick) {
        arch_cpu_kick(&target->arch);
    }
}

// Where its starter stands, and with no sleeper's credit: a chain of threads, each started by the
// one before, gets the share of one.
void sched_start(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    const struct thread *starter = cpu->last;
    bool behind = starter == NULL || before(starter->vruntime, cpu->min_vruntime);
    t->vruntime = behind ? cpu->min_vruntime : starter->vruntime;
    t->left_ns = cpu->started_ns;
    __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELEASE);
    spin_unlock(&cpu->lock);
    sched_wake(t);
}

void sched_wake_handoff(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    if (cpu->handoff != NULL || __atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) || !may_run(t, cpu)) {
        sched_wake(t);
        return;
    }
    spin_lock(&cpu->lock);
    DEBUG_ASSERT(t->state == THREAD_BLOCKED);
    if (t->cpu != cpu) {
        rebase(t, t->cpu, cpu);
        __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELEASE);
    }
    t->state = THREAD_RUNNABLE;
    cpu->handoff = t; // placed when it is taken, after the current thread's time has been counted
    cpu->resched = true;
    spin_unlock(&cpu->lock);
}

void sched_block(struct thread *t)
{
    DEBUG_ASSERT(t->state == THREAD_RUNNABLE && !t->queued);
    t->state = THREAD_BLOCKED;
    cpu_this()->resched = true;
}

enum retire_result sched_retire(struct thread *t)
{
    struct cpu *cpu = thread_cpu_lock(t);
    enum retire_result result = RETIRED;
    if (t->state == THREAD_DEAD) {
        result = RETIRE_WAS_DEAD;
    } else if (t->on_cpu && cpu != cpu_this()) {
        t->killed = true;
        request(cpu, true);
        result = RETIRE_RUNS_ELSEWHERE;
    } else {
        if (t->queued) {
            queue_remove_locked(cpu, t);
        }
        if (cpu->handoff == t) {
            cpu->handoff = NULL;
        }
        t->state = THREAD_DEAD;
        request(cpu, cpu == cpu_this());
    }
    spin_unlock(&cpu->lock);
    if (result == RETIRE_RUNS_ELSEWHERE) {
        arch_cpu_kick(&cpu->arch);
    }
    return result;
}

void sched_yield(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    spin_lock(&cpu->lock);
    // Behind all who wait, or a pair that yields to each other would run one of them only, with a
    // third thread in between; but not behind those who are so far ahead that they will not run
    // soon themselves. What it has run since the last count comes on top (choose_own).
    struct thread *next = queue_first_locked(cpu);
    if (next != NULL) {
        uint64_t limit = next->order + VRUNTIME_SLICE;
        uint64_t last = container_of(rb_last(&cpu->run_queue), struct thread, run_node)->order;
        uint64_t behind = before(last, limit) ? last : limit;
        t->vruntime = before(t->vruntime, behind) ? behind : t->vruntime;
        cpu->resched = true;
    }
    spin_unlock(&cpu->lock);
}

// A thread that has had more than the others waits until they have caught up: as long as the same
// CPU time takes with the new weight, or raising it would help only after the wait of the old one.
static void reweigh_locked(const struct cpu *cpu, struct thread *t, uint32_t weight)
{
    if (before(cpu->min_vruntime, t->vruntime)) {
        uint64_t ahead = t->vruntime - cpu->min_vruntime;
        ahead = ahead < AHEAD_MAX ? ahead : AHEAD_MAX;
        t->vruntime = cpu->min_vruntime + ahead * t->weight / weight;
    }
    t->weight = weight;
}

void sched_set_weight(struct thread *t, uint32_t weight)
{
    struct cpu *cpu = thread_cpu_lock(t);
    bool kick = false, queued = t->queued;
    account_locked(cpu, arch_clock_ns());
    if (queued) {
        queue_remove_locked(cpu, t);
    }
    reweigh_locked(cpu, t, weight);
    if (queued) {
        kick = enqueue_locked(cpu, t, t->vruntime);
    }
    spin_unlock(&cpu->lock);
    if (kick) {
        arch_cpu_kick(&cpu->arch);
    }
}

status_t sched_set_affinity(struct thread *t, uint32_t mask)
{
    bool usable = false;
    for (unsigned i = 0; i < cpu_count; i++) {
        usable |= cpus[i].online && (mask >> i & 1) != 0;
    }
    if (!usable) {
        return ERR_INVALID_ARGS;
    }
    struct cpu *cpu = thread_cpu_lock(t);
    t->affinity = mask;
    bool kick = t->state == THREAD_RUNNABLE && !may_run(t, cpu);
    request(cpu, kick); // choose() sends it on
    spin_unlock(&cpu->lock);
    if (kick && cpu != cpu_this()) {
        arch_cpu_kick(&cpu->arch);
    }
    return OK;
}

uint64_t sched_run_time_ns(struct thread *t)
{
    struct cpu *cpu = thread_cpu_lock(t);
    uint64_t time = t->run_time_ns + (cpu->last == t ? arch_clock_ns() - cpu->started_ns : 0);
    spin_unlock(&cpu->lock);
    return time;
}

// --- kernel tasks -------------------------------------------------------------------------------

// Tasks stay on the CPU that starts them.
void sched_task_start(struct thread *t, const char *name, bool (*slice)(void))
{
    ksnprintf(t->name, sizeof(t->name), "%s", name);
    t->task = slice;
    sched_thread_init(t);
    t->affinity = 1u << t->cpu->arch.id;
    t->wait = WAIT_TASK;
    t->state = THREAD_BLOCKED;
}

void sched_task_wake(struct thread *t)
{
    struct cpu *cpu = t->cpu;
    bool kick = false;
    spin_lock(&cpu->lock);
    t->task_again = true;
    if (t->state == THREAD_BLOCKED) {
        kick = wake_on_locked(cpu, t);
    }
    spin_unlock(&cpu->lock);
    if (kick) {
        arch_cpu_kick(&cpu->arch);
    }
}

// Runs one slice of a kernel task; the next call of choose() may give the CPU to someone else.
static void task_run(struct cpu *cpu, struct thread *t)
{
    __atomic_store_n(&t->task_again, false, __ATOMIC_SEQ_CST);
    bool more = t->task();
    arch_interrupts_poll();
    spin_lock(&cpu->lock);
    // Work that came while the slice ran is seen here, with the lock that sched_task_wake takes.
    if (!more && !t->task_again) {
        sched_block(t);
    }
    account_locked(cpu, arch_clock_ns());
    struct thread *first = queue_first_locked(cpu);
    request(cpu, first != NULL && before(first->order, t->vruntime));
    spin_unlock(&cpu->lock);
}

// --- choosing -----------------------------------------------------------------------------------

#define STEAL_LOOK 16u // once, before a CPU goes idle
#define OFFER_LOOK 2u  // at every switch while another CPU is idle

// The first thread on the queue that may be taken away from its CPU. Few are skipped: those that
// must stay, and one that its CPU has not done with.
static struct thread *stealable_locked(struct cpu *victim, const struct cpu *thief, unsigned look)
{
    for (struct rb_node *n = rb_first(&victim->run_queue); n != NULL && look > 0;
         n = rb_next(n), look--) {
        struct thread *t = container_of(n, struct thread, run_node);
        if (!t->on_cpu && may_run(t, thief)) {
            return t;
        }
    }
    return NULL;
}

// Takes a waiting thread from another CPU. It is this CPU's, and on_cpu, when the victim's lock is
// dropped.
static struct thread *steal(struct cpu *thief)
{
    for (unsigned i = 1; i < cpu_count; i++) {
        struct cpu *victim = &cpus[(thief->arch.id + i) % cpu_count];
        if (rb_empty(&victim->run_queue)) { // a hint, without the lock
            continue;
        }
        spin_lock(&victim->lock);
        struct thread *t = stealable_locked(victim, thief, STEAL_LOOK);
        if (t != NULL) {
            queue_remove_locked(victim, t);
            rebase(t, victim, thief);
            t->on_cpu = true;
            __atomic_store_n(&t->cpu, thief, __ATOMIC_RELEASE);
        }
        spin_unlock(&victim->lock);
        if (t != NULL) {
            thief->steals++;
            return t;
        }
    }
    return NULL;
}

// Takes the next thread off this CPU's queues; NULL if none is runnable.
static struct thread *take_next_locked(struct cpu *cpu)
{
    struct thread *t = cpu->handoff, *first = queue_first_locked(cpu);
    if (t != NULL) {
        cpu->handoff = NULL;
        place_locked(cpu, t);
        // It goes on with the slice of the thread that handed over. But one that is far ahead has
        // to wait its turn: a pair, of which one always computes and the other always hands over,
        // would keep the CPU with the small runtime of the other.
        if (first == NULL || before(t->vruntime, first->order + VRUNTIME_SLICE)) {
            return t;
        }
        queue_insert_locked(cpu, t, t->vruntime);
    }
    t = first;
    if (t != NULL) {
        queue_remove_locked(cpu, t);
        cpu->slice_end_ns = cpu->started_ns + SCHED_SLICE_NS;
    }
    return t;
}

static void timer_rearm_locked(struct cpu *cpu)
{
    struct rb_node *first = rb_first(&cpu->timers);
    uint64_t deadline =
        first != NULL ? container_of(first, struct timer, node)->latest_ns : DEADLINE_NEVER;
    if (cpu->last != NULL && !rb_empty(&cpu->run_queue) && cpu->slice_end_ns < deadline) {
        deadline = cpu->slice_end_ns;
    }
    cpu->rearm = false;
    if (deadline != cpu->timer_set_ns) {
        cpu->timer_set_ns = deadline;
        arch_timer_set(deadline);
    }
}

static void trace_switch(const struct cpu *cpu, const struct thread *next)
{
    uint64_t name = 0;
    if (next == NULL) {
        trace_at(cpu->started_ns, TRACE_IDLE, 0, 0);
        return;
    }
    static_assert(offsetof(struct thread, name) % sizeof(name) == 0, "one load");
    memcpy(&name, __builtin_assume_aligned(next->name, sizeof(name)), sizeof(name));
    trace_at(cpu->started_ns, TRACE_SWITCH, next->object.id, name);
}

// Makes `next` (NULL: nothing) what this CPU runs; with that it has done with the thread before.
static void switch_to_locked(struct cpu *cpu, struct thread *next)
{
    struct thread *prev = cpu->last;
    cpu->last = next;
    cpu->idle = next == NULL;
    if (next != NULL) {
        next->on_cpu = true;
    }
    if (prev != next) {
        cpu->arch.current = NULL; // when prev is gone its memory may become another thread
        trace_switch(cpu, next);
    }
    if (prev != NULL && prev != next) {
        if (cpu_count > 1) {
            arch_fp_release(prev);
        }
        prev->left_ns = cpu->started_ns;
        __atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
    }
    cpu->switches += next != prev;
    timer_rearm_locked(cpu);
}

// Passes on a thread that was chosen here but may no longer run here. cpu->lock is held, and
// dropped. In between the two locks the thread is on no queue and on_cpu keeps it from being woken,
// stolen or freed; who retires it meanwhile leaves it to the target, or makes it dead.
static void send_away_unlock(struct cpu *cpu, struct thread *t)
{
    struct cpu *target = wake_target(t);
    t->on_cpu = true;
    rebase(t, cpu, target);
    __atomic_store_n(&t->cpu, target, __ATOMIC_RELEASE);
    spin_unlock(&cpu->lock);
    bool kick = false;
    spin_lock(&target->lock);
    if (t->state == THREAD_RUNNABLE) {
        account_locked(target, arch_clock_ns());
        kick = enqueue_locked(target, t, t->vruntime);
    }
    __atomic_store_n(&t->on_cpu, false, __ATOMIC_RELEASE);
    spin_unlock(&target->lock);
    if (kick) {
        arch_cpu_kick(&target->arch);
    }
}

// Threads wait here: a CPU that has nothing to do is told, and may steal one. What is read of it
// without its lock is a hint.
static void offer_locked(struct cpu *cpu)
{
    for (unsigned i = 0; !rb_empty(&cpu->run_queue) && i < cpu_count; i++) {
        if (cpus[i].idle && stealable_locked(cpu, &cpus[i], OFFER_LOOK) != NULL) {
            arch_cpu_kick(&cpus[i].arch);
            return;
        }
    }
}

// The thread that ran here was killed from elsewhere, perhaps after it blocked: nobody but this CPU
// can make it dead.
static bool must_die(const struct thread *t)
{
    return t != NULL && t->killed && t->state != THREAD_DEAD;
}

// Takes the next thread of this CPU's own; the one that ran goes back on the queue if it still can
// run. False: to be called again.
static bool choose_own(struct cpu *cpu, struct thread **next)
{
    spin_lock(&cpu->lock);
    account_locked(cpu, arch_clock_ns());
    struct thread *prev = cpu->last;
    if (must_die(prev)) { // on_cpu must not end before
        spin_unlock(&cpu->lock);
        sched_thread_doomed(prev);
        return false;
    }
    cpu->resched = false;
    if (prev != NULL && prev->state == THREAD_RUNNABLE && !prev->queued && prev != cpu->handoff) {
        queue_insert_locked(cpu, prev, prev->vruntime);
    }
    *next = take_next_locked(cpu);
    bool leaves = *next != NULL && !may_run(*next, cpu);
    switch_to_locked(cpu, leaves ? NULL : *next);
    if (leaves) {
        send_away_unlock(cpu, *next);
        return false;
    }
    if (cpu_count > 1) {
        offer_locked(cpu);
    }
    spin_unlock(&cpu->lock);
    return true;
}

// Chooses who runs: a thread of this CPU or one that waits on another; NULL if there is none.
static struct thread *choose(struct cpu *cpu)
{
    struct thread *next = NULL;
    if (__atomic_load_n(&cpu->leaving, __ATOMIC_RELAXED)) {
        sched_leave(cpu);
    }
    while (!choose_own(cpu, &next)) {
    }
    if (next != NULL || cpu_count == 1) {
        return next;
    }
    next = steal(cpu);
    if (next != NULL) {
        spin_lock(&cpu->lock);
        account_locked(cpu, arch_clock_ns());
        cpu->slice_end_ns = cpu->started_ns + SCHED_SLICE_NS;
        switch_to_locked(cpu, next);
        spin_unlock(&cpu->lock);
    }
    return next;
}

// Nothing to run: no address space stays active here, because its process may be taken apart
// meanwhile.
static void idle(void)
{
    sched_activate(NULL);
    arch_wait_for_interrupt();
    arch_interrupts_poll();
}

void sched_kicked(void)
{
    struct cpu *cpu = cpu_this();
    bool wanted = __atomic_load_n(&cpu->resched, __ATOMIC_RELAXED) ||
                  __atomic_load_n(&cpu->rearm, __ATOMIC_RELAXED);
    cpu->kicks++;
    cpu->kicks_void += !wanted && !cpu->idle; // an idle one: sched_exit
}

void sched_cpu_stats(struct cpu *cpu, struct cpu_stats *out)
{
    spin_lock(&cpu->lock);
    if (cpu->last == NULL && cpu->online) {
        account_locked(cpu, arch_clock_ns()); // it may have slept for long
    }
    *out = (struct cpu_stats){
        .id = cpu->arch.id,
        .online = cpu->online,
        .hw_id = cpu->arch.hw_id,
        .idle_ns = cpu->idle_ns,
        .switches = cpu->switches,
        .syscalls = cpu->syscalls,
        .timer_interrupts = cpu->timer_interrupts,
        .timer_void = cpu->timer_void,
        .timers_fired = cpu->timers_fired,
        .kicks = cpu->kicks,
        .kicks_void = cpu->kicks_void,
        .steals = cpu->steals,
        .tlb_remote = cpu->arch.tlb_remote,
    };
    spin_unlock(&cpu->lock);
}

struct thread *sched_exit(void)
{
    struct cpu *cpu = cpu_this();
    uint64_t kicks = cpu->kicks;
    for (;;) {
        struct thread *t = cpu->last;
        if (t == NULL || __atomic_load_n(&cpu->resched, __ATOMIC_RELAXED)) {
            t = choose(cpu);
        } else if (__atomic_load_n(&cpu->rearm, __ATOMIC_RELAXED)) {
            spin_lock(&cpu->lock);
            timer_rearm_locked(cpu);
            spin_unlock(&cpu->lock);
        }
        if (t == NULL) {
            cpu->kicks_void += kicks != cpu->kicks;
            kicks = cpu->kicks;
            idle();
        } else if (t->task != NULL) {
            task_run(cpu, t);
        } else if (!sched_thread_doomed(t)) {
            if (cpu->arch.current != t) {
                sched_activate(t);
                cpu->arch.current = t;
            }
            return t;
        }
    }
}
