// SPDX-License-Identifier: MIT
// Address spaces: placing, mapping, faulting, splitting, protecting, ending; what VMO operations
// must take out of page tables again. The host port's page tables stand for the machine's; `touch`
// is a user program's access.
//
// sources: kernel/mm/vmo.c kernel/mm/vmo_page.c kernel/mm/vmo_sweep.c kernel/mm/vmo_clone.c kernel/mm/page_tree.c
// sources: kernel/mm/aspace.c kernel/mm/vmar.c kernel/mm/vmar_place.c kernel/mm/mapping.c
// sources: kernel/lib/object.c kernel/lib/spinlock.c kernel/lib/rbtree.c kernel/lib/random.c
// sources: arch/host/cpu.c arch/host/debug.c arch/host/physmap.c arch/host/aspace.c arch/host/timer.c
#include "mm_setup.h"

#define R     VM_READ
#define RW    (VM_READ | VM_WRITE)
#define RX    (VM_READ | VM_EXECUTE)
#define RWX   (VM_READ | VM_WRITE | VM_EXECUTE)
#define FIXED VM_FIXED
#define BASE  0x40000000ull

static struct aspace spaces[3];

static int spaces_setup(void **state)
{
    test_setup(state);
    for (unsigned i = 0; i < ARRAY_SIZE(spaces); i++) {
        assert_int_equal(aspace_init(&spaces[i], &job, NULL), OK);
    }
    return 0;
}

static void space_end(struct aspace *as)
{
    for (unsigned slices = 0; !aspace_teardown(as); slices++) {
        assert_true(slices < 100000);
    }
}

static int spaces_teardown(void **state)
{
    fail_order(0);
    for (unsigned i = 0; i < ARRAY_SIZE(spaces); i++) {
        space_end(&spaces[i]);
    }
    return leak_check(state);
}

#define SPACE_TEST(name) cmocka_unit_test_setup_teardown(name, spaces_setup, spaces_teardown)

// --- a user program
// ----------------------------------------------------------------------------------------

// Accesses a word as a user program would: faults until the page is there.
static status_t touch(struct aspace *as, vaddr_t va, unsigned prot, uint64_t **word)
{
    for (unsigned faults = 0;; faults++) {
        paddr_t pa;
        unsigned have;
        if (arch_aspace_query(&as->arch, align_down(va, PAGE_SIZE), &pa, &have) &&
            (have & prot) == prot) {
            *word = (uint64_t *)phys_to_virt(pa + (va & PAGE_MASK));
            return OK;
        }
        assert_true(faults < 10000);
        status_t st = aspace_fault(as, va, prot);
        if (st != OK) {
            return st;
        }
    }
}

static void store(struct aspace *as, vaddr_t va, uint64_t value)
{
    uint64_t *word;
    assert_int_equal(touch(as, va, PROT_WRITE, &word), OK);
    *word = value;
}

static uint64_t load(struct aspace *as, vaddr_t va)
{
    uint64_t *word;
    assert_int_equal(touch(as, va, PROT_READ, &word), OK);
    return *word;
}

static status_t fault(struct aspace *as, vaddr_t va, unsigned prot)
{
    uint64_t *word;
    return touch(as, va, prot, &word);
}

static bool is_mapped(struct aspace *as, vaddr_t va)
{
    paddr_t pa;
    unsigned prot;
    return arch_aspace_query(&as->arch, va, &pa, &prot);
}

static status_t map_at(struct aspace *as, struct vmo *v, uint64_t first, vaddr_t at, uint64_t pages,
                       unsigned flags)
{
    vaddr_t base;
    return vmar_map(as->root, v, first * PAGE_SIZE, at, pages * PAGE_SIZE, flags | FIXED, RWX,
                    &base);
}

static vaddr_t map(struct aspace *as, struct vmo *v, uint64_t pages, unsigned flags)
{
    vaddr_t base = 0;
    assert_int_equal(vmar_map(as->root, v, 0, 0, pages * PAGE_SIZE, flags, RWX, &base), OK);
    return base;
}

static struct vmo *clone_whole(struct vmo *v)
{
    struct vmo *c = NULL;
    assert_int_equal(FINISH(vmo_clone(v, 0, vmo_size(v), &job, NULL, &c)), OK);
    return c;
}

// --- placing
// -----------------------------------------------------------------------------------------------

static void a_chosen_place_has_a_guard_page_on_each_side(void **state)
{
    (void)state;
    static vaddr_t base[300];
    struct vmo *v = vmo_make(3);
    struct vmar *small = NULL;
    vaddr_t start;
    assert_int_equal(vmar_allocate(spaces[0].root, 0, 1300 * PAGE_SIZE, RW, &small, &start), OK);
    unsigned n = 0;
    status_t st = OK;
    while (st == OK && n < ARRAY_SIZE(base)) {
        st = vmar_map(small, v, 0, 0, 3 * PAGE_SIZE, RW, RW, &base[n]);
        n += st == OK;
    }
    assert_int_equal(st, ERR_NO_SPACE); // and before that, most of it was used
    assert_true(n > 150);
    for (unsigned i = 0; i < n; i++) {
        assert_true(base[i] >= start + PAGE_SIZE &&
                    base[i] + 4 * PAGE_SIZE <= start + 1300 * PAGE_SIZE);
        for (unsigned k = 0; k < i; k++) {
            assert_true(base[i] >= base[k] + 4 * PAGE_SIZE || base[k] >= base[i] + 4 * PAGE_SIZE);
        }
    }
    object_put(vmar_object(small));
    vmo_drop_ref(v);
}

static void chosen_places_differ_between_address_spaces(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(1);
    assert_int_not_equal(map(&spaces[0], v, 1, RW), map(&spaces[1], v, 1, RW));
    assert_int_not_equal(map(&spaces[0], v, 1, RW), map(&spaces[0], v, 1, RW));
    vmo_drop_ref(v);
}

