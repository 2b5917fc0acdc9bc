// SPDX-License-Identifier: MIT
// Reading and printing a directory: see listing.h.
#include "listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 80u

void listing_free(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->entries[i].name);
    }
    free(listing->entries);
}

bool listing_add(struct listing *listing, const char *name, size_t bytes, uint32_t type)
{
    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 32 : listing->room * 2;
        struct listed *entries = realloc(listing->entries, room * sizeof(*entries));
        if (entries == NULL) {
            return false;
        }
        listing->entries = entries;
        listing->room = room;
    }
    char *copy = malloc(bytes + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, name, bytes);
    copy[bytes] = 0;
    listing->entries[listing->count++] = (struct listed){copy, type};
    return true;
}

static int listed_compare(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

// Adds the records of one reply; *cookie goes behind the last.
static status_t records_add(struct listing *listing, const uint8_t *data, size_t bytes,
                            uint64_t *cookie)
{
    size_t at = 0;
    while (bytes - at >= sizeof(struct fs_dirent)) {
        struct fs_dirent record;
        memcpy(&record, data + at, sizeof(record));
        if (record.name_len > bytes - at - sizeof(record)) {
            return ERR_CORRUPT;
        }
        if (!listing_add(listing, (const char *)data + at + sizeof(record), record.name_len,
                         record.type)) {
            return ERR_NO_MEMORY;
        }
        *cookie = record.cookie;
        size_t padded = (sizeof(record) + record.name_len + 7) & ~(size_t)7;
        at += padded < bytes - at ? padded : bytes - at;
    }
    return OK;
}

status_t listing_read(handle_t directory, struct listing *listing)
{
    static uint8_t data[FS_DATA_MAX];
    uint64_t cookie = 0;
    for (;;) {
        size_t bytes = 0;
        status_t status = fs_readdir(directory, cookie, data, sizeof(data), &bytes);
        if (status == OK && bytes > 0) {
            status = records_add(listing, data, bytes, &cookie);
        }
        if (status != OK || bytes == 0) {
            qsort(listing->entries, listing->count, sizeof(listing->entries[0]), listed_compare);
            return status;
        }
    }
}

static char type_mark(uint32_t type)
{
    if (type == FS_TYPE_DIRECTORY) {
        return '/';
    }
    return type == FS_TYPE_SYMLINK ? '@' : ' ';
}

// Names side by side, as many as fit.
void listing_print(const struct listing *listing)
{
    size_t widest = 0;
    for (size_t i = 0; i < listing->count; i++) {
        size_t bytes = strlen(listing->entries[i].name);
        widest = bytes > widest ? bytes : widest;
    }
    size_t width = widest + 3;
    size_t per_line = width < COLUMNS ? COLUMNS / width : 1;
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed *entry = &listing->entries[i];
        bool last = i + 1 == listing->count || (i + 1) % per_line == 0;
        printf("%s%c", entry->name,
               last && type_mark(entry->type) == ' ' ? '\n' : type_mark(entry->type));
        if (last && type_mark(entry->type) != ' ') {
            printf("\n");
        }
        for (size_t pad = strlen(entry->name) + 1; !last && pad < width; pad++) {
            printf(" ");
        }
    }
}
