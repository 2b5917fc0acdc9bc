// SPDX-License-Identifier: MIT
// Reading, writing and seeking. The list of buffers and every buffer in it are checked before the
// first byte moves; a transfer that has moved some bytes and then fails reports those bytes.
#include "internal.h"

#include <string.h>

struct iovecs {
    const uint8_t *list;
    uint32_t count;
    uint32_t total; // bytes in all buffers
};

// The sum must fit the 32-bit count that is reported, as readv(2) demands of its result.
static uint16_t iovecs_get(struct wasi *w, uint32_t ptr, uint32_t count, struct iovecs *v)
{
    if (count > WASI_IOVECS_MAX) {
        return WASI_INVAL;
    }
    v->list = guest_span(w, ptr, (uint64_t)count * WASI_IOVEC_BYTES);
    if (v->list == NULL) {
        return WASI_FAULT;
    }
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = v->list + (size_t)i * WASI_IOVEC_BYTES;
        uint32_t len = field_get_u32(at + 4);
        if (guest_span(w, field_get_u32(at), len) == NULL) {
            return WASI_FAULT;
        }
        total += len;
    }
    if (total > UINT32_MAX) {
        return WASI_INVAL;
    }
    v->count = count;
    v->total = (uint32_t)total;
    return WASI_SUCCESS;
}

// The buffer as it is now: reading into one buffer may have overwritten the list, so each is
// checked again when it is used.
static uint8_t *iovec_at(struct wasi *w, const struct iovecs *v, uint32_t i, uint32_t *len)
{
    const uint8_t *at = v->list + (size_t)i * WASI_IOVEC_BYTES;
    *len = field_get_u32(at + 4);
    return guest_span(w, field_get_u32(at), *len);
}

static uint16_t result_put(struct wasi *w, uint32_t out, uint32_t moved, status_t status)
{
    if (status != OK && moved == 0) {
        return wasi_from_status(status);
    }
    return guest_put_u32(w, out, moved);
}

static uint16_t read_at(struct wasi *w, struct wasi_fd *entry, const struct iovecs *v,
                        uint64_t *offset, uint32_t out)
{
    uint32_t moved = 0;
    status_t status = OK;
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t len;
        size_t got = 0;
        uint8_t *buf = iovec_at(w, v, i, &len);
        if (buf == NULL) {
            return WASI_FAULT;
        }
        if (len == 0) {
            continue;
        }
        status = fs_read(entry->node, *offset, buf, len, &got);
        if (status != OK) {
            break;
        }
        moved += (uint32_t)got;
        *offset += got;
        // A stream has given what it had: asking again could wait for more.
        if (got < len || entry->filetype == WASI_FILETYPE_CHARACTER_DEVICE) {
            break;
        }
    }
    return result_put(w, out, moved, status);
}

// Small writes go out as one message, so that a line of several pieces is not torn apart.
static uint16_t write_gathered(struct wasi *w, struct wasi_fd *entry, const struct iovecs *v,
                               uint64_t *offset, uint32_t out)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t len;
        const uint8_t *buf = iovec_at(w, v, i, &len);
        memcpy(w->scratch + used, buf, len);
        used += len;
    }
    size_t put = 0;
    status_t status = fs_write(entry->node, *offset, w->scratch, used, &put, offset);
    return result_put(w, out, (uint32_t)put, status);
}

static uint16_t write_at(struct wasi *w, struct wasi_fd *entry, const struct iovecs *v,
                         uint64_t *offset, uint32_t out)
{
    if (v->count > 1 && v->total <= sizeof w->scratch) {
        return write_gathered(w, entry, v, offset, out);
    }
    bool append = *offset == FS_APPEND_OFFSET;
    uint64_t end = *offset;
    uint32_t moved = 0;
    status_t status = OK;
    for (uint32_t i = 0; i < v->count && status == OK; i++) {
        uint32_t len;
        size_t put = 0;
        const uint8_t *buf = iovec_at(w, v, i, &len);
        status = fs_write(entry->node, append ? FS_APPEND_OFFSET : end, buf, len, &put, &end);
        moved += (uint32_t)put;
        if (put < len) {
            break;
        }
    }
    *offset = end;
    return result_put(w, out, moved, status);
}

// A non-blocking stream says "again" instead of waiting.
static bool would_wait(const struct wasi_fd *entry)
{
    size_t readable = 0;
    bool at_end = false;
    if (entry->filetype != WASI_FILETYPE_CHARACTER_DEVICE ||
        (entry->flags & WASI_FDFLAG_NONBLOCK) == 0) {
        return false;
    }
    return fs_poll(entry->node, &readable, &at_end) == OK && readable == 0 && !at_end;
}