static void a_fixed_place_is_exact_and_never_overlaps(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(10);
    struct aspace *as = &spaces[0];
    vaddr_t top = arch_user_top();
    assert_int_equal(map_at(as, v, 0, BASE, 10, RW), OK);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(map_at(as, v, 0, BASE + i * PAGE_SIZE, 1, RW), ERR_EXISTS);
    }
    assert_int_equal(map_at(as, v, 0, BASE - PAGE_SIZE, 2, RW), ERR_EXISTS);
    assert_int_equal(map_at(as, v, 0, BASE - PAGE_SIZE, 1, RW), OK);
    assert_int_equal(map_at(as, v, 0, BASE + 10 * PAGE_SIZE, 10, RW), OK);
    assert_int_equal(map_at(as, v, 0, top - PAGE_SIZE, 1, RW), OK);
    assert_int_equal(map_at(as, v, 0, USER_BASE, 1, RW), OK);
    assert_int_equal(map_at(as, v, 0, 0, 1, RW), ERR_OUT_OF_RANGE);
    assert_int_equal(map_at(as, v, 0, top, 1, RW), ERR_OUT_OF_RANGE);
    assert_int_equal(map_at(as, v, 0, top - 2 * PAGE_SIZE, 3, RW), ERR_OUT_OF_RANGE);
    assert_int_equal(map_at(as, v, 0, 0 - PAGE_SIZE, 2, RW), ERR_OUT_OF_RANGE);
    assert_int_equal(map_at(as, v, 0, BASE + 1, 1, RW), ERR_INVALID_ARGS);
    vmo_drop_ref(v);
}

static void mapping_arguments_are_checked(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(4), *device = NULL;
    struct vmar *r = spaces[0].root;
    vaddr_t base = 0;
    uint64_t p = PAGE_SIZE;
    assert_int_equal(vmar_map(r, v, 0, 0, 0, R, R, &base), ERR_INVALID_ARGS);
    assert_int_equal(vmar_map(r, v, 0, 0, 5, R, R, &base), ERR_INVALID_ARGS);
    assert_int_equal(vmar_map(r, v, 7, 0, p, R, R, &base), ERR_INVALID_ARGS);
    assert_int_equal(vmar_map(r, v, 0, BASE, p, R, R, &base), ERR_INVALID_ARGS);
    assert_int_equal(vmar_map(r, v, 0, 0, p, R | 64, R, &base), ERR_INVALID_ARGS);
    assert_int_equal(vmar_map(r, v, 0, 0, p, VM_WRITE, RW, &base), ERR_INVALID_ARGS);
    assert_int_equal(vmar_map(r, v, 0, 0, 5 * p, R, R, &base), ERR_OUT_OF_RANGE);
    assert_int_equal(vmar_map(r, v, 0 - p, 0, 2 * p, R, R, &base), ERR_OUT_OF_RANGE);
    assert_int_equal(vmar_map(r, v, 4 * p, 0, p, R, R, &base), ERR_OUT_OF_RANGE);
    assert_int_equal(vmar_map(r, v, 0, 0, p, RW, R, &base), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_map(r, v, 0, 0, p, RX, RW, &base), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_map(r, v, 0, 0, p, RWX, RWX, &base), ERR_ACCESS_DENIED);
    assert_int_equal(vmo_create_physical(0x9000000, p, CACHE_DEVICE, &job, NULL, &device), OK);
    assert_int_equal(vmar_map(r, device, 0, 0, p, RX, RWX, &base), ERR_ACCESS_DENIED);
    assert_int_equal(base, 0);
    vmo_drop_ref(device);
    vmo_drop_ref(v);
}

// --- faults
// ------------------------------------------------------------------------------------------------

static void pages_appear_on_first_touch_and_show_the_vmo(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(100);
    struct aspace *as = &spaces[0];
    assert_int_equal(map_at(as, v, 20, BASE, 80, RW), OK);
    assert_int_equal(vmo_committed(v), 0);
    vmo_put(v, 21, 77);
    assert_int_equal(load(as, BASE + PAGE_SIZE + 8), 77);
    store(as, BASE + 8, 78);
    assert_int_equal(vmo_peek(v, 20), 78);
    assert_int_equal(vmo_committed(v), 2);
    assert_int_equal(as->mapped_pages, 2);
    vmo_drop_ref(v); // the mapping keeps it
    holdings_now();
    assert_int_equal(load(as, BASE + 8), 78);
}

static void only_allowed_accesses_are_resolved(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(4);
    struct aspace *as = &spaces[0];
    assert_int_equal(map_at(as, v, 0, BASE, 1, R), OK);
    assert_int_equal(map_at(as, v, 1, BASE + PAGE_SIZE, 1, RX), OK);
    assert_int_equal(map_at(as, v, 2, BASE + 2 * PAGE_SIZE, 1, RW), OK);
    assert_int_equal(map_at(as, v, 3, BASE + 3 * PAGE_SIZE, 1, 0), OK);
    static const unsigned allowed[] = {PROT_READ, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE, 0,
                                       0};
    for (unsigned page = 0; page < 5; page++) {
        for (unsigned prot = PROT_READ; prot <= PROT_EXEC; prot <<= 1) {
            bool ok = (allowed[page] & prot) != 0;
            assert_int_equal(fault(as, BASE + page * PAGE_SIZE, prot), ok ? OK : ERR_BAD_ADDRESS);
        }
    }
    assert_int_equal(fault(as, 0, PROT_READ), ERR_BAD_ADDRESS);
    assert_int_equal(aspace_fault(as, UINT64_MAX, PROT_READ), ERR_BAD_ADDRESS);
    assert_int_equal(aspace_fault(as, arch_user_top(), PROT_READ), ERR_BAD_ADDRESS);
    vmo_drop_ref(v);
}

static void a_fault_on_a_mapped_page_is_no_error(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(1);
    vaddr_t va = map(&spaces[0], v, 1, RW);
    store(&spaces[0], va, 5);
    assert_int_equal(aspace_fault(&spaces[0], va, PROT_WRITE), OK);
    assert_int_equal(aspace_fault(&spaces[0], va, PROT_READ), OK);
    assert_int_equal(spaces[0].mapped_pages, 1);
    vmo_drop_ref(v);
}

