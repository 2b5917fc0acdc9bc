// SPDX-License-Identifier: MIT
// The operations on paths. Each first checks everything, then reserves memory, then commits with
// steps that cannot fail, so that a failed operation leaves the tree as it was.
#include "tree.h"
#include "tree_internal.h"

#include <string.h>

status_t tree_init(struct tree *tree, const struct node_memory *memory)
{
    *tree = (struct tree){.memory = *memory};
    tree->root = node_create(&tree->memory, ++tree->last_id, FS_TYPE_DIRECTORY);
    if (tree->root == NULL) {
        return ERR_NO_SPACE;
    }
    tree->root->links = 1;
    return OK;
}

void tree_fini(struct tree *tree)
{
    // Depth first without recursion: go down to a directory without entries, then remove it from
    // its parent.
    struct node *directory = tree->root;
    for (;;) {
        struct node_entry *entry = directory->directory.first;
        if (entry == NULL && directory == tree->root) {
            break;
        }
        if (entry != NULL && entry->node->type == FS_TYPE_DIRECTORY &&
            entry->node->directory.first != NULL) {
            directory = entry->node;
        } else if (entry != NULL) {
            entry_remove(tree, entry);
        } else {
            directory = directory->directory.parent;
        }
    }
    tree->root->links = 0;
    node_put(&tree->memory, tree->root);
    tree->memory.free(tree->memory.context, tree->buckets);
    *tree = (struct tree){0};
}

status_t tree_lookup(struct tree *tree, struct tree_at at, uint32_t flags, struct node **node)
{
    struct walk walk;
    status_t status = walk_path(tree, at, (flags & FS_FLAG_NOFOLLOW) == 0, &walk);
    if (status != OK) {
        return status;
    }
    if (walk.node == NULL) {
        return ERR_NOT_FOUND;
    }
    *node = walk.node;
    return OK;
}

// May a name be put into or taken from the directory?
static status_t directory_check(const struct node *directory)
{
    if (directory->sealed) {
        return ERR_READ_ONLY;
    }
    return directory->links == 0 ? ERR_NOT_FOUND : OK; // removed, but someone has it open
}

// Makes a node of the type at the place where the walk ended. *made is not referenced.
static status_t walk_create(struct tree *tree, const struct walk *walk, uint32_t type,
                            struct node **made)
{
    status_t status = directory_check(walk->directory);
    if (status != OK) {
        return status;
    }
    struct node *node = node_create(&tree->memory, tree->last_id + 1, type);
    if (node == NULL) {
        return ERR_NO_SPACE;
    }
    struct node_entry *entry = entry_create(tree, walk->name, walk->name_bytes);
    if (entry == NULL) {
        node_put(&tree->memory, node);
        return ERR_NO_SPACE;
    }
    tree->last_id++;
    entry_insert(tree, entry, walk->directory, node);
    node_put(&tree->memory, node);
    *made = node;
    return OK;
}

// Whether a node that is there may be opened like this.
static status_t open_check(const struct node *node, uint32_t flags)
{
    if (node->type == FS_TYPE_SYMLINK) {
        return ERR_LOOP;
    }
    if (node->type != FS_TYPE_DIRECTORY && (flags & FS_FLAG_DIRECTORY) != 0) {
        return ERR_NOT_DIR;
    }
    if (node->type == FS_TYPE_DIRECTORY && (flags & (FS_FLAG_TRUNCATE | FS_FLAG_CREATE)) != 0) {
        return ERR_IS_DIR;
    }
    if (node->type == FS_TYPE_FILE && (flags & FS_FLAG_WRITE) != 0 && node->sealed) {
        return ERR_READ_ONLY;
    }
    return OK;
}

static status_t open_create(struct tree *tree, const struct walk *walk, uint32_t flags,
                            struct node **node)
{
    if ((flags & FS_FLAG_CREATE) == 0) {
        return ERR_NOT_FOUND;
    }
    return walk->slash ? ERR_IS_DIR : walk_create(tree, walk, FS_TYPE_FILE, node);
}

