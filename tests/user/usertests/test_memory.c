// SPDX-License-Identifier: MIT
// VMOs and VMARs: contents, bounds, copy-on-write, mapping rules, protection, limits.
#include "tests/user/usertests/harness.h"

#define PAGE 4096ull

static bool a_vmo_reads_as_zero_and_keeps_what_is_written(void)
{
    handle_t v;
    uint8_t buf[300];
    struct vmo_info info;
    EXPECT(sys_vmo_create(3 * PAGE - 5, &v), OK);
    EXPECT(sys_vmo_info(v, &info), OK);
    EXPECT(info.size, 3 * PAGE);
    EXPECT(info.committed_bytes, 0);
    memset(buf, 0xaa, sizeof(buf));
    EXPECT(sys_vmo_read(v, PAGE - 100, buf, sizeof(buf)), OK);
    for (unsigned i = 0; i < sizeof(buf); i++) {
        EXPECT(buf[i], 0);
    }
    for (unsigned i = 0; i < sizeof(buf); i++) {
        buf[i] = (uint8_t)i;
    }
    EXPECT(sys_vmo_write(v, 2 * PAGE - 150, buf, sizeof(buf)), OK);
    uint8_t back[300];
    EXPECT(sys_vmo_read(v, 2 * PAGE - 150, back, sizeof(back)), OK);
    CHECK(memcmp(buf, back, sizeof(buf)) == 0);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool vmo_ranges_cannot_wrap_or_leave_the_object(void)
{
    handle_t v;
    uint8_t b[16] = {0};
    EXPECT(sys_vmo_create(0, &v), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_create(UINT64_MAX, &v), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_create(1ull << 47, &v), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_create(PAGE, &v), OK);
    const uint64_t offsets[] = {PAGE, PAGE - 8, UINT64_MAX, UINT64_MAX - 7, 1ull << 63};
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        EXPECT(sys_vmo_read(v, offsets[i], b, sizeof(b)), ERR_OUT_OF_RANGE);
        EXPECT(sys_vmo_write(v, offsets[i], b, sizeof(b)), ERR_OUT_OF_RANGE);
        CHECK(sys_vmo_commit(v, offsets[i] & ~(PAGE - 1), 2 * PAGE) != OK);
        CHECK(sys_vmo_decommit(v, offsets[i] & ~(PAGE - 1), 2 * PAGE) != OK);
    }
    EXPECT(sys_vmo_read(v, 0, b, VMO_COPY_MAX + 1), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_read(v, PAGE, b, 0), OK);
    EXPECT(sys_vmo_read(v, PAGE + 1, b, 0), ERR_OUT_OF_RANGE);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool bad_user_buffers_are_errors_not_crashes(void)
{
    handle_t v;
    EXPECT(sys_vmo_create(PAGE, &v), OK);
    void *const bad[] = {NULL,
                         (void *)8,
                         (void *)UINT64_MAX,
                         (void *)(UINT64_MAX - 100),
                         (void *)0xffffffff80000000ull,
                         (void *)0xffff000000000000ull,
                         (void *)0xffff800000000000ull,
                         (void *)0x0001000000000000ull,
                         (void *)0x0000800000000000ull,
                         (void *)(1ull << 38),
                         (void *)0xffffffc000000000ull};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT(sys_vmo_read(v, 0, bad[i], 200), ERR_BAD_ADDRESS);
        EXPECT(sys_vmo_write(v, 0, bad[i], 200), ERR_BAD_ADDRESS);
        EXPECT(sys_vmo_info(v, bad[i]), ERR_BAD_ADDRESS);
        EXPECT(sys_random_get(bad[i], 16), ERR_BAD_ADDRESS);
        EXPECT(sys_handle_info(v, bad[i]), ERR_BAD_ADDRESS);
        handle_t j;
        EXPECT(sys_job_create(root_job, bad[i], 4, &j), ERR_BAD_ADDRESS);
    }
    // Text is not writable, even for the kernel on the program's behalf.
    EXPECT(sys_vmo_read(v, 0, (void *)(uintptr_t)&test_fail, 16), ERR_BAD_ADDRESS);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool a_mapping_shows_the_vmo_and_the_vmo_shows_the_mapping(void)
{
    handle_t v;
    uint64_t base;
    EXPECT(sys_vmo_create(4 * PAGE, &v), OK);
    EXPECT(sys_vmar_map(root_vmar, v, PAGE, 0, 2 * PAGE, VM_READ | VM_WRITE, &base), OK);
    CHECK(base % PAGE == 0);
    volatile uint64_t *p = (volatile uint64_t *)base;
    EXPECT(p[0], 0);
    p[0] = 0x1122334455667788ull;
    p[PAGE / 8] = 9;
    uint64_t word = 0;
    EXPECT(sys_vmo_read(v, PAGE, &word, 8), OK);
    EXPECT(word, 0x1122334455667788ll);
    word = 77;
    EXPECT(sys_vmo_write(v, 2 * PAGE, &word, 8), OK);
    EXPECT(p[PAGE / 8], 77);
    EXPECT(sys_vmar_unmap(root_vmar, base, 2 * PAGE), OK);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool the_vmo_lives_while_it_is_mapped(void)
{
    handle_t v;
    uint64_t base;
    EXPECT(sys_vmo_create(PAGE, &v), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, PAGE, VM_READ | VM_WRITE, &base), OK);
    EXPECT(sys_handle_close(v), OK);
    *(volatile int *)base = 5;
    EXPECT(*(volatile int *)base, 5);
    EXPECT(sys_vmar_unmap(root_vmar, base, PAGE), OK);
    return true;
}

static bool mapping_needs_the_rights_of_both_handles(void)
{
    handle_t v, ro, nomap;
    uint64_t base;
    EXPECT(sys_vmo_create(PAGE, &v), OK);
    EXPECT(sys_handle_duplicate(v, RIGHT_READ | RIGHT_MAP, &ro), OK);
    EXPECT(sys_handle_duplicate(v, RIGHT_READ | RIGHT_WRITE, &nomap), OK);
    EXPECT(sys_vmar_map(root_vmar, nomap, 0, 0, PAGE, VM_READ, &base), ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_map(root_vmar, ro, 0, 0, PAGE, VM_READ | VM_WRITE, &base), ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_map(root_vmar, ro, 0, 0, PAGE, VM_READ | VM_EXECUTE, &base), ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, PAGE, VM_READ | VM_WRITE | VM_EXECUTE, &base),
           ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_map(root_vmar, ro, 0, 0, PAGE, VM_READ, &base), OK);
    // What the handle did not allow cannot be had by protecting later either.
    EXPECT(sys_vmar_protect(root_vmar, base, PAGE, VM_READ | VM_WRITE), ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_unmap(root_vmar, base, PAGE), OK);
    handle_t all[] = {v, ro, nomap};
    EXPECT(close_all(all, 3), OK);
    return true;
}

