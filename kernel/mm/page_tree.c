// SPDX-License-Identifier: MIT
// The radix tree of a VMO's pages, with nodes that clones share: see page_tree.h for the rules.
//
// A node of level n has slots that cover 64^n pages each; level 0 points at pages. A tree is only
// as high as its highest index needs. No node is ever empty, and each knows how many pages and
// nodes lie below it, so that a full part is skipped at once and a shared part is charged without
// walking it.
#include "kernel/mm/page_tree.h"

#include "kernel/debug/log.h"
#include "kernel/mm/slab.h"
#include <arch/mmu.h>
#include <string.h>

#define BITS     6u
#define FANOUT   64u
#define PAGE_BIT ((page_subtree)1)

struct page_tree_node {
    uint32_t refs; // slots and roots that point here; atomic
    uint32_t level;
    uint32_t pages; // below this node
    uint32_t nodes; // below this node, itself included
    // Constructed: all zero, and so again when the node is freed.
    uint64_t present; // bit i: slot i is used
    void *slots[FANOUT];
};

// The nodes from the root towards some index.
struct path {
    unsigned depth;
    struct page_tree_node *nodes[PAGE_TREE_LEVELS];
};

static struct slab_cache node_cache;

static void node_construct(void *object)
{
    struct page_tree_node *n = object;
    n->present = 0;
    memset(n->slots, 0, sizeof(n->slots));
}

void page_tree_init_caches(void)
{
    slab_cache_init_constructed(&node_cache, "page tree node", sizeof(struct page_tree_node), 8,
                                offsetof(struct page_tree_node, present), node_construct);
}

static unsigned slot_of(unsigned level, uint64_t index)
{
    return (index >> (BITS * level)) & (FANOUT - 1);
}

// Pages covered by one slot of a node of this level.
static uint64_t slot_span(unsigned level) { return 1ull << (BITS * level); }

static uint64_t node_span(unsigned level) { return slot_span(level + 1); }

static bool is_full(const struct page_tree_node *n) { return n->pages == node_span(n->level); }

static status_t charge(struct quota *q, uint64_t n)
{
    return q != NULL ? quota_charge(q, LIMIT_PAGES, n) : OK;
}

static void release(struct quota *q, uint64_t n)
{
    if (q != NULL && n != 0) {
        quota_release(q, LIMIT_PAGES, n);
    }
}

// --- references ---------------------------------------------------------------------------------

static uint32_t refs_read(const uint32_t *refs)
{
    // Acquire: what another tree's owner read before it dropped its reference comes before our
    // writes.
    return __atomic_load_n(refs, __ATOMIC_ACQUIRE);
}

