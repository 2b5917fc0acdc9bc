// SPDX-License-Identifier: MIT
// The descriptor table: what a program holds, with which rights. Entries come from the process's
// start-up handles (wasi_give_*) and from path_open; they go with fd_close and fd_renumber.
#include "internal.h"

#include <stdlib.h>
#include <string.h>

void wasi_init(struct wasi *w, const char *const *args, uint32_t arg_count, const char *const *env,
               uint32_t env_count)
{
    memset(w, 0, sizeof *w);
    w->args = args;
    w->arg_count = arg_count;
    w->env = env;
    w->env_count = env_count;
}

void wasi_fini(struct wasi *w)
{
    for (uint32_t fd = 0; fd < w->fd_count; fd++) {
        if (w->fds[fd].node != HANDLE_NONE) {
            (void)fs_close(w->fds[fd].node);
        }
    }
    free(w->fds);
    w->fds = NULL;
    w->fd_count = 0;
}

uint16_t fd_get(struct wasi *w, uint32_t fd, uint64_t rights, struct wasi_fd **entry)
{
    if (fd >= w->fd_count || w->fds[fd].node == HANDLE_NONE) {
        return WASI_BADF;
    }
    if ((w->fds[fd].base & rights) != rights) {
        return WASI_NOTCAPABLE;
    }
    *entry = &w->fds[fd];
    return WASI_SUCCESS;
}

static uint16_t table_grow(struct wasi *w, uint32_t count)
{
    struct wasi_fd *fds = realloc(w->fds, count * sizeof *fds);
    if (fds == NULL) {
        return WASI_NOMEM;
    }
    memset(fds + w->fd_count, 0, (count - w->fd_count) * sizeof *fds);
    w->fds = fds;
    w->fd_count = count;
    return WASI_SUCCESS;
}

uint16_t fd_reserve(struct wasi *w, uint32_t from, uint32_t *fd)
{
    uint32_t i = from;
    while (i < w->fd_count && w->fds[i].node != HANDLE_NONE) {
        i++;
    }
    if (i >= WASI_FDS_MAX) {
        return WASI_MFILE;
    }
    if (i >= w->fd_count) {
        uint32_t count = i < 8 ? 8 : i * 2;
        uint16_t error = table_grow(w, count < WASI_FDS_MAX ? count : WASI_FDS_MAX);
        if (error != WASI_SUCCESS) {
            return error;
        }
    }
    *fd = i;
    return WASI_SUCCESS;
}

uint8_t filetype_of(uint32_t fs_type)
{
    switch (fs_type) {
    case FS_TYPE_FILE: return WASI_FILETYPE_REGULAR_FILE;
    case FS_TYPE_DIRECTORY: return WASI_FILETYPE_DIRECTORY;
    case FS_TYPE_SYMLINK: return WASI_FILETYPE_SYMBOLIC_LINK;
    case FS_TYPE_STREAM: return WASI_FILETYPE_CHARACTER_DEVICE;
    default: return WASI_FILETYPE_UNKNOWN;
    }
}

// Rights that a node of this type and these FS_FLAG_READ|WRITE flags can back.
static uint64_t rights_of(const struct fs_stat *stat)
{
    uint64_t rights = stat->type == FS_TYPE_FILE ? WASI_RIGHTS_FILE : WASI_RIGHTS_STREAM;
    if (stat->type == FS_TYPE_DIRECTORY) {
        rights = WASI_RIGHTS_DIRECTORY;
    }
    if ((stat->flags & FS_FLAG_WRITE) == 0) {
        rights &= ~WASI_RIGHTS_WRITE;
    }
    if ((stat->flags & FS_FLAG_READ) == 0) {
        rights &= ~WASI_RIGHTS_FILE_READ;
    }
    return rights;
}

static status_t table_give(struct wasi *w, uint32_t from, handle_t node, const char *preopen)
{
    struct fs_stat stat;
    status_t status = fs_stat(node, "", 0, &stat);
    if (status != OK) {
        return status;
    }
    if (preopen != NULL && stat.type != FS_TYPE_DIRECTORY) {
        return ERR_NOT_DIR;
    }
    uint32_t fd;
    if (fd_reserve(w, from, &fd) != WASI_SUCCESS) {
        return ERR_NO_MEMORY;
    }
    uint64_t inheriting = WASI_RIGHTS_ALL;
    if ((stat.flags & FS_FLAG_WRITE) == 0) {
        inheriting &= ~WASI_RIGHTS_WRITE;
    }
    w->fds[fd] = (struct wasi_fd){.node = node,
                                  .filetype = filetype_of(stat.type),
                                  .base = rights_of(&stat),
                                  .inheriting = preopen != NULL ? inheriting : 0,
                                  .preopen = preopen};
    return OK;
}

status_t wasi_give_stream(struct wasi *w, uint32_t fd, handle_t node)
{
    if (fd < w->fd_count && w->fds[fd].node != HANDLE_NONE) {
        return ERR_EXISTS;
    }
    return table_give(w, fd, node, NULL);
}

status_t wasi_give_preopen(struct wasi *w, handle_t node, const char *path)
{
    return table_give(w, 3, node, path);
}

uint16_t wasi_fd_close(struct wasi *w, uint32_t fd)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    (void)fs_close(entry->node); // a dead server has closed it already
    memset(entry, 0, sizeof *entry);
    return WASI_SUCCESS;
}

uint16_t wasi_fd_renumber(struct wasi *w, uint32_t from, uint32_t to)
{
    struct wasi_fd *source;
    struct wasi_fd *target;
    uint16_t error = fd_get(w, from, 0, &source);
    if (error == WASI_SUCCESS) {
        error = fd_get(w, to, 0, &target);
    }
    if (error != WASI_SUCCESS || from == to) {
        return error;
    }
    (void)fs_close(target->node);
    *target = *source;
    memset(source, 0, sizeof *source);
    return WASI_SUCCESS;
}

uint16_t wasi_fd_fdstat_set_rights(struct wasi *w, uint32_t fd, uint64_t base, uint64_t inheriting)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    if ((base & ~entry->base) != 0 || (inheriting & ~entry->inheriting) != 0) {
        return WASI_NOTCAPABLE;
    }
    entry->base = base;
    entry->inheriting = inheriting;
    return WASI_SUCCESS;
}

uint16_t wasi_fd_prestat_get(struct wasi *w, uint32_t fd, uint32_t out)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS || entry->preopen == NULL) {
        return WASI_BADF;
    }
    uint8_t *at = guest_span(w, out, WASI_PRESTAT_BYTES);
    if (at == NULL) {
        return WASI_FAULT;
    }
    memset(at, 0, WASI_PRESTAT_BYTES);
    field_put_u32(at + 4, (uint32_t)strlen(entry->preopen));
    return WASI_SUCCESS;
}

uint16_t wasi_fd_prestat_dir_name(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS || entry->preopen == NULL) {
        return WASI_BADF;
    }
    size_t name_len = strlen(entry->preopen);
    if (len < name_len) {
        return WASI_NAMETOOLONG;
    }
    uint8_t *at = guest_span(w, path, name_len);
    if (at == NULL) {
        return WASI_FAULT;
    }
    memcpy(at, entry->preopen, name_len);
    return WASI_SUCCESS;
}
