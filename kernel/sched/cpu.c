// SPDX-License-Identifier: MIT
// The CPUs: their records, and starting those that did not boot. Book: chapter 10.
#include "kernel/debug/log.h"
#include "kernel/sched/sched.h"
#include <arch/timer.h>

#define START_TIMEOUT_NS 2000000000ull

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

static bool came_online(const struct cpu *cpu)
{
    uint64_t end = arch_clock_ns() + START_TIMEOUT_NS;
    while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
        if (arch_clock_ns() > end) {
            return false;
        }
        arch_relax();
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

void sched_start_cpus(const uint64_t *hw_ids, unsigned count)
{
    for (unsigned i = 0; i < count && cpu_count < CPUS_MAX; i++) {
        if (hw_ids[i] != cpus[0].arch.hw_id) {
            start_one(hw_ids[i]);
        }
    }
}
