// SPDX-License-Identifier: MIT
// Resources: what each kind allows, splitting, ranges that touch the edges or wrap around, and the
// system calls that ask for one.
#include "obj_setup.h"

static struct resource *made(struct resource *parent, enum resource_kind kind, uint64_t base,
                             uint64_t size)
{
    struct resource *r = NULL;
    assert_int_equal(resource_create(parent, test_job, kind, base, size, &r), OK);
    return r;
}

static void the_root_gives_every_kind_and_range(void **state)
{
    (void)state;
    struct resource *root = made(NULL, RESOURCE_ROOT, 0, 0);
    for (unsigned kind = 0; kind < RESOURCE_KINDS; kind++) {
        struct resource *r = made(root, (enum resource_kind)kind, 0x1000, 0x1000);
        assert_int_equal(r->kind, kind);
        object_put(&r->object);
    }
    assert_int_equal(resource_check(root, RESOURCE_MMIO, UINT64_MAX, 1), ERR_OUT_OF_RANGE);
    assert_int_equal(resource_check(root, RESOURCE_MMIO, 0, UINT64_MAX), OK);
    struct resource *none = NULL;
    assert_int_equal(resource_create(root, test_job, RESOURCE_KINDS, 0, 0, &none),
                     ERR_INVALID_ARGS);
    assert_int_equal(resource_create(root, test_job, (enum resource_kind)0x80000000u, 0, 0, &none),
                     ERR_INVALID_ARGS);
    object_put(&root->object);
}

static void a_range_gives_only_parts_of_itself(void **state)
{
    (void)state;
    struct resource *root = made(NULL, RESOURCE_ROOT, 0, 0),
                    *r = made(root, RESOURCE_MMIO, 0x1000, 0x2000), *out = NULL;
    const struct {
        uint64_t base, size;
        status_t status;
    } tries[] = {
        {0x1000, 0x2000, OK},
        {0x2fff, 1, OK},
        {0x3000, 0, OK},
        {0x1000, 0x2001, ERR_OUT_OF_RANGE},
        {0xfff, 1, ERR_OUT_OF_RANGE},
        {0xfff, 0x1000, ERR_OUT_OF_RANGE},
        {0x3000, 1, ERR_OUT_OF_RANGE},
        {0x1001, UINT64_MAX, ERR_OUT_OF_RANGE},
        {0x1000, UINT64_MAX - 0xfff, ERR_OUT_OF_RANGE},
        {UINT64_MAX, 0x2000, ERR_OUT_OF_RANGE},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(tries); i++) {
        assert_int_equal(resource_check(r, RESOURCE_MMIO, tries[i].base, tries[i].size),
                         tries[i].status);
        assert_int_equal(
            resource_create(r, test_job, RESOURCE_MMIO, tries[i].base, tries[i].size, &out),
            tries[i].status);
        if (tries[i].status == OK) {
            object_put(&out->object);
        }
    }
    assert_int_equal(resource_create(r, test_job, RESOURCE_IRQ, 0x1000, 1, &out),
                     ERR_ACCESS_DENIED);
    assert_int_equal(resource_create(r, test_job, RESOURCE_ROOT, 0, 0, &out), ERR_ACCESS_DENIED);
    object_put(&r->object);
    object_put(&root->object);
}

static void kinds_without_a_range_allow_just_themselves(void **state)
{
    (void)state;
    const enum resource_kind plain[] = {RESOURCE_DMA, RESOURCE_LOG, RESOURCE_POWER};
    for (unsigned i = 0; i < ARRAY_SIZE(plain); i++) {
        struct resource *r = made(NULL, plain[i], 0, 0);
        for (unsigned kind = 0; kind < RESOURCE_KINDS; kind++) {
            assert_int_equal(resource_check(r, (enum resource_kind)kind, 5, 5),
                             kind == plain[i] ? OK : ERR_ACCESS_DENIED);
        }
        object_put(&r->object);
    }
}