static void refs_get(uint32_t *refs)
{
    uint32_t before = __atomic_fetch_add(refs, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
}

static bool refs_put(uint32_t *refs)
{
    uint32_t before = __atomic_fetch_sub(refs, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    return before == 1;
}

static void page_put(struct page *p)
{
    if (refs_put(&p->shares)) {
        page_free(p, 0);
    }
}

static uint32_t *child_refs(const struct page_tree_node *n, unsigned slot)
{
    return n->level == 0 ? &((struct page *)n->slots[slot])->shares
                         : &((struct page_tree_node *)n->slots[slot])->refs;
}

static struct page_tree_node *node_create(unsigned level)
{
    struct page_tree_node *n = slab_alloc(&node_cache);
    if (n != NULL) {
        n->refs = 1;
        n->level = level;
        n->nodes = 1;
    }
    return n;
}

static void slot_set(struct page_tree_node *n, unsigned slot, void *child)
{
    n->slots[slot] = child;
    n->present |= 1ull << slot;
}

static void slot_clear(struct page_tree_node *n, unsigned slot)
{
    n->slots[slot] = NULL;
    n->present &= ~(1ull << slot);
}

// Makes the node behind the link this tree's own, by copying it if it is shared. NULL: no memory.
static struct page_tree_node *node_own(struct page_tree_node **link)
{
    struct page_tree_node *n = *link;
    if (refs_read(&n->refs) == 1) {
        return n;
    }
    struct page_tree_node *copy = slab_alloc(&node_cache);
    if (copy == NULL) {
        return NULL;
    }
    // All but refs, which others may be changing.
    memcpy(&copy->level, &n->level, sizeof(*n) - offsetof(struct page_tree_node, level));
    copy->refs = 1;
    for (uint64_t left = n->present; left != 0; left &= left - 1) {
        refs_get(child_refs(n, (unsigned)__builtin_ctzll(left)));
    }
    *link = copy;
    if (refs_put(&n->refs)) {
        // The others let go of it meanwhile. Its children have our copy's references, so none dies
        // here.
        while (n->present != 0) {
            unsigned slot = (unsigned)__builtin_ctzll(n->present);
            refs_put(child_refs(n, slot));
            slot_clear(n, slot);
        }
        slab_free(&node_cache, n);
    }
    return copy;
}

// --- looking up ---------------------------------------------------------------------------------

struct page *page_tree_lookup(const struct page_tree *t, uint64_t index, bool *alone)
{
    struct page_tree_node *n = t->root;
    *alone = true;
    if (n == NULL || index >= node_span(n->level)) {
        return NULL;
    }
    for (;;) {
        *alone = *alone && refs_read(&n->refs) == 1;
        void *child = n->slots[slot_of(n->level, index)];
        if (n->level > 0 && child != NULL) {
            n = child;
            continue;
        }
        struct page *p = child;
        *alone = *alone && (p == NULL || refs_read(&p->shares) == 1);
        return p;
    }
}

uint64_t page_tree_pages(const struct page_tree *t) { return t->root != NULL ? t->root->pages : 0; }

uint64_t page_tree_hole(const struct page_tree *t, uint64_t first, uint64_t last)
{
    uint64_t index = first;
    while (index <= last) {
        struct page_tree_node *n = t->root;
        if (n == NULL || index >= node_span(n->level)) {
            return index;
        }
        // Down to a part that is absent (the hole) or full (go behind it). Only a node on the way
        // to `first` can be partly filled and yet have no hole from here on, so the loop turns at
        // most 64 times a level.
        while (!is_full(n) && n->level > 0 && n->slots[slot_of(n->level, index)] != NULL) {
            n = n->slots[slot_of(n->level, index)];
        }
        if (is_full(n)) {
            index = (index | (node_span(n->level) - 1)) + 1;
        } else if (n->slots[slot_of(n->level, index)] == NULL) {
            return index;
        } else {
            index++;
        }
    }
    return last + 1;
}

// --- changing -----------------------------------------------------------------------------------

// Follows the path to index as far as there are nodes, down to level `bottom`, owning each.
static status_t path_own(struct page_tree *t, uint64_t index, unsigned bottom, struct path *path)
{
    path->depth = 0;
    struct page_tree_node **link = &t->root;
    while (*link != NULL) {
        if (path->depth == 0 && index >= node_span((*link)->level)) {
            break;
        }
        struct page_tree_node *n = node_own(link);
        if (n == NULL) {
            return ERR_NO_MEMORY;
        }
        path->nodes[path->depth++] = n;
        if (n->level == bottom) {
            break;
        }
        link = (struct page_tree_node **)&n->slots[slot_of(n->level, index)];
    }
    return OK;
}

status_t page_tree_own_path(struct page_tree *t, uint64_t index)
{
    struct path path;
    return path_own(t, index, 0, &path);
}

status_t page_tree_own_slot(struct page_tree *t, uint64_t index, struct page ***slot)
{
    struct path path;
    status_t st = path_own(t, index, 0, &path);
    if (st != OK) {
        return st;
    }
    ASSERT(path.depth > 0);
    struct page_tree_node *leaf = path.nodes[path.depth - 1];
    ASSERT(leaf->level == 0 && leaf->slots[slot_of(0, index)] != NULL);
    *slot = (struct page **)&leaf->slots[slot_of(0, index)];
    return OK;
}

// A chain of new nodes of levels 0 to levels - 1 down to the page; the page itself if levels is 0.
static status_t chain_create(struct page_tree *t, uint64_t index, unsigned levels, struct page *p,
                             void **top)
{
    status_t st = charge(t->quota, levels);
    if (st != OK) {
        return st;
    }
    void *child = p;
    for (unsigned level = 0; level < levels; level++) {
        struct page_tree_node *n = node_create(level);
        if (n == NULL) {
            for (void *next; level-- > 0; child = next) {
                struct page_tree_node *made = child;
                next = made->slots[slot_of(level, index)];
                slot_clear(made, slot_of(level, index));
                slab_free(&node_cache, made);
            }
            release(t->quota, levels);
            return ERR_NO_MEMORY;
        }
        n->pages = 1;
        n->nodes = level + 1;
        slot_set(n, slot_of(level, index), child);
        child = n;
    }
    *top = child;
    return OK;
}

// Adds levels above the root until the tree covers index.
static status_t tree_grow(struct page_tree *t, uint64_t index)
{
    while (t->root != NULL && index >= node_span(t->root->level)) {
        status_t st = charge(t->quota, 1);
        if (st != OK) {
            return st;
        }
        struct page_tree_node *n = node_create(t->root->level + 1);
        if (n == NULL) {
            release(t->quota, 1);
            return ERR_NO_MEMORY;
        }
        n->pages = t->root->pages;
        n->nodes += t->root->nodes;
        slot_set(n, 0, t->root);
        t->root = n;
    }
    return OK;
}

status_t page_tree_insert(struct page_tree *t, uint64_t index, struct page *p)
{
    ASSERT(index <= PAGE_TREE_INDEX_MAX);
    p->shares = 1;
    if (t->root == NULL) {
        unsigned levels = 1;
        while (index >= node_span(levels - 1)) {
            levels++;
        }
        return chain_create(t, index, levels, p, (void **)&t->root);
    }
    struct path path;
    status_t st = tree_grow(t, index);
    if (st == OK) {
        st = path_own(t, index, 0, &path);
    }
    if (st != OK) {
        return st;
    }
    ASSERT(path.depth > 0);
    struct page_tree_node *parent = path.nodes[path.depth - 1];
    unsigned slot = slot_of(parent->level, index);
    ASSERT(parent->slots[slot] == NULL);
    void *child;
    st = chain_create(t, index, parent->level, p, &child);
    if (st != OK) {
        return st;
    }
    slot_set(parent, slot, child);
    for (unsigned i = 0; i < path.depth; i++) {
        path.nodes[i]->pages++;
        path.nodes[i]->nodes += parent->level;
    }
    return OK;
}

// The first largest subtree inside [first, last]: its level is *level (of the node that points at
// it, or the root's level + 1), its first index the result; PAGE_TREE_INDEX_MAX + 1 if there is
// none.
static uint64_t subtree_find(const struct page_tree *t, uint64_t first, uint64_t last,
                             unsigned *level)
{
    const uint64_t none = PAGE_TREE_INDEX_MAX + 1;
    uint64_t index = first;
    if (t->root == NULL) {
        return none;
    }
    if (first == 0 && last >= node_span(t->root->level) - 1) {
        *level = t->root->level + 1;
        return 0;
    }
    while (index <= last && index < node_span(t->root->level)) {
        struct page_tree_node *n = t->root;
        for (;;) {
            unsigned slot = slot_of(n->level, index);
            uint64_t rest = n->present >> slot;
            if (rest == 0) { // nothing from here to the node's end
                index = (index | (node_span(n->level) - 1)) + 1;
                break;
            }
            unsigned skip = (unsigned)__builtin_ctzll(rest);
            uint64_t span = slot_span(n->level);
            uint64_t start = (index & ~(span - 1)) + skip * span;
            index = skip != 0 ? start : index;
            if (index > last) {
                return none;
            }
            if (start >= first && start + span - 1 <= last) {
                *level = n->level;
                return start;
            }
            n = n->slots[slot + skip];
        }
    }
    return none;
}

// Takes the counts of a removed child off the path, then frees nodes that became empty.
static void path_shrink(struct page_tree *t, const struct path *path, uint32_t pages,
                        uint32_t nodes, uint64_t index)
{
    for (unsigned i = path->depth; i-- > 0;) {
        struct page_tree_node *n = path->nodes[i];
        n->pages -= pages;
        n->nodes -= nodes;
        if (n->present != 0) {
            continue;
        }
        if (i == 0) {
            t->root = NULL;
        } else {
            slot_clear(path->nodes[i - 1], slot_of(path->nodes[i - 1]->level, index));
        }
        slab_free(&node_cache, n);
        release(t->quota, 1);
        nodes++;
    }
}

status_t page_tree_detach(struct page_tree *t, uint64_t first, uint64_t last, page_subtree *out,
                          uint64_t *start, uint64_t *end)
{
    unsigned level;
    uint64_t index = subtree_find(t, first, last, &level);
    if (index > PAGE_TREE_INDEX_MAX) {
        *out = 0;
        return OK;
    }
    *start = index;
    *end = index + slot_span(level) - 1;
    if (level > t->root->level) {
        *out = page_tree_take_all(t);
        return OK;
    }
    struct path path;
    status_t st = path_own(t, index, level, &path);
    if (st != OK) {
        return st;
    }
    ASSERT(path.depth > 0);
    struct page_tree_node *parent = path.nodes[path.depth - 1];
    unsigned slot = slot_of(level, index);
    uint32_t pages = 1, nodes = 0;
    if (level == 0) {
        *out = page_subtree_of_page(parent->slots[slot]);
    } else {
        struct page_tree_node *child = parent->slots[slot];
        pages = child->pages;
        nodes = child->nodes;
        *out = (page_subtree)child;
    }
    slot_clear(parent, slot);
    path_shrink(t, &path, pages, nodes, index);
    return OK;
}

page_subtree page_tree_take_all(struct page_tree *t)
{
    page_subtree all = (page_subtree)t->root;
    t->root = NULL;
    return all;
}

// --- sharing ------------------------------------------------------------------------------------

// Drops everything in [first, last] of a tree whose parts are shared with another one, so that
// nothing is freed but border nodes; at most 64 subtrees a level.
static status_t tree_cut(struct page_tree *t, uint64_t first, uint64_t last)
{
    for (;;) {
        page_subtree part;
        uint64_t start, end;
        status_t st = page_tree_detach(t, first, last, &part, &start, &end);
        if (st != OK || part == 0) {
            return st;
        }
        unsigned unlimited = UINT32_MAX;
        page_subtree_free(&part, NULL, &unlimited);
    }
}

status_t page_tree_share(const struct page_tree *t, uint64_t first, uint64_t last,
                         struct page_tree *copy)
{
    struct page_tree shared = {.root = t->root, .quota = NULL};
    if (shared.root == NULL) {
        return OK;
    }
    refs_get(&shared.root->refs);
    status_t st = first > 0 ? tree_cut(&shared, 0, first - 1) : OK;
    if (st == OK && last < PAGE_TREE_INDEX_MAX) {
        st = tree_cut(&shared, last + 1, PAGE_TREE_INDEX_MAX);
    }
    if (st == OK && shared.root != NULL) {
        st = charge(copy->quota, (uint64_t)shared.root->pages + shared.root->nodes);
    }
    if (st != OK) {
        page_subtree all = page_tree_take_all(&shared);
        unsigned unlimited = UINT32_MAX; // only nodes on the two borders are freed
        page_subtree_free(&all, NULL, &unlimited);
        return st;
    }
    copy->root = shared.root;
    return OK;
}

// --- freeing ------------------------------------------------------------------------------------

page_subtree page_subtree_of_page(struct page *p) { return (page_subtree)p | PAGE_BIT; }

// Drops a reference that is not the last one: true. False: the subtree is ours alone now.
static bool node_put_shared(struct page_tree_node *n, struct quota *q)
{
    uint64_t charged = (uint64_t)n->pages + n->nodes;
    if (refs_read(&n->refs) == 1) {
        return false;
    }
    if (refs_put(&n->refs)) {
        __atomic_store_n(&n->refs, 1, __ATOMIC_RELAXED); // the others went meanwhile
        return false;
    }
    release(q, charged);
    return true;
}

// Empties one leaf, or drops one shared child, on the first path down, and frees the node there if
// it is empty then. The root is ours alone; true when it is freed. Counts are not kept up: nobody
// else will see them.
static bool node_free_some(struct page_tree_node *root, struct quota *q, unsigned *budget)
{
    struct page_tree_node *n = root, *parent = NULL;
    unsigned slot, slot_in_parent = 0;
    while (n->level > 0 && n->present != 0) {
        slot = (unsigned)__builtin_ctzll(n->present);
        if (node_put_shared(n->slots[slot], q)) {
            slot_clear(n, slot);
            break;
        }
        parent = n;
        slot_in_parent = slot;
        n = n->slots[slot];
    }
    uint64_t freed = 0;
    for (; n->level == 0 && n->present != 0 && *budget > 0; freed++, (*budget)--) {
        slot = (unsigned)__builtin_ctzll(n->present);
        page_put(n->slots[slot]);
        slot_clear(n, slot);
    }
    bool empty = n->present == 0;
    if (empty) {
        if (parent != NULL) {
            slot_clear(parent, slot_in_parent);
        }
        slab_free(&node_cache, n);
        freed++;
    }
    release(q, freed);
    *budget -= *budget > 0 ? 1 : 0;
    return empty && parent == NULL;
}

bool page_subtree_free(page_subtree *s, struct quota *q, unsigned *budget)
{
    if (*s == 0) {
        return true;
    }
    if ((*s & PAGE_BIT) != 0) {
        page_put((struct page *)(*s & ~PAGE_BIT));
        release(q, 1);
        *budget -= *budget > 0 ? 1 : 0;
        *s = 0;
        return true;
    }
    struct page_tree_node *n = (struct page_tree_node *)*s;
    bool gone = node_put_shared(n, q);
    while (!gone && *budget > 0) {
        gone = node_free_some(n, q, budget);
    }
    if (gone) {
        *s = 0;
    }
    return gone;
}
