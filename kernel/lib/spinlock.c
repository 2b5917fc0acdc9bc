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
#include <arch/timer.h>

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

// Read until it looks free: a failed exchange would take the cache line from its owner.
static inline bool looks_free(const struct spinlock *l)
{
    if (__atomic_load_n(&l->locked, __ATOMIC_RELAXED) == 0) {
        return true;
    }
    panic_join(); // its owner may have stopped
    arch_relax();
    return false;
}

void spin_lock_contended(struct spinlock *l)
{
    do {
        while (!looks_free(l)) {
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

// --- counting -----------------------------------------------------------------------------------

#define COST_ROUNDS 1000u

static struct lock_counts counts[LOCK_CPUS_MAX][LOCK_RANKS]; // each row written by its CPU only

void spin_lock_counted(struct spinlock *l)
{
    struct lock_counts *mine = &counts[this_cpu()][l->rank];
    mine->taken++;
    while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE) != 0) {
        while (!looks_free(l)) {
            mine->spins++;
        }
    }
}

struct lock_counts spin_counts(uint32_t cpu, uint32_t rank) { return counts[cpu][rank]; }

void spin_cost(uint64_t *take, uint64_t *spin)
{
    struct spinlock l = SPINLOCK_INIT("cost", LOCK_LOG);
    uint64_t start = arch_clock_ns();
    for (unsigned i = 0; i < COST_ROUNDS; i++) {
        __asm__ volatile("" ::: "memory");
    }
    uint64_t loop = arch_clock_ns() - start;
    start = arch_clock_ns();
    for (unsigned i = 0; i < COST_ROUNDS; i++) {
        if (__atomic_exchange_n(&l.locked, 1, __ATOMIC_ACQUIRE) != 0) {
            spin_lock_contended(&l);
        }
        __atomic_store_n(&l.locked, 0, __ATOMIC_RELEASE);
    }
    *take = arch_clock_ns() - start - loop;
    l.locked = 1;
    start = arch_clock_ns();
    for (unsigned i = 0; i < COST_ROUNDS && !looks_free(&l); i++) {
    }
    *spin = arch_clock_ns() - start - loop;
}
