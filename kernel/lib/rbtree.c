// SPDX-License-Identifier: MIT
// Red-black trees (Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, chapter 13). The
// book's sentinel is NULL here, so a removal carries the parent of the place that was emptied.
//
// The rules that insertion and removal restore: the root is black; a red node has black children;
// every path from a node down to a leaf has the same number of black nodes.
#include "kernel/lib/rbtree.h"

static inline bool is_red(const struct rb_node *n) { return n != NULL && n->red; }

// Puts `n` (or nothing) where `old` hangs under its parent.
static void replace_child(struct rb_tree *t, struct rb_node *old, struct rb_node *n)
{
    struct rb_node *p = old->parent;
    if (p == NULL) {
        t->root = n;
    } else if (p->left == old) {
        p->left = n;
    } else {
        p->right = n;
    }
    if (n != NULL) {
        n->parent = p;
    }
}

static void rotate_left(struct rb_tree *t, struct rb_node *x)
{
    struct rb_node *y = x->right;
    replace_child(t, x, y);
    x->right = y->left;
    if (y->left != NULL) {
        y->left->parent = x;
    }
    y->left = x;
    x->parent = y;
}

static void rotate_right(struct rb_tree *t, struct rb_node *x)
{
    struct rb_node *y = x->left;
    replace_child(t, x, y);
    x->left = y->right;
    if (y->right != NULL) {
        y->right->parent = x;
    }
    y->right = x;
    x->parent = y;
}

// n is red; its parent may be red too. Repairs upwards.
static void insert_fixup(struct rb_tree *t, struct rb_node *n)
{
    while (is_red(n->parent)) {
        struct rb_node *p = n->parent, *g = p->parent; // a red node is not the root: g exists
        bool left = p == g->left;
        struct rb_node *uncle = left ? g->right : g->left;
        if (is_red(uncle)) {
            p->red = uncle->red = false;
            g->red = true;
            n = g;
            continue;
        }
        if (n == (left ? p->right : p->left)) { // inner grandchild: make it the outer one
            left ? rotate_left(t, p) : rotate_right(t, p);
            p = n;
        }
        p->red = false;
        g->red = true;
        left ? rotate_right(t, g) : rotate_left(t, g);
        break;
    }
    t->root->red = false;
}

void rb_insert(struct rb_tree *t, struct rb_node *n, rb_less_fn less)
{
    struct rb_node *parent = NULL, **link = &t->root;
    bool leftmost = true;
    while (*link != NULL) {
        parent = *link;
        if (less(n, parent)) {
            link = &parent->left;
        } else { // equal keys go behind those that are there
            link = &parent->right;
            leftmost = false;
        }
    }
    *n = (struct rb_node){.parent = parent, .red = true};
    *link = n;
    if (leftmost) {
        t->first = n;
    }
    insert_fixup(t, n);
}

// The place of n (maybe NULL) under p misses one black node. Repairs upwards.
static void remove_fixup(struct rb_tree *t, struct rb_node *n, struct rb_node *p)
{
    while (n != t->root && !is_red(n)) {
        bool left = n == p->left;
        struct rb_node *s = left ? p->right : p->left; // exists: its side has one black node more
        if (s->red) {
            s->red = false;
            p->red = true;
            left ? rotate_left(t, p) : rotate_right(t, p);
            s = left ? p->right : p->left;
        }
        if (!is_red(s->left) && !is_red(s->right)) {
            s->red = true;
            n = p;
            p = n->parent;
            continue;
        }
        if (!is_red(left ? s->right : s->left)) { // the red nephew is the inner one: make it outer
            (left ? s->left : s->right)->red = false;
            s->red = true;
            left ? rotate_right(t, s) : rotate_left(t, s);
            s = left ? p->right : p->left;
        }
        s->red = p->red;
        p->red = false;
        (left ? s->right : s->left)->red = false;
        left ? rotate_left(t, p) : rotate_right(t, p);
        n = t->root;
    }
    if (n != NULL) {
        n->red = false;
    }
}

void rb_remove(struct rb_tree *t, struct rb_node *n)
{
    if (t->first == n) {
        t->first = rb_next(n);
    }
    struct rb_node *child, *parent;
    bool removed_red = n->red;
    if (n->left == NULL || n->right == NULL) {
        child = n->left != NULL ? n->left : n->right;
        parent = n->parent;
        replace_child(t, n, child);
    } else { // the successor, which has no left child, takes n's place and colour
        struct rb_node *s = n->right;
        while (s->left != NULL) {
            s = s->left;
        }
        removed_red = s->red;
        child = s->right;
        parent = s;
        if (s->parent != n) {
            parent = s->parent;
            replace_child(t, s, child);
            s->right = n->right;
            s->right->parent = s;
        }
        replace_child(t, n, s);
        s->left = n->left;
        s->left->parent = s;
        s->red = n->red;
    }
    if (!removed_red) {
        remove_fixup(t, child, parent);
    }
    *n = (struct rb_node){0};
}

struct rb_node *rb_last(const struct rb_tree *t)
{
    struct rb_node *n = t->root;
    while (n != NULL && n->right != NULL) {
        n = n->right;
    }
    return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
    if (n->right != NULL) {
        struct rb_node *next = n->right;
        while (next->left != NULL) {
            next = next->left;
        }
        return next;
    }
    while (n->parent != NULL && n == n->parent->right) {
        n = n->parent;
    }
    return n->parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
    if (n->left != NULL) {
        struct rb_node *prev = n->left;
        while (prev->right != NULL) {
            prev = prev->right;
        }
        return prev;
    }
    while (n->parent != NULL && n == n->parent->left) {
        n = n->parent;
    }
    return n->parent;
}