status_t tree_open(struct tree *tree, struct tree_at at, uint32_t flags, struct node **node)
{
    bool exclusive =
        (flags & (FS_FLAG_CREATE | FS_FLAG_EXCLUSIVE)) == (FS_FLAG_CREATE | FS_FLAG_EXCLUSIVE);
    if ((flags & FS_FLAG_CREATE) != 0 && (flags & FS_FLAG_DIRECTORY) != 0) {
        return ERR_INVALID_ARGS;
    }
    if ((flags & FS_FLAG_TRUNCATE) != 0 && (flags & FS_FLAG_WRITE) == 0) {
        return ERR_INVALID_ARGS;
    }
    struct walk walk;
    status_t status = walk_path(tree, at, (flags & FS_FLAG_NOFOLLOW) == 0 && !exclusive, &walk);
    if (status != OK) {
        return status;
    }
    struct node *found = walk.node;
    if (found == NULL) {
        status = open_create(tree, &walk, flags, &found);
    } else if (exclusive) {
        status = ERR_EXISTS;
    } else {
        status = open_check(found, flags);
    }
    if (status == OK && (flags & FS_FLAG_TRUNCATE) != 0) {
        status = node_truncate(&tree->memory, found, 0);
    }
    if (status == OK) {
        node_get(found);
        *node = found;
    }
    return status;
}

status_t tree_mkdir(struct tree *tree, struct tree_at at)
{
    struct walk walk;
    status_t status = walk_path(tree, at, false, &walk);
    if (status != OK) {
        return status;
    }
    if (walk.node != NULL) {
        return ERR_EXISTS;
    }
    struct node *node;
    return walk_create(tree, &walk, FS_TYPE_DIRECTORY, &node);
}