static void a_fault_meets_the_quota(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(1);
    vaddr_t va = map(&spaces[0], v, 1, RW);
    uint64_t used = job.used[LIMIT_PAGES];
    unsigned refused = 0;
    for (uint64_t more = 0; more < 10; more++) {
        quota_set_limit(&job, LIMIT_PAGES, used + more);
        status_t st = aspace_fault(&spaces[0], va, PROT_WRITE);
        refused += st == ERR_QUOTA;
        assert_true(st == ERR_QUOTA || st == OK);
    }
    assert_int_equal(refused, 5); // the page, its tree node, three page tables
    assert_true(is_mapped(&spaces[0], va));
    vmo_drop_ref(v);
}

static void user_copies_fault_pages_in(void **state)
{
    (void)state;
    char text[] = "through the page tables";
    char back[sizeof(text)];
    struct vmo *v = vmo_make(2);
    vaddr_t va = map(&spaces[0], v, 2, RW) + PAGE_SIZE - 5;
    aspace_switch(&spaces[0]);
    assert_ptr_equal(aspace_current(), &spaces[0]);
    assert_int_equal(arch_copy_to_user((uaddr_t){va}, text, sizeof(text)), OK);
    assert_int_equal(arch_copy_from_user(back, (uaddr_t){va}, sizeof(text)), OK);
    assert_string_equal(back, text);
    assert_int_equal(arch_copy_to_user((uaddr_t){va + PAGE_SIZE}, text, 10), ERR_BAD_ADDRESS);
    aspace_switch(NULL);
    vmo_drop_ref(v);
}

// --- unmapping, protecting
// ---------------------------------------------------------------------------------

static void unmapping_the_middle_leaves_both_sides(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(10);
    struct aspace *as = &spaces[0];
    assert_int_equal(map_at(as, v, 0, BASE, 10, RW), OK);
    for (uint64_t i = 0; i < 10; i++) {
        store(as, BASE + i * PAGE_SIZE, i + 1);
    }
    assert_int_equal(FINISH(vmar_unmap(as->root, BASE + 3 * PAGE_SIZE, 4 * PAGE_SIZE)), OK);
    for (uint64_t i = 0; i < 10; i++) {
        bool gone = i >= 3 && i < 7;
        assert_int_equal(is_mapped(as, BASE + i * PAGE_SIZE), !gone);
        assert_int_equal(fault(as, BASE + i * PAGE_SIZE, PROT_READ), gone ? ERR_BAD_ADDRESS : OK);
        if (!gone) {
            assert_int_equal(load(as, BASE + i * PAGE_SIZE), i + 1);
        }
    }
    assert_int_equal(as->mapped_pages, 6);
    assert_int_equal(FINISH(vmar_unmap(as->root, BASE, 10 * PAGE_SIZE)), OK);
    assert_int_equal(as->mapped_pages, 0);
    assert_int_equal(map_at(as, v, 5, BASE, 5, R), OK); // the data is the VMO's
    assert_int_equal(load(as, BASE), 6);
    vmo_drop_ref(v);
}

static void unmapping_much_is_done_in_slices(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(500);
    struct aspace *as = &spaces[0];
    assert_int_equal(map_at(as, v, 0, BASE, 500, RW), OK);
    for (uint64_t i = 0; i < 500; i++) {
        store(as, BASE + i * PAGE_SIZE, i);
    }
    assert_int_equal(vmar_unmap(as->root, BASE, 500 * PAGE_SIZE), STATUS_RESTART);
    assert_true(as->mapped_pages > 400 && as->mapped_pages < 500);
    assert_int_equal(fault(as, BASE, PROT_READ), ERR_BAD_ADDRESS); // nothing comes back meanwhile
    assert_int_equal(map_at(as, v, 0, BASE, 1, RW), ERR_EXISTS);
    assert_int_equal(vmar_protect(as->root, BASE, PAGE_SIZE, R), ERR_NOT_FOUND);
    // Asking for a part of what is going completes all of it.
    assert_int_equal(FINISH(vmar_unmap(as->root, BASE + 10 * PAGE_SIZE, PAGE_SIZE)), OK);
    assert_int_equal(as->mapped_pages, 0);
    vmo_drop_ref(v);
}

static void unmapping_arguments_are_checked(void **state)
{
    (void)state;
    struct vmar *r = spaces[0].root;
    assert_int_equal(vmar_unmap(r, BASE, 0), ERR_INVALID_ARGS);
    assert_int_equal(vmar_unmap(r, BASE + 1, PAGE_SIZE), ERR_INVALID_ARGS);
    assert_int_equal(vmar_unmap(r, BASE, 0 - BASE), ERR_OUT_OF_RANGE);
    assert_int_equal(vmar_unmap(r, 0, PAGE_SIZE), ERR_OUT_OF_RANGE);
    assert_int_equal(vmar_unmap(r, 0 - PAGE_SIZE, 2 * PAGE_SIZE), ERR_OUT_OF_RANGE);
    assert_int_equal(vmar_unmap(r, BASE, PAGE_SIZE), OK); // nothing there
}

