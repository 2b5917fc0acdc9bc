// SPDX-License-Identifier: MIT
// sources: wasm/wasi/memory.c wasm/wasi/table.c wasm/wasi/io.c wasm/wasi/fd.c wasm/wasi/dir.c wasm/wasi/path.c wasm/wasi/path_change.c wasm/wasi/poll.c wasm/wasi/process.c wasm/runner/system.c wasm/runner/module.c tests/wasm/host_kernel.c user/lib/fs.c user/servers/ramfs/node.c user/servers/ramfs/entry.c user/servers/ramfs/walk.c user/servers/ramfs/tree.c user/servers/ramfs/service.c user/servers/ramfs/archive.c
//
// The WASI host over the real file client and file server, called as a program would: every
// pointer, length, right and path that a hostile one may pass.
#define _GNU_SOURCE
#include "tests/wasm/host_kernel.h"
#include "wasm/runner/module.h"
#include "wasm/wasi/wasi.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMORY_BYTES (4u * 65536u)
#define ROOT         3u
#define OUT          64u   // where results go
#define PATH         1024u // where path arguments lie
#define PATH2        4096u
#define IOVS         8192u
#define DATA         65536u
#define NOWHERE      (MEMORY_BYTES - 2)
#define READ_WRITE   (RIGHT_FD_READ | RIGHT_FD_WRITE | RIGHT_FD_SEEK | RIGHT_FD_TELL)

static struct wasi w;
static int pipe_fds[2];