static bool mappings_neither_overlap_nor_wrap_nor_reach_the_kernel(void)
{
    handle_t v;
    uint64_t base, other;
    EXPECT(sys_vmo_create(4 * PAGE, &v), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, 2 * PAGE, VM_READ, &base), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, base + PAGE, 2 * PAGE, VM_READ | VM_FIXED, &other),
           ERR_EXISTS);
    const uint64_t bad[] = {
        0, PAGE, 0x0000fffffffff000ull, 0xffffffff80000000ull, UINT64_MAX & ~(PAGE - 1), base + 1};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(sys_vmar_map(root_vmar, v, 0, bad[i], 2 * PAGE, VM_READ | VM_FIXED, &other) != OK);
    }
    const uint64_t lens[] = {0,         1, PAGE + 1, 5 * PAGE, UINT64_MAX, UINT64_MAX & ~(PAGE - 1),
                             1ull << 63};
    for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        CHECK(sys_vmar_map(root_vmar, v, 0, 0, lens[i], VM_READ, &other) != OK);
        CHECK(sys_vmar_map(root_vmar, v, UINT64_MAX & ~(PAGE - 1), 0, lens[i], VM_READ, &other) !=
              OK);
    }
    EXPECT(sys_vmar_unmap(root_vmar, base, 2 * PAGE), OK);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool part_of_a_mapping_can_be_unmapped(void)
{
    handle_t v;
    uint64_t base, again;
    EXPECT(sys_vmo_create(5 * PAGE, &v), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, 5 * PAGE, VM_READ | VM_WRITE, &base), OK);
    for (unsigned i = 0; i < 5; i++) {
        *(volatile uint64_t *)(base + i * PAGE) = i + 1;
    }
    EXPECT(sys_vmar_unmap(root_vmar, base + 2 * PAGE, PAGE), OK);
    EXPECT(*(volatile uint64_t *)(base + PAGE), 2);
    EXPECT(*(volatile uint64_t *)(base + 3 * PAGE), 4);
    uint64_t word;
    EXPECT(sys_vmo_write(v, 0, (void *)(base + 2 * PAGE), 8), ERR_BAD_ADDRESS);
    EXPECT(sys_vmar_map(root_vmar, v, 2 * PAGE, base + 2 * PAGE, PAGE, VM_READ | VM_FIXED, &again),
           OK);
    EXPECT(*(volatile uint64_t *)(base + 2 * PAGE), 3);
    EXPECT(sys_vmo_read(v, 0, (void *)(base + 2 * PAGE), 8), ERR_BAD_ADDRESS); // mapped read-only
    EXPECT(sys_vmo_read(v, 0, &word, 8), OK);
    EXPECT(sys_vmar_unmap(root_vmar, base, 5 * PAGE), OK);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool protection_changes_and_comes_back(void)
{
    handle_t v;
    uint64_t base;
    EXPECT(sys_vmo_create(3 * PAGE, &v), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, 3 * PAGE, VM_READ | VM_WRITE, &base), OK);
    *(volatile int *)(base + PAGE) = 1;
    EXPECT(sys_vmar_protect(root_vmar, base + PAGE, PAGE, VM_READ), OK);
    EXPECT(sys_vmo_read(v, 0, (void *)(base + PAGE), 4), ERR_BAD_ADDRESS);
    *(volatile int *)(base + 2 * PAGE) = 2;
    EXPECT(sys_vmar_protect(root_vmar, base + PAGE, PAGE, VM_READ | VM_WRITE), OK);
    *(volatile int *)(base + PAGE) = 3;
    EXPECT(sys_vmar_protect(root_vmar, base, PAGE, VM_WRITE | VM_EXECUTE), ERR_ACCESS_DENIED);
    CHECK(sys_vmar_protect(root_vmar, base, 100 * PAGE, VM_READ) != OK); // not all mapped
    EXPECT(sys_vmar_unmap(root_vmar, base, 3 * PAGE), OK);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool a_clone_is_a_copy_both_ways(void)
{
    handle_t v, c, c2;
    uint64_t base, cbase;
    EXPECT(sys_vmo_create(8 * PAGE, &v), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, 8 * PAGE, VM_READ | VM_WRITE, &base), OK);
    for (unsigned i = 0; i < 8; i++) {
        *(volatile uint64_t *)(base + i * PAGE) = 100 + i;
    }
    EXPECT(sys_vmo_clone(v, 2 * PAGE, 4 * PAGE, &c), OK);
    EXPECT(sys_vmar_map(root_vmar, c, 0, 0, 4 * PAGE, VM_READ | VM_WRITE, &cbase), OK);
    EXPECT(*(volatile uint64_t *)cbase, 102);
    *(volatile uint64_t *)cbase = 1;             // write in the copy
    *(volatile uint64_t *)(base + 3 * PAGE) = 2; // write in the original
    EXPECT(*(volatile uint64_t *)(base + 2 * PAGE), 102);
    EXPECT(*(volatile uint64_t *)(cbase + PAGE), 103);
    EXPECT(*(volatile uint64_t *)(base + 3 * PAGE), 2);
    EXPECT(sys_vmo_clone(c, 0, 4 * PAGE, &c2), OK); // a copy of the copy
    uint64_t word;
    EXPECT(sys_vmo_read(c2, 0, &word, 8), OK);
    EXPECT(word, 1);
    EXPECT(sys_handle_close(v), OK);
    EXPECT(sys_vmar_unmap(root_vmar, base, 8 * PAGE), OK);
    EXPECT(*(volatile uint64_t *)(cbase + 2 * PAGE), 104); // the original is gone
    EXPECT(sys_vmar_unmap(root_vmar, cbase, 4 * PAGE), OK);
    EXPECT(sys_vmo_read(c2, 3 * PAGE, &word, 8), OK);
    EXPECT(word, 105);
    CHECK(sys_vmo_clone(c2, PAGE, 4 * PAGE, &v) != OK); // past its end
    handle_t all[] = {c, c2};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool resizing_and_decommitting_give_pages_back_as_zero(void)
{
    handle_t v;
    uint64_t word = 7, base;
    struct vmo_info info;
    EXPECT(sys_vmo_create(300 * PAGE, &v), OK);
    EXPECT(sys_vmo_commit(v, 0, 300 * PAGE), OK);
    EXPECT(sys_vmo_info(v, &info), OK);
    EXPECT(info.committed_bytes, 300 * PAGE);
    EXPECT(sys_vmo_write(v, 250 * PAGE, &word, 8), OK);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, 300 * PAGE, VM_READ, &base), OK);
    EXPECT(*(volatile uint64_t *)(base + 250 * PAGE), 7);
    EXPECT(sys_vmo_resize(v, 100 * PAGE), OK);
    EXPECT(sys_vmo_info(v, &info), OK);
    EXPECT(info.committed_bytes, 100 * PAGE);
    EXPECT(sys_vmo_write(v, 0, (void *)(base + 250 * PAGE), 8), ERR_BAD_ADDRESS); // mapped, but
                                                                                  // past the end
    EXPECT(sys_vmo_resize(v, 300 * PAGE), OK);
    EXPECT(*(volatile uint64_t *)(base + 250 * PAGE), 0);
    EXPECT(sys_vmo_write(v, 10 * PAGE, &word, 8), OK);
    EXPECT(*(volatile uint64_t *)(base + 10 * PAGE), 7);
    EXPECT(sys_vmo_decommit(v, 10 * PAGE, PAGE), OK);
    EXPECT(*(volatile uint64_t *)(base + 10 * PAGE), 0);
    EXPECT(sys_vmar_unmap(root_vmar, base, 300 * PAGE), OK);
    EXPECT(sys_handle_close(v), OK);
    return true;
}

