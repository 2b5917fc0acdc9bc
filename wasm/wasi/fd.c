// SPDX-License-Identifier: MIT
// What a program asks of an open descriptor beside bytes: its state, flags, attributes, size and
// times.
#include "internal.h"

#include <string.h>

uint16_t wasi_fd_fdstat_get(struct wasi *w, uint32_t fd, uint32_t out)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    uint8_t *at = guest_span(w, out, WASI_FDSTAT_BYTES);
    if (at == NULL) {
        return WASI_FAULT;
    }
    memset(at, 0, WASI_FDSTAT_BYTES);
    at[0] = entry->filetype;
    field_put_u16(at + 2, entry->flags);
    field_put_u64(at + 8, entry->base);
    field_put_u64(at + 16, entry->inheriting);
    return WASI_SUCCESS;
}

uint16_t wasi_fd_fdstat_set_flags(struct wasi *w, uint32_t fd, uint32_t flags)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, RIGHT_FD_FDSTAT_SET_FLAGS, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    if ((flags & ~WASI_FDFLAG_ALL) != 0) {
        return WASI_INVAL;
    }
    entry->flags = (uint16_t)flags;
    return WASI_SUCCESS;
}

void filestat_put(uint8_t *at, const struct fs_stat *stat)
{
    memset(at, 0, WASI_FILESTAT_BYTES);
    field_put_u64(at + 8, stat->id);
    at[16] = filetype_of(stat->type);
    field_put_u64(at + 24, stat->links);
    field_put_u64(at + 32, stat->size);
    field_put_u64(at + 40, stat->atime_ns);
    field_put_u64(at + 48, stat->mtime_ns);
    field_put_u64(at + 56, stat->ctime_ns);
}

uint16_t wasi_fd_filestat_get(struct wasi *w, uint32_t fd, uint32_t out)
{
    struct wasi_fd *entry;
    struct fs_stat stat;
    uint16_t error = fd_get(w, fd, RIGHT_FD_FILESTAT_GET, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    uint8_t *at = guest_span(w, out, WASI_FILESTAT_BYTES);
    if (at == NULL) {
        return WASI_FAULT;
    }
    status_t status = fs_stat(entry->node, "", 0, &stat);
    if (status == OK) {
        filestat_put(at, &stat);
    }
    return wasi_from_status(status);
}

uint16_t wasi_fd_filestat_set_size(struct wasi *w, uint32_t fd, uint64_t size)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, RIGHT_FD_FILESTAT_SET_SIZE, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    return size > INT64_MAX ? WASI_FBIG : wasi_from_status(fs_truncate(entry->node, size));
}

uint16_t times_mask(uint32_t fst_flags, uint32_t *mask)
{
    static const struct {
        uint32_t fst;
        uint32_t fs;
    } bits[] = {
        {WASI_FST_ATIM, FS_TIME_ATIME},
        {WASI_FST_ATIM_NOW, FS_TIME_ATIME_NOW},
        {WASI_FST_MTIM, FS_TIME_MTIME},
        {WASI_FST_MTIM_NOW, FS_TIME_MTIME_NOW},
    };
    const uint32_t both_atim = WASI_FST_ATIM | WASI_FST_ATIM_NOW;
    const uint32_t both_mtim = WASI_FST_MTIM | WASI_FST_MTIM_NOW;
    if ((fst_flags & both_atim) == both_atim || (fst_flags & both_mtim) == both_mtim ||
        (fst_flags & ~WASI_FST_ALL) != 0) {
        return WASI_INVAL;
    }
    *mask = 0;
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        *mask |= (fst_flags & bits[i].fst) != 0 ? bits[i].fs : 0;
    }
    return WASI_SUCCESS;
}

uint16_t wasi_fd_filestat_set_times(struct wasi *w, uint32_t fd, uint64_t atim, uint64_t mtim,
                                    uint32_t fst_flags)
{
    struct wasi_fd *entry;
    uint32_t mask;
    uint16_t error = fd_get(w, fd, RIGHT_FD_FILESTAT_SET_TIMES, &entry);
    if (error == WASI_SUCCESS) {
        error = times_mask(fst_flags, &mask);
    }
    if (error != WASI_SUCCESS) {
        return error;
    }
    return wasi_from_status(fs_set_times(entry->node, "", 0, atim, mtim, mask));
}

uint16_t wasi_fd_advise(struct wasi *w, uint32_t fd, uint64_t offset, uint64_t len, uint32_t advice)
{
    struct wasi_fd *entry;
    const uint32_t advice_last = 5; // noreuse
    (void)offset;
    (void)len;
    uint16_t error = fd_get(w, fd, 0, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    if (entry->filetype == WASI_FILETYPE_CHARACTER_DEVICE) {
        return WASI_SPIPE;
    }
    error = fd_get(w, fd, RIGHT_FD_ADVISE, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    return advice > advice_last ? WASI_INVAL : WASI_SUCCESS; // the file is in memory already
}

uint16_t wasi_fd_allocate(struct wasi *w, uint32_t fd, uint64_t offset, uint64_t len)
{
    struct wasi_fd *entry;
    struct fs_stat stat;
    uint64_t end;
    uint16_t error = fd_get(w, fd, RIGHT_FD_ALLOCATE, &entry);
    if (error != WASI_SUCCESS) {
        return error;
    }
    if (len == 0) {
        return WASI_INVAL;
    }
    if (__builtin_add_overflow(offset, len, &end) || end > INT64_MAX) {
        return WASI_FBIG;
    }
    status_t status = fs_stat(entry->node, "", 0, &stat);
    if (status == OK && stat.size < end) {
        status = fs_truncate(entry->node, end);
    }
    return wasi_from_status(status);
}

static uint16_t sync_with(struct wasi *w, uint32_t fd, uint64_t right)
{
    struct wasi_fd *entry;
    uint16_t error = fd_get(w, fd, right, &entry);
    return error != WASI_SUCCESS ? error : wasi_from_status(fs_sync(entry->node));
}

uint16_t wasi_fd_sync(struct wasi *w, uint32_t fd) { return sync_with(w, fd, RIGHT_FD_SYNC); }

uint16_t wasi_fd_datasync(struct wasi *w, uint32_t fd)
{
    return sync_with(w, fd, RIGHT_FD_DATASYNC);
}