static void protection_changes_for_part_of_a_mapping(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(6);
    struct aspace *as = &spaces[0];
    vaddr_t base;
    assert_int_equal(vmar_map(as->root, v, 0, BASE, 6 * PAGE_SIZE, RW | FIXED, RW, &base), OK);
    for (uint64_t i = 0; i < 6; i++) {
        store(as, BASE + i * PAGE_SIZE, i);
    }
    assert_int_equal(FINISH(vmar_protect(as->root, BASE + PAGE_SIZE, 2 * PAGE_SIZE, R)), OK);
    for (uint64_t i = 0; i < 6; i++) {
        bool read_only = i == 1 || i == 2;
        assert_int_equal(fault(as, BASE + i * PAGE_SIZE, PROT_WRITE),
                         read_only ? ERR_BAD_ADDRESS : OK);
        assert_int_equal(load(as, BASE + i * PAGE_SIZE), i);
    }
    assert_int_equal(FINISH(vmar_protect(as->root, BASE, 6 * PAGE_SIZE, RW)), OK);
    store(as, BASE + PAGE_SIZE, 9);
    assert_int_equal(FINISH(vmar_protect(as->root, BASE, 6 * PAGE_SIZE, 0)), OK);
    assert_int_equal(fault(as, BASE, PROT_READ), ERR_BAD_ADDRESS);
    assert_int_equal(vmar_protect(as->root, BASE, 6 * PAGE_SIZE, RX), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_protect(as->root, BASE, 6 * PAGE_SIZE, RWX), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_protect(as->root, BASE, 6 * PAGE_SIZE, VM_WRITE), ERR_INVALID_ARGS);
    assert_int_equal(vmar_protect(as->root, BASE, 6 * PAGE_SIZE, R | FIXED), ERR_INVALID_ARGS);
    assert_int_equal(vmar_protect(as->root, BASE, 7 * PAGE_SIZE, R), ERR_NOT_FOUND);
    assert_int_equal(vmar_protect(as->root, BASE - PAGE_SIZE, 2 * PAGE_SIZE, R), ERR_NOT_FOUND);
    vmo_drop_ref(v);
}

static void write_and_execute_alternate_but_never_meet(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(100);
    struct aspace *as = &spaces[0];
    assert_int_equal(map_at(as, v, 0, BASE, 100, RW), OK);
    for (uint64_t i = 0; i < 100; i++) {
        store(as, BASE + i * PAGE_SIZE, i);
    }
    assert_int_equal(FINISH(vmar_protect(as->root, BASE, 100 * PAGE_SIZE, RX)), OK);
    for (uint64_t i = 0; i < 100; i++) {
        paddr_t pa;
        unsigned prot;
        assert_int_equal(fault(as, BASE + i * PAGE_SIZE, PROT_EXEC), OK);
        assert_true(arch_aspace_query(&as->arch, BASE + i * PAGE_SIZE, &pa, &prot));
        assert_int_equal(prot & PROT_WRITE, 0);
        assert_int_equal(fault(as, BASE + i * PAGE_SIZE, PROT_WRITE), ERR_BAD_ADDRESS);
    }
    vmo_drop_ref(v);
}

// --- what a VMO takes back
// -----------------------------------------------------------------------------------

static void shrinking_takes_pages_out_of_every_address_space(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(200);
    for (unsigned s = 0; s < 3; s++) {
        assert_int_equal(map_at(&spaces[s], v, 0, BASE, 200, s == 2 ? R : RW), OK);
        for (uint64_t i = 0; i < 200; i++) {
            load(&spaces[s], BASE + i * PAGE_SIZE);
        }
    }
    assert_int_equal(FINISH(vmo_resize(v, 50 * PAGE_SIZE)), OK);
    for (unsigned s = 0; s < 3; s++) {
        assert_int_equal(spaces[s].mapped_pages, 50);
        assert_int_equal(fault(&spaces[s], BASE + 50 * PAGE_SIZE, PROT_READ), ERR_BAD_ADDRESS);
    }
    assert_int_equal(FINISH(vmo_resize(v, 200 * PAGE_SIZE)), OK);
    assert_int_equal(load(&spaces[1], BASE + 50 * PAGE_SIZE), 0);
    vmo_drop_ref(v);
}

static void decommitted_pages_are_zero_for_everybody(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(150);
    for (uint64_t i = 0; i < 150; i++) {
        vmo_put(v, i, i + 1);
    }
    for (unsigned s = 0; s < 3; s++) {
        assert_int_equal(map_at(&spaces[s], v, 0, BASE, 150, RW), OK);
        for (uint64_t i = 0; i < 150; i++) {
            assert_int_equal(load(&spaces[s], BASE + i * PAGE_SIZE + 8), i + 1);
        }
    }
    assert_int_equal(FINISH(vmo_decommit(v, 10 * PAGE_SIZE, 120 * PAGE_SIZE)), OK);
    for (uint64_t i = 0; i < 150; i++) {
        bool gone = i >= 10 && i < 130;
        assert_int_equal(load(&spaces[i % 3], BASE + i * PAGE_SIZE + 8), gone ? 0 : i + 1);
    }
    vmo_drop_ref(v);
}

static void a_clone_is_not_written_through_old_mappings_of_its_source(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(150);
    struct aspace *as = &spaces[0];
    assert_int_equal(map_at(as, v, 0, BASE, 150, RW), OK);
    for (uint64_t i = 0; i < 150; i++) {
        store(as, BASE + i * PAGE_SIZE + 8, i + 1);
    }
    struct vmo *c = clone_whole(v);
    for (uint64_t i = 0; i < 150; i++) {
        store(as, BASE + i * PAGE_SIZE + 8, 1000 + i);
    }
    for (uint64_t i = 0; i < 150; i++) {
        assert_int_equal(vmo_peek(c, i), i + 1);
        assert_int_equal(vmo_peek(v, i), 1000 + i);
    }
    vmo_drop_ref(c);
    vmo_drop_ref(v);
}

static void a_copied_page_is_seen_through_all_mappings_of_its_vmo(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(3);
    vmo_put(v, 1, 5);
    struct vmo *c = clone_whole(v);
    vaddr_t a = map(&spaces[0], c, 3, RW), b = map(&spaces[1], c, 3, RW),
            a2 = map(&spaces[0], c, 3, R);
    vaddr_t source = map(&spaces[2], v, 3, RW);
    vaddr_t at = PAGE_SIZE + 8;
    assert_int_equal(load(&spaces[0], a + at), 5); // all four map the shared page
    assert_int_equal(load(&spaces[1], b + at), 5);
    assert_int_equal(load(&spaces[0], a2 + at), 5);
    assert_int_equal(load(&spaces[2], source + at), 5);
    store(&spaces[1], b + at, 6);
    assert_int_equal(load(&spaces[0], a + at), 6);
    assert_int_equal(load(&spaces[0], a2 + at), 6);
    assert_int_equal(load(&spaces[1], b + at), 6);
    assert_int_equal(load(&spaces[2], source + at), 5);
    vmo_put(c, 1, 7);
    assert_int_equal(load(&spaces[0], a2 + at), 7);
    vmo_put(v, 1, 8);
    assert_int_equal(load(&spaces[2], source + at), 8);
    vmo_drop_ref(c);
    vmo_drop_ref(v);
}

