// SPDX-License-Identifier: MIT
// The numbers and layouts of WASI preview 1 (wasi_snapshot_preview1) as a program sees them: error
// numbers, rights, flags, and the offsets in its structures. Everything is little-endian and is
// moved with memcpy, so that a program's misaligned pointer does no harm. Source: WebAssembly/WASI,
// phases/snapshot/docs.md.
#ifndef WASM_WASI_ABI_H
#define WASM_WASI_ABI_H

#include <stdint.h>

#define WASI_MODULE "wasi_snapshot_preview1"

// The error numbers that this host returns.
enum wasi_errno {
    WASI_SUCCESS = 0,
    WASI_ACCES = 2,
    WASI_AGAIN = 6,
    WASI_BADF = 8,
    WASI_BUSY = 10,
    WASI_CANCELED = 11,
    WASI_EXIST = 20,
    WASI_FAULT = 21,
    WASI_FBIG = 22,
    WASI_INVAL = 28,
    WASI_IO = 29,
    WASI_ISDIR = 31,
    WASI_LOOP = 32,
    WASI_MFILE = 33,
    WASI_NAMETOOLONG = 37,
    WASI_NOENT = 44,
    WASI_NOMEM = 48,
    WASI_NOSPC = 51,
    WASI_NOTDIR = 54,
    WASI_NOTEMPTY = 55,
    WASI_NOTSOCK = 57,
    WASI_NOTSUP = 58,
    WASI_OVERFLOW = 61,
    WASI_ROFS = 69,
    WASI_SPIPE = 70,
    WASI_TIMEDOUT = 73,
    WASI_NOTCAPABLE = 76,
};

#define WASI_RIGHT(bit)               (1ull << (bit))
#define RIGHT_FD_DATASYNC             WASI_RIGHT(0)
#define RIGHT_FD_READ                 WASI_RIGHT(1)
#define RIGHT_FD_SEEK                 WASI_RIGHT(2)
#define RIGHT_FD_FDSTAT_SET_FLAGS     WASI_RIGHT(3)
#define RIGHT_FD_SYNC                 WASI_RIGHT(4)
#define RIGHT_FD_TELL                 WASI_RIGHT(5)
#define RIGHT_FD_WRITE                WASI_RIGHT(6)
#define RIGHT_FD_ADVISE               WASI_RIGHT(7)
#define RIGHT_FD_ALLOCATE             WASI_RIGHT(8)
#define RIGHT_PATH_CREATE_DIRECTORY   WASI_RIGHT(9)
#define RIGHT_PATH_CREATE_FILE        WASI_RIGHT(10)
#define RIGHT_PATH_LINK_SOURCE        WASI_RIGHT(11)
#define RIGHT_PATH_LINK_TARGET        WASI_RIGHT(12)
#define RIGHT_PATH_OPEN               WASI_RIGHT(13)
#define RIGHT_FD_READDIR              WASI_RIGHT(14)
#define RIGHT_PATH_READLINK           WASI_RIGHT(15)
#define RIGHT_PATH_RENAME_SOURCE      WASI_RIGHT(16)
#define RIGHT_PATH_RENAME_TARGET      WASI_RIGHT(17)
#define RIGHT_PATH_FILESTAT_GET       WASI_RIGHT(18)
#define RIGHT_PATH_FILESTAT_SET_SIZE  WASI_RIGHT(19)
#define RIGHT_PATH_FILESTAT_SET_TIMES WASI_RIGHT(20)
#define RIGHT_FD_FILESTAT_GET         WASI_RIGHT(21)
#define RIGHT_FD_FILESTAT_SET_SIZE    WASI_RIGHT(22)
#define RIGHT_FD_FILESTAT_SET_TIMES   WASI_RIGHT(23)
#define RIGHT_PATH_SYMLINK            WASI_RIGHT(24)
#define RIGHT_PATH_REMOVE_DIRECTORY   WASI_RIGHT(25)
#define RIGHT_PATH_UNLINK_FILE        WASI_RIGHT(26)
#define RIGHT_POLL_FD_READWRITE       WASI_RIGHT(27)

// What each kind of node can be used for. A descriptor never has a right that its kind lacks.
#define WASI_RIGHTS_STREAM                                                                \
    (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET | \
     RIGHT_POLL_FD_READWRITE)
#define WASI_RIGHTS_FILE                                                                      \
    (WASI_RIGHTS_STREAM | RIGHT_FD_DATASYNC | RIGHT_FD_SEEK | RIGHT_FD_SYNC | RIGHT_FD_TELL | \
     RIGHT_FD_ADVISE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE |                       \
     RIGHT_FD_FILESTAT_SET_TIMES)
