// SPDX-License-Identifier: MIT
// The page allocator: blocks, joining, exhaustion, misuse, RAM with holes and reservations.
//
// sources: kernel/mm/page.c kernel/lib/spinlock.c arch/host/cpu.c arch/host/debug.c arch/host/physmap.c
#include "cm.h"

#include "kernel/init/boot_info.h"
#include "kernel/mm/page.h"
#include <arch/mmu.h>
#include <host.h>

#define RAM       (32ull << 20)
#define RAM_PAGES (RAM / PAGE_SIZE)
#define LARGE     11u // 8 MiB: the image and the metadata break up both blocks of the largest order

static struct boot_info boot;

static int start(void **state)
{
    (void)state;
    host_ram_init(RAM);
    host_boot_info(&boot);
    return 0;
}

static void start_pages(void)
{
    boot_alloc_init(&boot);
    page_init(&boot);
}

static struct page_stats stats_now(void)
{
    struct page_stats s;
    page_stats(&s);
    return s;
}

// Takes every free page, singly, and chains them; returns how many there were.
static uint64_t take_all(struct list *pages)
{
    uint64_t n = 0;
    list_init(pages);
    for (struct page *p; (p = page_alloc(0, PAGE_OTHER)) != NULL; n++) {
        list_push_back(pages, &p->link);
    }
    return n;
}

static void give_all(struct list *pages)
{
    for (struct list *n; (n = list_pop_front(pages)) != NULL;) {
        page_free(list_entry(n, struct page, link), 0);
    }
}

static void every_free_page_is_given_out_once(void **state)
{
    (void)state;
    static uint8_t seen[RAM_PAGES];
    start_pages();
    memset(seen, 0, sizeof(seen));
    uint64_t promised = stats_now().free_pages;
    struct list pages;
    assert_int_equal(take_all(&pages), promised);
    assert_null(page_alloc(0, PAGE_OTHER));
    list_for_each(n, &pages) {
        uint64_t i = (page_to_phys(list_entry(n, struct page, link)) - HOST_RAM_BASE) / PAGE_SIZE;
        assert_true(i < RAM_PAGES);
        assert_int_equal(seen[i]++, 0);
    }
    give_all(&pages);
    assert_int_equal(stats_now().free_pages, promised);
}

static void metadata_costs_less_than_two_percent_of_ram(void **state)
{
    (void)state;
    start_pages();
    uint64_t kernel = stats_now().by_owner[PAGE_KERNEL] * PAGE_SIZE - HOST_IMAGE_BYTES;
    assert_true(kernel * 50 < RAM);
}

static void freed_pages_join_to_the_largest_blocks_again(void **state)
{
    (void)state;
    start_pages();
    unsigned at_start = 0, after = 0;
    static struct page *blocks[64];
    while ((blocks[at_start] = page_alloc(LARGE, PAGE_OTHER)) != NULL) {
        at_start++;
    }
    for (unsigned i = 0; i < at_start; i++) {
        page_free(blocks[i], LARGE);
    }
    struct list pages;
    take_all(&pages);
    give_all(&pages);
    while ((blocks[after] = page_alloc(LARGE, PAGE_OTHER)) != NULL) {
        after++;
    }
    assert_true(at_start > 0);
    assert_int_equal(after, at_start);
}

