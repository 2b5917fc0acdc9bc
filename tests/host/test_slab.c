// SPDX-License-Identifier: MIT
// Object caches: zeroing, alignment, giving slabs back, running out, and what debug builds catch.
//
// sources: kernel/mm/page.c kernel/mm/slab.c kernel/lib/spinlock.c arch/host/cpu.c arch/host/debug.c arch/host/physmap.c
#include "cm.h"

#include "kernel/init/boot_info.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include <arch/mmu.h>
#include <host.h>

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
        assert_int_equal(caches[c]->in_use, 0);
    }
}

static void empty_slabs_go_back_but_for_one(void **state)
{
    (void)state;
    static void *objects[1000];
    uint64_t before = slab_pages();
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
        objects[i] = slab_alloc(&cache);
    }
    assert_true(slab_pages() > before + 10);
    assert_int_equal(slab_bytes(), slab_pages() * PAGE_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
        slab_free(&cache, objects[i]);
    }
    assert_int_equal(cache.slabs, 1);
    assert_true(slab_pages() <= before + 1);
    void *again = slab_alloc(&cache); // takes the kept one
    assert_int_equal(cache.slabs, 1);
    slab_free(&cache, again);
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
    assert_int_equal(large.in_use, 0);
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
    spin_break(&cache.lock); // the panic left it held
    slab_free(&cache, b);
}

static void a_write_past_the_end_panics_when_freed(void **state)
{
    (void)state;
    uint8_t *o = slab_alloc(&other);
    o[104] = 1;
    assert_true(HOST_PANICS(slab_free(&other, o)));
    spin_break(&other.lock);
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
    uint64_t on_stack = 0;
    struct page *p = page_alloc(0, PAGE_OTHER);
    assert_true(HOST_PANICS(slab_free(&other, o)));
    assert_true(HOST_PANICS(slab_free(&cache, o + 8)));
    assert_true(HOST_PANICS(slab_free(&cache, &on_stack)));
    assert_true(HOST_PANICS(slab_free(&cache, page_to_virt(p))));
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
        assert_int_equal(cache.in_use, in_use);
    }
}

static void add_in_use(const struct slab_cache *c, void *arg) { *(uint64_t *)arg += c->in_use; }

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_zeroed_aligned_and_apart),
        cmocka_unit_test(empty_slabs_go_back_but_for_one),
        cmocka_unit_test(running_out_of_memory_is_told_and_does_no_harm),
        cmocka_unit_test(random_allocation_keeps_every_object_intact),
        cmocka_unit_test(statistics_reach_every_cache),
        cmocka_unit_test(an_object_of_another_cache_panics),
        cmocka_unit_test(a_write_past_the_end_panics_when_freed),
        cmocka_unit_test(a_double_free_panics),
        cmocka_unit_test(a_write_after_free_panics_on_reuse),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