#define WASI_RIGHTS_DIR_READ                                                         \
    (RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_SYNC | RIGHT_FD_ADVISE | RIGHT_PATH_OPEN | \
     RIGHT_FD_READDIR | RIGHT_PATH_READLINK | RIGHT_PATH_FILESTAT_GET | RIGHT_FD_FILESTAT_GET)
#define WASI_RIGHTS_DIR_WRITE                                                            \
    (RIGHT_PATH_CREATE_DIRECTORY | RIGHT_PATH_CREATE_FILE | RIGHT_PATH_LINK_SOURCE |     \
     RIGHT_PATH_LINK_TARGET | RIGHT_PATH_RENAME_SOURCE | RIGHT_PATH_RENAME_TARGET |      \
     RIGHT_PATH_FILESTAT_SET_SIZE | RIGHT_PATH_FILESTAT_SET_TIMES | RIGHT_PATH_SYMLINK | \
     RIGHT_PATH_REMOVE_DIRECTORY | RIGHT_PATH_UNLINK_FILE)
#define WASI_RIGHTS_DIRECTORY \
    (WASI_RIGHTS_DIR_READ | WASI_RIGHTS_DIR_WRITE | RIGHT_FD_FILESTAT_SET_TIMES)
#define WASI_RIGHTS_ALL (WASI_RIGHTS_FILE | WASI_RIGHTS_DIRECTORY)
// Rights that a node handle without FS_FLAG_WRITE, or without FS_FLAG_READ, cannot give.
#define WASI_RIGHTS_FILE_WRITE                                                             \
    (RIGHT_FD_DATASYNC | RIGHT_FD_WRITE | RIGHT_FD_ALLOCATE | RIGHT_FD_FILESTAT_SET_SIZE | \
     RIGHT_FD_FILESTAT_SET_TIMES)
#define WASI_RIGHTS_FILE_READ RIGHT_FD_READ
// All that change something.
#define WASI_RIGHTS_WRITE (WASI_RIGHTS_FILE_WRITE | WASI_RIGHTS_DIR_WRITE)

enum wasi_filetype {
    WASI_FILETYPE_UNKNOWN = 0,
    WASI_FILETYPE_CHARACTER_DEVICE = 2,
    WASI_FILETYPE_DIRECTORY = 3,
    WASI_FILETYPE_REGULAR_FILE = 4,
    WASI_FILETYPE_SYMBOLIC_LINK = 7,
};

#define WASI_LOOKUP_FOLLOW   1u
#define WASI_O_CREAT         1u
#define WASI_O_DIRECTORY     2u
#define WASI_O_EXCL          4u
#define WASI_O_TRUNC         8u
#define WASI_O_ALL           15u
#define WASI_FDFLAG_APPEND   1u
#define WASI_FDFLAG_NONBLOCK 4u
#define WASI_FDFLAG_ALL      31u // and three kinds of synchronous writing: every write here is one
#define WASI_FST_ATIM        1u
#define WASI_FST_ATIM_NOW    2u
#define WASI_FST_MTIM        4u
#define WASI_FST_MTIM_NOW    8u
#define WASI_FST_ALL         15u

enum wasi_whence { WASI_WHENCE_SET = 0, WASI_WHENCE_CUR = 1, WASI_WHENCE_END = 2 };
enum wasi_clock {
    WASI_REALTIME = 0,
    WASI_MONOTONIC = 1,
    WASI_CPU_PROCESS = 2,
    WASI_CPU_THREAD = 3
};

// iovec, ciovec: buf u32, len u32
#define WASI_IOVEC_BYTES 8u
// fdstat: filetype u8 @0, flags u16 @2, rights base u64 @8, rights inheriting u64 @16
#define WASI_FDSTAT_BYTES 24u
// filestat: dev u64 @0, ino u64 @8, filetype u8 @16, nlink u64 @24, size u64 @32, times u64 @40 @48
// @56
#define WASI_FILESTAT_BYTES 64u
// dirent: next cookie u64 @0, ino u64 @8, name length u32 @16, type u8 @20; the name follows
#define WASI_DIRENT_BYTES 24u
// prestat: tag u8 @0 (0 = directory), name length u32 @4
#define WASI_PRESTAT_BYTES 8u
// subscription: userdata u64 @0, type u8 @8; clock: id u32 @16, timeout u64 @24, flags u16 @40; fd:
// u32 @16
#define WASI_SUBSCRIPTION_BYTES 48u
// event: userdata u64 @0, error u16 @8, type u8 @10, nbytes u64 @16, flags u16 @24
#define WASI_EVENT_BYTES 32u

enum wasi_event_type { WASI_EVENT_CLOCK = 0, WASI_EVENT_FD_READ = 1, WASI_EVENT_FD_WRITE = 2 };
#define WASI_SUBCLOCK_ABSTIME 1u
#define WASI_EVENT_HANGUP     1u

#endif
