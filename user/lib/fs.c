// SPDX-License-Identifier: MIT
// The client of the file protocol (bullfinch/fs.h): each function is one call, or as many as its
// length needs.
#include <bullfinch/fs.h>
#include <bullfinch/ipc.h>
#include <gen/user_syscalls.h>
#include <stdlib.h>
#include <string.h>

// One call. m->tag and m->w are the request and become the reply; OK or the status the server sent.
static status_t fs_call(handle_t node, struct ipc_message *m)
{
    status_t status = ipc_call(node, m, DEADLINE_NEVER);
    return status == OK ? (status_t)m->w[0] : status;
}

// Appends text to the message's data.
static status_t data_put(size_t *used, const char *text, size_t bytes)
{
    if (bytes > FS_PATH_MAX) {
        return ERR_NAME_TOO_LONG;
    }
    memcpy(ipc_buffer()->data + *used, text, bytes);
    *used += bytes;
    return OK;
}

// A call whose data is a path.
static status_t path_call(handle_t node, enum fs_op op, const char *path, struct ipc_message *m)
{
    size_t used = 0;
    status_t status = data_put(&used, path, strlen(path));
    if (status != OK) {
        return status;
    }
    m->tag = MSG_TAG(op, used, 0);
    return fs_call(node, m);
}

static status_t stat_take(const struct ipc_message *m, struct fs_stat *stat)
{
    if (MSG_BYTES(m->tag) < sizeof(*stat)) {
        return ERR_CORRUPT;
    }
    memcpy(stat, ipc_buffer()->data, sizeof(*stat));
    return OK;
}

status_t fs_open(handle_t dir, const char *path, uint32_t flags, handle_t *node,
                 struct fs_stat *stat)
{
    struct ipc_message m = {.w = {flags}};
    status_t status = path_call(dir, FS_OPEN, path, &m);
    if (status != OK) {
        return status;
    }
    if (MSG_HANDLES(m.tag) != 1) {
        return ERR_CORRUPT;
    }
    handle_t opened = ipc_buffer()->received[0];
    status = stat != NULL ? stat_take(&m, stat) : OK;
    if (status != OK) {
        (void)sys_handle_close(opened);
        return status;
    }
    *node = opened;
    return OK;
}

status_t fs_read(handle_t node, uint64_t offset, void *buf, size_t len, size_t *read_bytes)
{
    size_t done = 0;
    bool more = len > 0;
    while (more) {
        size_t chunk = len - done < FS_DATA_MAX ? len - done : FS_DATA_MAX;
        struct ipc_message m = {.tag = MSG_TAG(FS_READ, 0, 0), .w = {offset + done, chunk}};
        status_t status = fs_call(node, &m);
        size_t bytes = MSG_BYTES(m.tag);
        if (status == OK && bytes > chunk) {
            status = ERR_CORRUPT;
        }
        if (status != OK) {
            *read_bytes = done;
            return done > 0 ? OK : status;
        }
        memcpy((uint8_t *)buf + done, ipc_buffer()->data, bytes);
        done += bytes;
        more = bytes == chunk && done < len && m.w[1] != 1;
    }
    *read_bytes = done;
    return OK;
}

status_t fs_write(handle_t node, uint64_t offset, const void *buf, size_t len,
                  size_t *written_bytes, uint64_t *end_offset)
{
    size_t done = 0;
    uint64_t end = offset;
    do {
        size_t chunk = len - done < FS_DATA_MAX ? len - done : FS_DATA_MAX;
        uint64_t at = offset == FS_APPEND_OFFSET ? offset : offset + done;
        struct ipc_message m = {.tag = MSG_TAG(FS_WRITE, chunk, 0), .w = {at}};
        memcpy(ipc_buffer()->data, (const uint8_t *)buf + done, chunk);
        status_t status = fs_call(node, &m);
        if (status == OK && m.w[1] > chunk) {
            status = ERR_CORRUPT;
        }
        if (status != OK && done == 0) {
            return status;
        }
        if (status != OK || (m.w[1] == 0 && chunk > 0)) {
            break;
        }
        done += (size_t)m.w[1];
        end = m.w[2];
    } while (done < len);
    *written_bytes = done;
    if (end_offset != NULL) {
        *end_offset = end;
    }
    return OK;
}

status_t fs_stat(handle_t node, const char *path, uint32_t flags, struct fs_stat *stat)
{
    struct ipc_message m = {.w = {flags}};
    status_t status = path_call(node, FS_STAT, path, &m);
    return status == OK ? stat_take(&m, stat) : status;
}

status_t fs_truncate(handle_t node, uint64_t size)
{
    struct ipc_message m = {.tag = MSG_TAG(FS_TRUNCATE, 0, 0), .w = {size}};
    return fs_call(node, &m);
}

