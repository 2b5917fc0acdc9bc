// SPDX-License-Identifier: MIT
// What the tests of kernel/sched, kernel/obj and kernel/sys share: the whole kernel above the boot,
// with real address spaces, and threads whose every step the test chooses. Nothing runs in user
// mode: a thread "makes" a system call when the test puts the call's registers into its frame and
// hands it to trap_syscall, exactly as a port does.
//
// kernel_call(t, SYS_X, args...) lets t make a call; it first has others yield until the scheduler
// gives t the CPU. Time stands still until time_set moves it. When every thread waits, the CPU
// sleeps and `running` is NULL. Each test ends with a count of objects, pages, charges and timers;
// allocations can be made to fail (fail_order, mm_setup.h).
//
// sources: kernel/mm/vmo.c kernel/mm/vmo_page.c kernel/mm/vmo_sweep.c kernel/mm/vmo_clone.c kernel/mm/page_tree.c
// sources: kernel/mm/aspace.c kernel/mm/vmar.c kernel/mm/vmar_place.c kernel/mm/mapping.c
// sources: kernel/mm/page_zone.c kernel/mm/boot_memory.c
// sources: kernel/lib/object.c kernel/lib/spinlock.c kernel/lib/rbtree.c kernel/lib/random.c kernel/lib/printf.c
// sources: kernel/sched/sched.c kernel/sched/choose.c kernel/sched/cpu.c kernel/sched/timer.c kernel/debug/log.c kernel/debug/trace.c kernel/debug/selftest.c
// sources: kernel/obj/handle.c kernel/obj/endpoint.c kernel/obj/reply.c kernel/obj/notification.c kernel/obj/job.c
// sources: kernel/obj/process.c kernel/obj/thread.c kernel/obj/resource.c
// sources: kernel/sys/sys.c kernel/sys/sys_handle.c kernel/sys/sys_ipc.c kernel/sys/sys_memory.c kernel/sys/sys_system.c
// sources: kernel/sys/sys_task.c kernel/sys/trap.c build/gen/sys_dispatch.c
// sources: arch/host/cpu.c arch/host/debug.c arch/host/physmap.c arch/host/aspace.c arch/host/timer.c arch/host/trap.c
// sources: arch/host/intc.c
#ifndef TESTS_HOST_OBJ_SETUP_H
#define TESTS_HOST_OBJ_SETUP_H

#include "mm_setup.h"

#include "kernel/obj/endpoint.h"
#include "kernel/obj/notification.h"
#include "kernel/obj/process.h"
#include "kernel/obj/resource.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"
#include "kernel/vdso/vdso.h"
#include <arch/cpu.h>
#include <arch/intc.h>
#include <arch/timer.h>

#define USER_PC     0x400000ull // where threads start; nothing is mapped there
#define USER_SP     0x700000ull
#define MS          1000000ull
#define STATUS_DEAD ((status_t) - 1002) // kernel_call: the thread died in its call

static struct job *root_job;
static struct thread *running; // whose trap comes next; NULL: the CPU sleeps
static unsigned restarts;      // STATUS_RESTARTs that kernel_call has seen

static uint64_t boot_time_ns; // that the realtime clock was set to

void vdso_set_boot_time(uint64_t ns) { boot_time_ns = ns; }

// --- traps --------------------------------------------------------------------------------------

static jmp_buf asleep;
static bool may_sleep;

static void cpu_sleeps(void)
{
    if (!may_sleep) {
        fail_msg("the CPU sleeps outside enter()");
    }
    longjmp(asleep, 1);
}

static void interrupts_take(void)
{
    if (host_timer_deadline() <= arch_clock_ns()) {
        timer_interrupt();
    }
}

enum entry { ENTER_SYSCALL, ENTER_FAULT, ENTER_INTERRUPT, ENTER_NOTHING };

// As a port does (arch/trap.h).
static struct thread *system_call(struct thread *t)
{
    const struct fault_info bad = {.kind = FAULT_BAD_SYSCALL, .pc = arch_thread_pc(&t->arch)};
    if (arch_thread_syscall(&t->arch) >= SYS_COUNT) {
        return trap_fault(t, &bad);
    }
    return trap_syscall(t) ? sched_exit() : t;
}

// One entry into the kernel by `running`, until it leaves for user mode or sleeps.
static inline void enter(enum entry how, const struct fault_info *fault)
{
    struct thread *t = running;
    may_sleep = true;
    running = NULL;
    if (setjmp(asleep) == 0) {
        switch (how) {
        case ENTER_SYSCALL: running = system_call(t); break;
        case ENTER_FAULT: running = trap_fault(t, fault); break;
        case ENTER_INTERRUPT:
            arch_interrupts_poll();
            running = t != NULL ? trap_interrupt(t) : sched_exit(); // NULL: it wakes the CPU
            break;
        case ENTER_NOTHING: running = sched_exit(); break;
        }
        assert_non_null(running);
        assert_ptr_equal(cpu_this()->arch.current, running);
        assert_int_equal(running->state, THREAD_RUNNABLE);
        assert_true(aspace_current() == &running->process->aspace);
    }
    may_sleep = false;
}

