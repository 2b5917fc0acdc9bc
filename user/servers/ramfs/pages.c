// SPDX-License-Identifier: MIT
// The pages of file contents: a bit for each page of the VMO says whether it is handed out.
#include "pages.h"

#include <stddef.h>
#include <string.h>
#include <gen/user_syscalls.h>

static struct {
    handle_t vmo;
    uint64_t base;
    size_t hint; // words before this one are full
    uint64_t used[PAGES_MAX / 64];
} pages;

status_t pages_init(handle_t vmar)
{
    const uint64_t bytes = (uint64_t)PAGES_MAX * ABI_PAGE_SIZE;
    memset(pages.used, 0, sizeof(pages.used)); // touched now, while there is memory
    status_t status = sys_vmo_create(bytes, &pages.vmo);
    if (status != OK) {
        return status;
    }
    return sys_vmar_map(vmar, pages.vmo, 0, 0, bytes, VM_READ | VM_WRITE, &pages.base);
}

void *page_get(void *context)
{
    (void)context;
    while (pages.hint < PAGES_MAX / 64 && pages.used[pages.hint] == UINT64_MAX) {
        pages.hint++;
    }
    if (pages.hint == PAGES_MAX / 64) {
        return NULL;
    }
    unsigned bit = (unsigned)__builtin_ctzll(~pages.used[pages.hint]);
    uint64_t offset = (pages.hint * 64 + bit) * ABI_PAGE_SIZE;
    if (sys_vmo_commit(pages.vmo, offset, ABI_PAGE_SIZE) != OK) {
        return NULL;
    }
    pages.used[pages.hint] |= 1ull << bit;
    return (void *)(uintptr_t)(pages.base + offset);
}

void page_put(void *context, void *page)
{
    (void)context;
    uint64_t offset = (uint64_t)(uintptr_t)page - pages.base;
    size_t word = (size_t)(offset / ABI_PAGE_SIZE / 64);
    if (sys_vmo_decommit(pages.vmo, offset, ABI_PAGE_SIZE) != OK) {
        return; // never handed out again: it may not be zero
    }
    pages.used[word] &= ~(1ull << (offset / ABI_PAGE_SIZE % 64));
    if (word < pages.hint) {
        pages.hint = word;
    }
}
