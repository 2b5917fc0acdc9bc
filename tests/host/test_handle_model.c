// SPDX-License-Identifier: MIT
// Random operations on three handle tables, beside a model that knows nothing of slots, generations
// and tombstones: a list of handles with their rights and parents. Every handle, count and charge
// is compared along the way.
#include "obj_setup.h"

static struct notification *thing_make(void)
{
    struct notification *n = NULL;
    assert_int_equal(notification_create(test_job, &n), OK);
    return n;
}

#define MODEL_MAX 20000u
#define TABLES    3u
#define THINGS    4u

// What a handle should be. Closed ones stay: what was derived from them still hangs on their
// parents.
static struct model {
    bool alive;
    unsigned table, thing;
    handle_t value;
    rights_t rights;
    struct model *parent;
} models[MODEL_MAX];
static unsigned model_count;
static struct process *tables[TABLES];
static struct notification *things[THINGS];
static uint64_t seed;

static unsigned below(unsigned n) { return (unsigned)(test_random(&seed) % n); }

static struct model *model_any(void) { return &models[below(model_count)]; }

static struct model *model_alive(void)
{
    struct model *m = model_any();
    for (unsigned i = 0; i < 50 && !m->alive; i++) {
        m = model_any();
    }
    return m;
}

static struct model *model_add(unsigned table, unsigned thing, rights_t rights,
                               struct model *parent, handle_t value)
{
    assert_true(model_count < MODEL_MAX);
    models[model_count] = (struct model){true, table, thing, value, rights, parent};
    return &models[model_count++];
}

static void walk_create(void)
{
    unsigned table = below(TABLES), thing = below(THINGS);
    model_add(table, thing, RIGHTS_DEFAULT_NOTIFICATION, NULL,
              give(tables[table], &things[thing]->object, RIGHTS_DEFAULT_NOTIFICATION));
}

static void walk_derive(void)
{
    struct model *m = below(10) == 0 ? model_any() : model_alive();
    unsigned to = below(TABLES);
    rights_t rights = below(2) ? RIGHTS_SAME : m->rights & (rights_t)test_random(&seed);
    rights = below(20) == 0 ? rights | RIGHT_EXECUTE : rights;
    handle_t value = HANDLE_NONE;
    status_t s = handle_derive(&tables[m->table]->handles, m->value, &tables[to]->handles, rights,
                               NULL, &value);
    if (!m->alive) {
        assert_int_equal(s, ERR_BAD_HANDLE);
    } else if ((rights & RIGHT_EXECUTE) != 0) {
        assert_int_equal(s, ERR_INVALID_ARGS);
    } else {
        assert_int_equal(s, OK);
        model_add(to, m->thing, rights == RIGHTS_SAME ? m->rights : rights, m, value);
    }
}

static void walk_close(void)
{
    struct model *m = model_alive();
    assert_int_equal(handle_close(&tables[m->table]->handles, m->value),
                     m->alive ? OK : ERR_BAD_HANDLE);
    m->alive = false;
}

static bool derived_from(const struct model *m, const struct model *ancestor)
{
    for (m = m->parent; m != NULL; m = m->parent) {
        if (m == ancestor) {
            return true;
        }
    }
    return false;
}

static void walk_revoke(void)
{
    struct model *m = model_any();
    status_t s = FINISH(handle_revoke(&tables[m->table]->handles, m->value));
    assert_int_equal(s, m->alive ? OK : ERR_BAD_HANDLE);
    for (unsigned i = 0; m->alive && i < model_count; i++) {
        models[i].alive &= !derived_from(&models[i], m);
    }
}

static void walk_move(void)
{
    struct model *picked[8];
    handle_t values[8], out[8];
    unsigned count = 1 + below(8), from = below(TABLES), to = below(TABLES);
    status_t expected = OK;
    for (unsigned i = 0; i < count; i++) {
        picked[i] = model_alive();
        for (unsigned n = 0; n < 100 && picked[i]->table != from; n++) {
            picked[i] = model_alive();
        }
        if (picked[i]->table != from) {
            return;
        }
        values[i] = picked[i]->value;
        bool again = false;
        for (unsigned k = 0; k < i; k++) {
            again |= picked[k] == picked[i];
        }
        if (expected == OK && !picked[i]->alive) {
            expected = ERR_BAD_HANDLE;
        } else if (expected == OK && (picked[i]->rights & RIGHT_TRANSFER) == 0) {
            expected = ERR_ACCESS_DENIED;
        } else if (expected == OK && again) {
            expected = ERR_BAD_HANDLE;
        }
    }
    assert_int_equal(handle_move(&tables[from]->handles, values, count, &tables[to]->handles, out),
                     expected);
    for (unsigned i = 0; expected == OK && i < count; i++) {
        picked[i]->table = to;
        picked[i]->value = out[i];
    }
}

static void model_check(void)
{
    uint32_t used[TABLES] = {0}, handles[THINGS] = {0};
    for (unsigned i = 0; i < model_count; i++) {
        const struct model *m = &models[i];
        struct thread t = {.process = tables[m->table]};
        struct handle_arg arg;
        status_t s = handle_arg_get(&t, m->value, OBJ_NOTIFICATION, m->rights, &arg);
        assert_int_equal(s, m->alive ? OK : ERR_BAD_HANDLE);
        if (s == OK) {
            assert_ptr_equal(arg.object, &things[m->thing]->object);
            assert_int_equal(arg.rights, m->rights);
            handle_arg_put(&arg);
            used[m->table]++;
            handles[m->thing]++;
        }
    }
    for (unsigned i = 0; i < TABLES; i++) {
        assert_int_equal(tables[i]->handles.used, used[i]);
    }
    for (unsigned i = 0; i < THINGS; i++) {
        assert_int_equal(things[i]->object.handles, handles[i]);
        assert_int_equal(things[i]->object.refs, handles[i] + 1);
    }
    assert_int_equal(test_job->quota.used[LIMIT_HANDLES], used[0] + used[1] + used[2]);
    assert_int_equal(tables[2]->job->quota.used[LIMIT_HANDLES], used[2]);
}

static void random_operations_do_what_the_model_does(void **state)
{
    (void)state;
    struct job *other = NULL;
    assert_int_equal(job_create(test_job, "other", &other), OK);
    for (unsigned round = 1; round <= 4; round++) {
        seed = round;
        model_count = 0;
        process_actors = 0;
        for (unsigned i = 0; i < TABLES; i++) {
            tables[i] = process_make_in(i == 2 ? other : test_job);
        }
        for (unsigned i = 0; i < THINGS; i++) {
            things[i] = thing_make();
        }
        walk_create();
        for (unsigned step = 0; step < 6000; step++) {
            unsigned dice = below(100);
            (dice < 5    ? walk_create
             : dice < 60 ? walk_derive
             : dice < 80 ? walk_close
             : dice < 97 ? walk_move
                         : walk_revoke)();
            if (step % 200 == 0) {
                model_check();
            }
        }
        model_check();
        for (unsigned i = 0; i < TABLES; i++) { // the rest of the tree is taken apart with its
                                                // tables, in some order
            process_die(tables[i], EXIT_KILLED, 0, NULL);
            object_put(&tables[i]->object);
        }
        settle();
        for (unsigned i = 0; i < THINGS; i++) {
            assert_int_equal(things[i]->object.refs, 1);
            object_put(&things[i]->object);
        }
    }
    process_actors = 0;
    object_put(&other->object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OBJ_TEST(random_operations_do_what_the_model_does),
    };
    return cmocka_run_group_tests(tests, kernel_setup, NULL);
}
