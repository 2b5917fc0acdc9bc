// SPDX-License-Identifier: MIT
// Calls the functions of WASI many thousand times with arguments that no decent program would pass:
// pointers at and past the end of memory, lengths that wrap around, descriptors that are not open,
// rights, flags and paths at random. Whatever comes back is right, as long as something comes back
// and nothing outside the buffers named changes. Descriptors 1 and 2 and the preopened directory
// are left alone, and nothing waits. Arguments: rounds, and a seed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS      20000
#define ARENA_BYTES 8192u
#define GUARD_BYTES 4096u
#define GUARD       0x5a

#define WASI(name) \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int32_t w_##name

WASI(fd_advise)(int32_t, int64_t, int64_t, int32_t);
WASI(fd_allocate)(int32_t, int64_t, int64_t);
WASI(fd_close)(int32_t);
WASI(fd_datasync)(int32_t);
WASI(fd_fdstat_get)(int32_t, int32_t);
WASI(fd_fdstat_set_flags)(int32_t, int32_t);
WASI(fd_fdstat_set_rights)(int32_t, int64_t, int64_t);
WASI(fd_filestat_get)(int32_t, int32_t);
WASI(fd_filestat_set_size)(int32_t, int64_t);
WASI(fd_filestat_set_times)(int32_t, int64_t, int64_t, int32_t);
WASI(fd_pread)(int32_t, int32_t, int32_t, int64_t, int32_t);
WASI(fd_prestat_get)(int32_t, int32_t);
WASI(fd_prestat_dir_name)(int32_t, int32_t, int32_t);
WASI(fd_pwrite)(int32_t, int32_t, int32_t, int64_t, int32_t);
WASI(fd_read)(int32_t, int32_t, int32_t, int32_t);
WASI(fd_readdir)(int32_t, int32_t, int32_t, int64_t, int32_t);
WASI(fd_renumber)(int32_t, int32_t);
WASI(fd_seek)(int32_t, int64_t, int32_t, int32_t);
WASI(fd_sync)(int32_t);
WASI(fd_tell)(int32_t, int32_t);
WASI(fd_write)(int32_t, int32_t, int32_t, int32_t);
WASI(path_create_directory)(int32_t, int32_t, int32_t);
WASI(path_filestat_get)(int32_t, int32_t, int32_t, int32_t, int32_t);
WASI(path_filestat_set_times)(int32_t, int32_t, int32_t, int32_t, int64_t, int64_t, int32_t);
WASI(path_link)(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
WASI(path_open)
(int32_t, int32_t, int32_t, int32_t, int32_t, int64_t, int64_t, int32_t, int32_t);
WASI(path_readlink)(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
WASI(path_remove_directory)(int32_t, int32_t, int32_t);
WASI(path_rename)(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
WASI(path_symlink)(int32_t, int32_t, int32_t, int32_t, int32_t);
WASI(path_unlink_file)(int32_t, int32_t, int32_t);
WASI(args_get)(int32_t, int32_t);
WASI(environ_sizes_get)(int32_t, int32_t);
WASI(clock_time_get)(int32_t, int64_t, int32_t);
WASI(poll_oneoff)(int32_t, int32_t, int32_t, int32_t);
WASI(random_get)(int32_t, int32_t);
WASI(sched_yield)(void);
WASI(sock_recv)(int32_t, int32_t, int32_t, int32_t, int32_t, int32_t);
WASI(proc_raise)(int32_t);

// What the host may write into lies between two guards.
static struct {
    uint8_t before[GUARD_BYTES];
    uint8_t bytes[ARENA_BYTES];
    uint8_t after[GUARD_BYTES];
} arena;
static uint32_t state;

static uint32_t any(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static int32_t any_fd(void)
{
    static const int32_t odd[] = {-1, 0, 99, 1000, 0x7fffffff};
    uint32_t n = any() % 16;
    return n < 5 ? odd[n] : n < 8 ? 3 : (int32_t)(4 + any() % 12);
}

static int32_t fd_to_change(void)
{
    int32_t fd = any_fd();
    return fd == 3 ? 4 : fd;
}

// Mostly into the arena; else to places that are not memory. Never into the rest of the program,
// which the host would be right to overwrite.
static int32_t any_ptr(void)
{
    uint32_t end = (uint32_t)__builtin_wasm_memory_size(0) * 65536u;
    const uint32_t odd[] = {end, end - 2, 0xffffffffu, 0xfffffff0u, 0x80000000u, end + 4096};
    uint32_t n = any() % 24;
    uint32_t base = (uint32_t)(uintptr_t)arena.bytes;
    return (int32_t)(n < 6 ? odd[n] : base + any() % (ARENA_BYTES / 2));
}

// Lengths that stay in the arena from any of its pointers, or are far too large.
static int32_t any_len(void)
{
    static const uint32_t odd[] = {0, 0xffffffffu, 0x80000000u, 0x20000001u, 0x05555556u};
    uint32_t n = any() % 16;
    return (int32_t)(n < 5 ? odd[n] : any() % (n < 12 ? 32 : ARENA_BYTES / 2));
}

// Buffers of a vector lie in the arena too, or nowhere.
static int32_t any_vector(void)
{
    uint32_t at = any() % 64 * 8;
    for (uint32_t i = 0; i < 8; i++) {
        int32_t pair[2] = {any_ptr(), any_len()};
        memcpy(arena.bytes + at + i * 8, pair, sizeof pair);
    }
    return any() % 8 == 0 ? any_ptr() : (int32_t)(uint32_t)(uintptr_t)(arena.bytes + at);
}

static int32_t any_count(void)
{
    static const uint32_t odd[] = {0xffffffffu, 0x20000001u, 1025, 0x10000000u};
    uint32_t n = any() % 12;
    return (int32_t)(n < 4 ? odd[n] : n);
}

static int64_t any_wide(void)
{
    static const uint64_t odd[] = {0, 1, UINT64_MAX, INT64_MAX, 0x8000000000000000, 0xffffffff};
    uint32_t n = any() % 12;
    return (int64_t)(n < 6 ? odd[n] : n < 9 ? any() % 10000 : (uint64_t)any() << 32 | any());
}

struct path {
    int32_t ptr;
    int32_t len;
};

// Names of a small world, so that files, directories and links meet; sometimes nonsense.
static struct path any_path(void)
{
    static const char *const parts[] = {"a", "b", "c", "..", ".", "", "d", "a", "b", "\xff", "e"};
    static uint32_t place;
    char *text = (char *)arena.bytes + ARENA_BYTES / 2 + place;
    char *end = text;
    place = (place + 64) % 1024;
    for (uint32_t n = any() % 4; n < 4; n++) {
        const char *part = parts[any() % 11];
        memcpy(end, part, strlen(part));
        end += strlen(part);
        *end = '/';
        end += any() % 4 != 0;
    }
    struct path p = {(int32_t)(uint32_t)(uintptr_t)text, (int32_t)(end - text)};
    if (any() % 16 == 0) {
        p.len = any_len();
        p.ptr = any_ptr();
    }
    return p;
}

static int32_t small(void) { return any() % 8 == 0 ? (int32_t)any() : (int32_t)(any() % 16); }

static int32_t one_path_call(void)
{
    struct path p = any_path();
    struct path q = any_path();
    switch (any() % 12) {
    case 0: return w_path_create_directory(any_fd(), p.ptr, p.len);
    case 1: return w_path_filestat_get(any_fd(), small(), p.ptr, p.len, any_ptr());
    case 2:
        return w_path_filestat_set_times(any_fd(), small(), p.ptr, p.len, any_wide(), any_wide(),
                                         small());
    case 3: return w_path_link(any_fd(), small(), p.ptr, p.len, any_fd(), q.ptr, q.len);
    case 4: return w_path_readlink(any_fd(), p.ptr, p.len, any_ptr(), any_len(), any_ptr());
    case 5: return w_path_remove_directory(any_fd(), p.ptr, p.len);
    case 6: return w_path_rename(any_fd(), p.ptr, p.len, any_fd(), q.ptr, q.len);
    case 7: return w_path_symlink(q.ptr, q.len, any_fd(), p.ptr, p.len);
    case 8: return w_path_unlink_file(any_fd(), p.ptr, p.len);
    default:
        return w_path_open(any_fd(), small(), p.ptr, p.len, any() % 4 == 0 ? small() : 1,
                           any() % 2 ? any_wide() : 0x1fffffff, any_wide() & 0xfffffff, small(),
                           any_ptr());
    }
}

static int32_t one_fd_call(void)
{
    switch (any() % 20) {
    case 0: return w_fd_advise(any_fd(), any_wide(), any_wide(), small());
    case 1: return w_fd_allocate(any_fd(), any_wide(), any_wide());
    case 2: return w_fd_close(fd_to_change());
    case 3: return w_fd_datasync(any_fd());
    case 4: return w_fd_fdstat_get(any_fd(), any_ptr());
    case 5: return w_fd_fdstat_set_flags(any_fd(), small());
    case 6: return w_fd_fdstat_set_rights(fd_to_change(), any_wide(), any_wide());
    case 7: return w_fd_filestat_get(any_fd(), any_ptr());
    case 8: return w_fd_filestat_set_size(any_fd(), any_wide());
    case 9: return w_fd_filestat_set_times(any_fd(), any_wide(), any_wide(), small());
    case 10: return w_fd_pread(any_fd(), any_vector(), any_count(), any_wide(), any_ptr());
    case 11: return w_fd_prestat_get(any_fd(), any_ptr());
    case 12: return w_fd_prestat_dir_name(any_fd(), any_ptr(), any_len());
    case 13: return w_fd_pwrite(any_fd(), any_vector(), any_count(), any_wide(), any_ptr());
    case 14: return w_fd_read(any_fd(), any_vector(), any_count(), any_ptr());
    case 15: return w_fd_readdir(any_fd(), any_ptr(), any_len(), any_wide(), any_ptr());
    case 16: return w_fd_renumber(fd_to_change(), fd_to_change());
    case 17: return w_fd_seek(any_fd(), any_wide(), small(), any_ptr());
    case 18: return w_fd_write(any_fd(), any_vector(), any_count(), any_ptr());
    default: return w_fd_tell(any_fd(), any_ptr());
    }
}

// Subscriptions of all zeros are clocks that are due: the call does not wait.
static int32_t poll_call(void)
{
    memset(arena.bytes, 0, ARENA_BYTES / 2);
    uint32_t at = (uint32_t)(uintptr_t)arena.bytes;
    int32_t in = any() % 4 == 0 ? any_ptr() : (int32_t)at;
    return w_poll_oneoff(in, any_ptr(), any_count(), any_ptr());
}

static int32_t other_call(void)
{
    switch (any() % 8) {
    case 0: return w_args_get(any_ptr(), any_ptr());
    case 1: return w_environ_sizes_get(any_ptr(), any_ptr());
    case 2: return w_clock_time_get(small(), any_wide(), any_ptr());
    case 3: return w_random_get(any_ptr(), any_len());
    case 4: return w_sched_yield();
    case 5: return w_sock_recv(any_fd(), any_ptr(), any_count(), small(), any_ptr(), any_ptr());
    case 6: return w_proc_raise(small());
    default: return poll_call();
    }
}

static int guards_intact(void)
{
    for (unsigned i = 0; i < GUARD_BYTES; i++) {
        if (arena.before[i] != GUARD || arena.after[i] != GUARD) {
            return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : ROUNDS;
    long good = 0;
    state = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) | 1 : 1;
    memset(&arena, GUARD, sizeof arena);
    (void)w_fd_close(0); // nothing is to wait for input
    for (long i = 0; i < rounds; i++) {
        uint32_t kind = any() % 8;
        int32_t error = kind < 4 ? one_path_call() : kind < 7 ? one_fd_call() : other_call();
        good += error == 0;
        if (error < 0 || error > 76) {
            printf("WRONG: call %ld gave %d\n", i, (int)error);
            return 1;
        }
        if (i % 256 == 0 && !guards_intact()) {
            printf("WRONG: memory changed that no call up to %ld named\n", i);
            return 1;
        }
    }
    printf("survived %ld calls, more than 100 of them good: %s\n", rounds,
           good > 100 ? "yes" : "no");
    return 0;
}