status_t fs_set_times(handle_t node, const char *path, uint32_t flags, uint64_t atime_ns,
                      uint64_t mtime_ns, uint32_t mask)
{
    struct ipc_message m = {.w = {atime_ns, mtime_ns, mask, flags}};
    return path_call(node, FS_SET_TIMES, path, &m);
}

status_t fs_sync(handle_t node)
{
    struct ipc_message m = {.tag = MSG_TAG(FS_SYNC, 0, 0)};
    return fs_call(node, &m);
}

status_t fs_readdir(handle_t dir, uint64_t cookie, void *buf, size_t len, size_t *bytes)
{
    struct ipc_message m = {.tag = MSG_TAG(FS_READDIR, 0, 0), .w = {cookie}};
    if (len < FS_DATA_MAX) {
        return ERR_BUFFER_TOO_SMALL;
    }
    status_t status = fs_call(dir, &m);
    if (status != OK) {
        return status;
    }
    *bytes = MSG_BYTES(m.tag);
    memcpy(buf, ipc_buffer()->data, *bytes);
    return OK;
}

status_t fs_mkdir(handle_t dir, const char *path)
{
    struct ipc_message m = {0};
    return path_call(dir, FS_MKDIR, path, &m);
}

status_t fs_unlink(handle_t dir, const char *path)
{
    struct ipc_message m = {0};
    return path_call(dir, FS_UNLINK, path, &m);
}

status_t fs_rmdir(handle_t dir, const char *path)
{
    struct ipc_message m = {0};
    return path_call(dir, FS_RMDIR, path, &m);
}

// A call with two texts and, when the second directory is another one, a copy of its handle.
static status_t pair_call(enum fs_op op, handle_t dir, const char *first, uint32_t flags,
                          handle_t second_dir, const char *second)
{
    size_t used = 0;
    handle_t copy = HANDLE_NONE;
    status_t status = data_put(&used, first, strlen(first));
    size_t first_bytes = used;
    if (status == OK) {
        status = data_put(&used, second, strlen(second));
    }
    if (status == OK && second_dir != dir) {
        status = sys_handle_duplicate(second_dir, RIGHTS_SAME, &copy);
    }
    if (status != OK) {
        return status;
    }
    ipc_buffer()->send[0] = copy;
    struct ipc_message m = {.tag = MSG_TAG(op, used, copy != HANDLE_NONE ? 1 : 0),
                            .w = {first_bytes, flags}};
    status = ipc_call(dir, &m, DEADLINE_NEVER);
    if (status != OK) {
        // Moved if the server took the message, else still ours; a value that is gone closes to an
        // error.
        (void)sys_handle_close(copy);
        return status;
    }
    return (status_t)m.w[0];
}

status_t fs_rename(handle_t from_dir, const char *from, handle_t to_dir, const char *to)
{
    return pair_call(FS_RENAME, from_dir, from, 0, to_dir, to);
}

status_t fs_link(handle_t from_dir, const char *from, uint32_t flags, handle_t to_dir,
                 const char *to)
{
    return pair_call(FS_LINK, from_dir, from, flags, to_dir, to);
}

status_t fs_symlink(handle_t dir, const char *target, const char *path)
{
    return pair_call(FS_SYMLINK, dir, target, 0, dir, path);
}

status_t fs_readlink(handle_t dir, const char *path, char *buf, size_t size, size_t *bytes)
{
    struct ipc_message m = {0};
    status_t status = path_call(dir, FS_READLINK, path, &m);
    if (status != OK) {
        return status;
    }
    *bytes = MSG_BYTES(m.tag) < size ? MSG_BYTES(m.tag) : size;
    memcpy(buf, ipc_buffer()->data, *bytes);
    return OK;
}

status_t fs_poll(handle_t node, size_t *readable, bool *at_end)
{
    struct ipc_message m = {.tag = MSG_TAG(FS_POLL, 0, 0)};
    status_t status = fs_call(node, &m);
    if (status != OK) {
        return status;
    }
    *readable = (size_t)m.w[1];
    *at_end = m.w[2] != 0;
    return OK;
}

status_t fs_close(handle_t node) { return sys_handle_close(node); }

status_t fs_load(handle_t dir, const char *path, size_t max, void **data, size_t *bytes)
{
    handle_t node;
    struct fs_stat stat;
    status_t status = fs_open(dir, path, FS_FLAG_READ, &node, &stat);
    if (status != OK) {
        return status;
    }
    void *memory = NULL;
    if (stat.type == FS_TYPE_DIRECTORY) {
        status = ERR_IS_DIR;
    } else if (stat.size > max) {
        status = ERR_OUT_OF_RANGE;
    } else {
        memory = malloc(stat.size > 0 ? (size_t)stat.size : 1);
        status =
            memory != NULL ? fs_read(node, 0, memory, (size_t)stat.size, bytes) : ERR_NO_MEMORY;
    }
    (void)fs_close(node);
    if (status != OK) {
        free(memory);
        return status;
    }
    *data = memory;
    return OK;
}