static int setup(void **state)
{
    static const char *const args[] = {"name", "first", "second argument"};
    static const char *const env[] = {"HOME=/"};
    (void)state;
    host_kernel_start();
    wasi_init(&w, args, 3, env, 1);
    w.memory = calloc(1, MEMORY_BYTES); // its end is watched by the sanitizer
    w.memory_bytes = MEMORY_BYTES;
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(wasi_give_stream(&w, 0, host_kernel_stream(pipe_fds[0])), OK);
    assert_int_equal(wasi_give_stream(&w, 1, host_kernel_stream(pipe_fds[1])), OK);
    assert_int_equal(wasi_give_stream(&w, 2, host_kernel_stream(pipe_fds[1])), OK);
    assert_int_equal(wasi_give_preopen(&w, host_kernel_root(false), "/"), OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wasi_fini(&w);
    free(w.memory);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    return (int)host_kernel_stop(); // every node handle must be closed again
}

static uint32_t u32_at(uint32_t ptr)
{
    uint32_t value;
    memcpy(&value, w.memory + ptr, sizeof value);
    return value;
}

static uint64_t u64_at(uint32_t ptr)
{
    uint64_t value;
    memcpy(&value, w.memory + ptr, sizeof value);
    return value;
}

static void put_u32(uint32_t ptr, uint32_t value) { memcpy(w.memory + ptr, &value, sizeof value); }

static void put_u64(uint32_t ptr, uint64_t value) { memcpy(w.memory + ptr, &value, sizeof value); }

static uint32_t put_text(uint32_t at, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    memcpy(w.memory + at, text, len);
    return len;
}

static void put_iovec(uint32_t index, uint32_t ptr, uint32_t len)
{
    put_u32(IOVS + 8 * index, ptr);
    put_u32(IOVS + 8 * index + 4, len);
}

static uint16_t open_rights(uint32_t dir, const char *path, uint32_t oflags, uint64_t rights,
                            uint32_t *fd)
{
    uint32_t len = put_text(PATH, path);
    uint16_t error = wasi_path_open(&w, dir, 1, PATH, len, oflags, rights, rights, 0, OUT);
    if (error == WASI_SUCCESS) {
        *fd = u32_at(OUT);
    }
    return error;
}

static uint32_t must_open(const char *path, uint32_t oflags)
{
    uint32_t fd = 0;
    uint64_t rights = (oflags & WASI_O_DIRECTORY) != 0 ? WASI_RIGHTS_ALL : WASI_RIGHTS_FILE;
    assert_int_equal(open_rights(ROOT, path, oflags, rights, &fd), WASI_SUCCESS);
    return fd;
}

static uint16_t write_text(uint32_t fd, const char *text)
{
    put_iovec(0, DATA, put_text(DATA, text));
    return wasi_fd_write(&w, fd, IOVS, 1, OUT);
}

static uint16_t mkdir_at(const char *path)
{
    return wasi_path_create_directory(&w, ROOT, PATH, put_text(PATH, path));
}

// --- start-up -----------------------------------------------------------------------------------

static void arguments_and_environment_are_copied(void **state)
{
    (void)state;
    assert_int_equal(wasi_args_sizes_get(&w, OUT, OUT + 4), 0);
    assert_int_equal(u32_at(OUT), 3);
    assert_int_equal(u32_at(OUT + 4), 5 + 6 + 16);
    assert_int_equal(wasi_args_get(&w, OUT, DATA), 0);
    assert_string_equal((char *)w.memory + u32_at(OUT + 8), "second argument");
    assert_int_equal(wasi_environ_sizes_get(&w, OUT, OUT + 4), 0);
    assert_int_equal(u32_at(OUT), 1);
    assert_int_equal(wasi_environ_get(&w, OUT, DATA), 0);
    assert_string_equal((char *)w.memory + u32_at(OUT), "HOME=/");
    assert_int_equal(wasi_args_get(&w, NOWHERE, DATA), WASI_FAULT);
    assert_int_equal(wasi_args_get(&w, OUT, MEMORY_BYTES - 4), WASI_FAULT);
    assert_int_equal(wasi_args_sizes_get(&w, OUT, NOWHERE), WASI_FAULT);
}

static void a_preopen_tells_its_name(void **state)
{
    (void)state;
    assert_int_equal(wasi_fd_prestat_get(&w, ROOT, OUT), 0);
    assert_int_equal(w.memory[OUT], 0);
    assert_int_equal(u32_at(OUT + 4), 1);
    assert_int_equal(wasi_fd_prestat_dir_name(&w, ROOT, DATA, 1), 0);
    assert_int_equal(w.memory[DATA], '/');
    assert_int_equal(wasi_fd_prestat_dir_name(&w, ROOT, DATA, 0), WASI_NAMETOOLONG);
    assert_int_equal(wasi_fd_prestat_get(&w, 1, OUT), WASI_BADF);
    assert_int_equal(wasi_fd_prestat_get(&w, 4, OUT), WASI_BADF);
    assert_int_equal(wasi_fd_prestat_get(&w, ROOT, NOWHERE), WASI_FAULT);
}

static void a_file_is_no_preopen(void **state)
{
    (void)state;
    assert_int_equal(wasi_give_preopen(&w, w.fds[1].node, "/x"), ERR_NOT_DIR);
    assert_int_equal(wasi_give_stream(&w, 1, w.fds[2].node), ERR_EXISTS);
}

// --- descriptors and rights ---------------------------------------------------------------------

static void rights_only_shrink(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    assert_int_equal(wasi_fd_fdstat_set_rights(&w, fd, RIGHT_FD_READ, 0), 0);
    assert_int_equal(wasi_fd_fdstat_set_rights(&w, fd, READ_WRITE, 0), WASI_NOTCAPABLE);
    assert_int_equal(wasi_fd_fdstat_set_rights(&w, fd, RIGHT_FD_READ, 1), WASI_NOTCAPABLE);
    assert_int_equal(write_text(fd, "x"), WASI_NOTCAPABLE);
    assert_int_equal(wasi_fd_seek(&w, fd, 0, WASI_WHENCE_SET, OUT), WASI_NOTCAPABLE);
    assert_int_equal(wasi_fd_fdstat_get(&w, fd, OUT), 0);
    assert_int_equal(u64_at(OUT + 8), RIGHT_FD_READ);
}

static void what_is_opened_has_no_more_than_its_directory_passes_on(void **state)
{
    (void)state;
    uint32_t fd = 0;
    assert_int_equal(mkdir_at("d"), 0);
    uint32_t dir = must_open("d", WASI_O_DIRECTORY);
    assert_int_equal(
        wasi_fd_fdstat_set_rights(&w, dir, RIGHT_PATH_OPEN | RIGHT_PATH_CREATE_FILE, READ_WRITE),
        0);
    assert_int_equal(open_rights(dir, "a", WASI_O_CREAT, RIGHT_FD_ALLOCATE, &fd), WASI_NOTCAPABLE);
    assert_int_equal(open_rights(dir, "a", WASI_O_CREAT, RIGHT_FD_WRITE, &fd), 0);
    assert_int_equal(open_rights(dir, "a", WASI_O_TRUNC, RIGHT_FD_WRITE, &fd), WASI_NOTCAPABLE);
    assert_int_equal(wasi_path_unlink_file(&w, dir, PATH, 1), WASI_NOTCAPABLE);
    assert_int_equal(wasi_fd_readdir(&w, dir, DATA, 100, 0, OUT), WASI_NOTCAPABLE);
}

static void a_read_only_preopen_cannot_be_written(void **state)
{
    (void)state;
    uint32_t fd = 0;
    const uint32_t sealed = 4;
    must_open("f", WASI_O_CREAT);
    assert_int_equal(wasi_fd_close(&w, 4), 0);
    assert_int_equal(wasi_give_preopen(&w, host_kernel_root(true), "/sealed"), OK);
    assert_int_equal(open_rights(sealed, "f", 0, RIGHT_FD_READ, &fd), 0);
    assert_int_equal(open_rights(sealed, "f", 0, RIGHT_FD_WRITE, &fd), WASI_NOTCAPABLE);
    assert_int_equal(open_rights(sealed, "g", WASI_O_CREAT, RIGHT_FD_READ, &fd), WASI_NOTCAPABLE);
    assert_int_equal(wasi_path_create_directory(&w, sealed, PATH, 1), WASI_NOTCAPABLE);
    assert_int_equal(wasi_fd_readdir(&w, sealed, DATA, 100, 0, OUT), 0);
}

static void descriptors_move_and_close(void **state)
{
    (void)state;
    uint32_t a = must_open("a", WASI_O_CREAT);
    uint32_t b = must_open("b", WASI_O_CREAT);
    assert_int_equal(wasi_fd_renumber(&w, a, b), 0);
    assert_int_equal(wasi_fd_close(&w, a), WASI_BADF);
    assert_int_equal(wasi_fd_renumber(&w, a, b), WASI_BADF);
    assert_int_equal(wasi_fd_renumber(&w, b, 500), WASI_BADF);
    assert_int_equal(wasi_fd_renumber(&w, b, b), 0);
    // Also over a preopen: then that name is gone.
    assert_int_equal(wasi_fd_renumber(&w, b, ROOT), 0);
    assert_int_equal(wasi_fd_prestat_get(&w, ROOT, OUT), WASI_BADF);
    assert_int_equal(wasi_fd_close(&w, ROOT), 0);
    assert_int_equal(wasi_fd_close(&w, ROOT), WASI_BADF);
    assert_int_equal(wasi_fd_close(&w, UINT32_MAX), WASI_BADF);
}

static void the_table_has_an_end(void **state)
{
    (void)state;
    uint32_t fd = 0;
    uint16_t error = WASI_SUCCESS;
    unsigned opened = 0;
    must_open("f", WASI_O_CREAT);
    while (error == WASI_SUCCESS && opened <= WASI_FDS_MAX) {
        error = open_rights(ROOT, "f", 0, RIGHT_FD_READ, &fd);
        opened++;
    }
    assert_int_equal(error, WASI_MFILE);
    assert_int_equal(wasi_fd_close(&w, 700), 0);
    assert_int_equal(open_rights(ROOT, "f", 0, RIGHT_FD_READ, &fd), 0);
    assert_int_equal(fd, 700);
}

// --- reading and writing ------------------------------------------------------------------------

static void several_buffers_are_written_and_read_in_order(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    put_text(DATA, "hello world");
    put_iovec(0, DATA, 5);
    put_iovec(1, 0, 0);
    put_iovec(2, DATA + 5, 6);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 3, OUT), 0);
    assert_int_equal(u32_at(OUT), 11);
    assert_int_equal(wasi_fd_tell(&w, fd, OUT), 0);
    assert_int_equal(u64_at(OUT), 11);
    put_iovec(0, DATA + 100, 4);
    put_iovec(1, DATA + 200, 100);
    assert_int_equal(wasi_fd_pread(&w, fd, IOVS, 2, 3, OUT), 0);
    assert_int_equal(u32_at(OUT), 8);
    assert_memory_equal(w.memory + DATA + 100, "lo w", 4);
    assert_memory_equal(w.memory + DATA + 200, "orld", 4);
    assert_int_equal(wasi_fd_read(&w, fd, IOVS, 2, OUT), 0);
    assert_int_equal(u32_at(OUT), 0); // at the end
}

