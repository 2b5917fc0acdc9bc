// SPDX-License-Identifier: MIT
// Directory entries: the hash table over (directory, name), the ordered list of each directory, and
// reading a directory.
#include "tree_internal.h"

#include <string.h>

#define BUCKETS_FIRST 64u

// FNV-1a over the directory's id and the name.
static uint32_t entry_hash(const struct node *directory, const char *name, size_t bytes)
{
    uint32_t hash = 2166136261u ^ (uint32_t)(directory->id * 2654435761u);
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    }
    return hash;
}

struct node_entry *entry_find(const struct tree *tree, const struct node *directory,
                              const char *name, size_t bytes)
{
    if (tree->bucket_count == 0) {
        return NULL;
    }
    uint32_t hash = entry_hash(directory, name, bytes);
    struct node_entry *entry = tree->buckets[hash & (tree->bucket_count - 1)];
    while (entry != NULL && (entry->hash != hash || entry->directory != directory ||
                             entry->name_bytes != bytes || memcmp(entry->name, name, bytes) != 0)) {
        entry = entry->hash_next;
    }
    return entry;
}

// Doubles the table when it is full. Failing is harmless once there is a table: the chains just get
// longer.
static bool buckets_grow(struct tree *tree)
{
    if (tree->entry_count < tree->bucket_count) {
        return true;
    }
    size_t count = tree->bucket_count == 0 ? BUCKETS_FIRST : tree->bucket_count * 2;
    struct node_entry **buckets =
        tree->memory.alloc(tree->memory.context, count * sizeof(struct node_entry *));
    if (buckets == NULL) {
        return tree->bucket_count != 0;
    }
    memset(buckets, 0, count * sizeof(struct node_entry *));
    for (size_t i = 0; i < tree->bucket_count; i++) {
        struct node_entry *entry = tree->buckets[i];
        while (entry != NULL) {
            struct node_entry *next = entry->hash_next;
            entry->hash_next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
            entry = next;
        }
    }
    tree->memory.free(tree->memory.context, tree->buckets);
    tree->buckets = buckets;
    tree->bucket_count = count;
    return true;
}

struct node_entry *entry_create(struct tree *tree, const char *name, size_t bytes)
{
    if (!buckets_grow(tree)) {
        return NULL;
    }
    struct node_entry *entry = tree->memory.alloc(tree->memory.context, sizeof(*entry) + bytes);
    if (entry != NULL) {
        memset(entry, 0, sizeof(*entry));
        entry->name_bytes = (uint32_t)bytes;
        memcpy(entry->name, name, bytes);
    }
    return entry;
}

static void directory_changed(struct tree *tree, struct node *directory)
{
    directory->mtime_ns = tree->memory.now_ns(tree->memory.context);
    directory->ctime_ns = directory->mtime_ns;
}

void entry_insert(struct tree *tree, struct node_entry *entry, struct node *directory,
                  struct node *node)
{
    entry->directory = directory;
    entry->node = node;
    entry->cookie = ++directory->directory.last_cookie;
    entry->hash = entry_hash(directory, entry->name, entry->name_bytes);
    struct node_entry **bucket = &tree->buckets[entry->hash & (tree->bucket_count - 1)];
    entry->hash_next = *bucket;
    *bucket = entry;
    tree->entry_count++;

    entry->next = NULL;
    entry->previous = directory->directory.last;
    if (entry->previous != NULL) {
        entry->previous->next = entry;
    } else {
        directory->directory.first = entry;
    }
    directory->directory.last = entry;

    directory->size++;
    node->links++;
    node->ctime_ns = tree->memory.now_ns(tree->memory.context);
    if (node->type == FS_TYPE_DIRECTORY) {
        node->directory.parent = directory;
    }
    directory_changed(tree, directory);
}

void entry_detach(struct tree *tree, struct node_entry *entry)
{
    struct node_entry **at = &tree->buckets[entry->hash & (tree->bucket_count - 1)];
    while (*at != entry) {
        at = &(*at)->hash_next;
    }
    *at = entry->hash_next;
    tree->entry_count--;

    struct node_directory *list = &entry->directory->directory;
    *(entry->previous != NULL ? &entry->previous->next : &list->first) = entry->next;
    *(entry->next != NULL ? &entry->next->previous : &list->last) = entry->previous;
    entry->directory->size--;
    directory_changed(tree, entry->directory);
}

void entry_remove(struct tree *tree, struct node_entry *entry)
{
    entry_detach(tree, entry);
    if (entry->node->type == FS_TYPE_DIRECTORY) {
        entry->node->directory.parent = NULL;
    }
    node_unlink(&tree->memory, entry->node);
    tree->memory.free(tree->memory.context, entry);
}

status_t tree_readdir(struct tree *tree, struct node *directory, uint64_t cookie, void *buf,
                      size_t size, size_t *bytes)
{
    if (directory->type != FS_TYPE_DIRECTORY) {
        return ERR_NOT_DIR;
    }
    uint8_t *out = buf;
    size_t used = 0;
    for (struct node_entry *entry = directory->directory.first; entry != NULL;
         entry = entry->next) {
        if (entry->cookie <= cookie) {
            continue;
        }
        struct fs_dirent record = {
            .cookie = entry->cookie,
            .id = entry->node->id,
            .type = entry->node->type,
            .name_len = entry->name_bytes,
        };
        size_t padded = (sizeof(record) + entry->name_bytes + 7) & ~(size_t)7;
        if (padded > size - used) {
            break;
        }
        memset(out + used, 0, padded);
        memcpy(out + used, &record, sizeof(record));
        memcpy(out + used + sizeof(record), entry->name, entry->name_bytes);
        used += padded;
    }
    directory->atime_ns = tree->memory.now_ns(tree->memory.context);
    *bytes = used;
    return OK;
}
