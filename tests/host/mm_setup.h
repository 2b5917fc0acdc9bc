// SPDX-License-Identifier: MIT
// What the tests of kernel/mm share: a machine with RAM and caches, a count of everything that
// could leak, and failures to order.
//
// The allocators and the quota are compiled into the test through this header, under other names,
// so that calls from all of kernel/mm pass through functions here that can be told to fail. Tests
// name neither page.c, slab.c nor quota.c as sources.
//
// sources: kernel/mm/page_zone.c kernel/mm/boot_memory.c kernel/lib/printf.c
#ifndef TESTS_HOST_MM_SETUP_H
#define TESTS_HOST_MM_SETUP_H

#include "cm.h"

#include "kernel/init/boot_info.h"
#include "kernel/lib/quota.h"
#include "kernel/lib/random.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmo.h"
#include <arch/mmu.h>
#include <host.h>

struct page *page_alloc_real(unsigned order, enum page_owner owner);
struct page *page_alloc_zeroed_real(enum page_owner owner);
status_t page_run_alloc_real(uint64_t pages, uint64_t align, enum page_zone highest,
                             enum page_owner owner, struct page **out);
void *slab_alloc_real(struct slab_cache *c);
status_t quota_charge_real(struct quota *q, enum limit_kind kind, uint64_t n);

#define page_alloc        page_alloc_real
#define page_alloc_zeroed page_alloc_zeroed_real
#define page_run_alloc    page_run_alloc_real
#define slab_alloc        slab_alloc_real
#define quota_charge      quota_charge_real
#include "kernel/lib/quota.c"
#include "kernel/mm/page.c"
#include "kernel/mm/slab.c"
#undef page_alloc
#undef page_alloc_zeroed
#undef page_run_alloc
#undef slab_alloc
#undef quota_charge

// --- failures to order: the n-th allocation or charge from now on fails, once -------------------

static uint64_t fail_in; // 0: none
static bool failed;      // the failure has happened

static inline bool fails_now(void)
{
    if (fail_in == 0) {
        return false;
    }
    failed = failed || fail_in == 1;
    return fail_in-- == 1;
}

struct page *page_alloc(unsigned order, enum page_owner owner)
{
    return fails_now() ? NULL : page_alloc_real(order, owner);
}

struct page *page_alloc_zeroed(enum page_owner owner)
{
    return fails_now() ? NULL : page_alloc_zeroed_real(owner);
}

status_t page_run_alloc(uint64_t pages, uint64_t align, enum page_zone highest,
                        enum page_owner owner, struct page **out)
{
    return fails_now() ? ERR_NO_MEMORY : page_run_alloc_real(pages, align, highest, owner, out);
}

void *slab_alloc(struct slab_cache *c) { return fails_now() ? NULL : slab_alloc_real(c); }

status_t quota_charge(struct quota *q, enum limit_kind kind, uint64_t n)
{
    return fails_now() ? ERR_QUOTA : quota_charge_real(q, kind, n);
}

static inline void fail_order(uint64_t n)
{
    fail_in = n;
    failed = false;
}

static inline bool is_refusal(status_t st) { return st == ERR_NO_MEMORY || st == ERR_QUOTA; }

// --- the machine --------------------------------------------------------------------------------

static struct quota job; // what the tests charge
static struct quota job_parent;

static inline int machine_setup(void **state)
{
    (void)state;
    static struct boot_info boot;
    host_ram_init(32ull << 20);
    host_boot_info(&boot);
    boot_alloc_init(&boot);
    page_init(&boot);
    vmo_init_caches();
    aspace_init_caches();
    random_seed("mm", 2, 7);
    quota_init(&job_parent, NULL);
    quota_init(&job, &job_parent);
    return 0;
}

// Everything that must come back.
struct holdings {
    uint64_t user_pages, table_pages, objects, charged[LIMIT_KINDS];
};

static inline void count_objects(struct slab_cache *c, void *arg)
{
    *(uint64_t *)arg += slab_in_use(c);
}

static inline struct holdings holdings_now(void)
{
    while (object_reap_slice()) {
    }
    struct page_stats pages;
    page_stats(&pages);
    struct holdings h = {pages.by_owner[PAGE_USER], pages.by_owner[PAGE_TABLE], 0, {0}};
    slab_for_each(count_objects, &h.objects);
    memcpy(h.charged, job.used, sizeof(h.charged));
    return h;
}

static struct holdings before;

static inline int test_setup(void **state)
{
    (void)state;
    fail_order(0);
    for (unsigned i = 0; i < LIMIT_KINDS; i++) {
        quota_set_limit(&job, i, UINT64_MAX);
    }
    before = holdings_now();
    return 0;
}

// Ends each test: nothing may be left.
static inline int leak_check(void **state)
{
    (void)state;
    struct holdings after = holdings_now();
    if (memcmp(&before, &after, sizeof(after)) != 0) {
        print_error(
            "leak: user pages %lu -> %lu, tables %lu -> %lu, objects %lu -> %lu, charged pages %lu "
            "-> %lu, objects %lu -> %lu\n",
            before.user_pages, after.user_pages, before.table_pages, after.table_pages,
            before.objects, after.objects, before.charged[LIMIT_PAGES], after.charged[LIMIT_PAGES],
            before.charged[LIMIT_OBJECTS], after.charged[LIMIT_OBJECTS]);
        return 1;
    }
    return 0;
}

#define MM_TEST(name) cmocka_unit_test_setup_teardown(name, test_setup, leak_check)

// Runs a restartable call until it does not ask to be run again.
#define FINISH(call)                         \
    __extension__({                          \
        status_t st_;                        \
        unsigned rounds_ = 0;                \
        do {                                 \
            st_ = (call);                    \
            assert_true(++rounds_ < 100000); \
        } while (st_ == STATUS_RESTART);     \
        st_;                                 \
    })

// Contiguous and zeroed, as the system call makes it.
static inline status_t contiguous_make(uint64_t size, uint64_t align, bool below_4g,
                                       struct vmo **out, paddr_t *pa)
{
    struct vmo *v = NULL;
    status_t st = FINISH(vmo_create_contiguous(size, align, below_4g, &job, NULL, &v));
    if (st == OK) {
        st = FINISH(vmo_contiguous_zero(v, pa));
        *out = v;
    }
    return st;
}

static inline void vmo_drop_ref(struct vmo *v) { object_put(vmo_object(v)); }

static inline struct vmo *vmo_make(uint64_t pages)
{
    struct vmo *v = NULL;
    assert_int_equal(vmo_create(pages * PAGE_SIZE, &job, NULL, &v), OK);
    return v;
}

// One number per page is enough to tell pages apart.
static inline void vmo_put(struct vmo *v, uint64_t page, uint64_t value)
{
    assert_int_equal(FINISH(vmo_write(v, page * PAGE_SIZE + 8, &value, sizeof(value))), OK);
}

static inline uint64_t vmo_peek(struct vmo *v, uint64_t page)
{
    uint64_t value = ~0ull;
    assert_int_equal(vmo_read(v, page * PAGE_SIZE + 8, &value, sizeof(value)), OK);
    return value;
}

static inline uint64_t vmo_committed(struct vmo *v)
{
    struct vmo_info info;
    vmo_info(v, &info);
    return info.committed_bytes / PAGE_SIZE;
}

#endif
