// SPDX-License-Identifier: MIT
// What the two halves of the tree share: the walk along a path (walk.c) and directory entries
// (entry.c).
#ifndef RAMFS_TREE_INTERNAL_H
#define RAMFS_TREE_INTERNAL_H

#include "tree.h"

// Where a path ends. `node` NULL: the directory is there, the name in it is not. name_bytes 0: the
// path ends in the root, "." or "..", so that there is no name to create or remove.
struct walk {
    struct node *directory;
    struct node *node;
    const char *name; // in buffer
    size_t name_bytes;
    bool slash; // the path asks for a directory
    // What is left of the path, at the end of the buffer so that the target of a link can be put
    // before it.
    char buffer[2 * FS_PATH_MAX];
};

status_t walk_path(struct tree *tree, struct tree_at at, bool follow, struct walk *walk);

struct node_entry *entry_find(const struct tree *tree, const struct node *directory,
                              const char *name, size_t bytes);
// An entry not yet in the tree; NULL: no memory. entry_insert cannot fail: check and reserve first,
// then commit.
struct node_entry *entry_create(struct tree *tree, const char *name, size_t bytes);
void entry_insert(struct tree *tree, struct node_entry *entry, struct node *directory,
                  struct node *node);
// Takes the entry out and frees it; its link on the node goes too.
void entry_remove(struct tree *tree, struct node_entry *entry);
// Takes the entry out of its directory and table; the link on the node and the memory are the
// caller's.
void entry_detach(struct tree *tree, struct node_entry *entry);

#endif
