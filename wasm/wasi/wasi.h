// SPDX-License-Identifier: MIT
// The WASI preview 1 host: one struct wasi per program. A program's authority is its descriptor
// table; every entry holds a node handle (bullfinch/fs.h) together with WASI's two rights sets, and
// nothing in here opens anything except below a directory the table holds. So the handle table of
// the process bounds what a program can reach, whatever the runtime or this code does wrong.
//
// The functions named wasi_* take the program's arguments as they come: pointers are offsets into
// its memory, which must be described by w->memory and w->memory_bytes before each call
// (wasm/wasi/imports.c does). They return an error number (enum wasi_errno). One thread only.
#ifndef WASM_WASI_H
#define WASM_WASI_H

#include "abi/types.h"
#include "wasi_abi.h"

#include <bullfinch/fs.h>
#include <stdbool.h>

#define WASI_FDS_MAX    1024u
#define WASI_IOVECS_MAX 1024u

struct wasi_fd {
    handle_t node; // HANDLE_NONE: free entry
    uint8_t filetype;
    uint16_t flags; // WASI_FDFLAG_*
    uint64_t base;
    uint64_t inheriting;
    uint64_t offset;
    const char *preopen; // guest path, or NULL; the host owns it
};

struct wasi {
    uint8_t *memory;
    uint64_t memory_bytes;
    struct wasi_fd *fds;
    uint32_t fd_count;
    const char *const *args;
    uint32_t arg_count;
    const char *const *env;
    uint32_t env_count;
    bool exited; // by proc_exit
    uint32_t exit_code;
    uint8_t scratch[FS_DATA_MAX]; // gathers small writes, holds directory records
};

// args and env are borrowed for the life of w. Nothing to undo on failure: there is none.
void wasi_init(struct wasi *w, const char *const *args, uint32_t arg_count, const char *const *env,
               uint32_t env_count);
// Closes every node and frees the table.
void wasi_fini(struct wasi *w);
// Puts a node the process was given into the table, as descriptor fd (a standard stream) or, with a
// preopen path, at the lowest free place from 3 on. Takes the handle on success. Rights follow from
// the node's type and from whether its handle may read and write.
status_t wasi_give_stream(struct wasi *w, uint32_t fd, handle_t node);
status_t wasi_give_preopen(struct wasi *w, handle_t node, const char *path);

uint16_t wasi_args_get(struct wasi *w, uint32_t argv, uint32_t buf);
uint16_t wasi_args_sizes_get(struct wasi *w, uint32_t count, uint32_t bytes);
uint16_t wasi_environ_get(struct wasi *w, uint32_t envp, uint32_t buf);
uint16_t wasi_environ_sizes_get(struct wasi *w, uint32_t count, uint32_t bytes);
uint16_t wasi_clock_res_get(struct wasi *w, uint32_t clock, uint32_t out);
uint16_t wasi_clock_time_get(struct wasi *w, uint32_t clock, uint64_t precision, uint32_t out);
uint16_t wasi_poll_oneoff(struct wasi *w, uint32_t in, uint32_t out, uint32_t count, uint32_t done);
uint16_t wasi_random_get(struct wasi *w, uint32_t buf, uint32_t len);
uint16_t wasi_sched_yield(struct wasi *w);
void wasi_proc_exit(struct wasi *w, uint32_t code); // the caller must then end the program
uint16_t wasi_proc_raise(struct wasi *w, uint32_t signal);
uint16_t wasi_sock_any(struct wasi *w,
                       uint32_t fd); // accept, recv, send, shutdown: no node is a socket

uint16_t wasi_fd_advise(struct wasi *w, uint32_t fd, uint64_t offset, uint64_t len,
                        uint32_t advice);
uint16_t wasi_fd_allocate(struct wasi *w, uint32_t fd, uint64_t offset, uint64_t len);
uint16_t wasi_fd_close(struct wasi *w, uint32_t fd);
uint16_t wasi_fd_datasync(struct wasi *w, uint32_t fd);
uint16_t wasi_fd_fdstat_get(struct wasi *w, uint32_t fd, uint32_t out);
uint16_t wasi_fd_fdstat_set_flags(struct wasi *w, uint32_t fd, uint32_t flags);
uint16_t wasi_fd_fdstat_set_rights(struct wasi *w, uint32_t fd, uint64_t base, uint64_t inheriting);
uint16_t wasi_fd_filestat_get(struct wasi *w, uint32_t fd, uint32_t out);
uint16_t wasi_fd_filestat_set_size(struct wasi *w, uint32_t fd, uint64_t size);
uint16_t wasi_fd_filestat_set_times(struct wasi *w, uint32_t fd, uint64_t atim, uint64_t mtim,
                                    uint32_t fst_flags);
uint16_t wasi_fd_pread(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                       uint32_t out);
uint16_t wasi_fd_prestat_get(struct wasi *w, uint32_t fd, uint32_t out);
uint16_t wasi_fd_prestat_dir_name(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len);
uint16_t wasi_fd_pwrite(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint64_t offset,
                        uint32_t out);
uint16_t wasi_fd_read(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out);
uint16_t wasi_fd_readdir(struct wasi *w, uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie,
                         uint32_t used);
uint16_t wasi_fd_renumber(struct wasi *w, uint32_t from, uint32_t to);
uint16_t wasi_fd_seek(struct wasi *w, uint32_t fd, int64_t delta, uint32_t whence, uint32_t out);
uint16_t wasi_fd_sync(struct wasi *w, uint32_t fd);
uint16_t wasi_fd_tell(struct wasi *w, uint32_t fd, uint32_t out);
uint16_t wasi_fd_write(struct wasi *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t out);

uint16_t wasi_path_create_directory(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len);
uint16_t wasi_path_filestat_get(struct wasi *w, uint32_t fd, uint32_t lookup, uint32_t path,
                                uint32_t len, uint32_t out);
uint16_t wasi_path_filestat_set_times(struct wasi *w, uint32_t fd, uint32_t lookup, uint32_t path,
                                      uint32_t len, uint64_t atim, uint64_t mtim, uint32_t flags);
uint16_t wasi_path_link(struct wasi *w, uint32_t old_fd, uint32_t lookup, uint32_t old_path,
                        uint32_t old_len, uint32_t new_fd, uint32_t new_path, uint32_t new_len);
uint16_t wasi_path_open(struct wasi *w, uint32_t fd, uint32_t lookup, uint32_t path, uint32_t len,
                        uint32_t oflags, uint64_t base, uint64_t inheriting, uint32_t fd_flags,
                        uint32_t out);
uint16_t wasi_path_readlink(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len, uint32_t buf,
                            uint32_t buf_len, uint32_t used);
uint16_t wasi_path_remove_directory(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len);
uint16_t wasi_path_rename(struct wasi *w, uint32_t old_fd, uint32_t old_path, uint32_t old_len,
                          uint32_t new_fd, uint32_t new_path, uint32_t new_len);
uint16_t wasi_path_symlink(struct wasi *w, uint32_t target, uint32_t target_len, uint32_t fd,
                           uint32_t path, uint32_t len);
uint16_t wasi_path_unlink_file(struct wasi *w, uint32_t fd, uint32_t path, uint32_t len);

#endif