static void a_page_copied_through_its_only_mapping_frees_the_old_one(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(1);
    vmo_put(v, 0, 5);
    struct vmo *c = clone_whole(v);
    vaddr_t a = map(&spaces[0], c, 1, RW);
    assert_int_equal(load(&spaces[0], a + 8), 5);
    vmo_drop_ref(v);
    holdings_now();
    struct vmo *d = clone_whole(c);
    assert_int_equal(load(&spaces[0], a + 8), 5);
    store(&spaces[0], a + 8, 6);
    assert_int_equal(vmo_peek(d, 0), 5);
    vmo_drop_ref(d);
    struct holdings h = holdings_now();
    assert_int_equal(h.user_pages, before.user_pages + 1);
    assert_int_equal(load(&spaces[0], a + 8), 6);
    vmo_drop_ref(c);
}

// A copy through mapping `by` is seen through all others; the last mapped is the last to be swept.
static void copy_and_look(const vaddr_t *at, unsigned n, unsigned by, uint64_t value)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(load(&spaces[i % 3], at[i] + 8), value - 1);
    }
    store(&spaces[by % 3], at[by] + 8, value);
    for (unsigned i = n - 1; i-- > 0;) {
        assert_int_equal(load(&spaces[i % 3], at[i] + 8), value);
    }
}

static void a_page_mapped_hundreds_of_times_is_still_taken_back(void **state)
{
    (void)state;
    static vaddr_t at[400];
    struct vmo *v = vmo_make(2);
    vmo_put(v, 0, 1);
    struct vmo *c = clone_whole(v);
    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        at[i] = map(&spaces[i % 3], c, 2, RW);
    }
    copy_and_look(at, ARRAY_SIZE(at), 0, 2);
    vmo_drop_ref(v);
    v = clone_whole(c);
    copy_and_look(at, ARRAY_SIZE(at), ARRAY_SIZE(at) - 1, 3);
    uint64_t four = 4;
    vmo_drop_ref(v);
    v = clone_whole(c);
    assert_int_equal(vmo_write(c, 8, &four, 8), STATUS_RESTART);
    assert_int_equal(FINISH(vmo_write(c, 8, &four, 8)), OK);
    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        assert_int_equal(load(&spaces[i % 3], at[i] + 8), 4);
    }
    assert_int_equal(vmo_peek(v, 0), 3);
    assert_int_equal(vmo_decommit(c, 0, PAGE_SIZE), STATUS_RESTART);
    assert_int_equal(FINISH(vmo_decommit(c, 0, PAGE_SIZE)), OK);
    assert_int_equal(load(&spaces[1], at[1] + 8), 0);
    vmo_drop_ref(v);
    vmo_drop_ref(c);
}

static void a_clone_left_half_made_goes_with_its_source(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(400), *c = NULL;
    vaddr_t a = map(&spaces[0], v, 400, RW);
    for (uint64_t i = 0; i < 400; i++) {
        store(&spaces[0], a + i * PAGE_SIZE, i);
    }
    assert_int_equal(vmo_clone(v, 0, 400 * PAGE_SIZE, &job, NULL, &c), STATUS_RESTART);
    assert_int_equal(vmo_clone(v, 0, 300 * PAGE_SIZE, &job, NULL, &c), STATUS_RESTART);
    assert_null(c);
    assert_int_equal(FINISH(vmar_unmap(spaces[0].root, a, 400 * PAGE_SIZE)), OK);
    vmo_drop_ref(v);
}

// --- VMARs
// ---------------------------------------------------------------------------------------------------

static struct vmar *child_of(struct vmar *r, vaddr_t at, uint64_t pages, unsigned flags)
{
    struct vmar *c = NULL;
    vaddr_t base;
    assert_int_equal(
        vmar_allocate(r, at, pages * PAGE_SIZE, flags | (at != 0 ? FIXED : 0), &c, &base), OK);
    return c;
}

static void a_child_never_has_more_rights_than_its_parent(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(1);
    vaddr_t base;
    struct vmar *c = child_of(spaces[0].root, BASE, 100, RW), *g = child_of(c, 0, 10, R), *x = NULL;
    assert_int_equal(vmar_allocate(c, 0, PAGE_SIZE, RX, &x, &base), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_map(c, v, 0, 0, PAGE_SIZE, RX, RWX, &base), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_map(g, v, 0, 0, PAGE_SIZE, RW, RWX, &base), ERR_ACCESS_DENIED);
    assert_int_equal(vmar_map(g, v, 0, 0, PAGE_SIZE, R, RWX, &base), OK);
    assert_int_equal(vmar_protect(g, base, PAGE_SIZE, RW), ERR_ACCESS_DENIED);
    assert_int_equal(fault(&spaces[0], base, PROT_READ), OK);
    assert_null(x);
    object_put(vmar_object(c));
    object_put(vmar_object(g));
    vmo_drop_ref(v);
}

static void regions_are_nested_to_a_bound(void **state)
{
    (void)state;
    struct vmar *r = spaces[0].root, *c = NULL;
    vaddr_t base;
    status_t st = OK;
    unsigned depth = 0;
    while ((st = vmar_allocate(r, 0, (100 - 3 * depth) * PAGE_SIZE, RW, &c, &base)) == OK) {
        object_put(vmar_object(c)); // its parent keeps it
        r = c;
        depth++;
    }
    assert_int_equal(st, ERR_OUT_OF_RANGE);
    assert_int_equal(depth, 16);
}

