// SPDX-License-Identifier: MIT
// Object caches: zeroing, alignment, giving slabs back, running out, and what debug builds catch.
//
// sources: kernel/mm/page.c kernel/mm/page_zone.c kernel/mm/boot_memory.c kernel/mm/slab.c kernel/lib/spinlock.c kernel/lib/printf.c arch/host/cpu.c arch/host/debug.c arch/host/physmap.c
#include "cm.h"

#include "kernel/init/boot_info.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include <arch/mmu.h>
#include <host.h>
#include <pthread.h>

static struct slab_cache cache, other, large;

static int start(void **state)
{
    (void)state;
    static struct boot_info boot;
    host_ram_init(8ull << 20);
    host_boot_info(&boot);
    boot_alloc_init(&boot);
    page_init(&boot);
    slab_cache_init(&cache, "test", 72, 8);
    slab_cache_init(&other, "other", 100, 64);
    slab_cache_init(&large, "large", 6000, 16);
    return 0;
}

static uint64_t slab_pages(void)
{
    struct page_stats s;
    page_stats(&s);
    return s.by_owner[PAGE_SLAB];
}

static void objects_come_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct slab_cache *caches[] = {&cache, &other, &large};
    static uint8_t *objects[200];
    for (unsigned c = 0; c < ARRAY_SIZE(caches); c++) {
        size_t bytes = caches[c]->object_bytes;
        for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
            objects[i] = slab_alloc(caches[c]);
            for (size_t k = 0; k < bytes; k++) {
                assert_int_equal(objects[i][k], 0);
            }
            memset(objects[i], 0x80 + (int)i, bytes);
            assert_int_equal((uintptr_t)objects[i] % (c == 1 ? 64 : 8), 0);
        }
        for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
            for (size_t k = 0; k < bytes; k++) {
                assert_int_equal(objects[i][k], (uint8_t)(0x80 + i));
            }
            slab_free(caches[c], objects[i]);
        }
        assert_int_equal(slab_in_use(caches[c]), 0);
    }
}

static void empty_slabs_go_back_but_for_one(void **state)
{
    (void)state;
    static void *objects[1000];
    slab_reclaim();
    uint64_t before = slab_pages();
    assert_int_equal(cache.slabs, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
        objects[i] = slab_alloc(&cache);
    }
    assert_true(slab_pages() > before + 10);
    assert_int_equal(slab_pages() - before, cache.slabs);
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
        slab_free(&cache, objects[i]);
    }
    // What the magazine holds is from the last two slabs; one more is kept.
    assert_true(cache.slabs <= 3);
    uint64_t slabs = cache.slabs;
    void *again = slab_alloc(&cache);
    assert_int_equal(cache.slabs, slabs);
    slab_free(&cache, again);
    slab_reclaim();
    assert_int_equal(cache.slabs, 0);
    assert_int_equal(slab_pages(), before);
}

static void running_out_of_memory_is_told_and_does_no_harm(void **state)
{
    (void)state;
    void *chain = NULL;
    uint64_t n = 0;
    for (void **o; (o = slab_alloc(&large)) != NULL; n++) {
        *o = chain;
        chain = o;
    }
    assert_true(n > 500);
    assert_null(slab_alloc(&large));
    while (chain != NULL) {
        void *next = *(void **)chain;
        slab_free(&large, chain);
        chain = next;
    }
    assert_int_equal(slab_in_use(&large), 0);
    void *o = slab_alloc(&large);
    assert_non_null(o);
    slab_free(&large, o);
}

static void a_double_free_panics(void **state)
{
    (void)state;
    void *a = slab_alloc(&cache), *b = slab_alloc(&cache);
    slab_free(&cache, a);
    assert_true(HOST_PANICS(slab_free(&cache, a)));
    slab_reclaim(); // now it is in its slab, and not in a magazine
    assert_true(HOST_PANICS(slab_free(&cache, a)));
    slab_free(&cache, b);
}