static bool child_vmars_hold_their_mappings_and_end_with_them(void)
{
    handle_t child, inner, v;
    uint64_t base, ibase, at;
    EXPECT(sys_vmo_create(PAGE, &v), OK);
    EXPECT(sys_vmar_allocate(root_vmar, 0, 16 * PAGE, VM_READ | VM_WRITE, &child, &base), OK);
    EXPECT(sys_vmar_allocate(child, base + 4 * PAGE, 4 * PAGE, VM_READ | VM_FIXED, &inner, &ibase),
           OK);
    EXPECT(ibase, base + 4 * PAGE);
    EXPECT(sys_vmar_map(inner, v, 0, ibase, PAGE, VM_READ | VM_WRITE | VM_FIXED, &at),
           ERR_ACCESS_DENIED);
    EXPECT(sys_vmar_map(inner, v, 0, ibase, PAGE, VM_READ | VM_FIXED, &at), OK);
    EXPECT(sys_vmar_map(child, v, 0, ibase, PAGE, VM_READ | VM_FIXED, &at), ERR_EXISTS);
    CHECK(sys_vmar_map(child, v, 0, base - PAGE, PAGE, VM_READ | VM_FIXED, &at) != OK);
    CHECK(sys_vmar_map(child, v, 0, base + 16 * PAGE, PAGE, VM_READ | VM_FIXED, &at) != OK);
    EXPECT(*(volatile int *)ibase, 0);
    EXPECT(sys_vmar_destroy(child), OK);
    EXPECT(sys_vmar_map(inner, v, 0, 0, PAGE, VM_READ, &at), ERR_BAD_STATE);
    EXPECT(sys_vmo_write(v, 0, (void *)ibase, 4), ERR_BAD_ADDRESS);
    EXPECT(sys_vmar_destroy(root_vmar), ERR_NOT_SUPPORTED);
    handle_t all[] = {child, inner, v};
    EXPECT(close_all(all, 3), OK);
    return true;
}

