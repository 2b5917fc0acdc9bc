// SPDX-License-Identifier: MIT
// The calls that change what a directory holds: make, remove, rename, link, and the times of a
// path.
#include "internal.h"

#include <string.h>

uint16_t wasi_path_create_directory(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    uint16_t error = path_at(w, fd, RIGHT_PATH_CREATE_DIRECTORY, path, len, &dir, &p);
    return error != WASI_SUCCESS ? error : wasi_from_status(fs_mkdir(dir->node, p.text));
}

uint16_t wasi_path_remove_directory(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    uint16_t error = path_at(w, fd, RIGHT_PATH_REMOVE_DIRECTORY, path, len, &dir, &p);
    return error != WASI_SUCCESS ? error : wasi_from_status(fs_rmdir(dir->node, p.text));
}

uint16_t wasi_path_unlink_file(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    uint16_t error = path_at(w, fd, RIGHT_PATH_UNLINK_FILE, path, len, &dir, &p);
    return error != WASI_SUCCESS ? error : wasi_from_status(fs_unlink(dir->node, p.text));
}

uint16_t wasi_path_rename(struct wasi *w, uint32_t old_fd, uint32_t old_path, uint32_t old_len,
                          uint32_t new_fd, uint32_t new_path, uint32_t new_len)
{
    struct wasi_fd *from;
    struct wasi_fd *to;
    struct wasi_path p;
    struct wasi_path q;
    uint16_t error = path_at(w, old_fd, RIGHT_PATH_RENAME_SOURCE, old_path, old_len, &from, &p);
    if (error == WASI_SUCCESS) {
        error = path_at(w, new_fd, RIGHT_PATH_RENAME_TARGET, new_path, new_len, &to, &q);
    }
    if (error != WASI_SUCCESS) {
        return error;
    }
    return wasi_from_status(fs_rename(from->node, p.text, to->node, q.text));
}

uint16_t wasi_path_link(struct wasi *w, uint32_t old_fd, uint32_t lookup, uint32_t old_path,
                        uint32_t old_len, uint32_t new_fd, uint32_t new_path, uint32_t new_len)
{
    struct wasi_fd *from;
    struct wasi_fd *to;
    struct wasi_path p;
    struct wasi_path q;
    uint16_t error = path_at(w, old_fd, RIGHT_PATH_LINK_SOURCE, old_path, old_len, &from, &p);
    if (error == WASI_SUCCESS) {
        error = path_at(w, new_fd, RIGHT_PATH_LINK_TARGET, new_path, new_len, &to, &q);
    }
    if (error != WASI_SUCCESS) {
        return error;
    }
    uint32_t flags = (lookup & WASI_LOOKUP_FOLLOW) != 0 ? 0 : FS_FLAG_NOFOLLOW;
    return wasi_from_status(fs_link(from->node, p.text, flags, to->node, q.text));
}

// The target is text that is followed later, from where the link then stands; the server keeps that
// inside the handle. An absolute one would mean another place to every reader, so it is refused.
uint16_t wasi_path_symlink(struct wasi *w, uint32_t target, uint32_t target_len, uint32_t fd,
                           uint32_t path, uint32_t len)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    char text[FS_PATH_MAX + 1];
    uint16_t error = path_at(w, fd, RIGHT_PATH_SYMLINK, path, len, &dir, &p);
    const uint8_t *at = guest_span(w, target, target_len);
    if (error != WASI_SUCCESS || at == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    if (target_len == 0) {
        return WASI_NOENT;
    }
    if (target_len > FS_PATH_MAX) {
        return WASI_NAMETOOLONG;
    }
    if (memchr(at, 0, target_len) != NULL) {
        return WASI_INVAL;
    }
    if (at[0] == '/') {
        return WASI_NOTCAPABLE;
    }
    memcpy(text, at, target_len);
    text[target_len] = '\0';
    return wasi_from_status(fs_symlink(dir->node, text, p.text));
}

uint16_t wasi_path_filestat_set_times(struct wasi *w, uint32_t fd, uint32_t lookup, uint32_t path,
                                      uint32_t len, uint64_t atim, uint64_t mtim, uint32_t flags)
{
    struct wasi_fd *dir;
    struct wasi_path p;
    uint32_t mask;
    uint16_t error = path_at(w, fd, RIGHT_PATH_FILESTAT_SET_TIMES, path, len, &dir, &p);
    if (error == WASI_SUCCESS) {
        error = times_mask(flags, &mask);
    }
    if (error != WASI_SUCCESS) {
        return error;
    }
    uint32_t fs_flags = (lookup & WASI_LOOKUP_FOLLOW) != 0 ? 0 : FS_FLAG_NOFOLLOW;
    return wasi_from_status(fs_set_times(dir->node, p.text, fs_flags, atim, mtim, mask));
}