// What release builds, which have no redzones, have to go by.
static void a_second_free_is_seen_when_it_reaches_the_slab(void **state)
{
    (void)state;
    void *a = slab_alloc(&cache);
    slab_free(&cache, a);
    struct slab_magazine *m = &cache.magazines[0];
    m->objects[m->count++] = a;
    assert_true(HOST_PANICS(slab_reclaim()));
    assert_non_null(strstr(host_panic_message, "second free"));
    spin_break(&cache.lock); // the panic left them held
    spin_break(&m->lock);
}

static void a_write_past_the_end_panics_when_freed(void **state)
{
    (void)state;
    uint8_t *o = slab_alloc(&other);
    o[104] = 1;
    assert_true(HOST_PANICS(slab_free(&other, o)));
}

static void a_write_after_free_panics_on_reuse(void **state)
{
    (void)state;
    uint8_t *o = slab_alloc(&large);
    slab_free(&large, o);
    o[5000] = 1;
    assert_true(HOST_PANICS((void)slab_alloc(&large)));
}

static void an_object_of_another_cache_panics(void **state)
{
    (void)state;
    char *o = slab_alloc(&cache);
    struct page *p = page_alloc(0, PAGE_USER);
    assert_true(HOST_PANICS(slab_free(&other, o)));
    assert_true(HOST_PANICS(slab_free(&cache, o + 8)));
    assert_true(HOST_PANICS(slab_free(&cache, (char *)page_to_virt(p) + cache.first)));
}

static void random_allocation_keeps_every_object_intact(void **state)
{
    (void)state;
    static uint64_t *held[600];
    uint64_t seed = 9, in_use = 0;
    memset(held, 0, sizeof(held));
    for (unsigned round = 0; round < 50000; round++) {
        unsigned i = test_random(&seed) % ARRAY_SIZE(held);
        if (held[i] == NULL) {
            held[i] = slab_alloc(&cache);
            held[i][0] = held[i][8] = i;
            in_use++;
        } else {
            assert_int_equal(held[i][0], i);
            assert_int_equal(held[i][8], i);
            slab_free(&cache, held[i]);
            held[i] = NULL;
            in_use--;
        }
        assert_int_equal(slab_in_use(&cache), in_use);
    }
}

static void add_in_use(struct slab_cache *c, void *arg) { *(uint64_t *)arg += slab_in_use(c); }

static void statistics_reach_every_cache(void **state)
{
    (void)state;
    uint64_t before = 0, after = 0;
    slab_for_each(add_in_use, &before);
    void *a = slab_alloc(&cache), *b = slab_alloc(&large);
    slab_for_each(add_in_use, &after);
    assert_int_equal(after, before + 2);
    slab_free(&cache, a);
    slab_free(&large, b);
}

// --- constructors -------------------------------------------------------------------------------

struct thing {
    uint64_t plain;
    uint64_t kept;
    struct list list; // points at itself: its state depends on its address
};

static struct slab_cache things;
static unsigned constructed;

static void thing_construct(void *object)
{
    struct thing *t = object;
    t->kept = 77;
    list_init(&t->list);
    constructed++;
}

static void constructed_objects_keep_their_state_between_lives(void **state)
{
    (void)state;
    slab_cache_init_constructed(&things, "thing", sizeof(struct thing), 8,
                                offsetof(struct thing, kept), thing_construct);
    for (unsigned i = 0; i < 100; i++) {
        struct thing *t = slab_alloc(&things);
        assert_int_equal(t->plain, 0);
        assert_int_equal(t->kept, 77);
        assert_true(list_empty(&t->list));
        t->plain = i;
        slab_free(&things, t);
    }
    assert_true(constructed > 0);
}

static void an_object_freed_not_as_constructed_panics(void **state)
{
    (void)state;
    struct thing *t = slab_alloc(&things);
    t->kept = 78;
    assert_true(HOST_PANICS(slab_free(&things, t)));
    assert_non_null(strstr(host_panic_message, "byte 8 is 0x"));
    t->kept = 77;
    slab_free(&things, t);
}

