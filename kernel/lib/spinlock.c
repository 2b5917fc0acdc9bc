// SPDX-License-Identifier: MIT
// Spinlocks: waiting, and the checks of debug builds (rank, owner). The rules and the ranks stand
// in the header, the locks that exist in docs/locking.md.
//
// Test-and-test-and-set: at most eight CPUs contend and critical sections are short, so the
// fairness of a ticket or queue lock is not worth its second atomic operation on every uncontended
// acquisition.
#include "kernel/lib/spinlock.h"

#include "kernel/debug/log.h"
#include <arch/cpu.h>

#define LOCK_CPUS_MAX 8u

// The lock that each CPU took last; older ones follow through `outer`. Debug builds only.
// Private to its CPU, no lock.
static struct spinlock *last_taken[LOCK_CPUS_MAX];

static uint32_t this_cpu(void)
{
    const struct arch_percpu *percpu = arch_percpu();
    uint32_t id = percpu != NULL ? percpu->id : 0; // before arch_cpu_init only the boot CPU runs
    ASSERT(id < LOCK_CPUS_MAX);
    return id;
}

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank)
{
    *l = (struct spinlock)SPINLOCK_INIT(name, rank);
}

void spin_lock_contended(struct spinlock *l)
{
    do {
        // Read until it looks free: a failed exchange would take the cache line from its owner.
        while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED) != 0) {
            panic_join(); // its owner may have stopped
            arch_relax();
        }
    } while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE) != 0);
}

static void note_taken(struct spinlock *l, uint32_t cpu)
{
    __atomic_store_n(&l->owner, (uint16_t)(cpu + 1), __ATOMIC_RELAXED);
    l->outer = last_taken[cpu];
    last_taken[cpu] = l;
}

static void note_released(struct spinlock *l, uint32_t cpu)
{
    struct spinlock **link = &last_taken[cpu];
    while (*link != NULL && *link != l) { // locks may be released in any order
        link = &(*link)->outer;
    }
    if (*link == l) {
        *link = l->outer;
    }
    l->outer = NULL;
    __atomic_store_n(&l->owner, 0, __ATOMIC_RELAXED);
}

void spin_lock_checked(struct spinlock *l)
{
    uint32_t cpu = this_cpu();
    if (spin_held(l) && !panic_in_progress()) {
        panic("lock %s: CPU %u takes it twice", l->name, cpu);
    }
    for (struct spinlock *held = last_taken[cpu]; held != NULL; held = held->outer) {
        if (held->rank >= l->rank && !panic_in_progress()) {
            panic("lock %s (rank %u) taken while holding %s (rank %u)", l->name, l->rank,
                  held->name, held->rank);
        }
    }
    spin_lock_contended(l);
    note_taken(l, cpu);
}

void spin_unlock_checked(struct spinlock *l)
{
    if (!spin_held(l) && !panic_in_progress()) {
        panic("lock %s: released by CPU %u, held by %d", l->name, this_cpu(), (int)l->owner - 1);
    }
    note_released(l, this_cpu());
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

bool spin_trylock(struct spinlock *l)
{
    if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE) != 0) {
        return false;
    }
    if (BF_DEBUG) {
        note_taken(l, this_cpu());
    }
    return true;
}

bool spin_held(const struct spinlock *l)
{
    bool locked = __atomic_load_n(&l->locked, __ATOMIC_RELAXED) != 0;
    if (BF_DEBUG) {
        return locked && __atomic_load_n(&l->owner, __ATOMIC_RELAXED) == this_cpu() + 1;
    }
    return locked;
}

void spin_break(struct spinlock *l)
{
    l->owner = 0;
    l->outer = NULL;
    last_taken[this_cpu()] = NULL;
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}