static void each_call_asks_for_its_kind(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct resource *root = made(NULL, RESOURCE_ROOT, 0, 0);
    handle_t top = give(t->process, &root->object, RIGHTS_DEFAULT_RESOURCE), kinds[RESOURCE_KINDS];
    object_put(&root->object);
    for (unsigned kind = 0; kind < RESOURCE_KINDS; kind++) {
        kinds[kind] = kernel_make(t, SYS_RESOURCE_CREATE, top, kind, 0x10000000, 0x10000);
    }
    uint64_t user = t->msgbuf_user;
    for (unsigned kind = 0; kind < RESOURCE_KINDS; kind++) {
        handle_t h = kinds[kind];
        bool all = kind == RESOURCE_ROOT;
        status_t log = all || kind == RESOURCE_LOG ? OK : ERR_ACCESS_DENIED;
        assert_int_equal(kernel_call(t, SYS_LOG_WRITE, h, user, 5), log);
        assert_int_equal(kernel_call(t, SYS_LOG_READ, h, 0, user, 5), log);
        assert_int_equal(kernel_call(t, SYS_SYSTEM_INFO, h, user), log);
        assert_int_equal(kernel_call(t, SYS_SYSTEM_CONSOLE_RELEASE, h), log);
        assert_int_equal(
            kernel_call(t, SYS_VMO_CREATE_PHYSICAL, h, 0x10000000, 0x1000, CACHE_DEVICE),
            all || kind == RESOURCE_MMIO ? OK : ERR_ACCESS_DENIED);
        assert_int_equal(kernel_call(t, SYS_VMO_CREATE_CONTIGUOUS, h, 0x1000),
                         all || kind == RESOURCE_DMA ? OK : ERR_ACCESS_DENIED);
        assert_int_equal(kernel_call(t, SYS_SYSTEM_POWER, h, 2),
                         all || kind == RESOURCE_POWER ? ERR_INVALID_ARGS : ERR_ACCESS_DENIED);
        boot_time_ns = 0;
        bool clock = all || kind == RESOURCE_CLOCK;
        assert_int_equal(kernel_call(t, SYS_CLOCK_SET_BOOT_TIME, h, 77),
                         clock ? OK : ERR_ACCESS_DENIED);
        assert_int_equal(boot_time_ns, clock ? 77 : 0);
        assert_int_equal(kernel_call(t, SYS_IRQ_CREATE, h, 40, IRQ_LEVEL), all ? OK
                                                                           : kind == RESOURCE_IRQ
                                                                               ? ERR_OUT_OF_RANGE
                                                                               : ERR_ACCESS_DENIED);
    }
    assert_int_equal(
        kernel_call(t, SYS_VMO_CREATE_PHYSICAL, top, HOST_RAM_BASE, 0x1000, CACHE_DEVICE),
        ERR_ACCESS_DENIED);
}

static void making_one_fails_cleanly_at_each_allocation(void **state)
{
    (void)state;
    struct thread *t = actor();
    struct resource *root = made(NULL, RESOURCE_ROOT, 0, 0);
    handle_t top = give(t->process, &root->object, RIGHTS_DEFAULT_RESOURCE);
    object_put(&root->object);
    uint64_t objects = test_job->quota.used[LIMIT_OBJECTS];
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_RESOURCE_CREATE, top, RESOURCE_LOG, 0, 0),
                          assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects));
    objects++;
    EACH_ALLOCATION_FAILS(
        kernel_call(t, SYS_VMO_CREATE_PHYSICAL, top, 0x10000000, 0x1000, CACHE_DEVICE), {
            settle();
            assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects);
        });
    objects++;
    EACH_ALLOCATION_FAILS(kernel_call(t, SYS_VMO_CREATE_CONTIGUOUS, top, 0x4000), {
        settle();
        assert_int_equal(test_job->quota.used[LIMIT_OBJECTS], objects);
    });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(the_root_gives_every_kind_and_range),
        OBJ_TEST(a_range_gives_only_parts_of_itself),
        OBJ_TEST(kinds_without_a_range_allow_just_themselves),
        OBJ_TEST(each_call_asks_for_its_kind),
        OBJ_TEST(making_one_fails_cleanly_at_each_allocation),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
