// SPDX-License-Identifier: MIT
// A directory's names in memory, for ls and for completion. Begin with a zeroed struct listing, end
// with listing_free.
#ifndef SHELL_LISTING_H
#define SHELL_LISTING_H

#include <bullfinch/fs.h>

struct listed {
    char *name;
    uint32_t type;
};

struct listing {
    struct listed *entries;
    size_t count, room;
};

// False: no memory.
bool listing_add(struct listing *listing, const char *name, size_t bytes, uint32_t type);
// Adds what is in the directory and sorts everything.
status_t listing_read(handle_t directory, struct listing *listing);
// Prints the names side by side, as many as fit.
void listing_print(const struct listing *listing);
void listing_free(struct listing *listing);

#endif