uint16_t wasi_fd_read(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out)
{
    struct wasi_fd *entry;
    struct iovecs v;
    uint16_t error = fd_get(w, fd, RIGHT_FD_READ, &entry);
    if (error == WASI_SUCCESS) {
        error = iovecs_get(w, iovs, count, &v);
    }
    if (error != WASI_SUCCESS || guest_span(w, out, 4) == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    if (would_wait(entry)) {
        return WASI_AGAIN;
    }
    return read_at(w, entry, &v, &entry->offset, out);
}

uint16_t wasi_fd_pread(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                       uint32_t out)
{
    struct wasi_fd *entry;
    struct iovecs v;
    uint16_t error = fd_get(w, fd, RIGHT_FD_READ, &entry);
    if (error == WASI_SUCCESS && entry->filetype == WASI_FILETYPE_CHARACTER_DEVICE) {
        return WASI_SPIPE;
    }
    if (error == WASI_SUCCESS) {
        error = iovecs_get(w, iovs, count, &v);
    }
    if (error != WASI_SUCCESS || guest_span(w, out, 4) == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    if (offset > (uint64_t)INT64_MAX - v.total) {
        return WASI_INVAL;
    }
    return read_at(w, entry, &v, &offset, out);
}

uint16_t wasi_fd_write(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out)
{
    struct wasi_fd *entry;
    struct iovecs v;
    uint16_t error = fd_get(w, fd, RIGHT_FD_WRITE, &entry);
    if (error == WASI_SUCCESS) {
        error = iovecs_get(w, iovs, count, &v);
    }
    if (error != WASI_SUCCESS || guest_span(w, out, 4) == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    bool append = (entry->flags & WASI_FDFLAG_APPEND) != 0;
    uint64_t offset = append ? FS_APPEND_OFFSET : entry->offset;
    if (!append && offset > (uint64_t)INT64_MAX - v.total) {
        return WASI_FBIG;
    }
    error = write_at(w, entry, &v, &offset, out);
    if (offset != FS_APPEND_OFFSET) {
        entry->offset = offset;
    }
    return error;
}

uint16_t wasi_fd_pwrite(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                        uint32_t out)
{
    struct wasi_fd *entry;
    struct iovecs v;
    uint16_t error = fd_get(w, fd, RIGHT_FD_WRITE, &entry);
    if (error == WASI_SUCCESS && entry->filetype == WASI_FILETYPE_CHARACTER_DEVICE) {
        return WASI_SPIPE;
    }
    if (error == WASI_SUCCESS) {
        error = iovecs_get(w, iovs, count, &v);
    }
    if (error != WASI_SUCCESS || guest_span(w, out, 4) == NULL) {
        return error != WASI_SUCCESS ? error : WASI_FAULT;
    }
    if (offset > (uint64_t)INT64_MAX - v.total) {
        return WASI_INVAL;
    }
    return write_at(w, entry, &v, &offset, out);
}

uint16_t wasi_fd_seek(struct wasi *w, uint32_t fd, int64_t delta, uint32_t whence, uint32_t out)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    if (entry->filetype == WASI_FILETYPE_CHARACTER_DEVICE) {
        return WASI_SPIPE;
    }
    // Asking where one is needs the lesser right, and the greater implies it.
    bool tell = delta == 0 && whence == WASI_WHENCE_CUR;
    if ((entry->base & (tell ? RIGHT_FD_SEEK | RIGHT_FD_TELL : RIGHT_FD_SEEK)) == 0) {
        return WASI_NOTCAPABLE;
    }
    if (whence > WASI_WHENCE_END) {
        return WASI_INVAL;
    }
    struct fs_stat stat = {0};
    if (whence == WASI_WHENCE_END) {
        status_t status = fs_stat(entry->node, "", 0, &stat);
        if (status != OK) {
            return wasi_from_status(status);
        }
    }
    uint64_t bases[] = {0, entry->offset, stat.size};
    int64_t target;
    if (__builtin_add_overflow((int64_t)bases[whence], delta, &target) || target < 0) {
        return WASI_INVAL;
    }
    error = guest_put_u64(w, out, (uint64_t)target);
    if (error == WASI_SUCCESS) {
        entry->offset = (uint64_t)target;
    }
    return error;
}

uint16_t wasi_fd_tell(struct wasi *w, uint32_t fd, uint32_t out)
{
    return wasi_fd_seek(w, fd, 0, WASI_WHENCE_CUR, out);
}
