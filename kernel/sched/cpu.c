// SPDX-License-Identifier: MIT
// The CPUs: their records, starting those that did not boot, and turning them off again. Book:
// chapter 10.
#include "kernel/debug/log.h"
#include "kernel/sched/sched.h"
#include <arch/timer.h>

#define START_TIMEOUT_NS 2000000000ull
#define START_POLL_NS    10000ull
#define STOP_TIMEOUT_NS  2000000000ull
#define STOP_KICK_NS     1000000ull // between two kicks of a CPU that is to leave

struct cpu cpus[CPUS_MAX];
unsigned cpu_count = 1;

static void cpu_init(struct cpu *cpu, unsigned id, uint64_t hw_id)
{
    spin_init(&cpu->lock, "cpu", LOCK_SCHED);
    rb_tree_init(&cpu->run_queue);
    rb_tree_init(&cpu->timers);
    cpu->timer_set_ns = DEADLINE_NEVER;
    cpu->arch.id = id;
    cpu->arch.hw_id = hw_id;
    cpu->arch.stack_top = arch_cpu_stack_top(id);
}

static uint32_t cpus_online(void)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < cpu_count; i++) {
        mask |= (uint32_t)__atomic_load_n(&cpus[i].online, __ATOMIC_RELAXED) << i;
    }
    return mask;
}

void sched_init_boot_cpu(void)
{
    panic_cpus_online = cpus_online;
    cpu_init(&cpus[0], 0, arch_cpu_hw_id());
    cpus[0].online = true;
    arch_cpu_init(&cpus[0].arch);
}

void sched_enter_secondary(struct arch_percpu *percpu)
{
    struct cpu *cpu = (struct cpu *)percpu;
    cpu->started_ns = arch_clock_ns();
    __atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
    arch_thread_enter(sched_exit());
}

// Sleeps for a moment, so that a machine that runs its CPUs in turn runs the others.
static void nap(uint64_t ns)
{
    arch_timer_set(arch_clock_ns() + ns);
    arch_wait_for_interrupt();
    arch_interrupts_poll();
}

static bool came_online(const struct cpu *cpu)
{
    uint64_t end = arch_clock_ns() + START_TIMEOUT_NS;
    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
        if (arch_clock_ns() > end) {
            return false;
        }
        nap(START_POLL_NS);
    }
    return true;
}

static void start_one(uint64_t hw_id)
{
    struct cpu *cpu = &cpus[cpu_count];
    cpu_init(cpu, cpu_count, hw_id);
    if (cpu->arch.stack_top == 0) {
        klog("cpu with id 0x%lx: no stack for a CPU %u; it stays off", hw_id, cpu_count);
        return;
    }
    cpu_count++; // its record must be known before it runs
    status_t s = arch_cpu_start(&cpu->arch);
    if (s != OK || !came_online(cpu)) {
        klog("cpu with id 0x%lx: firmware does not start it (status %d)", hw_id, s);
        if (s != OK) {
            cpu_count--; // one that was started but is late keeps its record: it may yet come
        }
    }
}

unsigned sched_cpus_online(void)
{
    unsigned online = 0;
    for (unsigned i = 0; i < cpu_count; i++) {
        online += __atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE);
    }
    return online;
}

void sched_start_cpus(const uint64_t *hw_ids, unsigned count)
{
    for (unsigned i = 0; i < count && cpu_count < CPUS_MAX; i++) {
        if (hw_ids[i] != cpus[0].arch.hw_id) {
            start_one(hw_ids[i]);
        }
    }
}

// --- turning off --------------------------------------------------------------------------------

void sched_leave(struct cpu *cpu)
{
    sched_activate(NULL);
    __atomic_store_n(&cpu->online, false, __ATOMIC_RELEASE);
    arch_cpu_off();
}

// Asks every CPU that is still on to leave. A CPU forgets a request to choose again if it comes
// while it chooses; so they are asked again until they are off.
static unsigned cpus_ask_to_leave(const struct cpu *self)
{
    unsigned on = 0;
    for (unsigned i = 0; i < cpu_count; i++) {
        bool came = __atomic_load_n(&cpus[i].online, __ATOMIC_ACQUIRE) || cpus[i].leaving;
        if (&cpus[i] != self && came && !arch_cpu_is_off(&cpus[i].arch)) {
            on++;
            __atomic_store_n(&cpus[i].leaving, true, __ATOMIC_RELAXED);
            __atomic_store_n(&cpus[i].resched, true, __ATOMIC_RELAXED);
            arch_cpu_kick(&cpus[i].arch);
        }
    }
    return on;
}

void sched_stop_cpus(void)
{
    const struct cpu *self = cpu_this();
    uint64_t end = arch_clock_ns() + STOP_TIMEOUT_NS;
    unsigned on, others = sched_cpus_online() - 1;
    while ((on = cpus_ask_to_leave(self)) != 0 && arch_clock_ns() < end) {
        nap(STOP_KICK_NS);
    }
    if (others > 0) {
        klog("cpus: %u of %u others are off", others - on, others);
    }
}