// --- several CPUs -------------------------------------------------------------------------------

#define CPUS   4u
#define ROUNDS 30000u

static uint64_t *shared[64]; // objects that any CPU may take and free; atomic

static void *cpu_main(void *arg)
{
    uint32_t cpu = (uint32_t)(uintptr_t)arg;
    host_cpu_set(cpu);
    uint64_t seed = cpu + 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = test_random(&seed) % ARRAY_SIZE(shared);
        uint64_t *mine = slab_alloc(&cache);
        assert_non_null(mine);
        mine[0] = mine[8] = i;
        uint64_t *old = __atomic_exchange_n(&shared[i], mine, __ATOMIC_ACQ_REL);
        if (old != NULL) { // often another CPU's
            assert_int_equal(old[0], i);
            assert_int_equal(old[8], i);
            slab_free(&cache, old);
        }
        if (round % 1000 == 0) {
            slab_reclaim();
        }
    }
    return NULL;
}

static void cpus_share_a_cache_and_count_exactly(void **state)
{
    (void)state;
    pthread_t cpus[CPUS];
    slab_reclaim();
    uint64_t pages = slab_pages(), in_use = slab_in_use(&cache);
    for (uint32_t i = 0; i < CPUS; i++) {
        pthread_create(&cpus[i], NULL, cpu_main, (void *)(uintptr_t)i);
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        pthread_join(cpus[i], NULL);
    }
    uint64_t left = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        left += shared[i] != NULL;
    }
    assert_int_equal(slab_in_use(&cache), in_use + left);
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        if (shared[i] != NULL) {
            slab_free(&cache, shared[i]);
        }
    }
    assert_int_equal(slab_in_use(&cache), in_use);
    struct slab_stats s;
    slab_stats(&cache, &s);
    assert_true(s.hits > 10 * s.misses);
    slab_reclaim();
    assert_int_equal(slab_pages(), pages);
}

// The last free page of a machine is had although other CPUs' magazines hold it.
static void what_other_cpus_keep_is_had_when_memory_runs_out(void **state)
{
    (void)state;
    struct list pages;
    void *objects[8];
    list_init(&pages);
    host_cpu_set(1);
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
        objects[i] = slab_alloc(&large);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
        slab_free(&large, objects[i]);
    }
    host_cpu_set(0);
    struct slab_stats s;
    slab_stats(&large, &s);
    assert_true(s.cached > 0 && s.slabs > 0);
    for (struct page *p; (p = page_alloc(0, PAGE_USER)) != NULL;) {
        list_push_back(&pages, &p->link);
    }
    assert_int_equal(large.slabs, 0);
    for (struct list *n; (n = list_pop_front(&pages)) != NULL;) {
        page_free(list_entry(n, struct page, link), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_zeroed_aligned_and_apart),
        cmocka_unit_test(empty_slabs_go_back_but_for_one),
        cmocka_unit_test(running_out_of_memory_is_told_and_does_no_harm),
        cmocka_unit_test(random_allocation_keeps_every_object_intact),
        cmocka_unit_test(statistics_reach_every_cache),
        cmocka_unit_test(constructed_objects_keep_their_state_between_lives),
        cmocka_unit_test(an_object_freed_not_as_constructed_panics),
        cmocka_unit_test(cpus_share_a_cache_and_count_exactly),
        cmocka_unit_test(what_other_cpus_keep_is_had_when_memory_runs_out),
        cmocka_unit_test(an_object_of_another_cache_panics),
        cmocka_unit_test(a_write_past_the_end_panics_when_freed),
        cmocka_unit_test(a_double_free_panics),
        cmocka_unit_test(a_write_after_free_panics_on_reuse),
        cmocka_unit_test(a_second_free_is_seen_when_it_reaches_the_slab),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
