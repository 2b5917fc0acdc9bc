// SPDX-License-Identifier: MIT
// The shell's commands that look at files: ls, cat, pwd, cd.
#include "shell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 80u

// --- ls -----------------------------------------------------------------------------------------

struct listed {
    char *name;
    uint32_t type;
};

struct listing {
    struct listed *entries;
    size_t count, room;
};

static void listing_free(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->entries[i].name);
    }
    free(listing->entries);
}

static bool listing_add(struct listing *listing, const char *name, size_t bytes, uint32_t type)
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

static status_t listing_read(handle_t directory, struct listing *listing)
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
static void names_print(const struct listing *listing)
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

static void details_print(handle_t directory, const char *name)
{
    struct fs_stat stat;
    char target[FS_PATH_MAX + 1];
    size_t bytes = 0;
    status_t status = fs_stat(directory, name, FS_FLAG_NOFOLLOW, &stat);
    if (status != OK) {
        (void)error_say("ls", name, status);
        return;
    }
    printf("%c %10" PRIu64 " %8" PRIu64 ".%03u s  %s",
           stat.type == FS_TYPE_DIRECTORY ? 'd'
           : stat.type == FS_TYPE_SYMLINK ? 'l'
                                          : '-',
           stat.size, stat.mtime_ns / 1000000000u, (unsigned)(stat.mtime_ns / 1000000u % 1000u),
           name);
    if (stat.type == FS_TYPE_SYMLINK &&
        fs_readlink(directory, name, target, FS_PATH_MAX, &bytes) == OK) {
        printf(" -> %.*s", (int)bytes, target);
    }
    printf("\n");
}

static int directory_list(const char *path, bool details)
{
    struct listing listing = {0};
    handle_t directory;
    status_t status = fs_open(shell.fs, path, FS_FLAG_READ, &directory, NULL);
    if (status != OK) {
        return error_say("ls", path, status);
    }
    status = listing_read(directory, &listing);
    if (!details) {
        names_print(&listing);
    }
    for (size_t i = 0; details && i < listing.count; i++) {
        details_print(directory, listing.entries[i].name);
    }
    listing_free(&listing);
    (void)fs_close(directory);
    return status == OK ? 0 : error_say("ls", path, status);
}

static int one_list(const char *argument, bool details)
{
    char path[PATH_BYTES];
    struct fs_stat stat;
    if (!argument_path("ls", argument, path)) {
        return 1;
    }
    status_t status = fs_stat(shell.fs, path, 0, &stat);
    if (status != OK) {
        return error_say("ls", argument, status);
    }
    if (stat.type == FS_TYPE_DIRECTORY) {
        return directory_list(path, details);
    }
    if (details) {
        details_print(shell.fs, path);
    } else {
        printf("%s\n", argument);
    }
    return 0;
}

int command_ls(char **args, unsigned count)
{
    bool details = count > 1 && strcmp(args[1], "-l") == 0;
    unsigned first = details ? 2 : 1;
    int code = 0;
    if (first == count) {
        return one_list(".", details);
    }
    for (unsigned i = first; i < count; i++) {
        if (count - first > 1) {
            printf("%s:\n", args[i]);
        }
        code |= one_list(args[i], details);
    }
    return code;
}

// --- cat ----------------------------------------------------------------------------------------

static int file_print(const char *path)
{
    static char data[FS_DATA_MAX];
    handle_t file;
    uint64_t offset = 0;
    size_t bytes = 0;
    status_t status = fs_open(shell.fs, path, FS_FLAG_READ, &file, NULL);
    if (status != OK) {
        return error_say("cat", path, status);
    }
    do {
        status = fs_read(file, offset, data, sizeof(data), &bytes);
        if (status == OK) {
            (void)fwrite(data, 1, bytes, stdout);
            offset += bytes;
        }
    } while (status == OK && bytes > 0);
    (void)fs_close(file);
    return status == OK ? 0 : error_say("cat", path, status);
}

int command_cat(char **args, unsigned count)
{
    int code = 0;
    if (count == 1) {
        return shell.input != NULL ? file_print(shell.input) : usage_say("cat");
    }
    for (unsigned i = 1; i < count; i++) {
        char path[PATH_BYTES];
        code |= argument_path("cat", args[i], path) ? file_print(path) : 1;
    }
    return code;
}

// --- the working directory ----------------------------------------------------------------------

int command_pwd(char **args, unsigned count)
{
    (void)args;
    (void)count;
    printf("%s\n", shell.cwd);
    return 0;
}

int command_cd(char **args, unsigned count)
{
    char path[PATH_BYTES];
    struct fs_stat stat;
    const char *to = count > 1 ? args[1] : "/home";
    if (count > 2) {
        return usage_say("cd");
    }
    if (!argument_path("cd", to, path)) {
        return 1;
    }
    status_t status = fs_stat(shell.fs, path, 0, &stat);
    if (status == OK && stat.type != FS_TYPE_DIRECTORY) {
        status = ERR_NOT_DIR;
    }
    if (status != OK) {
        return error_say("cd", to, status);
    }
    memcpy(shell.cwd, path, sizeof(path));
    return 0;
}