static void large_transfers_are_split(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    for (uint32_t i = 0; i < 50000; i++) {
        w.memory[DATA + i] = (uint8_t)(i % 251);
    }
    put_iovec(0, DATA, 30000);
    put_iovec(1, DATA + 30000, 20000);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 2, OUT), 0);
    assert_int_equal(u32_at(OUT), 50000);
    put_iovec(0, DATA + 60000, 50000);
    assert_int_equal(wasi_fd_pread(&w, fd, IOVS, 1, 0, OUT), 0);
    assert_int_equal(u32_at(OUT), 50000);
    assert_memory_equal(w.memory + DATA, w.memory + DATA + 60000, 50000);
}

static void bad_buffers_are_refused_before_anything_moves(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    put_text(DATA, "data");
    put_iovec(0, DATA, 4);
    put_iovec(1, NOWHERE, 4);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 2, OUT), WASI_FAULT);
    assert_int_equal(wasi_fd_tell(&w, fd, OUT), 0);
    assert_int_equal(u64_at(OUT), 0);
    put_iovec(1, 0xffffffff, 0xffffffff);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 2, OUT), WASI_FAULT);
    assert_int_equal(wasi_fd_read(&w, fd, IOVS, 2, OUT), WASI_FAULT);
    assert_int_equal(wasi_fd_write(&w, fd, MEMORY_BYTES - 8, 2, OUT), WASI_FAULT);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, WASI_IOVECS_MAX + 1, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 0x20000001, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 1, NOWHERE), WASI_FAULT);
    assert_int_equal(wasi_fd_read(&w, fd, IOVS, 1, NOWHERE), WASI_FAULT);
    assert_int_equal(wasi_fd_pread(&w, fd, IOVS, 1, UINT64_MAX - 1, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_pwrite(&w, fd, IOVS, 1, UINT64_MAX, OUT), WASI_INVAL);
}

// 1,024 times the same 16 MiB: each buffer is good, their sum is not a 32-bit number.
static void a_sum_of_lengths_that_overflows_is_refused(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    uint8_t *small = w.memory;
    const uint64_t large_bytes = 16u << 20;
    w.memory = calloc(1, large_bytes);
    w.memory_bytes = large_bytes;
    for (uint32_t i = 0; i < WASI_IOVECS_MAX; i++) {
        put_iovec(i, 0, (uint32_t)large_bytes);
    }
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, WASI_IOVECS_MAX, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_read(&w, fd, IOVS, WASI_IOVECS_MAX, OUT), WASI_INVAL);
    free(w.memory);
    w.memory = small;
    w.memory_bytes = MEMORY_BYTES;
}

static void reading_over_the_list_of_buffers_stays_inside(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    memset(w.memory + DATA, 0xff, 64);
    put_iovec(0, DATA, 64);
    assert_int_equal(wasi_fd_write(&w, fd, IOVS, 1, OUT), 0);
    assert_int_equal(wasi_fd_seek(&w, fd, 0, WASI_WHENCE_SET, OUT), 0);
    put_iovec(0, IOVS + 8, 16); // turns the second one into 0xffffffff, 0xffffffff
    put_iovec(1, DATA, 16);
    assert_int_equal(wasi_fd_read(&w, fd, IOVS, 2, OUT), WASI_FAULT);
}