// Any interrupt: what is due is taken, then the scheduler decides.
static inline void interrupt(void) { enter(ENTER_INTERRUPT, NULL); }

static inline void time_set(uint64_t ns)
{
    host_clock_set(ns);
    interrupt();
}

static inline void time_advance(uint64_t ns) { time_set(arch_clock_ns() + ns); }

// The running thread yields; its registers stay as they were.
static inline void yield_running(void)
{
    struct thread *t = running;
    struct arch_thread saved = t->arch;
    object_get(&t->object); // it may be about to die
    t->arch.number = SYS_THREAD_YIELD;
    enter(ENTER_SYSCALL, NULL);
    t->arch = saved;
    object_put(&t->object);
}

// Has the others yield until t has the CPU, or has died instead.
static inline bool become_or_die(struct thread *t)
{
    for (unsigned i = 0; running != t; i++) {
        if (t->state == THREAD_DEAD) {
            return false;
        }
        assert_true(i < 1000);
        if (running == NULL) {
            enter(ENTER_NOTHING, NULL);
        } else {
            yield_running();
        }
        assert_true(running != NULL || t->state == THREAD_DEAD); // else t cannot run
    }
    return true;
}

static inline void become(struct thread *t) { assert_true(become_or_die(t)); }

// Lets the reaper finish: dead processes and objects are gone afterwards.
static inline void settle(void)
{
    for (unsigned i = 0; i < 100; i++) {
        if (running == NULL) {
            enter(ENTER_NOTHING, NULL);
        } else {
            yield_running();
        }
    }
    assert_false(object_reap_pending());
}

// --- system calls -------------------------------------------------------------------------------

static inline status_t thread_status(struct thread *t)
{
    return t->state == THREAD_BLOCKED ? STATUS_BLOCKED
           : t->state == THREAD_DEAD  ? STATUS_DEAD
                                      : (status_t)thread_args(t)[0];
}

static inline status_t call_registers(struct thread *t, uint64_t number, const uint64_t args[8],
                                      uint64_t extra)
{
    become(t);
    for (;;) {
        t->arch.number = number;
        memcpy(t->arch.args, args, sizeof(t->arch.args));
        t->arch.extra = extra;
        t->arch.pc = USER_PC + 4;
        enter(ENTER_SYSCALL, NULL);
        if (t->state == THREAD_DEAD || t->arch.pc != USER_PC) {
            return thread_status(t);
        }
        assert_memory_equal(t->arch.args, args, sizeof(t->arch.args)); // it can be made again
        restarts++;
        if (!become_or_die(t)) {
            return STATUS_DEAD;
        }
    }
}

#define kernel_call(t, number, ...) call_registers(t, number, (const uint64_t[8]){__VA_ARGS__}, 0)

// Result k (from 0) of the last call of t.
static inline uint64_t result(struct thread *t, unsigned k) { return thread_args(t)[k + 1]; }

// A call that must succeed, with its first result.
#define kernel_make(t, number, ...)                                \
    __extension__({                                                \
        assert_int_equal(kernel_call(t, number, __VA_ARGS__), OK); \
        (handle_t) result(t, 0);                                   \
    })

// Scratch user memory: the thread's message buffer.
static inline uint64_t user_text(struct thread *t, const char *text)
{
    strcpy((char *)t->msgbuf_data, text);
    return t->msgbuf_user;
}

#define NAME_OF(t, text) user_text(t, text), strlen(text)

// --- processes and threads that a test uses -----------------------------------------------------

#define ACTORS_MAX 64u

static struct job *test_job; // a new one for each test
static struct process *actor_processes[ACTORS_MAX];
static struct thread *actor_threads[ACTORS_MAX];
static unsigned process_actors, thread_actors;

static inline struct process *process_make_in(struct job *j)
{
    struct process *p = NULL;
    assert_true(process_actors < ACTORS_MAX);
    assert_int_equal(process_create(j, "process", &p), OK);
    return actor_processes[process_actors++] = p;
}

static inline struct process *process_make(void) { return process_make_in(test_job); }

static inline struct thread *thread_make_new(struct process *p)
{
    struct thread *t = NULL;
    assert_true(thread_actors < ACTORS_MAX);
    assert_int_equal(thread_create(p, "thread", &t), OK);
    // Brought in now, so that copies from it allocate nothing.
    assert_int_equal(aspace_fault(&p->aspace, t->msgbuf_user, PROT_READ | PROT_WRITE), OK);
    return actor_threads[thread_actors++] = t;
}

static inline struct thread *thread_make(struct process *p)
{
    struct thread *t = thread_make_new(p);
    assert_int_equal(thread_start(t, USER_PC, USER_SP, 0, 0), OK);
    if (running == NULL) {
        enter(ENTER_NOTHING, NULL);
    }
    return t;
}

// A thread in a process of its own.
static inline struct thread *actor(void) { return thread_make(process_make()); }

