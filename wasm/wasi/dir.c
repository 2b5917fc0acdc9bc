// SPDX-License-Identifier: MIT
// fd_readdir: directory entries in WASI's form. Cookies: 0 is the start, 1 comes after "." and 2
// after
// "..", which the host makes itself; from there on a cookie is the server's own plus 2. The last
// entry is cut off where the program's buffer ends, which tells it to come again with a larger one.
#include "internal.h"

#include <string.h>

#define COOKIE_SERVER 2u

struct listing {
    uint8_t *buf;
    uint32_t len;
    uint32_t used;
};

static void listing_bytes(struct listing *l, const void *bytes, uint32_t len)
{
    uint32_t room = l->len - l->used;
    uint32_t part = len < room ? len : room;
    memcpy(l->buf + l->used, bytes, part);
    l->used += part;
}

static bool listing_full(const struct listing *l) { return l->used == l->len; }

static void listing_add(struct listing *l, uint64_t next, uint64_t id, uint32_t type,
                        const char *name, uint32_t name_len)
{
    uint8_t head[WASI_DIRENT_BYTES] = {0};
    field_put_u64(head, next);
    field_put_u64(head + 8, id);
    field_put_u32(head + 16, name_len);
    head[20] = filetype_of(type);
    listing_bytes(l, head, sizeof head);
    listing_bytes(l, name, name_len);
}

static bool is_dot(const struct fs_dirent *entry)
{
    return (entry->name_len == 1 && entry->name[0] == '.') ||
           (entry->name_len == 2 && entry->name[0] == '.' && entry->name[1] == '.');
}

// One message's worth of entries; *cookie moves on. The server is not trusted with our memory:
// every record must lie within what it sent.
static status_t listing_take(struct listing *l, const uint8_t *records, size_t bytes,
                             uint64_t *cookie)
{
    size_t at = 0;
    while (at < bytes && !listing_full(l)) {
        const struct fs_dirent *entry = (const struct fs_dirent *)(const void *)(records + at);
        if (bytes - at < sizeof *entry || entry->name_len > FS_NAME_MAX ||
            entry->name_len > bytes - at - sizeof *entry) {
            return ERR_CORRUPT;
        }
        if (!is_dot(entry)) {
            listing_add(l, entry->cookie + COOKIE_SERVER, entry->id, entry->type, entry->name,
                        entry->name_len);
        }
        *cookie = entry->cookie;
        at += (sizeof *entry + entry->name_len + 7) & ~(size_t)7;
    }
    return OK;
}

static status_t listing_from_server(struct wasi *w, handle_t dir, uint64_t cookie,
                                    struct listing *l)
{
    // Aligned for the records, and apart from w->scratch, which has no alignment.
    static _Alignas(8) uint8_t records[FS_DATA_MAX];
    (void)w;
    while (!listing_full(l)) {
        size_t bytes = 0;
        status_t status = fs_readdir(dir, cookie, records, sizeof records, &bytes);
        if (status != OK || bytes == 0) {
            return status;
        }
        status = listing_take(l, records, bytes, &cookie);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

uint16_t wasi_fd_readdir(struct wasi *w, uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie,
                         uint32_t used)
{
    struct wasi_fd *entry;
    struct fs_stat stat;
    uint16_t error = fd_get(w, fd, RIGHT_FD_READDIR, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    struct listing l = {.buf = guest_span(w, buf, len), .len = len};
    if (l.buf == NULL || guest_span(w, used, 4) == NULL) {
        return WASI_FAULT;
    }
    status_t status = fs_stat(entry->node, "", 0, &stat);
    if (status == OK && cookie == 0) {
        listing_add(&l, 1, stat.id, FS_TYPE_DIRECTORY, ".", 1);
    }
    // A program cannot see above the directories it was given, so ".." shows the same node.
    if (status == OK && cookie <= 1 && !listing_full(&l)) {
        listing_add(&l, COOKIE_SERVER, stat.id, FS_TYPE_DIRECTORY, "..", 2);
    }
    if (status == OK) {
        uint64_t start = cookie < COOKIE_SERVER ? 0 : cookie - COOKIE_SERVER;
        status = listing_from_server(w, entry->node, start, &l);
    }
    return status != OK ? wasi_from_status(status) : guest_put_u32(w, used, l.used);
}