static void appending_goes_to_the_end(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    assert_int_equal(write_text(fd, "one"), 0);
    assert_int_equal(wasi_fd_seek(&w, fd, 0, WASI_WHENCE_SET, OUT), 0);
    assert_int_equal(wasi_fd_fdstat_set_flags(&w, fd, WASI_FDFLAG_APPEND), 0);
    assert_int_equal(write_text(fd, "two"), 0);
    assert_int_equal(wasi_fd_tell(&w, fd, OUT), 0);
    assert_int_equal(u64_at(OUT), 6);
    assert_int_equal(wasi_fd_fdstat_get(&w, fd, OUT), 0);
    assert_int_equal(w.memory[OUT + 2], WASI_FDFLAG_APPEND);
    assert_int_equal(wasi_fd_fdstat_set_flags(&w, fd, 32), WASI_INVAL);
}

static void seeking_stays_within_64_bits(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    assert_int_equal(write_text(fd, "12345"), 0);
    assert_int_equal(wasi_fd_seek(&w, fd, -2, WASI_WHENCE_END, OUT), 0);
    assert_int_equal(u64_at(OUT), 3);
    assert_int_equal(wasi_fd_seek(&w, fd, -4, WASI_WHENCE_CUR, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_seek(&w, fd, INT64_MAX, WASI_WHENCE_CUR, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_seek(&w, fd, INT64_MIN, WASI_WHENCE_END, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_seek(&w, fd, 0, 3, OUT), WASI_INVAL);
    assert_int_equal(wasi_fd_seek(&w, fd, 0, WASI_WHENCE_SET, NOWHERE), WASI_FAULT);
    assert_int_equal(wasi_fd_seek(&w, fd, INT64_MAX, WASI_WHENCE_SET, OUT), 0);
    assert_int_equal(write_text(fd, "x"), WASI_FBIG);
    assert_int_equal(wasi_fd_seek(&w, 1, 0, WASI_WHENCE_SET, OUT), WASI_SPIPE);
}

static void streams_are_character_devices_without_position(void **state)
{
    (void)state;
    assert_int_equal(write_text(1, "to the pipe"), 0);
    put_iovec(0, DATA + 100, 64);
    put_iovec(1, DATA + 200, 64);
    assert_int_equal(wasi_fd_read(&w, 0, IOVS, 2, OUT), 0); // would wait if it went on
    assert_int_equal(u32_at(OUT), 11);
    assert_int_equal(wasi_fd_pread(&w, 0, IOVS, 1, 0, OUT), WASI_SPIPE);
    assert_int_equal(wasi_fd_pwrite(&w, 1, IOVS, 1, 0, OUT), WASI_SPIPE);
    assert_int_equal(wasi_fd_fdstat_get(&w, 1, OUT), 0);
    assert_int_equal(w.memory[OUT], WASI_FILETYPE_CHARACTER_DEVICE);
    assert_int_equal(u64_at(OUT + 8) & (RIGHT_FD_SEEK | RIGHT_FD_TELL), 0);
    assert_int_equal(wasi_fd_fdstat_set_flags(&w, 0, WASI_FDFLAG_NONBLOCK), 0);
    assert_int_equal(wasi_fd_read(&w, 0, IOVS, 1, OUT), WASI_AGAIN);
}

static void sizes_and_space(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    assert_int_equal(wasi_fd_filestat_set_size(&w, fd, 10), 0);
    assert_int_equal(wasi_fd_allocate(&w, fd, 5, 20), 0);
    assert_int_equal(wasi_fd_allocate(&w, fd, 0, 3), 0); // never shrinks
    assert_int_equal(wasi_fd_filestat_get(&w, fd, OUT), 0);
    assert_int_equal(u64_at(OUT + 32), 25);
    assert_int_equal(w.memory[OUT + 16], WASI_FILETYPE_REGULAR_FILE);
    assert_int_equal(wasi_fd_allocate(&w, fd, 0, 0), WASI_INVAL);
    assert_int_equal(wasi_fd_allocate(&w, fd, UINT64_MAX, 2), WASI_FBIG);
    assert_int_equal(wasi_fd_filestat_set_size(&w, fd, UINT64_MAX), WASI_FBIG);
    assert_int_equal(wasi_fd_filestat_get(&w, fd, NOWHERE), WASI_FAULT);
    assert_int_equal(wasi_fd_advise(&w, fd, 0, 0, 5), 0);
    assert_int_equal(wasi_fd_advise(&w, fd, 0, 0, 6), WASI_INVAL);
    assert_int_equal(wasi_fd_advise(&w, 1, 0, 0, 0), WASI_SPIPE);
    assert_int_equal(wasi_fd_sync(&w, fd), 0);
    assert_int_equal(wasi_fd_datasync(&w, fd), 0);
}

static void times_are_set_or_now_but_not_both(void **state)
{
    (void)state;
    uint32_t fd = must_open("f", WASI_O_CREAT);
    uint32_t len = put_text(PATH, "f");
    assert_int_equal(wasi_fd_filestat_set_times(&w, fd, 111, 222, WASI_FST_ATIM | WASI_FST_MTIM),
                     0);
    assert_int_equal(wasi_path_filestat_get(&w, ROOT, 1, PATH, len, OUT), 0);
    assert_int_equal(u64_at(OUT + 40), 111);
    assert_int_equal(u64_at(OUT + 48), 222);
    assert_int_equal(wasi_fd_filestat_set_times(&w, fd, 1, 2, WASI_FST_ATIM | WASI_FST_ATIM_NOW),
                     WASI_INVAL);
    assert_int_equal(
        wasi_path_filestat_set_times(&w, ROOT, 1, PATH, len, 1, 2, WASI_FST_MTIM_NOW | 64),
        WASI_INVAL);
    assert_int_equal(wasi_path_filestat_set_times(&w, ROOT, 1, PATH, len, 0, 0, WASI_FST_MTIM_NOW),
                     0);
}

// --- paths --------------------------------------------------------------------------------------

static void paths_do_not_leave_their_directory(void **state)
{
    (void)state;
    static const char *const escapes[] = {"/f",        "..",  "../f", "d/../../f", "./..",
                                          "d/.././..", "//f", "../",  "d/../.."};
    uint32_t fd = 0;
    assert_int_equal(mkdir_at("d"), 0);
    for (unsigned i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        assert_int_equal(open_rights(ROOT, escapes[i], 0, RIGHT_FD_READ, &fd), WASI_NOTCAPABLE);
        assert_int_equal(mkdir_at(escapes[i]), WASI_NOTCAPABLE);
    }
    assert_int_equal(open_rights(ROOT, "d/../d/.", 0, RIGHT_FD_READDIR, &fd), 0);
    assert_int_equal(open_rights(ROOT, "..d", WASI_O_CREAT, RIGHT_FD_READ, &fd), 0);
}

static void links_do_not_leave_their_directory(void **state)
{
    (void)state;
    uint32_t fd = 0;
    assert_int_equal(mkdir_at("d"), 0);
    must_open("top", WASI_O_CREAT);
    uint32_t dir = must_open("d", WASI_O_DIRECTORY);
    uint32_t len = put_text(PATH, "link");
    uint32_t target = put_text(PATH2, "../top");
    assert_int_equal(wasi_path_symlink(&w, PATH2, target, dir, PATH, len), 0);
    // Seen from the directory's own handle there is nothing above it.
    assert_int_not_equal(open_rights(dir, "link", 0, RIGHT_FD_READ, &fd), 0);
    target = put_text(PATH2, "/top");
    len = put_text(PATH, "absolute");
    assert_int_equal(wasi_path_symlink(&w, PATH2, target, dir, PATH, len), WASI_NOTCAPABLE);
    assert_int_equal(wasi_path_symlink(&w, PATH2, 0, dir, PATH, len), WASI_NOENT);
    assert_int_equal(wasi_path_symlink(&w, NOWHERE, 8, dir, PATH, len), WASI_FAULT);
}

static void links_are_read_and_cut_off(void **state)
{
    (void)state;
    uint32_t len = put_text(PATH, "l");
    assert_int_equal(wasi_path_symlink(&w, PATH2, put_text(PATH2, "target"), ROOT, PATH, len), 0);
    assert_int_equal(wasi_path_readlink(&w, ROOT, PATH, len, DATA, 100, OUT), 0);
    assert_int_equal(u32_at(OUT), 6);
    assert_memory_equal(w.memory + DATA, "target", 6);
    assert_int_equal(wasi_path_readlink(&w, ROOT, PATH, len, DATA, 3, OUT), 0);
    assert_int_equal(u32_at(OUT), 3);
    assert_int_equal(wasi_path_readlink(&w, ROOT, PATH, len, NOWHERE, 3, OUT), WASI_FAULT);
    uint32_t fd = 0;
    assert_int_equal(
        wasi_path_open(&w, ROOT, 0, PATH, put_text(PATH, "l"), 0, RIGHT_FD_READ, 0, 0, OUT),
        WASI_LOOP); // not to be followed
    assert_int_equal(open_rights(ROOT, "l", 0, RIGHT_FD_READ, &fd), WASI_NOENT);
}

static void bad_path_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(wasi_path_create_directory(&w, ROOT, PATH, 0), WASI_NOENT);
    assert_int_equal(wasi_path_create_directory(&w, ROOT, NOWHERE, 3), WASI_FAULT);
    assert_int_equal(wasi_path_create_directory(&w, ROOT, PATH, UINT32_MAX), WASI_FAULT);
    memset(w.memory + PATH, 'a', FS_PATH_MAX + 1);
    assert_int_equal(wasi_path_create_directory(&w, ROOT, PATH, FS_PATH_MAX + 1), WASI_NAMETOOLONG);
    assert_int_equal(wasi_path_create_directory(&w, ROOT, PATH, FS_NAME_MAX + 1), WASI_NAMETOOLONG);
    w.memory[PATH + 1] = 0;
    assert_int_equal(wasi_path_create_directory(&w, ROOT, PATH, 3), WASI_INVAL);
    static const char *const not_utf8[] = {"\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80"};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(mkdir_at(not_utf8[i]), WASI_INVAL);
    }
    assert_int_equal(mkdir_at("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6"), 0);
    uint32_t file = must_open("f", WASI_O_CREAT);
    assert_int_equal(wasi_path_create_directory(&w, file, PATH, 1), WASI_NOTDIR);
    assert_int_equal(wasi_path_create_directory(&w, 99, PATH, 1), WASI_BADF);
}

static void open_flags_mean_what_they_say(void **state)
{
    (void)state;
    uint32_t fd = 0;
    assert_int_equal(open_rights(ROOT, "no", 0, RIGHT_FD_READ, &fd), WASI_NOENT);
    fd = must_open("f", WASI_O_CREAT | WASI_O_EXCL);
    assert_int_equal(write_text(fd, "text"), 0);
    assert_int_equal(open_rights(ROOT, "f", WASI_O_CREAT | WASI_O_EXCL, RIGHT_FD_READ, &fd),
                     WASI_EXIST);
    assert_int_equal(open_rights(ROOT, "f", WASI_O_DIRECTORY, RIGHT_FD_READDIR, &fd), WASI_NOTDIR);
    assert_int_equal(open_rights(ROOT, "f", WASI_O_CREAT | WASI_O_DIRECTORY, 0, &fd), WASI_INVAL);
    assert_int_equal(open_rights(ROOT, "f", 16, RIGHT_FD_READ, &fd), WASI_INVAL);
    assert_int_equal(open_rights(ROOT, "f", WASI_O_TRUNC, RIGHT_FD_WRITE, &fd), 0);
    assert_int_equal(wasi_path_filestat_get(&w, ROOT, 1, PATH, 1, OUT), 0);
    assert_int_equal(u64_at(OUT + 32), 0);
    assert_int_equal(wasi_path_open(&w, ROOT, 1, PATH, 1, 0, RIGHT_FD_READ, 0, 64, OUT),
                     WASI_INVAL);
    assert_int_equal(wasi_path_open(&w, ROOT, 1, PATH, 1, 0, RIGHT_FD_READ, 0, 0, NOWHERE),
                     WASI_FAULT);
}

static void a_directory_opened_like_a_file_can_still_be_used(void **state)
{
    (void)state;
    uint32_t fd = 0;
    uint32_t dir = 0;
    const uint64_t rights = RIGHT_FD_READ | WASI_RIGHTS_DIRECTORY;
    uint32_t len = put_text(PATH, "d");
    assert_int_equal(wasi_path_create_directory(&w, ROOT, PATH, len), 0);
    assert_int_equal(open_rights(ROOT, "d", 0, rights | RIGHT_FD_WRITE, &dir), WASI_ISDIR);
    assert_int_equal(wasi_path_open(&w, ROOT, 1, PATH, len, 0, rights, WASI_RIGHTS_ALL, 0, OUT), 0);
    dir = u32_at(OUT);
    assert_int_equal(w.fds[dir].filetype, WASI_FILETYPE_DIRECTORY);
    assert_int_equal(open_rights(dir, "f", WASI_O_CREAT, RIGHT_FD_WRITE, &fd), 0);
    put_iovec(0, DATA, 10);
    assert_int_equal(wasi_fd_read(&w, dir, IOVS, 1, OUT), WASI_NOTCAPABLE);
}

static void names_are_moved_linked_removed(void **state)
{
    (void)state;
    uint32_t a = put_text(PATH, "a");
    uint32_t b = put_text(PATH2, "d/b");
    must_open("a", WASI_O_CREAT);
    assert_int_equal(mkdir_at("d"), 0);
    a = put_text(PATH, "a");
    uint32_t dir = must_open("d", WASI_O_DIRECTORY);
    a = put_text(PATH, "a");
    assert_int_equal(wasi_path_link(&w, ROOT, 0, PATH, a, ROOT, PATH2, b), 0);
    assert_int_equal(wasi_path_rename(&w, ROOT, PATH, a, dir, PATH2, put_text(PATH2, "c")), 0);
    assert_int_equal(wasi_path_rename(&w, ROOT, PATH, a, dir, PATH2, 1), WASI_NOENT);
    assert_int_equal(wasi_path_rename(&w, dir, PATH2, 1, ROOT, PATH, put_text(PATH, "../x")),
                     WASI_NOTCAPABLE);
    assert_int_equal(wasi_path_remove_directory(&w, ROOT, PATH, put_text(PATH, "d")),
                     WASI_NOTEMPTY);
    assert_int_equal(wasi_path_unlink_file(&w, ROOT, PATH, put_text(PATH, "d")), WASI_ISDIR);
    assert_int_equal(wasi_path_remove_directory(&w, dir, PATH, put_text(PATH, "b")), WASI_NOTDIR);
    assert_int_equal(wasi_path_unlink_file(&w, dir, PATH, put_text(PATH, "b")), 0);
    assert_int_equal(wasi_path_unlink_file(&w, dir, PATH, put_text(PATH, "c")), 0);
    assert_int_equal(wasi_path_remove_directory(&w, ROOT, PATH, put_text(PATH, "d")), 0);
}

// --- directories --------------------------------------------------------------------------------

// Reads the whole listing with a buffer of this size, the way C libraries do; returns the number of
// entries, each counted once.
static unsigned count_entries(uint32_t dir, uint32_t buf_len)
{
    uint64_t cookie = 0;
    unsigned count = 0;
    for (unsigned rounds = 0; rounds < 1000; rounds++) {
        assert_int_equal(wasi_fd_readdir(&w, dir, DATA, buf_len, cookie, OUT), 0);
        uint32_t used = u32_at(OUT);
        uint32_t at = 0;
        uint64_t start = cookie;
        while (used - at >= WASI_DIRENT_BYTES &&
               used - at - WASI_DIRENT_BYTES >= u32_at(DATA + at + 16)) {
            cookie = u64_at(DATA + at);
            at += WASI_DIRENT_BYTES + u32_at(DATA + at + 16);
            count++;
        }
        if (used < buf_len) {
            return count;
        }
        assert_true(cookie != start); // else the buffer is too small for one entry
    }
    fail_msg("a listing without end");
    return 0;
}

static void listings_are_complete_at_any_buffer_size(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 150; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "a-rather-long-name-for-a-file-%u", i);
        assert_int_equal(wasi_fd_close(&w, must_open(name, WASI_O_CREAT)), 0);
    }
    for (uint32_t size = 60; size < 400; size += 17) {
        assert_int_equal(count_entries(ROOT, size), 152); // with . and ..
    }
    assert_int_equal(count_entries(ROOT, 65536), 152);
    assert_int_equal(wasi_fd_readdir(&w, ROOT, DATA, MEMORY_BYTES, 0, OUT), WASI_FAULT);
    assert_int_equal(wasi_fd_readdir(&w, ROOT, DATA, 100, 0, NOWHERE), WASI_FAULT);
    assert_int_equal(wasi_fd_readdir(&w, ROOT, DATA, 0, 0, OUT), 0);
    assert_int_equal(u32_at(OUT), 0);
    assert_int_equal(wasi_fd_readdir(&w, ROOT, DATA, 100, UINT64_MAX, OUT), 0);
    assert_int_equal(u32_at(OUT), 0);
}