static void random_blocks_are_aligned_and_never_overlap(void **state)
{
    (void)state;
    static uint8_t used[RAM_PAGES];
    static struct {
        struct page *p;
        unsigned order;
    } held[512];
    start_pages();
    memset(used, 0, sizeof(used));
    uint64_t seed = 42, free_at_start = stats_now().free_pages, in_use = 0;
    for (unsigned round = 0; round < 40000; round++) {
        unsigned i = test_random(&seed) % ARRAY_SIZE(held);
        if (held[i].p == NULL) {
            held[i].order = test_random(&seed) % 6;
            held[i].p = page_alloc(held[i].order, PAGE_USER);
            if (held[i].p == NULL) {
                continue;
            }
            paddr_t pa = page_to_phys(held[i].p);
            assert_int_equal(pa & ((PAGE_SIZE << held[i].order) - 1), 0);
            in_use += 1u << held[i].order;
        } else {
            page_free(held[i].p, held[i].order);
            in_use -= 1u << held[i].order;
        }
        bool now =
            held[i].p != NULL && used[(page_to_phys(held[i].p) - HOST_RAM_BASE) / PAGE_SIZE] == 0;
        for (unsigned k = 0; k < 1u << held[i].order; k++) {
            uint8_t *u = &used[(page_to_phys(held[i].p) - HOST_RAM_BASE) / PAGE_SIZE + k];
            assert_int_equal(*u, now ? 0 : 1);
            *u = now;
        }
        held[i].p = now ? held[i].p : NULL;
        assert_int_equal(stats_now().free_pages, free_at_start - in_use);
        assert_int_equal(stats_now().by_owner[PAGE_USER], in_use);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(held); i++) {
        if (held[i].p != NULL) {
            page_free(held[i].p, held[i].order);
            held[i].p = NULL;
        }
    }
    assert_int_equal(stats_now().free_pages, free_at_start);
}

static void a_double_free_panics(void **state)
{
    (void)state;
    start_pages();
    struct page *p = page_alloc(0, PAGE_USER), *q = page_alloc(3, PAGE_USER);
    page_free(p, 0);
    assert_true(HOST_PANICS(page_free(p, 0)));
    page_free(q, 3);
    assert_true(HOST_PANICS(page_free(q, 3)));
}

static void freeing_what_is_no_block_panics(void **state)
{
    (void)state;
    start_pages();
    struct page *p = page_alloc(2, PAGE_USER);
    assert_true(HOST_PANICS(page_free(p, 1)));
    assert_true(HOST_PANICS(page_free(p + 1, 0)));
    assert_true(HOST_PANICS(page_free(page_from_phys(HOST_RAM_BASE), 0))); // the kernel image
    struct page outside = {0};
    assert_true(HOST_PANICS(page_free(&outside, 0)));
    page_free(p, 2);
}

static void a_split_block_is_freed_page_by_page(void **state)
{
    (void)state;
    start_pages();
    uint64_t free_at_start = stats_now().free_pages;
    struct page *p = page_alloc(3, PAGE_USER);
    page_split(p, 3);
    for (unsigned i = 0; i < 8; i++) {
        page_free(p + i, 0);
    }
    assert_int_equal(stats_now().free_pages, free_at_start);
    assert_int_equal(stats_now().by_owner[PAGE_USER], 0);
}

static void zeroed_pages_are_zero(void **state)
{
    (void)state;
    start_pages();
    struct page *p = page_alloc(0, PAGE_USER);
    memset(page_to_virt(p), 0xff, PAGE_SIZE);
    page_free(p, 0);
    p = page_alloc_zeroed(PAGE_USER);
    const uint8_t *bytes = page_to_virt(p);
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        assert_int_equal(bytes[i], 0);
    }
    page_free(p, 0);
}

static bool is_given_out(struct list *pages, paddr_t start, paddr_t end)
{
    list_for_each(n, pages) {
        paddr_t pa = page_to_phys(list_entry(n, struct page, link));
        if (pa < end && pa + PAGE_SIZE > start) {
            return true;
        }
    }
    return false;
}

