// SPDX-License-Identifier: MIT
// The page allocator: blocks, joining, runs, exhaustion, misuse, zones, caches of several CPUs, RAM
// with holes and reservations, much RAM and too little.
//
// sources: kernel/mm/page.c kernel/mm/page_zone.c kernel/mm/boot_memory.c kernel/lib/spinlock.c kernel/lib/printf.c arch/host/cpu.c arch/host/debug.c arch/host/physmap.c
#include "cm.h"

#include "kernel/init/boot_info.h"
#include "kernel/mm/page.h"
#include <arch/mmu.h>
#include <host.h>
#include <pthread.h>
#include <unistd.h>

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
    for (struct page *p; (p = page_alloc(0, PAGE_USER)) != NULL; n++) {
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
    assert_null(page_alloc(0, PAGE_USER));
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
    while ((blocks[at_start] = page_alloc(LARGE, PAGE_USER)) != NULL) {
        at_start++;
    }
    for (unsigned i = 0; i < at_start; i++) {
        page_free(blocks[i], LARGE);
    }
    struct list pages;
    take_all(&pages);
    give_all(&pages);
    while ((blocks[after] = page_alloc(LARGE, PAGE_USER)) != NULL) {
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

// --- runs ---------------------------------------------------------------------------------------

static status_t run_alloc(uint64_t pages, uint64_t align, enum page_zone highest, struct page **out)
{
    status_t st;
    do {
        st = page_run_alloc(pages, align, highest, PAGE_USER, out);
    } while (st == STATUS_RESTART);
    return st;
}

static void run_free(struct page *p, uint64_t pages)
{
    for (paddr_t pa = page_to_phys(p); pages > 0;) {
        uint64_t freed = page_run_free(pa, pages);
        assert_in_range(freed, 1, pages);
        pa += freed * PAGE_SIZE;
        pages -= freed;
    }
}

static void runs_of_any_size_and_alignment_take_no_more_than_they_need(void **state)
{
    (void)state;
    start_pages();
    uint64_t free_at_start = stats_now().free_pages;
    static const uint64_t sizes[] = {1, 2, 3, 7, 8, 100, 511, 513, 1000};
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (uint64_t align = 1; align <= 4 << 20; align *= 4) {
            struct page *p;
            assert_int_equal(run_alloc(sizes[i], align, PAGE_ZONE_NORMAL, &p), OK);
            assert_int_equal(page_to_phys(p) % align, 0);
            assert_int_equal(stats_now().free_pages, free_at_start - sizes[i]);
            assert_int_equal(stats_now().by_owner[PAGE_USER], sizes[i]);
            memset(page_to_virt(p), 0xff, sizes[i] * PAGE_SIZE);
            run_free(p, sizes[i]);
            assert_int_equal(stats_now().free_pages, free_at_start);
        }
    }
}

static void runs_longer_than_a_block_are_made_of_neighbours(void **state)
{
    (void)state;
    host_ram_init(256ull << 20);
    host_boot_info(&boot);
    start_pages();
    uint64_t free_at_start = stats_now().free_pages;
    struct page *in_the_way, *p, *q, *none;
    assert_int_equal(run_alloc(1, 64 << 20, PAGE_ZONE_DMA32, &in_the_way), OK);
    assert_int_equal(run_alloc(15000, 32 << 20, PAGE_ZONE_DMA32, &p), OK);
    assert_int_equal(page_to_phys(p) % (32 << 20), 0);
    assert_int_equal(run_alloc(4097, 0, PAGE_ZONE_DMA32, &q), OK);
    assert_int_equal(stats_now().free_pages, free_at_start - 1 - 15000 - 4097);
    for (uint64_t i = 0; i < 15000; i++) { // disjoint
        assert_true(p + i != in_the_way && (p + i < q || p + i >= q + 4097));
    }
    assert_int_equal(run_alloc(50000, 0, PAGE_ZONE_DMA32, &none), ERR_NO_MEMORY);
    assert_int_equal(run_alloc(UINT64_MAX, 0, PAGE_ZONE_DMA32, &none), ERR_NO_MEMORY);
    assert_int_equal(run_alloc(5000, PAGE_RUN_ALIGN_MAX, PAGE_ZONE_DMA32, &none), ERR_NO_MEMORY);
    run_free(p, 15000);
    run_free(q, 4097);
    run_free(in_the_way, 1);
    assert_int_equal(stats_now().free_pages, free_at_start);
    assert_int_equal(run_alloc(50000, 0, PAGE_ZONE_DMA32, &p), OK); // all has joined again
    run_free(p, 50000);
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
    boot.reserved[0].end = boot.ram[0].end - MEMORY_NEEDED;
    boot_alloc_init(&boot);
    boot.reserved[0].end += PAGE_SIZE;
    assert_true(HOST_PANICS(boot_alloc_init(&boot)));
    assert_string_equal(host_panic_message,
                        "too little memory: of 32768 KiB of RAM the kernel image, the boot archive "
                        "and the firmware leave 4092 KiB free; 4096 KiB are needed");
    // Enough, but none of it where the boot needs it.
    boot.reserved[0].end = boot.ram[0].end;
    boot.ram[1] = (struct boot_region){16ull << 30, 17ull << 30};
    boot.ram_count = 2;
    boot_alloc_init(&boot);
    assert_true(HOST_PANICS((void)boot_alloc_page()));
}

// --- use after free -----------------------------------------------------------------------------

static void a_write_to_a_freed_page_is_named_with_its_last_owner(void **state)
{
    (void)state;
    start_pages();
    struct page *p = page_alloc(0, PAGE_TABLE);
    uint64_t *words = page_to_virt(p);
    paddr_t pa = page_to_phys(p);
    page_free(p, 0);
    words[100] = 5;
    assert_true(HOST_PANICS((void)page_alloc(0, PAGE_USER)));
    char expected[128];
    snprintf(expected, sizeof(expected), "page 0x%lx, last owner page tables, was written", pa);
    assert_non_null(strstr(host_panic_message, expected));
    assert_non_null(strstr(host_panic_message, "offset 0x320 holds 0x5"));
}

static void a_write_into_a_freed_block_is_seen_whatever_becomes_of_it(void **state)
{
    (void)state;
    start_pages();
    struct page *p = page_alloc(4, PAGE_SLAB);
    char *bytes = page_to_virt(p + 11);
    page_free(p, 4);
    bytes[4095] = 1;
    struct list pages;
    assert_true(HOST_PANICS((void)take_all(&pages)));
    assert_non_null(strstr(host_panic_message, "last owner objects"));
    assert_non_null(strstr(host_panic_message, "offset 0xff8"));
}

static void a_page_in_a_cpus_cache_is_not_freed_again(void **state)
{
    (void)state;
    start_pages();
    struct page *p = page_alloc(0, PAGE_USER);
    page_free(p, 0);
    host_cpu_set(3);
    assert_true(HOST_PANICS(page_free(p, 0)));
    host_cpu_set(0);
    assert_non_null(strstr(host_panic_message, "a free block"));
}

// --- zones --------------------------------------------------------------------------------------

#define GIB4 (4ull << 30)

static struct zone_stats zone_now(enum page_zone zone)
{
    struct zone_stats s;
    page_zone_stats(zone, &s);
    return s;
}

// RAM from `below` before 4 GiB to `above` behind it.
static void start_around_4g(uint64_t below, uint64_t above)
{
    host_ram_init_at(GIB4 - below, below + above);
    host_boot_info(&boot);
    start_pages();
}

static void low_memory_is_kept_as_long_as_there_is_other(void **state)
{
    (void)state;
    start_around_4g(16 << 20, 16 << 20);
    uint64_t low = zone_now(PAGE_ZONE_DMA32).free_pages;
    uint64_t high = zone_now(PAGE_ZONE_NORMAL).free_pages;
    assert_int_equal(low + high, stats_now().free_pages);
    assert_int_equal(zone_now(PAGE_ZONE_NORMAL).pages, 4096);
    struct list pages;
    list_init(&pages);
    for (uint64_t i = 0; i < high; i++) {
        struct page *p = page_alloc(0, PAGE_USER);
        assert_true(page_to_phys(p) >= GIB4);
        list_push_back(&pages, &p->link);
    }
    assert_int_equal(zone_now(PAGE_ZONE_DMA32).free_pages, low);
    struct page *p = page_alloc(0, PAGE_USER); // now there is no other
    assert_true(page_to_phys(p) < GIB4);
    page_free(p, 0);
    give_all(&pages);
    p = page_alloc(3, PAGE_USER);
    assert_true(page_to_phys(p) >= GIB4);
    page_free(p, 3);
}

static void who_asks_for_low_memory_gets_no_other(void **state)
{
    (void)state;
    start_around_4g(16 << 20, 16 << 20);
    uint64_t low = zone_now(PAGE_ZONE_DMA32).free_pages;
    struct page *runs[100], *p;
    unsigned n = 0;
    while (run_alloc(50, 0, PAGE_ZONE_DMA32, &runs[n]) == OK) {
        assert_true(page_to_phys(runs[n]) + 50 * PAGE_SIZE <= GIB4);
        n++;
    }
    assert_true(n >= low / 64); // at least one in each block of 64 that fits
    assert_int_equal(zone_now(PAGE_ZONE_DMA32).free_pages, low - n * 50);
    assert_int_equal(run_alloc(50, 0, PAGE_ZONE_NORMAL, &p), OK);
    assert_true(page_to_phys(p) >= GIB4);
    run_free(p, 50);
    for (unsigned i = 0; i < n; i++) {
        run_free(runs[i], 50);
    }
    assert_int_equal(zone_now(PAGE_ZONE_DMA32).free_pages, low);
}

static void one_page_below_4_gib_is_enough_for_a_zone(void **state)
{
    (void)state;
    host_ram_init_at(GIB4 - PAGE_SIZE, (16 << 20) + PAGE_SIZE);
    host_boot_info(&boot);
    boot.reserved[0] = (struct boot_region){GIB4, GIB4 + HOST_IMAGE_BYTES};
    // The image, as this port has it, is at the start of RAM; the boot needs memory in its GiB.
    boot_alloc_init(&boot);
    page_init(&boot);
    assert_int_equal(zone_now(PAGE_ZONE_DMA32).pages, 1);
    struct page *p, *none;
    assert_int_equal(run_alloc(1, 0, PAGE_ZONE_DMA32, &p), OK);
    assert_int_equal(page_to_phys(p), GIB4 - PAGE_SIZE);
    assert_int_equal(run_alloc(1, 0, PAGE_ZONE_DMA32, &none), ERR_NO_MEMORY);
    run_free(p, 1);
    struct list pages;
    assert_int_equal(take_all(&pages), stats_now().free_pages + stats_now().by_owner[PAGE_USER]);
    give_all(&pages);
}

static void ram_may_lie_above_4_gib_only(void **state)
{
    (void)state;
    host_ram_init_at(GIB4 * 2, 32 << 20);
    host_boot_info(&boot);
    start_pages();
    struct page *p;
    assert_int_equal(run_alloc(1, 0, PAGE_ZONE_DMA32, &p), ERR_NO_MEMORY);
    assert_int_equal(run_alloc(1, 0, PAGE_ZONE_NORMAL, &p), OK);
    run_free(p, 1);
    struct list pages;
    uint64_t promised = stats_now().free_pages;
    assert_int_equal(take_all(&pages), promised);
    give_all(&pages);
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

// 64 GiB have 512 MiB of records; the boot writes those of what it needs.
static void much_ram_costs_nothing_before_it_is_needed(void **state)
{
    (void)state;
    host_ram_init_at(HOST_RAM_BASE, 64ull << 30);
    host_boot_info(&boot);
    long before = resident_kib();
    start_pages();
    assert_int_equal(stats_now().total_pages, 16ull << 20);
    struct page *one = page_alloc(0, PAGE_USER), *run;
    assert_true(page_to_phys(one) >= GIB4);
    assert_true(resident_kib() - before < 4096);
    assert_int_equal(run_alloc(1 << 16, 0, PAGE_ZONE_DMA32, &run), OK); // 256 MiB
    assert_true(page_to_phys(run) < GIB4);
    assert_int_equal(stats_now().free_pages + (1 << 16) + 1,
                     stats_now().total_pages - stats_now().by_owner[PAGE_KERNEL]);
    page_free(one, 0);
    host_ram_init(PAGE_SIZE);
}

// --- several CPUs -------------------------------------------------------------------------------

#define CPUS   4u
#define ROUNDS 20000u

static struct page *shared[256]; // that any CPU may take and free; atomic

static void *cpu_main(void *arg)
{
    uint32_t cpu = (uint32_t)(uintptr_t)arg;
    host_cpu_set(cpu);
    uint64_t seed = cpu + 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned i = test_random(&seed) % ARRAY_SIZE(shared), order = i % 4 == 0 ? i % 5 : 0;
        struct page *mine =
            page_alloc(order, PAGE_USER + (i % 2 == 0 ? 0 : PAGE_TABLE - PAGE_USER));
        if (mine == NULL) {
            continue;
        }
        uint64_t *words = page_to_virt(mine);
        words[0] = i;
        struct page *old = __atomic_exchange_n(&shared[i], mine, __ATOMIC_ACQ_REL);
        if (old != NULL) {
            assert_int_equal(*(uint64_t *)page_to_virt(old), i);
            page_free(old, order);
        }
    }
    return NULL;
}

static void cpus_share_memory_and_count_exactly(void **state)
{
    (void)state;
    host_ram_init(8ull << 20);
    host_boot_info(&boot);
    start_pages();
    uint64_t free_at_start = stats_now().free_pages, held[PAGE_OWNERS] = {0};
    pthread_t cpus[CPUS];
    for (uint32_t i = 0; i < CPUS; i++) {
        pthread_create(&cpus[i], NULL, cpu_main, (void *)(uintptr_t)i);
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        pthread_join(cpus[i], NULL);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        held[i % 2 == 0 ? PAGE_USER : PAGE_TABLE] +=
            shared[i] != NULL ? 1u << (i % 4 == 0 ? i % 5 : 0) : 0;
    }
    assert_int_equal(stats_now().by_owner[PAGE_USER], held[PAGE_USER]);
    assert_int_equal(stats_now().by_owner[PAGE_TABLE], held[PAGE_TABLE]);
    uint64_t kept = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        struct page_cache_stats s;
        page_cache_stats(i, &s);
        assert_true(s.pages <= 32 && s.hits > s.misses);
        kept += s.pages;
    }
    assert_int_equal(zone_now(PAGE_ZONE_DMA32).free_pages + kept, stats_now().free_pages);
    // What three CPUs keep is had by the fourth when nothing else is left.
    struct list pages;
    take_all(&pages);
    assert_int_equal(stats_now().free_pages, 0);
    give_all(&pages);
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        if (shared[i] != NULL) {
            page_free(shared[i], i % 4 == 0 ? i % 5 : 0);
        }
    }
    assert_int_equal(stats_now().free_pages, free_at_start);
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
        cmocka_unit_test_setup(runs_of_any_size_and_alignment_take_no_more_than_they_need, start),
        cmocka_unit_test_setup(runs_longer_than_a_block_are_made_of_neighbours, start),
        cmocka_unit_test_setup(zeroed_pages_are_zero, start),
        cmocka_unit_test_setup(reservations_and_boot_pages_are_never_given_out, start),
        cmocka_unit_test_setup(ram_may_have_holes, start),
        cmocka_unit_test_setup(boot_pages_come_zeroed_from_the_gib_of_the_kernel, start),
        cmocka_unit_test_setup(too_little_ram_panics, start),
        cmocka_unit_test_setup(a_write_to_a_freed_page_is_named_with_its_last_owner, start),
        cmocka_unit_test_setup(a_write_into_a_freed_block_is_seen_whatever_becomes_of_it, start),
        cmocka_unit_test_setup(a_page_in_a_cpus_cache_is_not_freed_again, start),
        cmocka_unit_test_setup(low_memory_is_kept_as_long_as_there_is_other, start),
        cmocka_unit_test_setup(who_asks_for_low_memory_gets_no_other, start),
        cmocka_unit_test_setup(one_page_below_4_gib_is_enough_for_a_zone, start),
        cmocka_unit_test_setup(ram_may_lie_above_4_gib_only, start),
        cmocka_unit_test_setup(much_ram_costs_nothing_before_it_is_needed, start),
        cmocka_unit_test_setup(cpus_share_memory_and_count_exactly, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