// --- clocks and waiting -------------------------------------------------------------------------

static void subscribe_clock(uint32_t index, uint32_t clock, uint64_t timeout, uint16_t flags)
{
    uint32_t at = DATA + index * WASI_SUBSCRIPTION_BYTES;
    memset(w.memory + at, 0, WASI_SUBSCRIPTION_BYTES);
    put_u64(at, 1000 + index);
    put_u32(at + 16, clock);
    put_u64(at + 24, timeout);
    memcpy(w.memory + at + 40, &flags, sizeof flags);
}

static void subscribe_fd(uint32_t index, uint8_t type, uint32_t fd)
{
    uint32_t at = DATA + index * WASI_SUBSCRIPTION_BYTES;
    memset(w.memory + at, 0, WASI_SUBSCRIPTION_BYTES);
    put_u64(at, 1000 + index);
    w.memory[at + 8] = type;
    put_u32(at + 16, fd);
}

static void clocks_are_read(void **state)
{
    (void)state;
    for (uint32_t clock = 0; clock < 4; clock++) {
        assert_int_equal(wasi_clock_time_get(&w, clock, 0, OUT), 0);
        assert_int_equal(wasi_clock_res_get(&w, clock, OUT), 0);
        assert_true(u64_at(OUT) > 0);
    }
    assert_int_equal(wasi_clock_time_get(&w, 4, 0, OUT), WASI_INVAL);
    assert_int_equal(wasi_clock_res_get(&w, 4, OUT), WASI_INVAL);
    assert_int_equal(wasi_clock_time_get(&w, 1, 0, NOWHERE), WASI_FAULT);
}