static void destroying_a_region_ends_everything_in_it(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(300);
    struct aspace *as = &spaces[0];
    vaddr_t base;
    struct vmar *c = child_of(as->root, BASE, 4000, RW),
                *g = child_of(c, BASE + PAGE_SIZE, 1000, RW);
    assert_int_equal(vmar_map(g, v, 0, 0, 300 * PAGE_SIZE, RW, RW, &base), OK);
    for (uint64_t i = 0; i < 300; i++) {
        store(as, base + i * PAGE_SIZE, i);
    }
    assert_int_equal(vmar_destroy(c), STATUS_RESTART);
    assert_int_equal(vmar_map(c, v, 0, 0, PAGE_SIZE, RW, RW, &base), ERR_BAD_STATE);
    assert_int_equal(vmar_map(g, v, 0, 0, PAGE_SIZE, RW, RW, &base), ERR_BAD_STATE);
    assert_int_equal(FINISH(vmar_destroy(c)), OK);
    assert_int_equal(as->mapped_pages, 0);
    assert_int_equal(vmar_destroy(c), ERR_BAD_STATE);
    assert_int_equal(vmar_destroy(g), ERR_BAD_STATE);
    assert_int_equal(vmar_unmap(g, BASE + PAGE_SIZE, PAGE_SIZE), ERR_BAD_STATE);
    assert_int_equal(vmar_protect(g, BASE + PAGE_SIZE, PAGE_SIZE, R), ERR_BAD_STATE);
    assert_int_equal(vmar_destroy(as->root), ERR_NOT_SUPPORTED);
    assert_int_equal(map_at(as, v, 0, BASE, 1, RW), OK); // the range is free again
    object_put(vmar_object(c));
    object_put(vmar_object(g));
    vmo_drop_ref(v);
}

static void unmapping_ends_whole_child_regions_and_cuts_none(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(10);
    struct aspace *as = &spaces[0];
    struct vmar *c = child_of(as->root, BASE + 10 * PAGE_SIZE, 10, RW);
    vaddr_t base;
    assert_int_equal(map_at(as, v, 0, BASE, 10, RW), OK);
    assert_int_equal(vmar_map(c, v, 0, 0, 2 * PAGE_SIZE, RW, RW, &base), OK);
    store(as, base, 1);
    assert_int_equal(vmar_unmap(as->root, BASE, 11 * PAGE_SIZE), ERR_INVALID_ARGS);
    assert_int_equal(vmar_unmap(as->root, BASE + 19 * PAGE_SIZE, PAGE_SIZE), ERR_INVALID_ARGS);
    assert_int_equal(vmar_unmap(as->root, BASE + 12 * PAGE_SIZE, 2 * PAGE_SIZE), ERR_INVALID_ARGS);
    assert_int_equal(vmar_protect(as->root, BASE + 10 * PAGE_SIZE, PAGE_SIZE, R), ERR_INVALID_ARGS);
    assert_int_equal(load(as, base), 1);
    assert_int_equal(FINISH(vmar_unmap(as->root, BASE + 5 * PAGE_SIZE, 15 * PAGE_SIZE)), OK);
    assert_int_equal(fault(as, base, PROT_READ), ERR_BAD_ADDRESS);
    assert_int_equal(fault(as, BASE, PROT_READ), OK);
    assert_int_equal(vmar_destroy(c), ERR_BAD_STATE);
    object_put(vmar_object(c));
    vmo_drop_ref(v);
}

static void handles_outlive_their_address_space(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(300);
    struct aspace *as = &spaces[0];
    struct vmar *root = as->root, *c = child_of(root, 0, 1000, RW);
    object_get(vmar_object(root));
    vaddr_t base;
    assert_int_equal(vmar_map(c, v, 0, 0, 300 * PAGE_SIZE, RW, RW, &base), OK);
    for (uint64_t i = 0; i < 300; i++) {
        store(as, base + i * PAGE_SIZE, i);
    }
    assert_false(aspace_teardown(as));
    assert_int_equal(aspace_fault(as, base, PROT_READ), ERR_BAD_ADDRESS);
    assert_int_equal(vmar_unmap(root, base, PAGE_SIZE), ERR_BAD_STATE);
    space_end(as);
    assert_true(aspace_teardown(as)); // once more does no harm
    memset(as, 0xee, sizeof(*as));    // and nobody looks at it
    assert_int_equal(vmar_map(c, v, 0, 0, PAGE_SIZE, RW, RW, &base), ERR_BAD_STATE);
    assert_int_equal(vmar_map(root, v, 0, 0, PAGE_SIZE, RW, RW, &base), ERR_BAD_STATE);
    assert_int_equal(vmar_destroy(c), ERR_BAD_STATE);
    assert_int_equal(vmo_write(v, 0, &base, 8), OK);
    object_put(vmar_object(root));
    object_put(vmar_object(c));
    vmo_drop_ref(v);
    memset(as, 0, sizeof(*as));
}

static void regions_and_mappings_are_charged(void **state)
{
    (void)state;
    struct vmo *v = vmo_make(10);
    struct vmar *c = NULL;
    struct aspace *as = &spaces[0];
    vaddr_t base;
    assert_int_equal(map_at(as, v, 0, BASE, 10, RW), OK);
    quota_set_limit(&job, LIMIT_OBJECTS, job.used[LIMIT_OBJECTS]);
    assert_int_equal(map_at(as, v, 0, BASE + 20 * PAGE_SIZE, 1, RW), ERR_QUOTA);
    assert_int_equal(vmar_allocate(as->root, 0, PAGE_SIZE, RW, &c, &base), ERR_QUOTA);
    assert_int_equal(vmar_unmap(as->root, BASE + PAGE_SIZE, PAGE_SIZE), ERR_QUOTA); // would cut in
                                                                                    // two
    assert_int_equal(fault(as, BASE + PAGE_SIZE, PROT_WRITE), OK);
    assert_int_equal(FINISH(vmar_unmap(as->root, BASE, 10 * PAGE_SIZE)), OK);
    assert_null(c);
    vmo_drop_ref(v);
}

