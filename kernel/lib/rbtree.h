// SPDX-License-Identifier: MIT
// Intrusive red-black tree (CLRS chapter 13). The user embeds rb_node, supplies the order when
// inserting, and walks with rb_first and rb_next. Equal keys are kept in insertion order. Nothing
// here locks or allocates; no recursion.
#ifndef KERNEL_LIB_RBTREE_H
#define KERNEL_LIB_RBTREE_H

#include "kernel/lib/types.h"

struct rb_node {
    struct rb_node *parent, *left, *right;
    bool red;
};

struct rb_tree {
    struct rb_node *root;
    struct rb_node *first; // leftmost node, kept so that the minimum is found in O(1)
};

typedef bool (*rb_less_fn)(const struct rb_node *a, const struct rb_node *b);

static inline void rb_tree_init(struct rb_tree *t) { t->root = t->first = NULL; }
static inline bool rb_empty(const struct rb_tree *t) { return t->root == NULL; }
static inline struct rb_node *rb_first(const struct rb_tree *t) { return t->first; }
void rb_insert(struct rb_tree *t, struct rb_node *n, rb_less_fn less); // n must be on no tree
void rb_remove(struct rb_tree *t, struct rb_node *n);                  // n must be on t
struct rb_node *rb_last(const struct rb_tree *t);                      // O(log n); NULL: empty
struct rb_node *rb_next(const struct rb_node *n);                      // in order, NULL at the end
struct rb_node *rb_prev(const struct rb_node *n);

#endif