static void poll_arguments_are_checked(void **state)
{
    (void)state;
    subscribe_clock(0, 1, 0, 0);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 0, OUT), WASI_INVAL);
    assert_int_equal(wasi_poll_oneoff(&w, NOWHERE, IOVS, 1, OUT), WASI_FAULT);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, MEMORY_BYTES - 31, 1, OUT), WASI_FAULT);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 1, NOWHERE), WASI_FAULT);
    // Sizes that are small again after a multiplication in 32 bits.
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 0x05555556, OUT), WASI_FAULT);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 0x08000001, OUT), WASI_FAULT);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, UINT32_MAX, OUT), WASI_FAULT);
    subscribe_fd(0, 3, 0);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 1, OUT), WASI_INVAL);
}

static void poll_waits_for_the_earliest(void **state)
{
    (void)state;
    subscribe_clock(0, 1, 3600000000000ull, 0);
    subscribe_clock(1, 1, 5000000, 0);
    subscribe_fd(2, WASI_EVENT_FD_READ, 0);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 3, OUT), 0);
    assert_int_equal(u32_at(OUT), 1);
    assert_int_equal(u64_at(IOVS), 1001);
    assert_int_equal(w.memory[IOVS + 10], WASI_EVENT_CLOCK);
    // A time in the past, absolute, is ready at once.
    subscribe_clock(0, 0, 1, WASI_SUBCLOCK_ABSTIME);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 1, OUT), 0);
}