// --- refusals
// --------------------------------------------------------------------------------------------------

static bool resolved(struct aspace *as, vaddr_t va, unsigned prot)
{
    status_t st = fault(as, va, prot);
    assert_true(st == OK || is_refusal(st));
    return st == OK;
}

static bool work(void)
{
    static struct aspace as;
    struct vmo *v = NULL, *c = NULL;
    struct vmar *r = NULL;
    vaddr_t a = 0, b = 0, base = 0;
    if (aspace_init(&as, &job, NULL) != OK) {
        return false;
    }
    bool ok = vmo_create(200 * PAGE_SIZE, &job, NULL, &v) == OK;
    ok = ok && vmar_map(as.root, v, 0, 0, 200 * PAGE_SIZE, RW, RWX, &a) == OK;
    ok = ok && resolved(&as, a + 70 * PAGE_SIZE, PROT_WRITE) && resolved(&as, a, PROT_WRITE);
    ok = ok && FINISH(vmo_clone(v, 0, 100 * PAGE_SIZE, &job, NULL, &c)) == OK;
    ok = ok && vmar_allocate(as.root, 0, 1000 * PAGE_SIZE, RWX, &r, &base) == OK;
    ok = ok && vmar_map(r, c, 0, 0, 100 * PAGE_SIZE, RW, RWX, &b) == OK;
    ok = ok && resolved(&as, b, PROT_WRITE) && resolved(&as, a, PROT_WRITE);
    ok = ok && FINISH(vmar_protect(r, b + 5 * PAGE_SIZE, 50 * PAGE_SIZE, RX)) == OK;
    ok = ok && resolved(&as, b + 6 * PAGE_SIZE, PROT_EXEC);
    ok = ok && FINISH(vmar_unmap(as.root, a + PAGE_SIZE, 10 * PAGE_SIZE)) == OK;
    if (v != NULL) {
        object_put(vmo_object(v));
    }
    if (c != NULL) {
        object_put(vmo_object(c));
    }
    if (r != NULL) {
        object_put(vmar_object(r));
    }
    space_end(&as);
    return ok;
}

static void every_refused_allocation_is_told_and_leaks_nothing(void **state)
{
    assert_true(work());
    unsigned n = 1;
    for (;; n++) {
        fail_order(n);
        bool ok = work();
        fail_in = 0;
        if (!failed) {
            assert_true(ok);
            break;
        }
        assert_false(ok);
        assert_int_equal(leak_check(state), 0);
    }
    assert_true(n > 40);
}

// --- random operations against a model
// -----------------------------------------------------------------------

#define M_SPACES 2u
#define M_PAGES  96u // of user space in the model
#define M_VMOS   4u
#define M_SIZE   48u

static struct {
    struct vmo *v;
    uint64_t size;
    uint64_t word[M_SIZE];
} m_vmo[M_VMOS];
static struct {
    int vmo; // -1: nothing mapped
    uint64_t page;
    unsigned prot;
} m_map[M_SPACES][M_PAGES];

static vaddr_t m_va(uint64_t page) { return BASE + page * PAGE_SIZE; }

static void m_vmo_fresh(unsigned i, struct vmo *v, uint64_t size)
{
    // Old mappings of this number stay in the machine until they are unmapped; the model forgets
    // the VMO by unmapping them.
    for (unsigned s = 0; s < M_SPACES; s++) {
        for (uint64_t p = 0; p < M_PAGES; p++) {
            if (m_map[s][p].vmo == (int)i) {
                assert_int_equal(FINISH(vmar_unmap(spaces[s].root, m_va(p), PAGE_SIZE)), OK);
                m_map[s][p].vmo = -1;
            }
        }
    }
    if (m_vmo[i].v != NULL) {
        vmo_drop_ref(m_vmo[i].v);
    }
    m_vmo[i].v = v;
    m_vmo[i].size = size;
    memset(m_vmo[i].word, 0, sizeof(m_vmo[i].word));
}

// What the model says about an access; the machine must agree.
static void m_access(unsigned s, uint64_t p, bool write, uint64_t value)
{
    int i = m_map[s][p].vmo;
    unsigned prot = write ? PROT_WRITE : PROT_READ;
    bool ok = i >= 0 && m_map[s][p].page < m_vmo[i].size && (m_map[s][p].prot & prot) != 0;
    uint64_t *word = NULL;
    assert_int_equal(touch(&spaces[s], m_va(p) + 8, prot, &word), ok ? OK : ERR_BAD_ADDRESS);
    if (ok && write) {
        *word = m_vmo[i].word[m_map[s][p].page] = value;
    } else if (ok) {
        assert_int_equal(*word, m_vmo[i].word[m_map[s][p].page]);
    }
}

static void m_map_step(unsigned s, unsigned i, uint64_t first, uint64_t p, uint64_t n,
                       unsigned prot)
{
    n = n < m_vmo[i].size - first ? n : m_vmo[i].size - first;
    n = n < M_PAGES - p ? n : M_PAGES - p;
    bool is_free = true;
    for (uint64_t k = 0; k < n; k++) {
        is_free = is_free && m_map[s][p + k].vmo < 0;
    }
    assert_int_equal(map_at(&spaces[s], m_vmo[i].v, first, m_va(p), n, prot),
                     is_free ? OK : ERR_EXISTS);
    for (uint64_t k = 0; k < n && is_free; k++) {
        m_map[s][p + k].vmo = (int)i;
        m_map[s][p + k].page = first + k;
        m_map[s][p + k].prot = prot;
    }
}

static void m_protect_step(unsigned s, uint64_t p, uint64_t n, unsigned prot)
{
    bool is_full = true;
    for (uint64_t k = 0; k < n; k++) {
        is_full = is_full && m_map[s][p + k].vmo >= 0;
    }
    assert_int_equal(FINISH(vmar_protect(spaces[s].root, m_va(p), n * PAGE_SIZE, prot)),
                     is_full ? OK : ERR_NOT_FOUND);
    for (uint64_t k = 0; k < n && is_full; k++) {
        m_map[s][p + k].prot = prot;
    }
}

