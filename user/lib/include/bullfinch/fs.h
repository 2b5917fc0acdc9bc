// SPDX-License-Identifier: MIT
// Files as handles. A node (file, directory, symbolic link, stream) that a program has open is a
// badged endpoint handle of the server that keeps it: the RAM file server, the console, a UART
// driver. What the node may be used for is fixed when it is opened and can only shrink. Paths are
// relative to a directory handle and cannot leave it: "..", absolute paths and symbolic links are
// resolved below the handle ("/x" is the same as "x"; ".." at the handle stays there).
//
// Protocol (9P in spirit, one call a message): label = enum fs_op, words and data as noted; the
// reply's word 0 is a status_t (sign-extended), results from word 1 on. Data is at most FS_DATA_MAX
// bytes a message. A server learns from MSG_BADGE_CLOSED that a node handle is gone. A handle of an
// earlier life of a restarted server gives ERR_BAD_STATE: open it again. A rename or link between
// two directories needs the second one's handle with DUPLICATE.
#ifndef BULLFINCH_FS_H
#define BULLFINCH_FS_H

#include "abi/ipc.h"
#include <stdbool.h>
#include <stddef.h>

#define FS_DATA_MAX MSG_BYTES_MAX
#define FS_NAME_MAX 255u
#define FS_PATH_MAX 1024u

// Badges that the file server knows without an open: whoever holds its endpoint (the root
// supervisor) mints handles to the root with them. They outlive a restart of the server.
#define FS_BADGE_ROOT           1u // the root directory, read and write
#define FS_BADGE_ROOT_READ_ONLY 2u // the root directory, read only

enum fs_op {
    // w0 flags; data path, "" = this node once more, with these rights.
    // Reply: data struct fs_stat; 1 handle
    FS_OPEN = 1,
    // w0 offset (ignored by streams), w1 length. Reply: data; 0 bytes = end of file; w1 1 = a
    // stream, which waits for at least 1 byte and gives what it has
    FS_READ = 2,
    // w0 offset or FS_APPEND_OFFSET; data. Reply: w1 bytes written (may be short), w2 offset after
    FS_WRITE = 3,
    // w0 flags (FS_FLAG_NOFOLLOW); data path or "" for the node itself. Reply: data struct fs_stat
    FS_STAT = 4,
    // w0 size
    FS_TRUNCATE = 5,
    // w0 atime ns, w1 mtime ns, w2 mask FS_TIME_*, w3 flags (FS_FLAG_NOFOLLOW); data path or ""
    FS_SET_TIMES = 6,
    FS_SYNC = 7,
    // w0 cookie (0 = start). Reply: data struct fs_dirent records without "." and "..", 0 bytes =
    // end
    FS_READDIR = 8,
    // data path
    FS_MKDIR = 9,
    // data path; not a directory
    FS_UNLINK = 10,
    // data path; empty directory
    FS_RMDIR = 11,
    // w0 length of the first path; data both paths; 1 handle: the directory of the second (0
    // handles: the same)
    FS_RENAME = 12,
    // as FS_RENAME; w1 FS_FLAG_NOFOLLOW: a symbolic link itself gets the second name
    FS_LINK = 13,
    // w0 length of target; data target, then path
    FS_SYMLINK = 14,
    // data path. Reply: data target
    FS_READLINK = 15,
    // Reply: w1 bytes readable now without waiting, w2 1 if at end of stream
    FS_POLL = 16,
    // streams: w0 control code, w1 argument (see console.h)
    FS_CONTROL = 17,
};

// FS_OPEN flags. READ and WRITE must be within what the directory handle has.
#define FS_FLAG_READ      1u
#define FS_FLAG_WRITE     2u
#define FS_FLAG_CREATE    4u
#define FS_FLAG_EXCLUSIVE 8u  // with CREATE: ERR_EXISTS if there
#define FS_FLAG_TRUNCATE  16u // needs WRITE
#define FS_FLAG_DIRECTORY 32u // ERR_NOT_DIR otherwise
#define FS_FLAG_NOFOLLOW  64u // last component a symbolic link: ERR_LOOP
#define FS_APPEND_OFFSET  UINT64_MAX

#define FS_TIME_ATIME     1u
#define FS_TIME_MTIME     2u
#define FS_TIME_ATIME_NOW 4u
#define FS_TIME_MTIME_NOW 8u

enum fs_type { FS_TYPE_FILE = 1, FS_TYPE_DIRECTORY = 2, FS_TYPE_SYMLINK = 3, FS_TYPE_STREAM = 4 };

struct fs_stat {
    uint64_t id; // of the node, unique in its server ("inode number")
    uint64_t size;
    uint64_t atime_ns, mtime_ns, ctime_ns; // realtime (bullfinch/clock.h)
    uint32_t type;                         // enum fs_type
    uint32_t links;
    uint32_t flags; // FS_FLAG_READ|WRITE the handle has
    uint32_t reserved;
};
static_assert(sizeof(struct fs_stat) == 56, "protocol layout");

// 8-aligned records, each header followed by name_len bytes (no zero), padded to 8.
struct fs_dirent {
    uint64_t cookie; // where to go on after this entry
    uint64_t id;
    uint32_t type;
    uint32_t name_len;
    char name[];
};

// Client calls. All return OK or a negative status and wait for the server for ever; a dead server
// gives ERR_PEER_CLOSED. Lengths may exceed FS_DATA_MAX: they are split. `*_bytes` results may be
// short at the end of file.
status_t fs_open(handle_t dir, const char *path, uint32_t flags, handle_t *node,
                 struct fs_stat *stat /* may be NULL */);
status_t fs_read(handle_t node, uint64_t offset, void *buf, size_t len, size_t *read_bytes);
status_t fs_write(handle_t node, uint64_t offset, const void *buf, size_t len,
                  size_t *written_bytes, uint64_t *end_offset);
status_t fs_stat(handle_t node, const char *path, uint32_t flags, struct fs_stat *stat);
status_t fs_truncate(handle_t node, uint64_t size);
status_t fs_set_times(handle_t node, const char *path, uint32_t flags, uint64_t atime_ns,
                      uint64_t mtime_ns, uint32_t mask);
status_t fs_sync(handle_t node);
status_t fs_readdir(handle_t dir, uint64_t cookie, void *buf, size_t len,
                    size_t *bytes); // len >= FS_DATA_MAX
status_t fs_mkdir(handle_t dir, const char *path);
status_t fs_unlink(handle_t dir, const char *path);
status_t fs_rmdir(handle_t dir, const char *path);
status_t fs_rename(handle_t from_dir, const char *from, handle_t to_dir, const char *to);
status_t fs_link(handle_t from_dir, const char *from, uint32_t flags, handle_t to_dir,
                 const char *to);
status_t fs_symlink(handle_t dir, const char *target, const char *path);
status_t fs_readlink(handle_t dir, const char *path, char *buf, size_t size, size_t *bytes);
status_t fs_poll(handle_t node, size_t *readable, bool *at_end);
status_t fs_close(handle_t node);
// Whole file into memory from malloc (caller frees); ERR_OUT_OF_RANGE if larger than max.
status_t fs_load(handle_t dir, const char *path, size_t max, void **data, size_t *bytes);

#endif
