// SPDX-License-Identifier: MIT
// Ranked spinlocks. Kernel code always runs with interrupts masked, so a lock is only ever
// contended by another CPU. A CPU may take a lock only if its rank is higher than that of every
// lock it holds; debug builds check rank and owner. No lock is held across a user copy.
// docs/locking.md lists every lock.
#ifndef KERNEL_LIB_SPINLOCK_H
#define KERNEL_LIB_SPINLOCK_H

#include "kernel/lib/types.h"

// In the order in which they may be taken.
enum lock_rank {
    LOCK_JOB = 10,        // job tree, processes' states and thread lists
    LOCK_IPC = 20,        // endpoints, notifications, replies, IRQ bindings, threads' blocked state
    LOCK_HANDLE = 30,     // all handle tables and the derivation tree
    LOCK_ASPACE = 40,     // one address space: its regions and page tables
    LOCK_VMO = 50,        // one VMO's pages
    LOCK_SCHED = 60,      // one CPU's run queue and timers
    LOCK_REAPER = 65,     // the list of dead objects
    LOCK_MAGAZINE = 68,   // one CPU's part of an object cache
    LOCK_SLAB = 70,       // one object cache
    LOCK_PAGE_CACHE = 78, // one CPU's part of the page allocator
    LOCK_PAGE = 80,       // the page allocator
    LOCK_QUOTA = 85,      // job quotas
    LOCK_IRQ = 90,        // the interrupt controller
    LOCK_RANDOM = 91,
    LOCK_LOG = 95, // kernel log and early console
};

struct spinlock {
    uint32_t locked;
    uint16_t rank;
    uint16_t owner; // CPU number + 1 while held (debug)
    const char *name;
    struct spinlock *outer; // the lock this CPU took before this one (debug)
};

#define SPINLOCK_INIT(lock_name, lock_rank) {.locked = 0, .rank = (lock_rank), .name = (lock_name)}

void spin_init(struct spinlock *l, const char *name, enum lock_rank rank);
// Takes the lock if it is free. It cannot deadlock, so the rank may be any; what is taken
// afterwards must rank above it as usual.
bool spin_trylock(struct spinlock *l);
// Whether this CPU holds it; for assertions. A release build knows only whether anyone does.
bool spin_held(const struct spinlock *l);
// Panic only: forgets who holds the lock, so that the log can be written whatever state the machine
// is in.
void spin_break(struct spinlock *l);

// Out of line: waiting, and everything in debug builds.
void spin_lock_contended(struct spinlock *l);
void spin_lock_checked(struct spinlock *l);
void spin_unlock_checked(struct spinlock *l);

// The build that counts (make bench, BUILD=locks): how often each CPU has taken locks of a rank,
// and gone round waiting for them.
#ifndef BF_LOCKSTAT
#define BF_LOCKSTAT 0
#endif
#define LOCK_RANKS LOCK_RANKS_MAX
struct lock_counts {
    uint64_t taken, spins;
};
void spin_lock_counted(struct spinlock *l);
struct lock_counts spin_counts(uint32_t cpu, uint32_t rank);
// What taking and releasing a free lock, and one round of waiting, cost in a release build:
// nanoseconds for 1,000 of each, measured now. Under QEMU's -icount these are instructions.
void spin_cost(uint64_t *take, uint64_t *spin);

static inline void spin_lock(struct spinlock *l)
{
    if (BF_DEBUG) {
        spin_lock_checked(l);
    } else if (BF_LOCKSTAT) {
        spin_lock_counted(l);
    } else if (__builtin_expect(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE) != 0, 0)) {
        spin_lock_contended(l);
    }
}

static inline void spin_unlock(struct spinlock *l)
{
    if (BF_DEBUG) {
        spin_unlock_checked(l);
    } else {
        __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
    }
}

#endif
