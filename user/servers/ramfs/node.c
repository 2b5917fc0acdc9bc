// SPDX-License-Identifier: MIT
// Nodes: life cycle, times, and the pages of files.
//
// A file's pages hang in two levels: an array of table pages, each with room for NODE_TABLE_PAGES
// pointers. A missing table or page is a hole and reads as zeros. Bytes of the last page behind the
// end of the file may be stale; they are cleared when the file grows over them (tail_clear), so
// that making a file shorter never needs memory.
#include "node.h"

#include <string.h>

struct node *node_create(const struct node_memory *memory, uint64_t id, uint32_t type)
{
    struct node *node = memory->alloc(memory->context, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    memset(node, 0, sizeof(*node));
    node->id = id;
    node->type = type;
    node->refs = 1;
    node->atime_ns = memory->now_ns(memory->context);
    node->mtime_ns = node->atime_ns;
    node->ctime_ns = node->atime_ns;
    return node;
}

static bool page_is_borrowed(const struct node_memory *memory, const uint8_t *page)
{
    return memory->image != NULL && page >= memory->image &&
           page < memory->image + memory->image_bytes;
}

static void page_drop(const struct node_memory *memory, uint8_t *page)
{
    if (page != NULL && !page_is_borrowed(memory, page)) {
        memory->page_free(memory->context, page);
    }
}

// Frees every page from page number `first` on, and the tables that become empty by it.
static void file_pages_drop(const struct node_memory *memory, struct node_file *file,
                            uint64_t first)
{
    for (size_t t = (size_t)(first / NODE_TABLE_PAGES); t < file->table_count; t++) {
        uint8_t **table = file->tables[t];
        size_t start = t == first / NODE_TABLE_PAGES ? (size_t)(first % NODE_TABLE_PAGES) : 0;
        if (table == NULL) {
            continue;
        }
        for (size_t p = start; p < NODE_TABLE_PAGES; p++) {
            page_drop(memory, table[p]);
            table[p] = NULL;
        }
        if (start == 0) {
            memory->page_free(memory->context, table);
            file->tables[t] = NULL;
        }
    }
}

static void node_free(const struct node_memory *memory, struct node *node)
{
    if (node->type == FS_TYPE_FILE) {
        file_pages_drop(memory, &node->file, 0);
        memory->free(memory->context, node->file.tables);
    } else if (node->type == FS_TYPE_SYMLINK) {
        memory->free(memory->context, node->target);
    }
    memory->free(memory->context, node);
}

void node_get(struct node *node) { node->refs++; }

void node_put(const struct node_memory *memory, struct node *node)
{
    node->refs--;
    if (node->refs == 0 && node->links == 0) {
        node_free(memory, node);
    }
}

void node_unlink(const struct node_memory *memory, struct node *node)
{
    node->links--;
    node->ctime_ns = memory->now_ns(memory->context);
    if (node->refs == 0 && node->links == 0) {
        node_free(memory, node);
    }
}

void node_stat(const struct node *node, uint32_t flags, struct fs_stat *stat)
{
    *stat = (struct fs_stat){
        .id = node->id,
        .size = node->size,
        .atime_ns = node->atime_ns,
        .mtime_ns = node->mtime_ns,
        .ctime_ns = node->ctime_ns,
        .type = node->type,
        .links = node->links,
        .flags = flags,
    };
}

status_t node_set_times(const struct node_memory *memory, struct node *node, uint64_t atime_ns,
                        uint64_t mtime_ns, uint32_t mask)
{
    const uint32_t atime_both = FS_TIME_ATIME | FS_TIME_ATIME_NOW;
    const uint32_t mtime_both = FS_TIME_MTIME | FS_TIME_MTIME_NOW;
    if ((mask & ~(atime_both | mtime_both)) != 0 || (mask & atime_both) == atime_both ||
        (mask & mtime_both) == mtime_both) {
        return ERR_INVALID_ARGS;
    }
    if (node->sealed) {
        return ERR_READ_ONLY;
    }
    uint64_t now_ns = memory->now_ns(memory->context);
    if ((mask & atime_both) != 0) {
        node->atime_ns = (mask & FS_TIME_ATIME_NOW) != 0 ? now_ns : atime_ns;
    }
    if ((mask & mtime_both) != 0) {
        node->mtime_ns = (mask & FS_TIME_MTIME_NOW) != 0 ? now_ns : mtime_ns;
    }
    node->ctime_ns = now_ns;
    return OK;
}

static status_t file_check(const struct node *node)
{
    if (node->type == FS_TYPE_DIRECTORY) {
        return ERR_IS_DIR;
    }
    return node->type == FS_TYPE_FILE ? OK : ERR_INVALID_ARGS;
}

static uint8_t *file_page(const struct node_file *file, uint64_t page)
{
    size_t t = (size_t)(page / NODE_TABLE_PAGES);
    if (t >= file->table_count || file->tables[t] == NULL) {
        return NULL;
    }
    return file->tables[t][page % NODE_TABLE_PAGES];
}

// Makes the array of tables long enough to have table `t`.
static bool file_tables_grow(const struct node_memory *memory, struct node_file *file, size_t t)
{
    size_t count = file->table_count == 0 ? 1 : file->table_count;
    while (count <= t) {
        count *= 2;
    }
    if (count == file->table_count) {
        return true;
    }
    uint8_t ***tables = memory->alloc(memory->context, count * sizeof(*tables));
    if (tables == NULL) {
        return false;
    }
    memset(tables, 0, count * sizeof(*tables));
    if (file->tables != NULL) {
        memcpy(tables, file->tables, file->table_count * sizeof(*tables));
        memory->free(memory->context, file->tables);
    }
    file->tables = tables;
    file->table_count = count;
    return true;
}

// The place where the pointer of a page stands; NULL: no memory for the tables.
static uint8_t **file_slot(const struct node_memory *memory, struct node_file *file, uint64_t page)
{
    size_t t = (size_t)(page / NODE_TABLE_PAGES);
    if (t >= file->table_count && !file_tables_grow(memory, file, t)) {
        return NULL;
    }
    if (file->tables[t] == NULL) {
        file->tables[t] = memory->page_alloc(memory->context);
        if (file->tables[t] == NULL) {
            return NULL;
        }
    }
    return &file->tables[t][page % NODE_TABLE_PAGES];
}

// The page, there and our own, so that it may be written. `valid` bytes of a borrowed one are taken
// over.
static uint8_t *file_page_own(const struct node_memory *memory, struct node *node, uint64_t page)
{
    uint8_t **slot = file_slot(memory, &node->file, page);
    if (slot == NULL) {
        return NULL;
    }
    if (*slot != NULL && !page_is_borrowed(memory, *slot)) {
        return *slot;
    }
    uint8_t *own = memory->page_alloc(memory->context);
    if (own == NULL) {
        return NULL;
    }
    if (*slot != NULL) {
        // Behind the end of the file the image holds something else, or nothing.
        uint64_t valid = node->size - page * NODE_PAGE_BYTES;
        memcpy(own, *slot, valid < NODE_PAGE_BYTES ? (size_t)valid : NODE_PAGE_BYTES);
    }
    *slot = own;
    return own;
}

// Before a file grows: what its last page holds behind the old end must read as zeros from now on.
static bool tail_clear(const struct node_memory *memory, struct node *node)
{
    size_t used = (size_t)(node->size % NODE_PAGE_BYTES);
    uint64_t page = node->size / NODE_PAGE_BYTES;
    if (used == 0 || file_page(&node->file, page) == NULL) {
        return true;
    }
    uint8_t *own = file_page_own(memory, node, page);
    if (own == NULL) {
        return false;
    }
    memset(own + used, 0, NODE_PAGE_BYTES - used);
    return true;
}

status_t node_read(const struct node_memory *memory, struct node *node, uint64_t offset, void *buf,
                   size_t len, size_t *bytes)
{
    status_t status = file_check(node);
    if (status != OK) {
        return status;
    }
    if (offset >= node->size) {
        *bytes = 0;
        return OK;
    }
    if (len > node->size - offset) {
        len = (size_t)(node->size - offset);
    }
    uint8_t *out = buf;
    for (size_t done = 0; done < len;) {
        size_t start = (size_t)((offset + done) % NODE_PAGE_BYTES);
        size_t chunk = NODE_PAGE_BYTES - start < len - done ? NODE_PAGE_BYTES - start : len - done;
        const uint8_t *page = file_page(&node->file, (offset + done) / NODE_PAGE_BYTES);
        if (page == NULL) {
            memset(out + done, 0, chunk);
        } else {
            memcpy(out + done, page + start, chunk);
        }
        done += chunk;
    }
    node->atime_ns = memory->now_ns(memory->context);
    *bytes = len;
    return OK;
}

static void node_changed(const struct node_memory *memory, struct node *node)
{
    node->mtime_ns = memory->now_ns(memory->context);
    node->ctime_ns = node->mtime_ns;
}

status_t node_write(const struct node_memory *memory, struct node *node, uint64_t offset,
                    const void *buf, size_t len, size_t *bytes)
{
    status_t status = file_check(node);
    if (status != OK) {
        return status;
    }
    if (node->sealed) {
        return ERR_READ_ONLY;
    }
    if (offset > NODE_FILE_MAX || len > NODE_FILE_MAX - offset) {
        return ERR_OUT_OF_RANGE;
    }
    if (len > 0 && offset + len > node->size && !tail_clear(memory, node)) {
        return ERR_NO_SPACE;
    }
    const uint8_t *in = buf;
    size_t done = 0;
    while (done < len) {
        size_t start = (size_t)((offset + done) % NODE_PAGE_BYTES);
        size_t chunk = NODE_PAGE_BYTES - start < len - done ? NODE_PAGE_BYTES - start : len - done;
        uint8_t *page = file_page_own(memory, node, (offset + done) / NODE_PAGE_BYTES);
        if (page == NULL) {
            break;
        }
        memcpy(page + start, in + done, chunk);
        done += chunk;
        if (offset + done > node->size) {
            node->size = offset + done;
        }
    }
    if (done == 0 && len > 0) {
        return ERR_NO_SPACE;
    }
    node_changed(memory, node);
    *bytes = done;
    return OK;
}

status_t node_truncate(const struct node_memory *memory, struct node *node, uint64_t size)
{
    status_t status = file_check(node);
    if (status != OK) {
        return status;
    }
    if (node->sealed) {
        return ERR_READ_ONLY;
    }
    if (size > NODE_FILE_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    if (size > node->size && !tail_clear(memory, node)) {
        return ERR_NO_SPACE;
    }
    if (size < node->size) {
        file_pages_drop(memory, &node->file, (size + NODE_PAGE_BYTES - 1) / NODE_PAGE_BYTES);
    }
    node->size = size;
    node_changed(memory, node);
    return OK;
}

status_t node_borrow(const struct node_memory *memory, struct node *node, const uint8_t *data,
                     size_t len)
{
    for (size_t done = 0; done < len; done += NODE_PAGE_BYTES) {
        uint8_t **slot = file_slot(memory, &node->file, done / NODE_PAGE_BYTES);
        if (slot == NULL) {
            // size is still 0: the pages set so far are not seen, and dropped with the node
            return ERR_NO_SPACE;
        }
        *slot = (uint8_t *)(uintptr_t)(data + done);
    }
    node->size = len;
    return OK;
}
