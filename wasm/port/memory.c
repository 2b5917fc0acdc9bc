// SPDX-License-Identifier: MIT
// Memory for WAMR: os_mmap and its family, over VMOs and VMARs. The interpreter maps only linear
// memories, so a mapping is made for growing: a region of LINEAR_MAX bytes of address space is
// reserved and the memory is one VMO at its start. memory.grow then enlarges the VMO and maps the
// new pages behind the old: nothing is copied and no address changes.
//
// Pages are committed when they are mapped, not when they are touched: a program over its quota
// gets -1 from memory.grow, which it can handle, instead of dying at some later store.
#include "platform_api_vmcore.h"
#include "port.h"

#include <bullfinch/startup.h>
#include <gen/user_syscalls.h>

#define MAPPINGS_MAX 8u
// A 32-bit linear memory ends at 4 GiB; one page more keeps the region's end distinct from the
// next.
#define LINEAR_MAX ((1ull << 32) + ABI_PAGE_SIZE)

struct mapping {
    uint64_t base; // 0: free slot
    uint64_t bytes;
    uint64_t reserved; // address space from base on, >= bytes
    handle_t region;
    handle_t vmo;
};

static struct mapping mappings[MAPPINGS_MAX];
static uint64_t refused_bytes;

uint64_t port_refused_bytes(void) { return refused_bytes; }

static struct mapping *mapping_lookup(uint64_t base)
{
    for (unsigned i = 0; i < MAPPINGS_MAX; i++) {
        if (mappings[i].base == base) {
            return &mappings[i];
        }
    }
    return NULL;
}

// Every protection is mapped readable and writable: the runtime asks for none first and for both at
// once afterwards, and runs no machine code of its own.
static status_t mapping_extend(struct mapping *m, uint64_t bytes)
{
    uint64_t base;
    status_t status = sys_vmo_commit(m->vmo, m->bytes, bytes - m->bytes);
    if (status != OK) {
        return status;
    }
    status = sys_vmar_map(m->region, m->vmo, m->bytes, m->base + m->bytes, bytes - m->bytes,
                          VM_READ | VM_WRITE | VM_FIXED, &base);
    if (status == OK) {
        m->bytes = bytes;
    }
    return status;
}

static status_t mapping_reserve(struct mapping *m, uint64_t bytes)
{
    handle_t root = startup_handle(STARTUP_VMAR);
    m->reserved = bytes > LINEAR_MAX ? bytes : LINEAR_MAX;
    status_t status =
        sys_vmar_allocate(root, 0, m->reserved, VM_READ | VM_WRITE, &m->region, &m->base);
    if (status != OK && bytes < m->reserved) {
        m->reserved = bytes; // a crowded address space: then growing copies
        status = sys_vmar_allocate(root, 0, bytes, VM_READ | VM_WRITE, &m->region, &m->base);
    }
    return status;
}

static void mapping_destroy(struct mapping *m)
{
    if (m->region != HANDLE_NONE) {
        (void)sys_vmar_destroy(m->region);
        (void)sys_handle_close(m->region);
    }
    (void)sys_handle_close(m->vmo);
    *m = (struct mapping){0};
}

static uint64_t page_round(size_t size)
{
    return ((uint64_t)size + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1);
}

void *os_mmap(void *hint, size_t size, int prot, int flags, os_file_handle file)
{
    (void)hint;
    (void)prot;
    (void)flags;
    (void)file;
    uint64_t bytes = page_round(size);
    struct mapping *m = mapping_lookup(0);
    if (bytes == 0 || m == NULL) {
        return NULL;
    }
    if (sys_vmo_create(bytes, &m->vmo) != OK || mapping_reserve(m, bytes) != OK ||
        mapping_extend(m, bytes) != OK) {
        mapping_destroy(m);
        refused_bytes = bytes;
        return NULL;
    }
    return (void *)(uintptr_t)m->base; // NOLINT(performance-no-int-to-ptr): an address it is
}

void os_munmap(void *addr, size_t size)
{
    (void)size;
    struct mapping *m = addr == NULL ? NULL : mapping_lookup((uintptr_t)addr);
    if (m != NULL) {
        mapping_destroy(m);
    }
}

int os_mprotect(void *addr, size_t size, int prot)
{
    struct mapping *m = addr == NULL ? NULL : mapping_lookup((uintptr_t)addr);
    bool known = m != NULL && page_round(size) <= m->bytes;
    return known && (prot & MMAP_PROT_EXEC) == 0 ? 0 : -1;
}

void *os_mremap(void *old_addr, size_t old_size, size_t new_size)
{
    struct mapping *m = mapping_lookup((uintptr_t)old_addr);
    uint64_t bytes = page_round(new_size);
    if (m == NULL || bytes < m->bytes) {
        return NULL;
    }
    if (bytes > m->reserved) {
        return os_mremap_slow(old_addr, old_size, new_size);
    }
    if (bytes > m->bytes &&
        (sys_vmo_resize(m->vmo, bytes) != OK || mapping_extend(m, bytes) != OK)) {
        (void)sys_vmo_resize(m->vmo, m->bytes); // gives back what a part of the commit took
        refused_bytes = bytes;
        return NULL;
    }
    return old_addr;
}
