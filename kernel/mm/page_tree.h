// SPDX-License-Identifier: MIT
// The pages of an anonymous VMO: a radix tree from page index to struct page, 64 slots a node.
//
// Nodes and pages are counted by the slots that point at them, and clones share them: cloning takes
// one more reference to the root, and a tree copies a shared node only when it must change it
// ("path copying": Driscoll et al., "Making Data Structures Persistent", 1989). What a tree may
// change in place is what it owns alone: every node on the way has one reference, and so has the
// page. Only the owner of a tree can add a reference to what that tree alone holds, so under the
// owner's lock "one" stays one; another tree's owner may at the same time drop one of several,
// which the atomic counts take care of. Pages and nodes are charged to the tree's quota one page
// each, the shared ones once to every tree that reaches them: a later copy then never meets the
// limit.
//
// Nothing here locks: calls on one tree are serialised by its owner.
#ifndef KERNEL_MM_PAGE_TREE_H
#define KERNEL_MM_PAGE_TREE_H

#include "kernel/lib/quota.h"
#include "kernel/mm/page.h"

#define PAGE_TREE_LEVELS    8u
#define PAGE_TREE_INDEX_MAX ((1ull << (6 * PAGE_TREE_LEVELS)) - 1)

struct page_tree_node;

struct page_tree {
    struct page_tree_node *root; // NULL: no pages
    struct quota *quota;         // LIMIT_PAGES; NULL: nothing is charged
};

// A part taken out of a tree, still charged: a node or a page (bit 0 set); 0 is none.
typedef uintptr_t page_subtree;

void page_tree_init_caches(void);
// The page at index, or NULL. *alone tells whether this tree is the only one that reaches it.
struct page *page_tree_lookup(const struct page_tree *t, uint64_t index, bool *alone);
// Puts a page where none is and takes over the caller's reference and charge. Fails without a
// change: ERR_NO_MEMORY, ERR_QUOTA (nodes).
status_t page_tree_insert(struct page_tree *t, uint64_t index, struct page *p) MUST_CHECK;
// The slot of a page that is there, on a path of nodes that this tree owns alone, so that the slot
// may be changed. ERR_NO_MEMORY.
status_t page_tree_own_slot(struct page_tree *t, uint64_t index, struct page ***slot) MUST_CHECK;
// Makes the tree the only owner of the nodes on the way to index, as far as there are any: then
// page_tree_detach from index upward cannot fail. ERR_NO_MEMORY.
status_t page_tree_own_path(struct page_tree *t, uint64_t index) MUST_CHECK;
// Takes out the first of the largest subtrees that lie wholly inside [first, last]: *out, which
// covered
// [*start, *end]; *out is 0 if there is none. ERR_NO_MEMORY (only if a node is shared).
status_t page_tree_detach(struct page_tree *t, uint64_t first, uint64_t last, page_subtree *out,
                          uint64_t *start, uint64_t *end) MUST_CHECK;
// Makes the empty tree *copy hold, shared, all pages of t in [first, last], charged to the quota of
// *copy. ERR_NO_MEMORY, ERR_QUOTA.
status_t page_tree_share(const struct page_tree *t, uint64_t first, uint64_t last,
                         struct page_tree *copy) MUST_CHECK;
// First index in [first, last] without a page; last + 1 if there is none.
uint64_t page_tree_hole(const struct page_tree *t, uint64_t first, uint64_t last);
uint64_t page_tree_pages(const struct page_tree *t);
// Everything, taken out of the tree.
page_subtree page_tree_take_all(struct page_tree *t);

// Gives up the reference to a subtree, and its charge to quota q, in slices: true when *s is gone.
// Each page or node freed takes one from *budget.
bool page_subtree_free(page_subtree *s, struct quota *q, unsigned *budget);
page_subtree page_subtree_of_page(struct page *p);

#endif