static void poll_reports_each_descriptor(void **state)
{
    (void)state;
    uint32_t file = must_open("f", WASI_O_CREAT);
    assert_int_equal(write_text(file, "12345"), 0);
    assert_int_equal(wasi_fd_seek(&w, file, 2, WASI_WHENCE_SET, OUT), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    subscribe_fd(0, WASI_EVENT_FD_READ, 0);
    subscribe_fd(1, WASI_EVENT_FD_READ, file);
    subscribe_fd(2, WASI_EVENT_FD_WRITE, 1);
    subscribe_fd(3, WASI_EVENT_FD_READ, 77);
    subscribe_clock(4, 9, 0, 0);
    subscribe_clock(5, 2, 0, 0);
    assert_int_equal(wasi_poll_oneoff(&w, DATA, IOVS, 6, OUT), 0);
    assert_int_equal(u32_at(OUT), 6);
    assert_int_equal(u64_at(IOVS + 16), 1);
    assert_int_equal(u64_at(IOVS + 32 + 16), 3);
    assert_int_equal(w.memory[IOVS + 3 * 32 + 8], WASI_BADF);
    assert_int_equal(w.memory[IOVS + 4 * 32 + 8], WASI_INVAL);
    assert_int_equal(w.memory[IOVS + 5 * 32 + 8], WASI_NOTSUP);
    // Events laid over the subscriptions they answer.
    assert_int_equal(wasi_poll_oneoff(&w, DATA, DATA, 6, OUT), 0);
}

// --- the rest -----------------------------------------------------------------------------------

static void random_bytes_fill_exactly_what_was_asked(void **state)
{
    (void)state;
    assert_int_equal(wasi_random_get(&w, DATA, 1000), 0);
    unsigned zeros = 0;
    for (unsigned i = 0; i < 1000; i++) {
        zeros += w.memory[DATA + i] == 0;
    }
    assert_true(zeros < 50);
    assert_int_equal(w.memory[DATA + 1000], 0);
    assert_int_equal(wasi_random_get(&w, DATA, UINT32_MAX), WASI_FAULT);
    assert_int_equal(wasi_random_get(&w, NOWHERE, 0), 0);
}

static void what_does_not_exist_says_so(void **state)
{
    (void)state;
    assert_int_equal(wasi_sock_any(&w, 1), WASI_NOTSOCK);
    assert_int_equal(wasi_sock_any(&w, 50), WASI_BADF);
    assert_int_equal(wasi_proc_raise(&w, 6), WASI_NOTSUP);
    wasi_proc_exit(&w, 42);
    assert_true(w.exited && w.exit_code == 42);
}

static void a_program_without_memory_gets_faults(void **state)
{
    (void)state;
    uint8_t *memory = w.memory;
    w.memory = NULL;
    w.memory_bytes = 0;
    assert_int_equal(wasi_args_sizes_get(&w, 0, 4), WASI_FAULT);
    assert_int_equal(wasi_fd_write(&w, 1, 0, 1, 8), WASI_FAULT);
    assert_int_equal(wasi_poll_oneoff(&w, 0, 0, 1, 0), WASI_FAULT);
    w.memory = memory;
    w.memory_bytes = MEMORY_BYTES;
}

static void the_servers_lack_of_memory_is_an_error(void **state)
{
    (void)state;
    for (long after = 0; after < 6; after++) {
        uint32_t fd = 0;
        host_kernel_fail_after(after);
        uint16_t error = open_rights(ROOT, "f", WASI_O_CREAT, WASI_RIGHTS_FILE, &fd);
        error = error == 0 ? write_text(fd, "text") : error;
        host_kernel_fail_after(-1);
        assert_true(error == 0 || error == WASI_NOSPC || error == WASI_NOMEM);
    }
}

static void modules_are_told_from_other_files(void **state)
{
    (void)state;
    static const uint8_t good[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 2, 3, 4, 0, 1, 0};
    size_t offset = 99;
    assert_null(module_check(good, sizeof good, &offset));
    assert_null(module_check(good, 8, &offset));
    for (size_t size = 0; size < sizeof good; size++) {
        const char *wrong = module_check(good, size, &offset);
        assert_true((wrong == NULL) == (size == 8 || size == 12));
        assert_true(offset <= size);
    }
    static const uint8_t endless[] = {0, 'a', 's',  'm',  1,    0,    0,
                                      0, 1,   0xff, 0xff, 0xff, 0xff, 0xff};
    assert_string_equal(module_check(endless, sizeof endless, &offset), "bad section length");
    assert_int_equal(offset, 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(arguments_and_environment_are_copied),
        T(a_preopen_tells_its_name),
        T(a_file_is_no_preopen),
        T(rights_only_shrink),
        T(what_is_opened_has_no_more_than_its_directory_passes_on),
        T(a_read_only_preopen_cannot_be_written),
        T(descriptors_move_and_close),
        T(the_table_has_an_end),
        T(several_buffers_are_written_and_read_in_order),
        T(large_transfers_are_split),
        T(bad_buffers_are_refused_before_anything_moves),
        T(a_sum_of_lengths_that_overflows_is_refused),
        T(reading_over_the_list_of_buffers_stays_inside),
        T(appending_goes_to_the_end),
        T(seeking_stays_within_64_bits),
        T(streams_are_character_devices_without_position),
        T(sizes_and_space),
        T(times_are_set_or_now_but_not_both),
        T(paths_do_not_leave_their_directory),
        T(links_do_not_leave_their_directory),
        T(links_are_read_and_cut_off),
        T(bad_path_arguments_are_refused),
        T(open_flags_mean_what_they_say),
        T(a_directory_opened_like_a_file_can_still_be_used),
        T(names_are_moved_linked_removed),
        T(listings_are_complete_at_any_buffer_size),
        T(clocks_are_read),
        T(poll_arguments_are_checked),
        T(poll_waits_for_the_earliest),
        T(poll_reports_each_descriptor),
        T(random_bytes_fill_exactly_what_was_asked),
        T(what_does_not_exist_says_so),
        T(a_program_without_memory_gets_faults),
        T(the_servers_lack_of_memory_is_an_error),
        T(modules_are_told_from_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
