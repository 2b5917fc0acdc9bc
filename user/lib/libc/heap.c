// SPDX-License-Identifier: MIT
// The heap under picolibc's malloc: one VMO as large as the heap may ever become, mapped whole at
// the first use. sbrk commits pages as the heap grows, so a full job shows as malloc returning
// NULL; a page merely touched would be a fault. picolibc serialises its calls.

#include <bullfinch/startup.h>
#include <errno.h>
#include <stddef.h>
#include <unistd.h>
#include <gen/user_syscalls.h>

#define HEAP_BYTES_MAX  (1ull << 30)
#define HEAP_STEP_BYTES 65536ull // committed at a time
#define HEAP_RESERVED   4096ull  // a job that has hardly any pages still gets a small heap

void *sbrk(ptrdiff_t change);

static struct {
    handle_t vmo;
    uint64_t base;
    uint64_t used;
    uint64_t committed;
} heap;

static status_t heap_create(void)
{
    handle_t vmo;
    status_t s = sys_vmo_create(HEAP_BYTES_MAX, &vmo);
    if (s != OK) {
        return s;
    }
    s = sys_vmar_map(startup_handle(STARTUP_VMAR), vmo, 0, 0, HEAP_BYTES_MAX, VM_READ | VM_WRITE,
                     &heap.base);
    if (s != OK) {
        (void)sys_handle_close(vmo);
        return s;
    }
    heap.vmo = vmo;
    return OK;
}

static status_t heap_commit(uint64_t end)
{
    for (uint64_t step = HEAP_STEP_BYTES; step >= HEAP_RESERVED; step /= 4) {
        uint64_t target = (end + step - 1) & ~(step - 1);
        target = target > HEAP_BYTES_MAX ? HEAP_BYTES_MAX : target;
        if (sys_vmo_commit(heap.vmo, heap.committed, target - heap.committed) == OK) {
            heap.committed = target;
            return OK;
        }
    }
    return ERR_NO_MEMORY;
}

void *sbrk(ptrdiff_t change)
{
    void *const failed = (void *)-1;
    if (heap.vmo == HANDLE_NONE && heap_create() != OK) {
        errno = ENOMEM;
        return failed;
    }
    uint64_t old = heap.used;
    if (change < 0) {
        if ((uint64_t)-change > old) {
            errno = EINVAL;
            return failed;
        }
        heap.used -= (uint64_t)-change;
        return (void *)(uintptr_t)(heap.base + old);
    }
    if ((uint64_t)change > HEAP_BYTES_MAX - old ||
        (old + (uint64_t)change > heap.committed && heap_commit(old + (uint64_t)change) != OK)) {
        errno = ENOMEM;
        return failed;
    }
    heap.used = old + (uint64_t)change;
    return (void *)(uintptr_t)(heap.base + old);
}