static inline handle_t give(struct process *p, struct object *o, rights_t rights)
{
    handle_t h = HANDLE_NONE;
    assert_int_equal(handle_create(&p->handles, o, rights, &h), OK);
    return h;
}

// A handle that one process has, derived for another.
static inline handle_t share(struct process *from, handle_t h, struct process *to, rights_t rights)
{
    handle_t value = HANDLE_NONE;
    assert_int_equal(handle_derive(&from->handles, h, &to->handles, rights, NULL, &value), OK);
    return value;
}

// The object a handle names; its reference is the handle's.
static inline struct object *named(struct process *p, handle_t h)
{
    struct thread t = {.process = p};
    struct handle_arg arg;
    assert_int_equal(handle_arg_get(&t, h, OBJ_ANY, 0, &arg), OK);
    handle_arg_put(&arg);
    return arg.object;
}

static inline bool handle_valid(struct process *p, handle_t h)
{
    struct thread t = {.process = p};
    struct handle_arg arg;
    if (handle_arg_get(&t, h, OBJ_ANY, 0, &arg) != OK) {
        return false;
    }
    handle_arg_put(&arg);
    return true;
}

// --- beginning and end of each test -------------------------------------------------------------

struct obj_holdings {
    uint64_t objects, user_pages, table_pages, handle_pages;
    uint64_t threads, processes, timers;
    uint64_t used[LIMIT_KINDS];
};

static struct obj_holdings obj_before;

static inline unsigned timers_armed(void)
{
    unsigned n = 0;
    for (struct rb_node *at = rb_first(&cpu_this()->timers); at != NULL; at = rb_next(at)) {
        n++;
    }
    return n;
}

static inline struct obj_holdings obj_holdings_now(void)
{
    struct page_stats pages;
    page_stats(&pages);
    struct obj_holdings h = {
        .user_pages = pages.by_owner[PAGE_USER],
        .table_pages = pages.by_owner[PAGE_TABLE],
        .handle_pages = pages.by_owner[PAGE_HANDLE],
        .threads = thread_count(),
        .processes = process_count(),
        .timers = timers_armed(),
    };
    slab_for_each(count_objects, &h.objects);
    memcpy(h.used, root_job->quota.used, sizeof(h.used));
    return h;
}

static inline int kernel_setup(void **state)
{
    host_interrupts = interrupts_take;
    host_idle = cpu_sleeps;
    sched_init_boot_cpu();
    machine_setup(state);
    handle_init_caches();
    job_init_caches();
    process_init_caches();
    thread_init_caches();
    endpoint_init_caches();
    reply_init_caches();
    notification_init_caches();
    resource_init_caches();
    reaper_start();
    return job_create(NULL, "root", &root_job);
}

static inline int obj_begin(void **state)
{
    (void)state;
    fail_order(0);
    restarts = 0;
    process_actors = thread_actors = 0;
    running = NULL;
    obj_before = obj_holdings_now();
    return job_create(root_job, "test", &test_job);
}

static inline int obj_end(void **state)
{
    (void)state;
    fail_order(0);
    for (unsigned i = 0; i < process_actors; i++) {
        process_die(actor_processes[i], EXIT_KILLED, 0, NULL);
        object_put(&actor_processes[i]->object);
    }
    for (unsigned i = 0; i < thread_actors; i++) {
        object_put(&actor_threads[i]->object);
    }
    while (job_kill(test_job, NULL) == STATUS_RESTART) {
    }
    settle();
    object_put(&test_job->object);
    struct obj_holdings after = obj_holdings_now();
    if (running != NULL || memcmp(&obj_before, &after, sizeof(after)) != 0) {
        const uint64_t *b = (const uint64_t *)&obj_before, *a = (const uint64_t *)&after;
        print_error(
            "left behind (objects, user pages, page tables, handle tables, threads, processes, "
            "timers, charges):");
        for (unsigned i = 0; i < sizeof(after) / sizeof(uint64_t); i++) {
            print_error(" %lu->%lu", b[i], a[i]);
        }
        print_error("\n");
        return 1;
    }
    return 0;
}

#define OBJ_TEST(name) cmocka_unit_test_setup_teardown(name, obj_begin, obj_end)

// Runs `call` with its first, second, ... allocation or charge failing until it gets through: each
// failure is said with a refusal, and `check` holds after it.
#define EACH_ALLOCATION_FAILS(call, check)                              \
    do {                                                                \
        for (uint64_t nth_ = 1;; nth_++) {                              \
            assert_true(nth_ < 1000);                                   \
            fail_order(nth_);                                           \
            status_t st_ = (call);                                      \
            bool hit_ = failed;                                         \
            fail_order(0);                                              \
            if (!hit_) {                                                \
                assert_int_equal(st_, OK);                              \
                assert_true(nth_ > 1);                                  \
                break;                                                  \
            }                                                           \
            if (!is_refusal(st_)) {                                     \
                fail_msg("allocation %lu fails: status %d", nth_, st_); \
            }                                                           \
            check;                                                      \
        }                                                               \
    } while (0)

#endif
