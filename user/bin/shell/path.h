// SPDX-License-Identifier: MIT
// The shell's working directory is a text; every path it sends to the file server begins at the
// server's root.
#ifndef SHELL_PATH_H
#define SHELL_PATH_H

#include <bullfinch/fs.h>

#define PATH_BYTES (FS_PATH_MAX + 1)

// Writes the absolute path that `path` means in `cwd`, without "." "..", double or final slashes.
// False: too long.
bool path_resolve(const char *cwd, const char *path, char out[PATH_BYTES]);
// The part behind the last slash.
const char *path_last(const char *path);

#endif
