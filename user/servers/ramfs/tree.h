// SPDX-License-Identifier: MIT
// Names and paths of the RAM file server: directories, and how a path leads to a node without ever
// leaving the directory it starts from.
//
// Rules of lookup (bullfinch/fs.h): a path is resolved below a root directory, the one whose handle
// the caller used. Leading slashes mean nothing, ".." at the root stays there, symbolic links with
// absolute targets start again at the root. At most TREE_LINKS_MAX links are followed. A slash at
// the end asks for a directory, and follows a link there.
#ifndef RAMFS_TREE_H
#define RAMFS_TREE_H

#include "node.h"

#define TREE_LINKS_MAX 16u

// A name in a directory. Entries stand in their directory's list in the order of their cookies,
// which only grow, and in one hash table for the whole tree.
struct node_entry {
    struct node_entry *next, *previous;
    struct node_entry *hash_next;
    struct node *directory;
    struct node *node; // holds a link
    uint64_t cookie;
    uint32_t hash;
    uint32_t name_bytes;
    char name[];
};

struct tree {
    struct node_memory memory;
    struct node *root; // holds a link and a reference, both for ever
    struct node_entry **buckets;
    size_t bucket_count; // a power of two
    size_t entry_count;
    uint64_t last_id;
};

// A path and the directory it is relative to.
struct tree_at {
    struct node *root;
    const char *path;
    size_t bytes;
};

status_t tree_init(struct tree *tree, const struct node_memory *memory);
// Frees everything; no node may be referenced any more.
void tree_fini(struct tree *tree);

// Finds a node; flags: FS_FLAG_NOFOLLOW does not follow a link at the end. "" is the root itself.
// The node is not referenced: use it before the next change of the tree.
status_t tree_lookup(struct tree *tree, struct tree_at at, uint32_t flags, struct node **node);
// Opens or creates (FS_FLAG_*); the caller gets a reference. Rights are the caller's matter.
status_t tree_open(struct tree *tree, struct tree_at at, uint32_t flags, struct node **node);
status_t tree_mkdir(struct tree *tree, struct tree_at at);
status_t tree_symlink(struct tree *tree, const char *target, size_t target_bytes,
                      struct tree_at at);
status_t tree_link(struct tree *tree, struct tree_at from, uint32_t flags, struct tree_at to);
status_t tree_rename(struct tree *tree, struct tree_at from, struct tree_at to);
status_t tree_unlink(struct tree *tree, struct tree_at at);
status_t tree_rmdir(struct tree *tree, struct tree_at at);
status_t tree_readlink(struct tree *tree, struct tree_at at, char *buf, size_t size, size_t *bytes);
// Fills buf with struct fs_dirent records of the entries after the cookie; "." and ".." are not
// among them.
status_t tree_readdir(struct tree *tree, struct node *directory, uint64_t cookie, void *buf,
                      size_t size, size_t *bytes);
// Seals the node and everything below it.
void tree_seal(struct tree *tree, struct node *node);

#endif
