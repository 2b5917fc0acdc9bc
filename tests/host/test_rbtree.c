// SPDX-License-Identifier: MIT
// sources: kernel/lib/rbtree.c
#include "cm.h"

#include "kernel/lib/rbtree.h"

#define NODES 500

struct item {
    struct rb_node node;
    unsigned key, serial;
    bool in;
};

static bool item_less(const struct rb_node *a, const struct rb_node *b)
{
    return container_of(a, struct item, node)->key < container_of(b, struct item, node)->key;
}

// Checks the subtree's colours, links and black height without recursion: every leaf position must
// be under the same number of black nodes, counted by walking up.
static void check_node(const struct rb_tree *t, const struct rb_node *n, int *black_height)
{
    if (n->red) {
        assert_true(n->left == NULL || !n->left->red);
        assert_true(n->right == NULL || !n->right->red);
    }
    assert_true(n->left == NULL || n->left->parent == n);
    assert_true(n->right == NULL || n->right->parent == n);
    if (n->left == NULL || n->right == NULL) {
        int height = 0;
        const struct rb_node *top = NULL;
        for (const struct rb_node *p = n; p != NULL; p = p->parent) {
            height += !p->red;
            top = p;
        }
        assert_ptr_equal(top, t->root);
        assert_true(*black_height == -1 || *black_height == height);
        *black_height = height;
    }
}

// The tree is well formed and holds `count` items in order, equal keys in the order of their
// insertion.
static void check_tree(const struct rb_tree *t, unsigned count)
{
    assert_true(t->root == NULL || !t->root->red);
    int black_height = -1;
    unsigned seen = 0;
    const struct item *last = NULL;
    for (const struct rb_node *n = rb_first(t); n != NULL; n = rb_next(n), seen++) {
        const struct item *it = container_of(n, struct item, node);
        check_node(t, n, &black_height);
        if (last != NULL) {
            assert_true(last->key < it->key || (last->key == it->key && last->serial < it->serial));
            assert_ptr_equal(rb_prev(n), &last->node);
        } else {
            assert_null(rb_prev(n));
        }
        last = it;
    }
    assert_int_equal(seen, count);
    assert_ptr_equal(rb_last(t), last != NULL ? &last->node : NULL);
    assert_int_equal(rb_empty(t), count == 0);
}

static void the_tree_stays_balanced_and_sorted_under_random_changes(void **state)
{
    (void)state;
    static struct item items[NODES];
    struct rb_tree t;
    rb_tree_init(&t);
    uint64_t seed = 42;
    unsigned count = 0, serial = 0;
    for (unsigned step = 0; step < 20000; step++) {
        struct item *it = &items[test_random(&seed) % NODES];
        if (it->in) {
            rb_remove(&t, &it->node);
            count--;
        } else {
            it->key = (unsigned)test_random(&seed) % 100; // many equal keys
            it->serial = serial++;
            rb_insert(&t, &it->node, item_less);
            count++;
        }
        it->in = !it->in;
        if (step % 16 == 0) {
            check_tree(&t, count);
        }
    }
    for (unsigned i = 0; i < NODES; i++) {
        if (items[i].in) {
            rb_remove(&t, &items[i].node);
            check_tree(&t, --count);
        }
    }
}

static void ascending_and_descending_insertions_stay_balanced(void **state)
{
    (void)state;
    static struct item items[NODES];
    for (unsigned descending = 0; descending < 2; descending++) {
        struct rb_tree t;
        rb_tree_init(&t);
        for (unsigned i = 0; i < NODES; i++) {
            items[i] = (struct item){.key = descending ? NODES - i : i, .serial = i};
            rb_insert(&t, &items[i].node, item_less);
            check_tree(&t, i + 1);
        }
    }
}

static void the_minimum_is_known_while_it_is_taken_away(void **state)
{
    (void)state;
    static struct item items[NODES];
    struct rb_tree t;
    rb_tree_init(&t);
    uint64_t seed = 7;
    for (unsigned i = 0; i < NODES; i++) {
        items[i] = (struct item){.key = (unsigned)test_random(&seed) % 1000, .serial = i};
        rb_insert(&t, &items[i].node, item_less);
    }
    unsigned last = 0;
    for (unsigned left = NODES; left > 0; left--) { // as the scheduler uses it
        struct rb_node *n = rb_first(&t);
        assert_true(container_of(n, struct item, node)->key >= last);
        last = container_of(n, struct item, node)->key;
        rb_remove(&t, n);
    }
    assert_null(rb_first(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tree_stays_balanced_and_sorted_under_random_changes),
        cmocka_unit_test(ascending_and_descending_insertions_stay_balanced),
        cmocka_unit_test(the_minimum_is_known_while_it_is_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
