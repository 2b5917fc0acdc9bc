// SPDX-License-Identifier: MIT
// Intrusive circular doubly linked list. A node that is on no list points at itself, so removing it
// twice is harmless. Nothing here locks; the owner of the list does.
#ifndef KERNEL_LIB_LIST_H
#define KERNEL_LIB_LIST_H

#include "kernel/lib/types.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l) { l->prev = l->next = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_insert_between(struct list *n, struct list *prev, struct list *next)
{
    n->prev = prev;
    n->next = next;
    prev->next = n;
    next->prev = n;
}
static inline void list_push_front(struct list *head, struct list *n)
{
    list_insert_between(n, head, head->next);
}
static inline void list_push_back(struct list *head, struct list *n)
{
    list_insert_between(n, head->prev, head);
}
static inline void list_remove(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}
// First node, or NULL when empty.
static inline struct list *list_first(struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}
static inline struct list *list_pop_front(struct list *head)
{
    struct list *n = list_first(head);
    if (n != NULL) {
        list_remove(n);
    }
    return n;
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_for_each(it, head)        for (struct list *it = (head)->next; it != (head); it = it->next)
// Like list_for_each, but the body may remove `it`.
#define list_for_each_safe(it, head)                                          \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head); \
         it = it##_next, it##_next = it->next)

#endif
