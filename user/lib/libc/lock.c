// SPDX-License-Identifier: MIT
// The locks picolibc takes around its heap, its exit list and the like. They are held for a few
// instructions, so a thread that meets one held lets others run and tries again. The owner is known
// by its thread pointer's neighbour: the address of a thread-local variable.

#include <stdatomic.h>
#include <stdint.h>
#include <sys/lock.h>
#include <gen/user_syscalls.h>

struct __lock {
    _Atomic uintptr_t owner; // 0: free
    unsigned depth;          // of the owner's recursion
};

// Newer versions of picolibc call these no longer and do not declare them.
int __retarget_lock_try_acquire(_LOCK_T lock);
int __retarget_lock_try_acquire_recursive(_LOCK_T lock);

struct __lock __lock___libc_recursive_mutex;

static _Thread_local char identity;

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    uintptr_t self = (uintptr_t)&identity;
    if (atomic_load_explicit(&lock->owner, memory_order_relaxed) == self) {
        lock->depth++;
        return;
    }
    uintptr_t free = 0;
    while (!atomic_compare_exchange_weak_explicit(&lock->owner, &free, self, memory_order_acquire,
                                                  memory_order_relaxed)) {
        free = 0;
        (void)sys_thread_yield();
    }
    lock->depth = 1;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    uintptr_t self = (uintptr_t)&identity;
    uintptr_t free = 0;
    if (atomic_load_explicit(&lock->owner, memory_order_relaxed) == self) {
        lock->depth++;
        return 1;
    }
    if (!atomic_compare_exchange_strong_explicit(&lock->owner, &free, self, memory_order_acquire,
                                                 memory_order_relaxed)) {
        return 0;
    }
    lock->depth = 1;
    return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    if (--lock->depth == 0) {
        atomic_store_explicit(&lock->owner, 0, memory_order_release);
    }
}

void __retarget_lock_acquire(_LOCK_T lock) { __retarget_lock_acquire_recursive(lock); }

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return __retarget_lock_try_acquire_recursive(lock);
}

void __retarget_lock_release(_LOCK_T lock) { __retarget_lock_release_recursive(lock); }

// Locks that picolibc would make at run time: only for files, which our streams are not.
void __retarget_lock_init(_LOCK_T *lock) { *lock = &__lock___libc_recursive_mutex; }

void __retarget_lock_init_recursive(_LOCK_T *lock) { *lock = &__lock___libc_recursive_mutex; }

void __retarget_lock_close(_LOCK_T lock) { (void)lock; }

void __retarget_lock_close_recursive(_LOCK_T lock) { (void)lock; }
