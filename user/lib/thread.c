// SPDX-License-Identifier: MIT
// A second thread: a region holding guard page, stack, and at its top the thread's start record and
// thread-local block. Order of steps: everything that can fail, then thread_start. A thread cannot
// unmap the stack it runs on, so stacks are kept and given to later threads once the kernel says
// that their thread is dead.

#include "user/lib/tls.h"
#include <bullfinch/startup.h>
#include <bullfinch/thread.h>
#include <stdbool.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define STACK_BYTES_DEFAULT 65536u

struct thread_start {
    void (*entry)(void *arg);
    void *arg;
    void *tls; // memory for the thread-local block
};

void thread_entry(void); // arch/*/crt0.S
_Noreturn void thread_begin(struct thread_start *start, uint64_t unused, struct msg_buffer *buffer);

// Not inlined: its caller sets up what thread-local variables hang on.
static _Noreturn __attribute__((noinline)) void thread_run(struct thread_start *start,
                                                           struct msg_buffer *buffer)
{
    ipc_buffer_set(buffer);
    start->entry(start->arg);
    sys_thread_exit();
}

_Noreturn void thread_begin(struct thread_start *start, uint64_t unused, struct msg_buffer *buffer)
{
    (void)unused;
    tls_begin(start->tls);
    thread_run(start, buffer);
}

// Maps a stack of the given bytes above a guard page. *region is the VMAR around both.
static status_t stack_map(size_t bytes, handle_t *region, uint64_t *base)
{
    handle_t vmo;
    status_t s = sys_vmo_create(bytes, &vmo);
    if (s != OK) {
        return s;
    }
    uint64_t low;
    s = sys_vmar_allocate(startup_handle(STARTUP_VMAR), 0, bytes + ABI_PAGE_SIZE,
                          VM_READ | VM_WRITE, region, &low);
    if (s == OK) {
        s = sys_vmar_map(*region, vmo, 0, low + ABI_PAGE_SIZE, bytes, VM_READ | VM_WRITE | VM_FIXED,
                         base);
        if (s != OK) {
            (void)sys_vmar_destroy(*region);
            (void)sys_handle_close(*region);
        }
    }
    (void)sys_handle_close(vmo);
    return s;
}

#define STACKS_KEPT 16u

// A stack that this process has mapped, and the thread that uses it or did last. `taken` is set by
// whoever works on the entry.
static struct kept_stack {
    bool taken;
    handle_t thread; // HANDLE_NONE: entry unused
    uint64_t base;
    size_t bytes;
} kept[STACKS_KEPT];

static bool stack_take(struct kept_stack *k)
{
    return !__atomic_test_and_set(&k->taken, __ATOMIC_ACQUIRE);
}
static void stack_release(struct kept_stack *k) { __atomic_clear(&k->taken, __ATOMIC_RELEASE); }

static bool stack_is_free(const struct kept_stack *k, size_t bytes)
{
    struct thread_info info;
    return k->thread != HANDLE_NONE && k->bytes == bytes &&
           sys_thread_info(k->thread, &info) == OK && info.state == THREAD_DEAD;
}

// A stack of exactly this size whose thread is dead, taken out of the list; false if there is none.
static bool stack_reuse(size_t bytes, uint64_t *base)
{
    for (unsigned i = 0; i < STACKS_KEPT; i++) {
        struct kept_stack *k = &kept[i];
        if (!stack_take(k)) {
            continue;
        }
        bool found = stack_is_free(k, bytes);
        if (found) {
            (void)sys_handle_close(k->thread);
            k->thread = HANDLE_NONE;
            *base = k->base;
        }
        stack_release(k);
        if (found) {
            return true;
        }
    }
    return false;
}

// Remembers a started thread's stack; when the list is full, the stack stays mapped until the
// process ends.
static void stack_keep(handle_t thread, uint64_t base, size_t bytes)
{
    for (unsigned i = 0; i < STACKS_KEPT; i++) {
        struct kept_stack *k = &kept[i];
        if (!stack_take(k)) {
            continue;
        }
        bool room = k->thread == HANDLE_NONE;
        if (room && sys_handle_duplicate(thread, RIGHT_INSPECT, &k->thread) == OK) {
            k->base = base;
            k->bytes = bytes;
        }
        stack_release(k);
        if (room) {
            return;
        }
    }
}

status_t thread_spawn(const char *name, void (*entry)(void *arg), void *arg, size_t stack_bytes,
                      handle_t *thread)
{
    size_t record_bytes = sizeof(struct thread_start) + tls_block_bytes();
    size_t bytes = (stack_bytes == 0 ? STACK_BYTES_DEFAULT : stack_bytes) + record_bytes;
    bytes = (bytes + ABI_PAGE_SIZE - 1) & ~(size_t)(ABI_PAGE_SIZE - 1);

    handle_t h;
    uint64_t buffer;
    status_t s =
        sys_thread_create(startup_handle(STARTUP_PROCESS), name, strlen(name), &h, &buffer);
    if (s != OK) {
        return s;
    }
    handle_t region = HANDLE_NONE;
    uint64_t base;
    s = stack_reuse(bytes, &base) ? OK : stack_map(bytes, &region, &base);
    if (s != OK) {
        (void)sys_thread_kill(h);
        (void)sys_handle_close(h);
        return s;
    }
    uint64_t top = (base + bytes - record_bytes) & ~15ull;
    struct thread_start *start = (struct thread_start *)(uintptr_t)top;
    *start = (struct thread_start){.entry = entry, .arg = arg, .tls = start + 1};
    s = sys_thread_start(h, (uint64_t)(uintptr_t)thread_entry, top, top, 0);
    if (s != OK) {
        (void)sys_thread_kill(h);
        (void)sys_vmar_unmap(startup_handle(STARTUP_VMAR), base - ABI_PAGE_SIZE,
                             bytes + ABI_PAGE_SIZE);
        (void)sys_handle_close(h);
        (void)sys_handle_close(region);
        return s;
    }
    stack_keep(h, base, bytes);
    if (thread != NULL) {
        *thread = h;
    } else {
        (void)sys_handle_close(h);
    }
    (void)sys_handle_close(region);
    return s;
}
