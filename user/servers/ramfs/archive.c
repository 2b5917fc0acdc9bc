// SPDX-License-Identifier: MIT
// Reads the ustar boot image. Every length is checked against the archive before it is used.
#include "archive.h"

#include <string.h>

#define BLOCK_BYTES 512u

// POSIX.1-1988, section 10.1.1.
struct ustar_header {
    char name[100];
    char mode[8], uid[8], gid[8];
    char size[12], mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user[32], group[32];
    char device_major[8], device_minor[8];
    char prefix[155];
    char padding[12];
};
static_assert(sizeof(struct ustar_header) == BLOCK_BYTES, "format");

static bool octal_parse(const char *field, size_t bytes, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    while (i < bytes && field[i] == ' ') {
        i++;
    }
    size_t first = i;
    for (; i < bytes && field[i] >= '0' && field[i] <= '7'; i++) {
        *value = *value * 8 + (uint64_t)(field[i] - '0');
    }
    return i > first && (i == bytes || field[i] == 0 || field[i] == ' ');
}

// The sum of all bytes, those of the checksum field itself counted as spaces.
static bool checksum_ok(const struct ustar_header *header)
{
    const uint8_t *bytes = (const uint8_t *)header;
    const size_t field = offsetof(struct ustar_header, checksum);
    uint64_t sum = 0;
    uint64_t want;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        sum += i >= field && i < field + sizeof(header->checksum) ? (uint8_t)' ' : bytes[i];
    }
    return octal_parse(header->checksum, sizeof(header->checksum), &want) && want == sum;
}

static size_t text_bytes(const char *field, size_t max)
{
    const char *end = memchr(field, 0, max);
    return end != NULL ? (size_t)(end - field) : max;
}

// prefix "/" name, in 255 + 1 bytes at most: always fits.
static size_t header_name(const struct ustar_header *header, char name[FS_NAME_MAX + 2])
{
    size_t prefix = text_bytes(header->prefix, sizeof(header->prefix));
    size_t bytes = text_bytes(header->name, sizeof(header->name));
    memcpy(name, header->prefix, prefix);
    if (prefix > 0) {
        name[prefix++] = '/';
    }
    memcpy(name + prefix, header->name, bytes);
    name[prefix + bytes] = 0;
    return prefix + bytes;
}

// Makes the directories that lead to the last name of the path.
static status_t parents_make(struct tree *tree, const char *name, size_t bytes)
{
    for (size_t i = 1; i < bytes; i++) {
        if (name[i] == '/' && i + 1 < bytes) {
            status_t status = tree_mkdir(tree, (struct tree_at){tree->root, name, i});
            if (status != OK && status != ERR_EXISTS) {
                return status;
            }
        }
    }
    return OK;
}

static status_t file_make(struct tree *tree, struct tree_at at, const uint8_t *data, size_t size)
{
    struct node *node;
    status_t status =
        tree_open(tree, at, FS_FLAG_WRITE | FS_FLAG_CREATE | FS_FLAG_EXCLUSIVE, &node);
    if (status != OK) {
        return status;
    }
    status = node_borrow(&tree->memory, node, data, size);
    node_put(&tree->memory, node);
    return status;
}

static status_t entry_make(struct tree *tree, const struct ustar_header *header, const char *name,
                           size_t bytes, size_t size)
{
    struct tree_at at = {tree->root, name, bytes};
    status_t status = parents_make(tree, name, bytes);
    if (status != OK) {
        return status;
    }
    switch (header->type) {
    case '0':
    case 0: return file_make(tree, at, (const uint8_t *)header + BLOCK_BYTES, size);
    case '2':
        return tree_symlink(tree, header->link, text_bytes(header->link, sizeof(header->link)), at);
    case '5': status = tree_mkdir(tree, at); return status == ERR_EXISTS ? OK : status;
    default: return ERR_NOT_SUPPORTED;
    }
}

static status_t where_set(char where[FS_NAME_MAX + 1], const char *text, status_t status)
{
    strncpy(where, text, FS_NAME_MAX);
    where[FS_NAME_MAX] = 0;
    return status;
}

status_t archive_load(struct tree *tree, char where[FS_NAME_MAX + 1])
{
    const uint8_t *image = tree->memory.image;
    size_t left = tree->memory.image_bytes;
    while (left >= BLOCK_BYTES && image[0] != 0) { // a block of zeros ends the archive
        const struct ustar_header *header = (const struct ustar_header *)image;
        char name[FS_NAME_MAX + 2];
        uint64_t size;
        if (memcmp(header->magic, "ustar", 5) != 0 || !checksum_ok(header)) {
            return where_set(where, "a header that is not ustar or has a wrong checksum",
                             ERR_CORRUPT);
        }
        size_t bytes = header_name(header, name);
        if (!octal_parse(header->size, sizeof(header->size), &size) || size > left - BLOCK_BYTES) {
            return where_set(where, name, ERR_CORRUPT);
        }
        status_t status = entry_make(tree, header, name, bytes, (size_t)size);
        if (status != OK) {
            return where_set(where, name, status);
        }
        size_t whole = BLOCK_BYTES + (size_t)((size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES);
        image += whole < left ? whole : left;
        left -= whole < left ? whole : left;
    }
    return tree->memory.image_bytes == 0 ? where_set(where, "an empty image", ERR_CORRUPT) : OK;
}