static void m_clone_step(unsigned i, unsigned k, uint64_t first, uint64_t n)
{
    uint64_t copy[M_SIZE];
    struct vmo *c = NULL;
    memcpy(copy, &m_vmo[i].word[first], n * sizeof(uint64_t));
    assert_int_equal(
        FINISH(vmo_clone(m_vmo[i].v, first * PAGE_SIZE, n * PAGE_SIZE, &job, NULL, &c)), OK);
    m_vmo_fresh(k, c, n);
    memcpy(m_vmo[k].word, copy, n * sizeof(uint64_t));
}

static void m_step(uint64_t *seed)
{
    static const unsigned prots[] = {R, RW, RX, RW, 0};
    unsigned s = test_random(seed) % M_SPACES, i = test_random(seed) % M_VMOS;
    unsigned k = (i + 1 + test_random(seed) % (M_VMOS - 1)) % M_VMOS;
    uint64_t p = test_random(seed) % M_PAGES, n = 1 + test_random(seed) % (M_PAGES - p);
    uint64_t first = test_random(seed) % m_vmo[i].size;
    uint64_t some = 1 + test_random(seed) % (m_vmo[i].size - first);
    unsigned prot = prots[test_random(seed) % ARRAY_SIZE(prots)];
    uint64_t size = 1 + test_random(seed) % M_SIZE;
    switch (test_random(seed) % 16) {
    case 0:
    case 1:
    case 2: m_map_step(s, i, first, p, n, prot); break;
    case 3:
        n = 1 + n % 8 < M_PAGES - p ? 1 + n % 8 : 1;
        assert_int_equal(FINISH(vmar_unmap(spaces[s].root, m_va(p), n * PAGE_SIZE)), OK);
        for (uint64_t q = p; q < p + n; q++) {
            m_map[s][q].vmo = -1;
        }
        break;
    case 4:
    case 5: m_protect_step(s, p, 1 + n % 6 < M_PAGES - p ? 1 + n % 6 : 1, prot); break;
    case 6:
        if (test_random(seed) % 4 == 0) {
            m_clone_step(i, k, first, some);
        }
        break;
    case 7:
        assert_int_equal(FINISH(vmo_decommit(m_vmo[i].v, first * PAGE_SIZE, some * PAGE_SIZE)), OK);
        memset(&m_vmo[i].word[first], 0, some * sizeof(uint64_t));
        break;
    case 8:
        assert_int_equal(FINISH(vmo_resize(m_vmo[i].v, size * PAGE_SIZE)), OK);
        m_vmo[i].size = size;
        memset(&m_vmo[i].word[size], 0, (M_SIZE - size) * sizeof(uint64_t));
        break;
    case 9:
        m_vmo[i].word[first] = test_random(seed);
        vmo_put(m_vmo[i].v, first, m_vmo[i].word[first]);
        break;
    default: m_access(s, p, test_random(seed) % 2 == 0, test_random(seed)); break;
    }
}

static void random_operations_agree_with_a_model(void **state)
{
    (void)state;
    uint64_t seed = 77;
    memset(m_vmo, 0, sizeof(m_vmo));
    memset(m_map, 0xff, sizeof(m_map));
    for (unsigned i = 0; i < M_VMOS; i++) {
        m_vmo_fresh(i, vmo_make(M_SIZE), M_SIZE);
    }
    for (unsigned round = 0; round < 20000; round++) {
        m_step(&seed);
        while (test_random(&seed) % 3 != 0 && object_reap_slice()) {
        }
        for (uint64_t p = 0; p < M_PAGES && round % 50 == 0; p++) {
            m_access(round / 50 % M_SPACES, p, false, 0);
        }
    }
    for (unsigned i = 0; i < M_VMOS; i++) {
        vmo_drop_ref(m_vmo[i].v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SPACE_TEST(a_chosen_place_has_a_guard_page_on_each_side),
        SPACE_TEST(chosen_places_differ_between_address_spaces),
        SPACE_TEST(a_fixed_place_is_exact_and_never_overlaps),
        SPACE_TEST(mapping_arguments_are_checked),
        SPACE_TEST(pages_appear_on_first_touch_and_show_the_vmo),
        SPACE_TEST(only_allowed_accesses_are_resolved),
        SPACE_TEST(a_fault_on_a_mapped_page_is_no_error),
        SPACE_TEST(a_fault_meets_the_quota),
        SPACE_TEST(user_copies_fault_pages_in),
        SPACE_TEST(unmapping_the_middle_leaves_both_sides),
        SPACE_TEST(unmapping_much_is_done_in_slices),
        SPACE_TEST(unmapping_arguments_are_checked),
        SPACE_TEST(protection_changes_for_part_of_a_mapping),
        SPACE_TEST(write_and_execute_alternate_but_never_meet),
        SPACE_TEST(shrinking_takes_pages_out_of_every_address_space),
        SPACE_TEST(decommitted_pages_are_zero_for_everybody),
        SPACE_TEST(a_clone_is_not_written_through_old_mappings_of_its_source),
        SPACE_TEST(a_copied_page_is_seen_through_all_mappings_of_its_vmo),
        SPACE_TEST(a_page_copied_through_its_only_mapping_frees_the_old_one),
        SPACE_TEST(a_page_mapped_hundreds_of_times_is_still_taken_back),
        SPACE_TEST(a_clone_left_half_made_goes_with_its_source),
        SPACE_TEST(a_child_never_has_more_rights_than_its_parent),
        SPACE_TEST(regions_are_nested_to_a_bound),
        SPACE_TEST(destroying_a_region_ends_everything_in_it),
        SPACE_TEST(unmapping_ends_whole_child_regions_and_cuts_none),
        SPACE_TEST(handles_outlive_their_address_space),
        SPACE_TEST(regions_and_mappings_are_charged),
        MM_TEST(every_refused_allocation_is_told_and_leaks_nothing),
        SPACE_TEST(random_operations_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, machine_setup, NULL);
}
