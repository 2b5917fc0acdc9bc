// SPDX-License-Identifier: MIT
// Paths as texts: see path.h.
#include "path.h"

#include <string.h>

static void last_remove(const char *out, size_t *used)
{
    bool slash = *used == 0;
    while (!slash) {
        *used -= 1;
        slash = out[*used] == '/';
    }
}

// Adds the components of `path` to `out`, which holds `*used` bytes of an absolute path ("" is the
// root).
static bool components_add(const char *path, char out[PATH_BYTES], size_t *used)
{
    while (*path != 0) {
        size_t bytes = strcspn(path, "/");
        if (bytes == 2 && path[0] == '.' && path[1] == '.') {
            last_remove(out, used);
        } else if (bytes > 0 && !(bytes == 1 && path[0] == '.')) {
            if (*used + 1 + bytes > FS_PATH_MAX) {
                return false;
            }
            out[(*used)++] = '/';
            memcpy(out + *used, path, bytes);
            *used += bytes;
        }
        path += bytes + (path[bytes] == '/');
    }
    return true;
}

bool path_resolve(const char *cwd, const char *path, char out[PATH_BYTES])
{
    size_t used = 0;
    if (path[0] != '/' && !components_add(cwd, out, &used)) {
        return false;
    }
    if (!components_add(path, out, &used)) {
        return false;
    }
    if (used == 0) {
        out[used++] = '/';
    }
    out[used] = 0;
    return true;
}

const char *path_last(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}