static bool a_job_cannot_use_more_pages_than_its_limit(void)
{
    struct spawn_result child;
    struct process_info info;
    handle_t job;
    struct job_info use;
    EXPECT(sys_job_create(root_job, "small", 5, &job), OK);
    EXPECT(sys_job_set_limit(job, LIMIT_PAGES, 200), OK);
    EXPECT(child_start("eats_memory", job, NULL, 0, &child), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_reason, EXIT_NORMAL);
    EXPECT(info.exit_code, 11);
    // The process is dead; what its VMOs held comes back a little later.
    for (uint64_t end = in_good_time();
         sys_job_info(job, &use) == OK && use.used[LIMIT_PAGES] != 0 && now_ns() < end;) {
        (void)sys_thread_yield();
    }
    EXPECT(use.used[LIMIT_PAGES], 0);
    EXPECT(use.limit[LIMIT_PAGES], 200);
    EXPECT(sys_handle_close(job), OK);
    return true;
}

static bool touching_beyond_the_limit_kills_with_the_reason(void)
{
    struct spawn_result child;
    struct process_info info;
    handle_t job;
    EXPECT(sys_job_create(root_job, "small", 5, &job), OK);
    EXPECT(sys_job_set_limit(job, LIMIT_PAGES, 200), OK);
    EXPECT(child_start("touches_memory", job, NULL, 0, &child), OK);
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_reason, EXIT_FAULT);
    EXPECT(info.fault_kind, FAULT_MEMORY);
    EXPECT(sys_handle_close(job), OK);
    return true;
}

