// SPDX-License-Identifier: MIT
// Life cycles of kernel objects: references, handles, the reaper.
//
// sources: kernel/lib/object.c kernel/lib/spinlock.c arch/host/cpu.c arch/host/debug.c
#include "cm.h"

#include "kernel/lib/object.h"
#include <host.h>
#include <pthread.h>

struct thing {
    struct object object;
    unsigned zero_handles, slices_left;
    bool destroyed;
};

static unsigned wakes;

static struct thing *thing_of(struct object *o) { return container_of(o, struct thing, object); }
static void thing_zero_handles(struct object *o) { thing_of(o)->zero_handles++; }
static void thing_destroy(struct object *o) { thing_of(o)->destroyed = true; }
static void count_wake(void) { wakes++; }

static bool thing_reap(struct object *o)
{
    struct thing *t = thing_of(o);
    t->destroyed = --t->slices_left == 0;
    return t->destroyed;
}

static const struct object_ops plain_ops = {
    .type = OBJ_ENDPOINT,
    .name = "plain",
    .zero_handles = thing_zero_handles,
    .destroy = thing_destroy,
};
static const struct object_ops slow_ops = {.type = OBJ_VMO, .name = "slow", .reap = thing_reap};

static void the_last_reference_destroys(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    object_get(&t.object);
    object_put(&t.object);
    assert_false(t.destroyed);
    object_put(&t.object);
    assert_true(t.destroyed);
    object_put(NULL);
}

static void ids_are_never_reused(void **state)
{
    (void)state;
    struct thing t = {0};
    uint64_t last = 0;
    for (unsigned i = 0; i < 100; i++) {
        object_init(&t.object, &plain_ops);
        assert_true(t.object.id > last);
        last = t.object.id;
        object_put(&t.object);
    }
}

static void zero_handles_runs_once_for_each_transition_to_zero(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    object_handle_get(&t.object);
    object_handle_get(&t.object);
    object_handle_put(&t.object);
    assert_int_equal(t.zero_handles, 0);
    object_handle_put(&t.object);
    assert_int_equal(t.zero_handles, 1);
    assert_false(t.destroyed); // the creator still refers to it
    object_handle_get(&t.object);
    object_handle_put(&t.object);
    assert_int_equal(t.zero_handles, 2);
    object_put(&t.object);
    assert_true(t.destroyed);
}

static void a_handle_keeps_the_object_and_its_end_destroys_it(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    object_handle_get(&t.object);
    object_put(&t.object);
    assert_false(t.destroyed);
    object_handle_put(&t.object);
    assert_true(t.destroyed);
    assert_int_equal(t.zero_handles, 1);
}

static void dead_objects_are_reaped_in_slices_in_the_order_of_death(void **state)
{
    (void)state;
    struct thing a = {.slices_left = 3}, b = {.slices_left = 1};
    wakes = 0;
    object_reaper_wake = count_wake;
    object_init(&a.object, &slow_ops);
    object_init(&b.object, &slow_ops);
    assert_false(object_reap_pending());
    assert_false(object_reap_slice());
    object_put(&a.object);
    object_put(&b.object);
    assert_int_equal(wakes, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(a.destroyed);
        assert_true(object_reap_pending());
        assert_true(object_reap_slice());
    }
    assert_true(a.destroyed);
    assert_false(b.destroyed);
    assert_true(object_reap_slice());
    assert_true(b.destroyed);
    assert_false(object_reap_pending());
    assert_false(object_reap_slice());
}

static void the_queue_works_again_after_it_was_empty(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct thing t = {.slices_left = 1};
        object_init(&t.object, &slow_ops);
        object_put(&t.object);
        assert_true(object_reap_slice());
        assert_true(t.destroyed);
    }
}

static void a_reference_to_a_dead_object_panics(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    object_put(&t.object);
    assert_true(HOST_PANICS(object_get(&t.object)));
    object_init(&t.object, &plain_ops);
    object_put(&t.object);
    assert_true(HOST_PANICS(object_put(&t.object)));
}

static void a_count_that_would_overflow_panics(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    t.object.refs = 0x7fffffff;
    assert_true(HOST_PANICS(object_get(&t.object)));
}

static void an_object_whose_last_reference_goes_before_its_handles_panics(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    object_handle_get(&t.object);
    object_put(&t.object);
    assert_true(HOST_PANICS(object_put(&t.object)));
}

static void *get_and_put(void *o)
{
    for (unsigned i = 0; i < 20000; i++) {
        object_handle_get(o);
        object_handle_put(o);
    }
    return NULL;
}

static void counts_survive_concurrent_use(void **state)
{
    (void)state;
    struct thing t = {0};
    object_init(&t.object, &plain_ops);
    object_handle_get(&t.object);
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, get_and_put, &t.object);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(t.object.refs, 2);
    assert_int_equal(t.object.handles, 1);
    assert_int_equal(t.zero_handles, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_reference_destroys),
        cmocka_unit_test(ids_are_never_reused),
        cmocka_unit_test(zero_handles_runs_once_for_each_transition_to_zero),
        cmocka_unit_test(a_handle_keeps_the_object_and_its_end_destroys_it),
        cmocka_unit_test(dead_objects_are_reaped_in_slices_in_the_order_of_death),
        cmocka_unit_test(the_queue_works_again_after_it_was_empty),
        cmocka_unit_test(a_reference_to_a_dead_object_panics),
        cmocka_unit_test(a_count_that_would_overflow_panics),
        cmocka_unit_test(an_object_whose_last_reference_goes_before_its_handles_panics),
        cmocka_unit_test(counts_survive_concurrent_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
