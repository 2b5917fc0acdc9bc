// SPDX-License-Identifier: MIT
// Paths, and the calls that look at or open what a path names. The file server resolves below the
// directory handle whatever it is given and follows no symbolic link out of it; so that a program
// also learns of an attempt, absolute paths and ".." past the start are refused here first.
#include "internal.h"

#include <string.h>

// Length of the UTF-8 sequence at s, 0 if it is none. Source: Unicode Standard, table 3-7.
static size_t utf8_sequence(const uint8_t *s, size_t left)
{
    if (s[0] < 0x80) {
        return 1;
    }
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < len) {
        return 0;
    }
    uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf) {
            return 0;
        }
    }
    return len;
}

static bool utf8_valid(const uint8_t *s, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t step = s[at] == 0 ? 0 : utf8_sequence(s + at, len - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

// Whether ".." components outnumber the others at any point.
static bool path_escapes(const char *path)
{
    int depth = 0;
    while (*path != '\0') {
        size_t len = strcspn(path, "/");
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            depth--;
        } else if (len > 0 && !(len == 1 && path[0] == '.')) {
            depth++;
        }
        if (depth < 0) {
            return true;
        }
        path += len;
        path += strspn(path, "/");
    }
    return false;
}

static uint16_t path_copy(struct wasi *w, uint32_t ptr, uint32_t len, struct wasi_path *path)
{
    const uint8_t *text = guest_span(w, ptr, len);
    if (text == NULL) {
        return WASI_FAULT;
    }
    if (len == 0) {
        return WASI_NOENT;
    }
    if (len > FS_PATH_MAX) {
        return WASI_NAMETOOLONG;
    }
    if (!utf8_valid(text, len)) {
        return WASI_INVAL;
    }
    memcpy(path->text, text, len);
    path->text[len] = '\0';
    return WASI_SUCCESS;
}

uint16_t path_get(struct wasi *w, uint32_t ptr, uint32_t len, struct wasi_path *path)
{
    uint16_t error = path_copy(w, ptr, len, path);
    if (error != WASI_SUCCESS) {
        return error;
    }
    return path->text[0] == '/' || path_escapes(path->text) ? WASI_NOTCAPABLE : WASI_SUCCESS;
}

uint16_t path_at(struct wasi *w, uint32_t fd, uint64_t rights, uint32_t ptr, uint32_t len,
                 struct wasi_fd **dir, struct wasi_path *path)
{
    uint16_t error = fd_get(w, fd, 0, dir);
    if (error == WASI_SUCCESS && (*dir)->filetype != WASI_FILETYPE_DIRECTORY) {
        return WASI_NOTDIR;
    }
    if (error == WASI_SUCCESS) {
        error = fd_get(w, fd, rights, dir);
    }
    return error != WASI_SUCCESS ? error : path_get(w, ptr, len, path);
}

static uint32_t nofollow(uint32_t lookup)
{
    return (lookup & WASI_LOOKUP_FOLLOW) != 0 ? 0 : FS_FLAG_NOFOLLOW;
}

struct open_request {
    uint32_t lookup;
    uint32_t oflags;
    uint32_t fd_flags;
    uint64_t base;
    uint64_t inheriting;
};

// Rights that the directory must have for this way of opening.
static uint64_t open_needs(const struct open_request *r)
{
    uint64_t rights = RIGHT_PATH_OPEN;
    rights |= (r->oflags & WASI_O_CREAT) != 0 ? RIGHT_PATH_CREATE_FILE : 0;
    rights |= (r->oflags & WASI_O_TRUNC) != 0 ? RIGHT_PATH_FILESTAT_SET_SIZE : 0;
    return rights;
}

static uint32_t open_flags(const struct open_request *r)
{
    static const uint32_t of_oflag[][2] = {{WASI_O_CREAT, FS_FLAG_CREATE},
                                           {WASI_O_DIRECTORY, FS_FLAG_DIRECTORY},
                                           {WASI_O_EXCL, FS_FLAG_EXCLUSIVE},
                                           {WASI_O_TRUNC, FS_FLAG_TRUNCATE | FS_FLAG_WRITE}};
    bool directory = (r->oflags & WASI_O_DIRECTORY) != 0;
    uint64_t writes = directory ? WASI_RIGHTS_DIR_WRITE : WASI_RIGHTS_FILE_WRITE;
    uint32_t flags = nofollow(r->lookup);
    for (unsigned i = 0; i < 4; i++) {
        flags |= (r->oflags & of_oflag[i][0]) != 0 ? of_oflag[i][1] : 0;
    }
    // Times can be set without opening for writing, but not without a handle that may write.
    flags |= (r->base & writes & ~RIGHT_FD_FILESTAT_SET_TIMES) != 0 ? FS_FLAG_WRITE : 0;
    if ((r->base & (RIGHT_FD_READ | RIGHT_FD_READDIR)) != 0 || (flags & FS_FLAG_WRITE) == 0) {
        flags |= FS_FLAG_READ;
    }
    return flags;
}

// A path opened like a file turns out to be a directory, and the program wants to change things in
// it (open without O_DIRECTORY, then openat): opens it once more, as what it is.
static status_t reopen_directory(handle_t dir, const char *path, const struct open_request *r,
                                 handle_t *node, struct fs_stat *stat)
{
    struct open_request again = *r;
    again.oflags = WASI_O_DIRECTORY;
    uint32_t flags = open_flags(&again);
    if ((flags & FS_FLAG_WRITE) == 0) {
        return OK;
    }
    handle_t second;
    status_t status = fs_open(dir, path, flags, &second, stat);
    if (status == OK) {
        (void)fs_close(*node);
        *node = second;
    }
    return status;
}

// What the new descriptor may do: what was asked for, as far as this kind of node knows it and the
// handle backs it. Only a directory passes anything on.
static void entry_fill(struct wasi_fd *entry, const struct open_request *r, handle_t node,
                       const struct fs_stat *stat)
{
    uint64_t kind = stat->type == FS_TYPE_FILE ? WASI_RIGHTS_FILE : WASI_RIGHTS_STREAM;
    bool directory = stat->type == FS_TYPE_DIRECTORY;
    kind = directory ? WASI_RIGHTS_DIRECTORY : kind;
    uint64_t backed = WASI_RIGHTS_ALL;
    if ((stat->flags & FS_FLAG_WRITE) == 0) {
        backed &= ~WASI_RIGHTS_WRITE;
    }
    *entry = (struct wasi_fd){.node = node,
                              .filetype = filetype_of(stat->type),
                              .flags = (uint16_t)r->fd_flags,
                              .base = r->base & kind & backed,
                              .inheriting = directory ? r->inheriting & backed : 0};
}

static uint16_t open_into(struct wasi *w, struct wasi_fd *dir, const char *path,
                          const struct open_request *r, uint32_t out)
{
    struct fs_stat stat;
    handle_t node;
    handle_t dir_node = dir->node;
    uint32_t fd;
    uint16_t error = fd_reserve(w, 0, &fd); // may move the table: dir is not used after it
    if (error != WASI_SUCCESS) {
        return error;
    }
    status_t status = fs_open(dir_node, path, open_flags(r), &node, &stat);
    if (status != OK) {
        return wasi_from_status(status);
    }
    if (stat.type == FS_TYPE_DIRECTORY && (r->oflags & WASI_O_DIRECTORY) == 0) {
        if ((r->base & RIGHT_FD_WRITE) != 0) { // what open(2) says of writing to a directory
            (void)fs_close(node);
            return WASI_ISDIR;
        }
        // Failing here leaves a directory that can be read, which is what was opened.
        (void)reopen_directory(dir_node, path, r, &node, &stat);
    }
    entry_fill(&w->fds[fd], r, node, &stat);
    return guest_put_u32(w, out, fd);
}

uint16_t wasi_path_open(struct wasi *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len,
                        uint32_t oflags, uint64_t base, uint64_t inheriting, uint32_t fd_flags,
                        uint32_t out)
{
    // Rights without a meaning here (sockets, undefined bits) are dropped, not refused.
    struct open_request r = {lookup, oflags, fd_flags, base & WASI_RIGHTS_ALL,
                             inheriting & WASI_RIGHTS_ALL};
    struct wasi_fd *dir;
    struct wasi_path p;
    uint16_t error = path_at(w, fd, open_needs(&r), path, len, &dir, &p);
    if (error != WASI_SUCCESS) {
        return error;
    }
    if (((r.base | r.inheriting) & ~dir->inheriting) != 0) {
        return WASI_NOTCAPABLE;
    }
    const uint32_t create_directory = WASI_O_CREAT | WASI_O_DIRECTORY;
    if ((oflags & ~WASI_O_ALL) != 0 || (fd_flags & ~WASI_FDFLAG_ALL) != 0 ||
        (oflags & create_directory) == create_directory) {
        return WASI_INVAL;
    }
    if (guest_span(w, out, 4) == NULL) {
        return WASI_FAULT;
    }
    return open_into(w, dir, p.text, &r, out);
}

uint16_t wasi_path_filestat_get(struct wasi *w, uint32_t fd, uint32_t lookup, uint32_t path,
                                uint32_t len, uint32_t out)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    struct fs_stat stat;
    uint16_t error = path_at(w, fd, RIGHT_PATH_FILESTAT_GET, path, len, &dir, &p);
    uint8_t *at = guest_span(w, out, WASI_FILESTAT_BYTES);
    if (error != WASI_SUCCESS || at == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    status_t status = fs_stat(dir->node, p.text, nofollow(lookup), &stat);
    if (status == OK) {
        filestat_put(at, &stat);
    }
    return wasi_from_status(status);
}

uint16_t wasi_path_readlink(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len, uint32_t buf,
                            uint32_t buf_len, uint32_t used)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    uint16_t error = path_at(w, fd, RIGHT_PATH_READLINK, path, len, &dir, &p);
    uint8_t *at = guest_span(w, buf, buf_len);
    if (error != WASI_SUCCESS || at == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    size_t bytes = 0;
    status_t status = fs_readlink(dir->node, p.text, (char *)w->scratch, sizeof w->scratch, &bytes);
    if (status != OK) {
        return wasi_from_status(status);
    }
    // Cut off where the buffer ends, as readlink(2) does.
    uint32_t part = bytes < buf_len ? (uint32_t)bytes : buf_len;
    memcpy(at, w->scratch, part);
    return guest_put_u32(w, used, part);
}