status_t tree_symlink(struct tree *tree, const char *target, size_t target_bytes, struct tree_at at)
{
    struct walk walk;
    if (target_bytes == 0 || memchr(target, 0, target_bytes) != NULL) {
        return ERR_INVALID_ARGS;
    }
    if (target_bytes > FS_PATH_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    status_t status = walk_path(tree, at, false, &walk);
    if (status != OK) {
        return status;
    }
    if (walk.node != NULL) {
        return ERR_EXISTS;
    }
    if (walk.slash) {
        return ERR_NOT_DIR;
    }
    char *copy = tree->memory.alloc(tree->memory.context, target_bytes);
    if (copy == NULL) {
        return ERR_NO_SPACE;
    }
    struct node *node;
    status = walk_create(tree, &walk, FS_TYPE_SYMLINK, &node);
    if (status != OK) {
        tree->memory.free(tree->memory.context, copy);
        return status;
    }
    memcpy(copy, target, target_bytes);
    node->target = copy;
    node->size = target_bytes;
    return OK;
}

status_t tree_link(struct tree *tree, struct tree_at from, uint32_t flags, struct tree_at to)
{
    struct node *node;
    struct walk walk;
    status_t status = tree_lookup(tree, from, flags, &node);
    if (status != OK) {
        return status;
    }
    if (node->type == FS_TYPE_DIRECTORY) {
        return ERR_IS_DIR;
    }
    if (node->links == 0) {
        return ERR_NOT_FOUND; // an open file that was unlinked, named by the empty path
    }
    status = walk_path(tree, to, false, &walk);
    if (status != OK) {
        return status;
    }
    if (walk.node != NULL) {
        return ERR_EXISTS;
    }
    if (walk.slash) {
        return ERR_NOT_DIR;
    }
    status = node->sealed ? ERR_READ_ONLY : directory_check(walk.directory);
    if (status != OK) {
        return status;
    }
    struct node_entry *entry = entry_create(tree, walk.name, walk.name_bytes);
    if (entry == NULL) {
        return ERR_NO_SPACE;
    }
    entry_insert(tree, entry, walk.directory, node);
    return OK;
}

static bool directory_is_below(const struct node *directory, const struct node *ancestor)
{
    while (directory != NULL && directory != ancestor) {
        directory = directory->directory.parent;
    }
    return directory == ancestor;
}

// Whether `from` may take the place where `to` ended.
static status_t rename_check(const struct walk *from, const struct walk *to)
{
    bool is_directory = from->node->type == FS_TYPE_DIRECTORY;
    if (!is_directory && to->slash) {
        return ERR_NOT_DIR;
    }
    if (is_directory && directory_is_below(to->directory, from->node)) {
        return ERR_INVALID_ARGS;
    }
    if (to->node == NULL || to->node == from->node) {
        return OK;
    }
    if (to->node->sealed) {
        return ERR_READ_ONLY;
    }
    if (to->node->type != FS_TYPE_DIRECTORY) {
        return is_directory ? ERR_NOT_DIR : OK;
    }
    if (!is_directory) {
        return ERR_IS_DIR;
    }
    return to->node->size != 0 ? ERR_NOT_EMPTY : OK;
}

status_t tree_rename(struct tree *tree, struct tree_at from_at, struct tree_at to_at)
{
    struct walk from;
    struct walk to;
    status_t status = walk_path(tree, from_at, false, &from);
    if (status == OK) {
        status = walk_path(tree, to_at, false, &to);
    }
    if (status != OK) {
        return status;
    }
    if (from.node == NULL) {
        return ERR_NOT_FOUND;
    }
    if (from.name_bytes == 0 || to.name_bytes == 0) {
        return ERR_INVALID_ARGS; // a root, "." or ".."
    }
    status = directory_check(from.directory);
    if (status == OK) {
        status = from.node->sealed ? ERR_READ_ONLY : directory_check(to.directory);
    }
    if (status == OK) {
        status = rename_check(&from, &to);
    }
    if (status != OK || to.node == from.node) {
        return status; // two names of one file: nothing to do
    }
    struct node_entry *made = entry_create(tree, to.name, to.name_bytes);
    if (made == NULL) {
        return ERR_NO_SPACE;
    }
    struct node_entry *old = entry_find(tree, from.directory, from.name, from.name_bytes);
    if (to.node != NULL) {
        entry_remove(tree, entry_find(tree, to.directory, to.name, to.name_bytes));
    }
    entry_detach(tree, old);
    entry_insert(tree, made, to.directory, from.node);
    from.node->links--; // that of the old entry
    tree->memory.free(tree->memory.context, old);
    return OK;
}

// Finds the entry that unlink or rmdir is to take out.
static status_t removal_find(struct tree *tree, struct tree_at at, struct node_entry **entry)
{
    struct walk walk;
    status_t status = walk_path(tree, at, false, &walk);
    if (status != OK) {
        return status;
    }
    if (walk.node == NULL) {
        return ERR_NOT_FOUND;
    }
    if (walk.name_bytes == 0) {
        return walk.node->type == FS_TYPE_DIRECTORY ? ERR_BUSY : ERR_INVALID_ARGS;
    }
    if (walk.directory->sealed || walk.node->sealed) {
        return ERR_READ_ONLY;
    }
    *entry = entry_find(tree, walk.directory, walk.name, walk.name_bytes);
    return OK;
}

status_t tree_unlink(struct tree *tree, struct tree_at at)
{
    struct node_entry *entry;
    status_t status = removal_find(tree, at, &entry);
    if (status != OK) {
        return status;
    }
    if (entry->node->type == FS_TYPE_DIRECTORY) {
        return ERR_IS_DIR;
    }
    entry_remove(tree, entry);
    return OK;
}

status_t tree_rmdir(struct tree *tree, struct tree_at at)
{
    struct node_entry *entry;
    status_t status = removal_find(tree, at, &entry);
    if (status != OK) {
        return status;
    }
    if (entry->node->type != FS_TYPE_DIRECTORY) {
        return ERR_NOT_DIR;
    }
    if (entry->node->size != 0) {
        return ERR_NOT_EMPTY;
    }
    entry_remove(tree, entry);
    return OK;
}

status_t tree_readlink(struct tree *tree, struct tree_at at, char *buf, size_t size, size_t *bytes)
{
    struct node *node;
    status_t status = tree_lookup(tree, at, FS_FLAG_NOFOLLOW, &node);
    if (status != OK) {
        return status;
    }
    if (node->type != FS_TYPE_SYMLINK) {
        return ERR_INVALID_ARGS;
    }
    *bytes = node->size < size ? (size_t)node->size : size;
    memcpy(buf, node->target, *bytes);
    return OK;
}

void tree_seal(struct tree *tree, struct node *top)
{
    top->sealed = true;
    for (size_t i = 0; i < tree->bucket_count; i++) {
        for (struct node_entry *entry = tree->buckets[i]; entry != NULL; entry = entry->hash_next) {
            if (directory_is_below(entry->directory, top)) {
                entry->node->sealed = true;
            }
        }
    }
}
