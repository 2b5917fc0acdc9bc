// SPDX-License-Identifier: MIT
// What the page tables really allow: mappings of every kind are made and touched, then the kernel
// walks all live tables (tests/kernel/test_mmu.c), on every CPU.
#include "tests/user/usertests/smp.h"

#define ROM_PAGE 0x1000ull // readable and no RAM on both machines: flash, boot ROM
#define BASES    8u

struct bases {
    uint64_t at[BASES];
    unsigned count;
};

static status_t map_touched(struct bases *b, handle_t vmo, unsigned flags)
{
    uint64_t base;
    status_t s = sys_vmar_map(root_vmar, vmo, 0, 0, PAGE, flags, &base);
    if (s != OK) {
        return s;
    }
    volatile uint8_t *byte = (volatile uint8_t *)(uintptr_t)base;
    if ((flags & VM_WRITE) != 0) {
        *byte = *byte;
    }
    (void)*byte;
    b->at[b->count++] = base;
    return OK;
}

static status_t map_physical(struct bases *b, unsigned cache)
{
    handle_t vmo;
    status_t s = sys_vmo_create_physical(root_resource, ROM_PAGE, PAGE, cache, &vmo);
    if (s == OK) {
        s = map_touched(b, vmo, VM_READ);
        (void)sys_handle_close(vmo);
    }
    return s;
}

// The same page readable, writable, executable; copies of it before and after they were written.
static bool map_all_kinds(struct bases *b)
{
    handle_t vmo, clone;
    EXPECT(sys_vmo_create(PAGE, &vmo), OK);
    EXPECT(map_touched(b, vmo, VM_READ | VM_WRITE), OK);
    EXPECT(map_touched(b, vmo, VM_READ), OK);
    EXPECT(map_touched(b, vmo, VM_READ | VM_EXECUTE), OK);
    EXPECT(sys_vmo_clone(vmo, 0, PAGE, &clone), OK);
    EXPECT(map_touched(b, clone, VM_READ), OK);
    EXPECT(map_touched(b, clone, VM_READ | VM_WRITE), OK);
    EXPECT(map_touched(b, vmo, VM_READ | VM_WRITE), OK);
    EXPECT(sys_vmar_protect(root_vmar, b->at[b->count - 1], PAGE, VM_READ), OK);
    EXPECT(map_physical(b, CACHE_DEVICE), OK);
    EXPECT(map_physical(b, CACHE_UNCACHED), OK);
    EXPECT(sys_handle_close(vmo), OK);
    EXPECT(sys_handle_close(clone), OK);
    return true;
}

static bool the_tables_allow_no_more_than_was_asked_for(void)
{
    struct bases b = {.count = 0};
    CHECK(map_all_kinds(&b));
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        EXPECT(sys_thread_set_affinity(self_thread, 1u << cpu), OK);
        (void)sys_thread_yield();
        CHECK(kernel_tests_hold("mmu."));
    }
    EXPECT(sys_thread_set_affinity(self_thread, UINT32_MAX), OK);
    for (unsigned i = 0; i < b.count; i++) {
        EXPECT(sys_vmar_unmap(root_vmar, b.at[i], PAGE), OK);
    }
    return true;
}

const struct test mmu_tests[] = {
    {"mmu.the_tables_allow_no_more_than_was_asked_for",
     the_tables_allow_no_more_than_was_asked_for},
    {NULL, NULL},
};
