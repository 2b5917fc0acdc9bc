// SPDX-License-Identifier: MIT
// Starting a program: the ELF loader (static ELF64 executables) and everything around it, in user
// space.
#ifndef BULLFINCH_SPAWN_H
#define BULLFINCH_SPAWN_H

#include "abi/bootimage.h"
#include <stddef.h>

struct spawn_handle {
    const char *name; // under which startup_handle finds it
    handle_t handle;  // derived into the child; the caller keeps its own
    rights_t rights;  // subset, or RIGHTS_SAME
};

struct spawn_request {
    const char *name;  // of the process, for ps and messages
    handle_t job;      // MANAGE
    const void *image; // the ELF file in memory
    size_t image_bytes;
    const char *const *args; // args[0] = program name by custom; NULL-terminated
    const char *const *env;  // NULL-terminated, or NULL
    const struct spawn_handle *handles;
    unsigned handle_count;
    size_t stack_bytes; // 0 = 256 KiB
};

struct spawn_result {
    handle_t process; // caller owns
    handle_t thread;
};

// Starts the program. On failure nothing is left behind and *why (may be NULL) points at a static
// text naming what is wrong with the image or which step failed.
status_t spawn(const struct spawn_request *request, struct spawn_result *result, const char **why);

#endif