static bool random_bytes_differ(void)
{
    uint8_t a[RANDOM_MAX], b[RANDOM_MAX];
    EXPECT(sys_random_get(a, sizeof(a)), OK);
    EXPECT(sys_random_get(b, sizeof(b)), OK);
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    EXPECT(sys_random_get(a, RANDOM_MAX + 1), ERR_OUT_OF_RANGE);
    return true;
}

const struct test memory_tests[] = {
    {"vmo.reads_as_zero_and_keeps_what_is_written", a_vmo_reads_as_zero_and_keeps_what_is_written},
    {"vmo.ranges_cannot_wrap_or_leave_the_object", vmo_ranges_cannot_wrap_or_leave_the_object},
    {"vmo.bad_user_buffers_are_errors_not_crashes", bad_user_buffers_are_errors_not_crashes},
    {"vmo.a_clone_is_a_copy_both_ways", a_clone_is_a_copy_both_ways},
    {"vmo.resizing_and_decommitting_give_pages_back_as_zero",
     resizing_and_decommitting_give_pages_back_as_zero},
    {"vmar.a_mapping_shows_the_vmo", a_mapping_shows_the_vmo_and_the_vmo_shows_the_mapping},
    {"vmar.the_vmo_lives_while_it_is_mapped", the_vmo_lives_while_it_is_mapped},
    {"vmar.mapping_needs_the_rights_of_both_handles", mapping_needs_the_rights_of_both_handles},
    {"vmar.mappings_neither_overlap_nor_wrap_nor_reach_the_kernel",
     mappings_neither_overlap_nor_wrap_nor_reach_the_kernel},
    {"vmar.part_of_a_mapping_can_be_unmapped", part_of_a_mapping_can_be_unmapped},
    {"vmar.protection_changes_and_comes_back", protection_changes_and_comes_back},
    {"vmar.children_hold_their_mappings_and_end_with_them",
     child_vmars_hold_their_mappings_and_end_with_them},
    {"quota.a_job_cannot_use_more_pages_than_its_limit",
     a_job_cannot_use_more_pages_than_its_limit},
    {"quota.touching_beyond_the_limit_kills_with_the_reason",
     touching_beyond_the_limit_kills_with_the_reason},
    {"random.bytes_differ", random_bytes_differ},
    {NULL, NULL},
};
