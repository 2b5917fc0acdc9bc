// SPDX-License-Identifier: MIT
// Completion: see complete.h.
#include "complete.h"
#include "listing.h"
#include "shell.h"

#include <stdio.h>
#include <string.h>

// Adds the names of a directory that begin with the prefix.
static void directory_match(const char *path, const char *prefix, struct listing *matches)
{
    struct listing all = {0};
    handle_t directory;
    if (fs_open(shell.fs, path, FS_FLAG_READ, &directory, NULL) != OK) {
        return;
    }
    (void)listing_read(directory, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct listed *entry = &all.entries[i];
        if (strncmp(entry->name, prefix, strlen(prefix)) == 0) {
            (void)listing_add(matches, entry->name, strlen(entry->name), entry->type);
        }
    }
    listing_free(&all);
    (void)fs_close(directory);
}

static void commands_match(const char *prefix, const char *(*command_name)(size_t i),
                           struct listing *matches)
{
    const char *name;
    for (size_t i = 0; (name = command_name(i)) != NULL; i++) {
        if (strncmp(name, prefix, strlen(prefix)) == 0) {
            (void)listing_add(matches, name, strlen(name), FS_TYPE_FILE);
        }
    }
    directory_match("/apps", prefix, matches);
}

// How many bytes all names have in common.
static size_t common_bytes(const struct listing *matches)
{
    const char *first = matches->entries[0].name;
    size_t common = strlen(first);
    for (size_t i = 1; i < matches->count; i++) {
        size_t same = 0;
        while (same < common && matches->entries[i].name[same] == first[same]) {
            same++;
        }
        common = same;
    }
    return common;
}

static void matches_use(struct edit *edit, const struct listing *matches, size_t prefix_bytes)
{
    if (matches->count == 0) {
        return;
    }
    size_t common = common_bytes(matches);
    const struct listed *first = &matches->entries[0];
    edit_insert(edit, first->name + prefix_bytes, common - prefix_bytes);
    if (matches->count == 1) {
        edit_insert(edit, first->type == FS_TYPE_DIRECTORY ? "/" : " ", 1);
    } else if (common == prefix_bytes) {
        printf("\n");
        listing_print(matches);
        edit_redraw(edit);
    }
}

void complete(struct edit *edit, const char *(*command_name)(size_t i))
{
    char word[PATH_BYTES];
    char path[PATH_BYTES];
    struct listing matches = {0};
    size_t start = edit->cursor;
    while (start > 0 && strchr(" ;&<>", edit->text[start - 1]) == NULL) {
        start--;
    }
    (void)snprintf(word, sizeof(word), "%.*s", (int)(edit->cursor - start), edit->text + start);
    size_t before = start;
    while (before > 0 && edit->text[before - 1] == ' ') {
        before--;
    }
    bool first = before == 0 || strchr(";&", edit->text[before - 1]) != NULL;
    char *prefix = strrchr(word, '/');
    if (prefix != NULL) {
        // Its directory is what stands before the slash, and the root if nothing does.
        char after = *++prefix;
        *prefix = 0;
        bool fits = path_resolve(shell.cwd, word, path);
        *prefix = after;
        if (fits) {
            directory_match(path, prefix, &matches);
        }
    } else {
        prefix = word;
        directory_match(shell.cwd, prefix, &matches);
        if (first) {
            commands_match(prefix, command_name, &matches);
        }
    }
    matches_use(edit, &matches, strlen(prefix));
    listing_free(&matches);
}