static void reservations_and_boot_pages_are_never_given_out(void **state)
{
    (void)state;
    // Unsorted, overlapping, not page-aligned, partly outside RAM.
    paddr_t b = HOST_RAM_BASE;
    boot.reserved[1] = (struct boot_region){b + 0x900000, b + 0xa00000};
    boot.reserved[2] = (struct boot_region){b + 0x400100, b + 0x400200};
    boot.reserved[3] = (struct boot_region){b + 0x980000, b + 0xb00000};
    boot.reserved[4] = (struct boot_region){b + RAM - 0x1000, b + RAM + 0x5000};
    boot.reserved_count = 5;
    boot_alloc_init(&boot);
    paddr_t first = boot_alloc_page(), last = first;
    for (unsigned i = 0; i < 10; i++) {
        last = boot_alloc_page();
    }
    page_init(&boot);
    struct list pages;
    assert_true(take_all(&pages) > 0);
    for (unsigned i = 0; i < boot.reserved_count; i++) {
        assert_false(is_given_out(&pages, boot.reserved[i].start, boot.reserved[i].end));
    }
    assert_false(is_given_out(&pages, first, last + PAGE_SIZE));
    assert_true(is_given_out(&pages, b + 0x401000, b + 0x402000));
    give_all(&pages);
}

static void ram_may_have_holes(void **state)
{
    (void)state;
    paddr_t b = HOST_RAM_BASE;
    boot.ram[0] = (struct boot_region){b, b + 0x800000};
    boot.ram[1] = (struct boot_region){b + 0x803000, b + 0x806000}; // neither aligned nor large
    boot.ram[2] = (struct boot_region){b + 0x1000000, b + RAM};
    boot.ram_count = 3;
    start_pages();
    assert_int_equal(stats_now().total_pages, 0x800 + 3 + 0x1000);
    assert_null(page_from_phys(b + 0x800000));
    assert_null(page_from_phys(b - 1));
    assert_null(page_from_phys(b + RAM));
    struct list pages;
    take_all(&pages);
    assert_false(is_given_out(&pages, b + 0x800000, b + 0x803000));
    assert_false(is_given_out(&pages, b + 0x806000, b + 0x1000000));
    assert_true(is_given_out(&pages, b + 0x803000, b + 0x806000));
    list_for_each(n, &pages) {
        struct page *p = list_entry(n, struct page, link);
        assert_ptr_equal(page_from_phys(page_to_phys(p)), p);
    }
    give_all(&pages);
    assert_true(page_is_ram(b + 0x7ff000, b + 0x801000));
    assert_false(page_is_ram(b + 0x800000, b + 0x803000));
    assert_false(page_is_ram(0, b));
}

static void boot_pages_come_zeroed_from_the_gib_of_the_kernel(void **state)
{
    (void)state;
    memset(phys_to_virt(HOST_RAM_BASE + HOST_IMAGE_BYTES), 0xff, 0x100000);
    boot_alloc_init(&boot);
    const uint64_t *words = phys_to_virt(boot_alloc_page());
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) {
        assert_int_equal(words[i], 0);
    }
}

static void too_little_ram_panics(void **state)
{
    (void)state;
    boot.reserved[0].end = boot.ram[0].end;
    boot_alloc_init(&boot);
    assert_true(HOST_PANICS((void)boot_alloc_page()));
    assert_true(HOST_PANICS(page_init(&boot)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_free_page_is_given_out_once, start),
        cmocka_unit_test_setup(metadata_costs_less_than_two_percent_of_ram, start),
        cmocka_unit_test_setup(freed_pages_join_to_the_largest_blocks_again, start),
        cmocka_unit_test_setup(random_blocks_are_aligned_and_never_overlap, start),
        cmocka_unit_test_setup(a_double_free_panics, start),
        cmocka_unit_test_setup(freeing_what_is_no_block_panics, start),
        cmocka_unit_test_setup(a_split_block_is_freed_page_by_page, start),
        cmocka_unit_test_setup(zeroed_pages_are_zero, start),
        cmocka_unit_test_setup(reservations_and_boot_pages_are_never_given_out, start),
        cmocka_unit_test_setup(ram_may_have_holes, start),
        cmocka_unit_test_setup(boot_pages_come_zeroed_from_the_gib_of_the_kernel, start),
        cmocka_unit_test_setup(too_little_ram_panics, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
