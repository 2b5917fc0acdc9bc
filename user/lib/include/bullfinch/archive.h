// SPDX-License-Identifier: MIT
// Reading the boot archive (POSIX ustar) in memory, checking every header. Pure: nothing is copied,
// results point into the archive.
#ifndef BULLFINCH_ARCHIVE_H
#define BULLFINCH_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct archive {
    const uint8_t *data;
    size_t bytes;
    size_t at; // offset of the next header; start with 0
};

enum archive_type { ARCHIVE_FILE, ARCHIVE_DIRECTORY, ARCHIVE_SYMLINK };

struct archive_entry {
    char path[257]; // prefix and name joined
    enum archive_type type;
    const uint8_t *data; // files
    size_t bytes;
    char target[101]; // symbolic links
};

// Moves to the next entry: 1 and *entry, 0 at the end, -1 and *why (a static text) if the archive
// is damaged at a->at. Entries of other types (devices, ...) are an error.
int archive_next(struct archive *a, struct archive_entry *entry, const char **why);
// Finds an entry by its whole path, starting from the front whatever a->at says: as archive_next, 0
// = not there.
int archive_find(const struct archive *a, const char *path, struct archive_entry *entry,
                 const char **why);

#endif
