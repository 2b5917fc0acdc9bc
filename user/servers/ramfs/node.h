// SPDX-License-Identifier: MIT
// The nodes of the RAM file server and what can be done to one of them: the file system without
// names. tree.h puts names and paths on top. Pure code: memory and time come through struct
// node_memory, so that the whole of it runs on the host under sanitizers with every allocation
// failing in turn.
//
// A node lives while a directory entry names it (links) or someone holds a reference (refs): an
// open file that was unlinked goes on living until it is closed. Nothing here is locked: the server
// is one thread.
#ifndef RAMFS_NODE_H
#define RAMFS_NODE_H

#include <bullfinch/fs.h>

#define NODE_PAGE_BYTES  4096u
#define NODE_TABLE_PAGES (NODE_PAGE_BYTES / sizeof(void *)) // page pointers in one table page
#define NODE_TABLES_MAX  2048u                              // tables in one file
#define NODE_FILE_MAX    ((uint64_t)NODE_PAGE_BYTES * NODE_TABLE_PAGES * NODE_TABLES_MAX)

// Where memory and time come from. Pages are NODE_PAGE_BYTES long and zeroed; both allocators
// return NULL when there is no more, and then the operation fails with ERR_NO_SPACE and has changed
// nothing.
struct node_memory {
    void *(*page_alloc)(void *context);
    void (*page_free)(void *context, void *page);
    void *(*alloc)(void *context, size_t bytes);
    void (*free)(void *context, void *memory);
    uint64_t (*now_ns)(void *context);
    void *context;
    // Read-only bytes that file pages may point into: the boot image. Such a page is copied before
    // its first change.
    const uint8_t *image;
    size_t image_bytes;
};

struct node_entry; // tree.h

struct node_file {
    // table_count table pages, each NULL or NODE_TABLE_PAGES page pointers; each of those NULL (a
    // hole) or a page.
    uint8_t ***tables;
    size_t table_count;
};

struct node_directory {
    struct node *parent;             // NULL: the root, or removed
    struct node_entry *first, *last; // in the order of their cookies
    uint64_t last_cookie;
};

struct node {
    uint64_t id;
    uint64_t size; // file: bytes; link: length of the target; directory: entries
    uint64_t atime_ns, mtime_ns, ctime_ns;
    uint32_t type; // enum fs_type
    uint32_t links;
    uint32_t refs;
    bool sealed; // may not be changed (ERR_READ_ONLY)
    union {
        struct node_file file;
        struct node_directory directory;
        char *target; // symbolic link: size bytes, no terminating zero
    };
};

// A new node without links, held by one reference; NULL: no memory.
struct node *node_create(const struct node_memory *memory, uint64_t id, uint32_t type);
void node_get(struct node *node);
// Drops a reference; the node is freed when neither references nor links are left.
void node_put(const struct node_memory *memory, struct node *node);
// The same for a link (tree.c calls it when it removes an entry).
void node_unlink(const struct node_memory *memory, struct node *node);

void node_stat(const struct node *node, uint32_t flags, struct fs_stat *stat);
status_t node_set_times(const struct node_memory *memory, struct node *node, uint64_t atime_ns,
                        uint64_t mtime_ns, uint32_t mask);

// Files only; others get ERR_IS_DIR or ERR_INVALID_ARGS. Reads past the end give 0 bytes. A write
// may be short when memory runs out half way; *bytes is then what was written.
status_t node_read(const struct node_memory *memory, struct node *node, uint64_t offset, void *buf,
                   size_t len, size_t *bytes);
status_t node_write(const struct node_memory *memory, struct node *node, uint64_t offset,
                    const void *buf, size_t len, size_t *bytes);
status_t node_truncate(const struct node_memory *memory, struct node *node, uint64_t size);
// Makes the new, empty file show bytes that lie in memory->image, without copying them.
status_t node_borrow(const struct node_memory *memory, struct node *node, const uint8_t *data,
                     size_t len);

#endif
