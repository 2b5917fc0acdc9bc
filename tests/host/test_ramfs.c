// SPDX-License-Identifier: MIT
// sources: user/servers/ramfs/node.c user/servers/ramfs/entry.c user/servers/ramfs/walk.c user/servers/ramfs/tree.c user/servers/ramfs/service.c user/servers/ramfs/archive.c
//
// The RAM file server without the kernel: paths, files, rights, the open-node table, the boot
// archive, and every allocation failing in turn.
#include "user/servers/ramfs/archive.h"
#include "user/servers/ramfs/service.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// --- memory that counts, and fails when told to -------------------------------------------------

static size_t pages_in_use, blocks_in_use;
static long fail_after = -1; // allocations until one fails; negative: never
static uint64_t clock_ns;

static bool allocation_fails(void)
{
    if (fail_after < 0) {
        return false;
    }
    return fail_after-- == 0;
}

static void *test_page_alloc(void *context)
{
    (void)context;
    if (allocation_fails()) {
        return NULL;
    }
    pages_in_use++;
    return calloc(1, NODE_PAGE_BYTES);
}

static void test_page_free(void *context, void *page)
{
    (void)context;
    assert_true(page != NULL);
    pages_in_use--;
    free(page);
}

static void *counted_alloc(void *context, size_t bytes)
{
    (void)context;
    if (allocation_fails()) {
        return NULL;
    }
    blocks_in_use++;
    return malloc(bytes);
}

static void counted_free(void *context, void *memory)
{
    (void)context;
    blocks_in_use -= memory != NULL;
    free(memory);
}

static uint64_t test_now(void *context)
{
    (void)context;
    return ++clock_ns;
}

static const struct node_memory test_memory = {
    .page_alloc = test_page_alloc,
    .page_free = test_page_free,
    .alloc = counted_alloc,
    .free = counted_free,
    .now_ns = test_now,
};

// --- a client -----------------------------------------------------------------------------------

static struct service service;
static uint8_t data[FS_DATA_MAX];
static struct service_reply reply;

static int service_begin(void **state)
{
    (void)state;
    fail_after = -1;
    assert_int_equal(service_init(&service, &test_memory, 7), OK);
    return 0;
}

static int service_end(void **state)
{
    (void)state;
    fail_after = -1;
    service_fini(&service);
    assert_int_equal(pages_in_use, 0);
    assert_int_equal(blocks_in_use, 0);
    return 0;
}

static status_t request(struct service_request r, const char *text, size_t bytes)
{
    memcpy(data, text, bytes);
    r.bytes = (uint32_t)bytes;
    service_handle(&service, &r, data, &reply);
    return reply.status;
}

static status_t path_op(uint64_t badge, uint32_t op, const char *path)
{
    return request((struct service_request){.badge = badge, .op = op}, path, strlen(path));
}

static status_t open_at(uint64_t badge, const char *path, uint32_t flags, uint64_t *opened)
{
    struct service_request r = {.badge = badge, .op = FS_OPEN, .w = {flags}};
    status_t status = request(r, path, strlen(path));
    if (status == OK) {
        assert_true(reply.open_badge != 0);
        *opened = reply.open_badge;
    }
    return status;
}

static status_t write_at(uint64_t badge, uint64_t offset, const void *bytes, size_t len)
{
    return request((struct service_request){.badge = badge, .op = FS_WRITE, .w = {offset}}, bytes,
                   len);
}

static status_t read_at(uint64_t badge, uint64_t offset, size_t len)
{
    return request((struct service_request){.badge = badge, .op = FS_READ, .w = {offset, len}}, "",
                   0);
}

static status_t pair_op(uint32_t op, uint64_t badge, const char *first, uint64_t other,
                        const char *second)
{
    char text[2 * FS_PATH_MAX + 2];
    struct service_request r = {.badge = badge, .op = op, .w = {strlen(first)}};
    r.has_directory = other != 0;
    r.directory_badge = other;
    int bytes = snprintf(text, sizeof(text), "%s%s", first, second);
    return request(r, text, (size_t)bytes);
}

static struct fs_stat stat_of(uint64_t badge, const char *path, uint32_t flags)
{
    struct fs_stat stat = {0};
    struct service_request r = {.badge = badge, .op = FS_STAT, .w = {flags}};
    if (request(r, path, strlen(path)) == OK) {
        memcpy(&stat, data, sizeof(stat));
    }
    return stat;
}

static void file_make(const char *path, const char *text)
{
    uint64_t file;
    assert_int_equal(open_at(FS_BADGE_ROOT, path, FS_FLAG_CREATE | FS_FLAG_WRITE, &file), OK);
    assert_int_equal(write_at(file, 0, text, strlen(text)), OK);
    service_close(&service, file);
}

static void file_is(uint64_t badge, const char *path, const char *text)
{
    uint64_t file = 0;
    assert_int_equal(open_at(badge, path, FS_FLAG_READ, &file), OK);
    assert_int_equal(read_at(file, 0, FS_DATA_MAX), OK);
    assert_int_equal(reply.bytes, strlen(text));
    assert_memory_equal(data, text, strlen(text));
    service_close(&service, file);
}

#define ROOT   FS_BADGE_ROOT
#define READ   FS_FLAG_READ
#define WRITE  FS_FLAG_WRITE
#define CREATE FS_FLAG_CREATE

// --- files --------------------------------------------------------------------------------------

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint64_t file;
    assert_int_equal(open_at(ROOT, "f", CREATE | READ | WRITE, &file), OK);
    assert_int_equal(write_at(file, 0, "hello", 5), OK);
    assert_int_equal(reply.w[1], 5);
    assert_int_equal(write_at(file, FS_APPEND_OFFSET, " there", 6), OK);
    assert_int_equal(reply.w[2], 11);
    assert_int_equal(read_at(file, 6, 100), OK);
    assert_int_equal(reply.bytes, 5);
    assert_memory_equal(data, "there", 5);
    assert_int_equal(read_at(file, 11, 100), OK);
    assert_int_equal(reply.bytes, 0);
    assert_int_equal(read_at(file, UINT64_MAX, 100), OK);
    assert_int_equal(reply.bytes, 0);
    assert_int_equal(stat_of(file, "", 0).size, 11);
}

static void holes_and_regrown_tails_read_as_zeros(void **state)
{
    (void)state;
    uint64_t file;
    static const uint8_t zeros[100];
    assert_int_equal(open_at(ROOT, "f", CREATE | READ | WRITE, &file), OK);
    assert_int_equal(write_at(file, 0, "0123456789", 10), OK);
    assert_int_equal(write_at(file, 3u << 20, "end", 3), OK);
    assert_true(pages_in_use <= 4); // two pages of data, two tables
    assert_int_equal(read_at(file, 1u << 20, 100), OK);
    assert_memory_equal(data, zeros, 100);
    struct service_request shrink = {.badge = file, .op = FS_TRUNCATE, .w = {4}};
    assert_int_equal(request(shrink, "", 0), OK);
    assert_true(pages_in_use <= 2);
    shrink.w[0] = 50;
    assert_int_equal(request(shrink, "", 0), OK);
    assert_int_equal(read_at(file, 4, 100), OK);
    assert_int_equal(reply.bytes, 46);
    assert_memory_equal(data, zeros, 46);
    shrink.w[0] = 5;
    assert_int_equal(request(shrink, "", 0), OK);
    assert_int_equal(write_at(file, 8, "x", 1), OK);
    assert_int_equal(read_at(file, 0, 9), OK);
    assert_memory_equal(data, "0123\0\0\0\0x", 9);
}

static void a_file_has_a_greatest_size(void **state)
{
    (void)state;
    uint64_t file;
    assert_int_equal(open_at(ROOT, "f", CREATE | READ | WRITE, &file), OK);
    assert_int_equal(write_at(file, NODE_FILE_MAX - 1, "a", 1), OK);
    assert_int_equal(write_at(file, NODE_FILE_MAX, "a", 1), ERR_OUT_OF_RANGE);
    assert_int_equal(write_at(file, NODE_FILE_MAX - 1, "ab", 2), ERR_OUT_OF_RANGE);
    assert_int_equal(write_at(file, UINT64_MAX - 1, "ab", 2), ERR_OUT_OF_RANGE);
    struct service_request grow = {.badge = file, .op = FS_TRUNCATE, .w = {NODE_FILE_MAX + 1}};
    assert_int_equal(request(grow, "", 0), ERR_OUT_OF_RANGE);
}

static void an_unlinked_open_file_lives_on(void **state)
{
    (void)state;
    uint64_t file;
    assert_int_equal(open_at(ROOT, "f", CREATE | READ | WRITE, &file), OK);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "f"), OK);
    assert_int_equal(path_op(ROOT, FS_STAT, "f"), ERR_NOT_FOUND);
    assert_int_equal(write_at(file, 0, "still", 5), OK);
    assert_int_equal(read_at(file, 0, 5), OK);
    assert_memory_equal(data, "still", 5);
    assert_int_equal(stat_of(file, "", 0).links, 0);
    service_close(&service, file);
    assert_int_equal(pages_in_use, 0);
    assert_int_equal(read_at(file, 0, 5), ERR_BAD_STATE);
}

static void times_are_kept(void **state)
{
    (void)state;
    file_make("f", "x");
    struct fs_stat before = stat_of(ROOT, "f", 0);
    struct service_request set = {
        .badge = ROOT, .op = FS_SET_TIMES, .w = {5, 6, FS_TIME_ATIME | FS_TIME_MTIME}};
    assert_int_equal(request(set, "f", 1), OK);
    struct fs_stat after = stat_of(ROOT, "f", 0);
    assert_int_equal(after.atime_ns, 5);
    assert_int_equal(after.mtime_ns, 6);
    assert_true(after.ctime_ns > before.ctime_ns);
    set.w[2] = FS_TIME_MTIME_NOW;
    assert_int_equal(request(set, "f", 1), OK);
    assert_int_equal(stat_of(ROOT, "f", 0).atime_ns, 5);
    assert_true(stat_of(ROOT, "f", 0).mtime_ns > after.ctime_ns);
    set.w[2] = FS_TIME_MTIME_NOW | FS_TIME_MTIME;
    assert_int_equal(request(set, "f", 1), ERR_INVALID_ARGS);
    set.w[2] = 64;
    assert_int_equal(request(set, "f", 1), ERR_INVALID_ARGS);
}

// --- paths --------------------------------------------------------------------------------------

static void a_path_cannot_leave_its_handle(void **state)
{
    (void)state;
    uint64_t inner;
    file_make("secret", "outside");
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d"), OK);
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d/e"), OK);
    file_make("d/secret", "inside");
    assert_int_equal(open_at(ROOT, "d", READ | WRITE | FS_FLAG_DIRECTORY, &inner), OK);
    file_is(inner, "/secret", "inside");
    file_is(inner, "../secret", "inside");
    file_is(inner, "e/../../../secret", "inside");
    assert_int_equal(pair_op(FS_SYMLINK, inner, "/secret", 0, "absolute"), OK);
    assert_int_equal(pair_op(FS_SYMLINK, inner, "../../secret", 0, "e/up"), OK);
    file_is(inner, "absolute", "inside");
    file_is(inner, "e/up", "inside");
    file_is(ROOT, "d/absolute", "outside"); // the same link, seen from further up
}

static void dots_and_slashes_are_understood(void **state)
{
    (void)state;
    assert_int_equal(path_op(ROOT, FS_MKDIR, "/a/"), OK);
    file_make("a//./f", "x");
    file_is(ROOT, "././a/../a/./f", "x");
    assert_int_equal(path_op(ROOT, FS_STAT, "a/f/"), ERR_NOT_DIR);
    assert_int_equal(path_op(ROOT, FS_STAT, "a/f/x"), ERR_NOT_DIR);
    assert_int_equal(path_op(ROOT, FS_STAT, "a/f/."), ERR_NOT_DIR);
    assert_int_equal(path_op(ROOT, FS_STAT, "nothing/x"), ERR_NOT_FOUND);
    assert_int_equal(stat_of(ROOT, "a/", 0).type, FS_TYPE_DIRECTORY);
    assert_int_equal(stat_of(ROOT, "///", 0).type, FS_TYPE_DIRECTORY);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "a/f/"), ERR_NOT_DIR);
    uint64_t file;
    assert_int_equal(open_at(ROOT, "new/", CREATE | WRITE, &file), ERR_IS_DIR);
    assert_int_equal(path_op(ROOT, FS_MKDIR, "."), ERR_EXISTS);
    assert_int_equal(path_op(ROOT, FS_MKDIR, ""), ERR_EXISTS);
    assert_int_equal(path_op(ROOT, FS_RMDIR, "a/."), ERR_BUSY);
    assert_int_equal(path_op(ROOT, FS_RMDIR, "/"), ERR_BUSY);
}

static void names_and_paths_have_limits(void **state)
{
    (void)state;
    char name[FS_PATH_MAX + 2];
    memset(name, 'n', sizeof(name));
    name[FS_NAME_MAX] = 0;
    file_make(name, "long");
    file_is(ROOT, name, "long");
    name[FS_NAME_MAX] = 'n';
    name[FS_NAME_MAX + 1] = 0;
    assert_int_equal(path_op(ROOT, FS_MKDIR, name), ERR_NAME_TOO_LONG);
    for (size_t i = 1; i < sizeof(name); i += 2) {
        name[i - 1] = '.';
        name[i] = '/';
    }
    name[FS_PATH_MAX] = 0;
    assert_int_equal(path_op(ROOT, FS_STAT, name), OK);
    name[FS_PATH_MAX] = '/';
    name[FS_PATH_MAX + 1] = 0;
    assert_int_equal(path_op(ROOT, FS_STAT, name), ERR_NAME_TOO_LONG);
    struct service_request zero = {.badge = ROOT, .op = FS_MKDIR};
    assert_int_equal(request(zero, "a\0b", 3), ERR_INVALID_ARGS);
}

static void link_loops_end(void **state)
{
    (void)state;
    uint64_t file;
    assert_int_equal(pair_op(FS_SYMLINK, ROOT, "b", 0, "a"), OK);
    assert_int_equal(pair_op(FS_SYMLINK, ROOT, "a", 0, "b"), OK);
    assert_int_equal(open_at(ROOT, "a", READ, &file), ERR_LOOP);
    assert_int_equal(open_at(ROOT, "a/x", READ, &file), ERR_LOOP);
    assert_int_equal(open_at(ROOT, "a", READ | FS_FLAG_NOFOLLOW, &file), ERR_LOOP);
    assert_int_equal(stat_of(ROOT, "a", FS_FLAG_NOFOLLOW).type, FS_TYPE_SYMLINK);
    assert_int_equal(pair_op(FS_SYMLINK, ROOT, "s/s", 0, "s"), OK); // grows as it is followed
    assert_int_equal(path_op(ROOT, FS_STAT, "s"), ERR_LOOP);
    char target[FS_PATH_MAX + 1];
    memset(target, '/', sizeof(target));
    memcpy(target + FS_PATH_MAX - 1, "t", 2);
    assert_int_equal(pair_op(FS_SYMLINK, ROOT, target, 0, "t"), OK);
    assert_true(path_op(ROOT, FS_STAT, "t") < 0);
    assert_int_equal(pair_op(FS_SYMLINK, ROOT, "", 0, "empty"), ERR_INVALID_ARGS);
    assert_int_equal(path_op(ROOT, FS_READLINK, "a"), OK);
    assert_int_equal(reply.bytes, 1);
    assert_int_equal(data[0], 'b');
    assert_int_equal(path_op(ROOT, FS_READLINK, ""), ERR_INVALID_ARGS);
}

static void opening_through_a_dangling_link_creates_its_target(void **state)
{
    (void)state;
    uint64_t file;
    assert_int_equal(pair_op(FS_SYMLINK, ROOT, "target", 0, "l"), OK);
    assert_int_equal(open_at(ROOT, "l", READ, &file), ERR_NOT_FOUND);
    assert_int_equal(open_at(ROOT, "l", CREATE | FS_FLAG_EXCLUSIVE | WRITE, &file), ERR_EXISTS);
    file_make("l", "via");
    file_is(ROOT, "target", "via");
    assert_int_equal(path_op(ROOT, FS_UNLINK, "l"), OK);
    file_is(ROOT, "target", "via");
}

// --- names --------------------------------------------------------------------------------------

static void rename_follows_its_rules(void **state)
{
    (void)state;
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d"), OK);
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d/e"), OK);
    assert_int_equal(path_op(ROOT, FS_MKDIR, "empty"), OK);
    file_make("f", "one");
    file_make("g", "two");
    assert_int_equal(pair_op(FS_RENAME, ROOT, "nothing", 0, "x"), ERR_NOT_FOUND);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "f", 0, "d"), ERR_IS_DIR);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d", 0, "f"), ERR_NOT_DIR);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "empty", 0, "d"), ERR_NOT_EMPTY);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d", 0, "d/e/inside"), ERR_INVALID_ARGS);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d", 0, "d/e"), ERR_INVALID_ARGS);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d/..", 0, "x"), ERR_INVALID_ARGS);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "f", 0, "x/"), ERR_NOT_DIR);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "f", 0, "f"), OK);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "f", 0, "g"), OK);
    assert_int_equal(path_op(ROOT, FS_STAT, "f"), ERR_NOT_FOUND);
    file_is(ROOT, "g", "one");
    assert_int_equal(stat_of(ROOT, "g", 0).links, 1);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d/e", 0, "empty"), OK);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "empty", 0, "d/moved"), OK);
    assert_int_equal(stat_of(ROOT, "d/moved/..", 0).id, stat_of(ROOT, "d", 0).id);
    uint64_t inner;
    assert_int_equal(open_at(ROOT, "d", READ | WRITE, &inner), OK);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "g", inner, "g"), OK);
    file_is(ROOT, "d/g", "one");
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d", inner, "x"), ERR_INVALID_ARGS);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "d", 12345, "x"), ERR_BAD_STATE);
}

static void hard_links_name_one_file(void **state)
{
    (void)state;
    file_make("f", "x");
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d"), OK);
    assert_int_equal(pair_op(FS_LINK, ROOT, "f", 0, "g"), OK);
    assert_int_equal(stat_of(ROOT, "g", 0).id, stat_of(ROOT, "f", 0).id);
    assert_int_equal(stat_of(ROOT, "g", 0).links, 2);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "f", 0, "g"), OK); // one file: both names stay
    assert_int_equal(stat_of(ROOT, "f", 0).links, 2);
    assert_int_equal(pair_op(FS_LINK, ROOT, "f", 0, "g"), ERR_EXISTS);
    assert_int_equal(pair_op(FS_LINK, ROOT, "d", 0, "h"), ERR_IS_DIR);
    assert_int_equal(pair_op(FS_LINK, ROOT, "f", 0, "h/"), ERR_NOT_DIR);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "f"), OK);
    file_is(ROOT, "g", "x");
}

static void directories_are_removed_when_empty(void **state)
{
    (void)state;
    uint64_t open;
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d"), OK);
    file_make("d/f", "x");
    assert_int_equal(path_op(ROOT, FS_RMDIR, "d"), ERR_NOT_EMPTY);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "d"), ERR_IS_DIR);
    assert_int_equal(path_op(ROOT, FS_RMDIR, "d/f"), ERR_NOT_DIR);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "d/f"), OK);
    assert_int_equal(open_at(ROOT, "d", READ | WRITE, &open), OK);
    assert_int_equal(path_op(ROOT, FS_RMDIR, "d"), OK);
    assert_int_equal(path_op(open, FS_MKDIR, "x"), ERR_NOT_FOUND);
    assert_int_equal(stat_of(open, "..", 0).id, stat_of(open, "", 0).id);
}

static size_t names_count(uint64_t badge, char *all, size_t size)
{
    size_t count = 0;
    uint64_t cookie = 0;
    all[0] = 0;
    for (;;) {
        struct service_request r = {.badge = badge, .op = FS_READDIR, .w = {cookie}};
        assert_int_equal(request(r, "", 0), OK);
        if (reply.bytes == 0) {
            return count;
        }
        for (size_t at = 0; at < reply.bytes;) {
            struct fs_dirent entry;
            memcpy(&entry, data + at, sizeof(entry));
            cookie = entry.cookie;
            snprintf(all + strlen(all), size - strlen(all), "%.*s ", (int)entry.name_len,
                     (char *)data + at + sizeof(entry));
            at += (sizeof(entry) + entry.name_len + 7) & ~(size_t)7;
            count++;
        }
    }
}

static void directories_are_read_in_pieces(void **state)
{
    (void)state;
    static char all[65536];
    char name[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "file-with-a-name-%04d", i);
        file_make(name, "");
    }
    assert_int_equal(names_count(ROOT, all, sizeof(all)), 1000);
    assert_true(strncmp(all, "file-with-a-name-0000 ", 22) == 0);
    for (int i = 0; i < 1000; i += 2) {
        snprintf(name, sizeof(name), "file-with-a-name-%04d", i);
        assert_int_equal(path_op(ROOT, FS_UNLINK, name), OK);
    }
    assert_int_equal(names_count(ROOT, all, sizeof(all)), 500);
    assert_int_equal(stat_of(ROOT, "", 0).size, 500);
}

// --- rights -------------------------------------------------------------------------------------

static void rights_only_shrink(void **state)
{
    (void)state;
    uint64_t file;
    uint64_t again;
    uint64_t look;
    const uint64_t reader = FS_BADGE_ROOT_READ_ONLY;
    file_make("f", "x");
    file_is(reader, "f", "x");
    assert_int_equal(open_at(reader, "f", READ | WRITE, &file), ERR_ACCESS_DENIED);
    assert_int_equal(open_at(reader, "g", READ | CREATE, &file), ERR_ACCESS_DENIED);
    assert_int_equal(open_at(reader, "f", READ, &file), OK);
    assert_int_equal(write_at(file, 0, "y", 1), ERR_ACCESS_DENIED);
    assert_int_equal(open_at(file, "", READ | WRITE, &again), ERR_ACCESS_DENIED);
    assert_int_equal(open_at(file, "", 0, &look), OK);
    assert_int_equal(read_at(look, 0, 1), ERR_ACCESS_DENIED);
    assert_int_equal(stat_of(look, "", 0).size, 1);
    const uint32_t changes[] = {FS_MKDIR, FS_UNLINK,  FS_RMDIR,    FS_RENAME,
                                FS_LINK,  FS_SYMLINK, FS_TRUNCATE, FS_SET_TIMES};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        assert_int_equal(path_op(reader, changes[i], "f"), ERR_ACCESS_DENIED);
    }
    assert_int_equal(path_op(look, FS_READDIR, ""), ERR_ACCESS_DENIED);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "f", reader, "g"), ERR_ACCESS_DENIED);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    uint64_t file;
    assert_int_equal(path_op(0, FS_STAT, ""), ERR_BAD_STATE);
    assert_int_equal(path_op(3, FS_STAT, ""), ERR_BAD_STATE);
    assert_int_equal(path_op(UINT64_MAX, FS_STAT, ""), ERR_BAD_STATE);
    assert_int_equal(path_op(ROOT, 0, ""), ERR_NOT_SUPPORTED);
    assert_int_equal(path_op(ROOT, 18, ""), ERR_NOT_SUPPORTED);
    assert_int_equal(path_op(ROOT, UINT32_MAX, ""), ERR_NOT_SUPPORTED);
    assert_int_equal(path_op(ROOT, FS_CONTROL, ""), ERR_NOT_SUPPORTED);
    assert_int_equal(open_at(ROOT, "f", 1u << 20, &file), ERR_INVALID_ARGS);
    assert_int_equal(open_at(ROOT, "f", CREATE | WRITE | FS_FLAG_DIRECTORY, &file),
                     ERR_INVALID_ARGS);
    assert_int_equal(open_at(ROOT, "", READ | FS_FLAG_TRUNCATE, &file), ERR_INVALID_ARGS);
    assert_int_equal(open_at(ROOT, "", READ | WRITE | FS_FLAG_TRUNCATE, &file), ERR_IS_DIR);
    file_make("f", "x");
    assert_int_equal(open_at(ROOT, "f", READ | FS_FLAG_DIRECTORY, &file), ERR_NOT_DIR);
    struct service_request split = {.badge = ROOT, .op = FS_RENAME, .w = {100}};
    assert_int_equal(request(split, "f", 1), ERR_INVALID_ARGS);
    assert_int_equal(read_at(ROOT, 0, 10), ERR_IS_DIR);
    service_close(&service, 12345);
    service_close(&service, ROOT);
    assert_int_equal(stat_of(ROOT, "", 0).type, FS_TYPE_DIRECTORY);
}

static void closed_and_foreign_badges_mean_nothing(void **state)
{
    (void)state;
    uint64_t first;
    uint64_t second;
    assert_int_equal(open_at(ROOT, "", READ, &first), OK);
    service_close(&service, first);
    assert_int_equal(open_at(ROOT, "", READ, &second), OK);
    assert_true(first != second);
    assert_int_equal(stat_of(first, "", 0).type, 0);
    service_close(&service, first); // late: must not close the second
    assert_int_equal(stat_of(second, "", 0).type, FS_TYPE_DIRECTORY);
    uint64_t many[100];
    for (int i = 0; i < 100; i++) {
        assert_int_equal(open_at(ROOT, "", READ, &many[i]), OK);
    }
    for (int i = 0; i < 100; i++) {
        service_close(&service, many[i]);
    }
}

// --- memory -------------------------------------------------------------------------------------

static void some_work(void)
{
    uint64_t file = 0;
    uint64_t other = 0;
    char name[32];
    (void)path_op(ROOT, FS_MKDIR, "w");
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "w/file-%d", i);
        if (open_at(ROOT, name, CREATE | READ | WRITE, &file) == OK) {
            (void)write_at(file, (uint64_t)i * 300000, "some text", 9);
            service_close(&service, file);
        }
    }
    (void)pair_op(FS_SYMLINK, ROOT, "w/file-1", 0, "w/link");
    (void)pair_op(FS_LINK, ROOT, "w/file-2", 0, "w/hard");
    (void)pair_op(FS_RENAME, ROOT, "w/file-3", 0, "w/file-4");
    if (open_at(ROOT, "w/link", READ | WRITE | FS_FLAG_TRUNCATE, &other) == OK) {
        service_close(&service, other);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (long n = 0; n < 200; n++) {
        struct tree_at at = {service.tree.root, "w", 1};
        fail_after = n;
        some_work();
        bool failed = fail_after < 0;
        fail_after = -1;
        // What is there is whole: everything can be listed, read and removed.
        static char all[4096];
        struct node *w;
        if (tree_lookup(&service.tree, at, 0, &w) == OK) {
            uint64_t open;
            assert_int_equal(open_at(ROOT, "w", READ | WRITE, &open), OK);
            (void)names_count(open, all, sizeof(all));
            for (char *name = strtok(all, " "); name != NULL; name = strtok(NULL, " ")) {
                assert_int_equal(path_op(open, FS_UNLINK, name), OK);
            }
            service_close(&service, open);
            assert_int_equal(path_op(ROOT, FS_RMDIR, "w"), OK);
        }
        assert_int_equal(pages_in_use, 0);
        if (!failed) {
            return; // all of it went through
        }
    }
    fail_msg("the work never finished");
}

static void running_out_of_memory_is_no_space(void **state)
{
    (void)state;
    uint64_t file;
    static char big[FS_DATA_MAX];
    assert_int_equal(open_at(ROOT, "f", CREATE | READ | WRITE, &file), OK);
    fail_after = 3; // tables, a table, one page
    assert_int_equal(write_at(file, 100, big, sizeof(big)), OK);
    assert_int_equal(reply.w[1], NODE_PAGE_BYTES - 100); // short: the second page was not to be had
    fail_after = 0;
    assert_int_equal(write_at(file, NODE_PAGE_BYTES, big, 1), ERR_NO_SPACE);
    fail_after = 0;
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d"), ERR_NO_SPACE);
    assert_int_equal(path_op(ROOT, FS_MKDIR, "d"), OK);
}

// --- the boot archive ---------------------------------------------------------------------------

static void archive_add(uint8_t *image, size_t *at, const char *name, char type,
                        const char *content, size_t bytes)
{
    char *header = (char *)image + *at;
    memset(header, 0, 512);
    strcpy(header, name);
    snprintf(header + 124, 12, "%011o", (unsigned)(type == '2' ? 0 : bytes));
    header[156] = type;
    memcpy(header + 257, "ustar\00000", 8);
    memset(header + 148, ' ', 8);
    if (type == '2') {
        memcpy(header + 157, content, bytes);
        bytes = 0;
    }
    unsigned sum = 0;
    for (int i = 0; i < 512; i++) {
        sum += (uint8_t)header[i];
    }
    snprintf(header + 148, 8, "%06o", sum);
    memcpy(image + *at + 512, content, bytes);
    *at += 512 + (bytes + 511) / 512 * 512;
}

static uint8_t *archive_make(size_t *bytes)
{
    uint8_t *image = calloc(1, 32768);
    static char big[10000];
    for (size_t i = 0; i < sizeof(big); i++) {
        big[i] = (char)('a' + i % 26);
    }
    *bytes = 0;
    archive_add(image, bytes, "bin/runner", '0', big, sizeof(big));
    archive_add(image, bytes, "apps/", '5', "", 0);
    archive_add(image, bytes, "apps/hello.wasm", '0', "hello", 5);
    archive_add(image, bytes, "etc/link", '2', "/apps/hello.wasm", 16);
    *bytes += 1024;
    return realloc(image, *bytes);
}

static void the_boot_archive_fills_the_tree(void **state)
{
    (void)state;
    size_t bytes;
    char where[FS_NAME_MAX + 1];
    uint8_t *image = archive_make(&bytes);
    uint8_t *before = malloc(bytes);
    memcpy(before, image, bytes);
    service.tree.memory.image = image;
    service.tree.memory.image_bytes = bytes;
    assert_int_equal(archive_load(&service.tree, where), OK);
    file_is(ROOT, "etc/link", "hello");
    assert_int_equal(stat_of(ROOT, "bin/runner", 0).size, 10000);
    assert_true(pages_in_use <= 2); // tables only: the contents stay in the image

    // A change is made to a copy; what lies behind the file in the image does not show.
    uint64_t file;
    assert_int_equal(open_at(ROOT, "apps/hello.wasm", READ | WRITE, &file), OK);
    assert_int_equal(write_at(file, 8, "!", 1), OK);
    assert_int_equal(read_at(file, 0, 100), OK);
    assert_int_equal(reply.bytes, 9);
    assert_memory_equal(data, "hello\0\0\0!", 9);
    service_close(&service, file);
    assert_int_equal(open_at(ROOT, "bin/runner", READ | WRITE, &file), OK);
    assert_int_equal(write_at(file, 5000, "CHANGED", 7), OK);
    assert_int_equal(read_at(file, 4998, 11), OK);
    assert_memory_equal(data, "ghCHANGEDpq", 11);
    service_close(&service, file);

    // Sealed trees refuse every change.
    struct node *bin;
    assert_int_equal(
        tree_lookup(&service.tree, (struct tree_at){service.tree.root, "bin", 3}, 0, &bin), OK);
    tree_seal(&service.tree, bin);
    assert_int_equal(open_at(ROOT, "bin/runner", WRITE, &file), ERR_READ_ONLY);
    assert_int_equal(open_at(ROOT, "bin/new", CREATE | WRITE, &file), ERR_READ_ONLY);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "bin/runner"), ERR_READ_ONLY);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "bin", 0, "nib"), ERR_READ_ONLY);
    assert_int_equal(pair_op(FS_RENAME, ROOT, "apps/hello.wasm", 0, "bin/runner"), ERR_READ_ONLY);
    assert_int_equal(pair_op(FS_LINK, ROOT, "bin/runner", 0, "mine"), ERR_READ_ONLY);
    assert_int_equal(path_op(ROOT, FS_UNLINK, "apps/hello.wasm"), OK);
    assert_memory_equal(image, before, bytes);
    free(before);
    service_end(NULL);
    service_begin(NULL);
    free(image);
}

static void damaged_archives_are_refused(void **state)
{
    (void)state;
    size_t bytes;
    char where[FS_NAME_MAX + 1];
    uint8_t *image = archive_make(&bytes);
    for (size_t length = 0; length < bytes; length += 100) {
        // An exact copy, so that the sanitizer sees a read behind the end.
        uint8_t *cut = malloc(length + 1);
        memcpy(cut, image, length);
        struct node_memory memory = test_memory;
        struct tree tree;
        memory.image = cut;
        memory.image_bytes = length;
        assert_int_equal(tree_init(&tree, &memory), OK);
        (void)archive_load(&tree, where);
        tree_fini(&tree);
        free(cut);
    }
    for (size_t at = 0; at < 512; at++) {
        uint8_t saved = image[at];
        struct node_memory memory = test_memory;
        struct tree tree;
        if (at == 155) {
            continue; // the byte behind the checksum's end: nobody reads it
        }
        memory.image = image;
        memory.image_bytes = bytes;
        image[at] ^= 0x41;
        assert_int_equal(tree_init(&tree, &memory), OK);
        assert_int_equal(archive_load(&tree, where),
                         ERR_CORRUPT); // the checksum sees every single change
        assert_true(where[0] != 0);
        tree_fini(&tree);
        image[at] = saved;
    }
    free(image);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, service_begin, service_end)
    const struct CMUnitTest tests[] = {
        CASE(what_is_written_is_read),
        CASE(holes_and_regrown_tails_read_as_zeros),
        CASE(a_file_has_a_greatest_size),
        CASE(an_unlinked_open_file_lives_on),
        CASE(times_are_kept),
        CASE(a_path_cannot_leave_its_handle),
        CASE(dots_and_slashes_are_understood),
        CASE(names_and_paths_have_limits),
        CASE(link_loops_end),
        CASE(opening_through_a_dangling_link_creates_its_target),
        CASE(rename_follows_its_rules),
        CASE(hard_links_name_one_file),
        CASE(directories_are_removed_when_empty),
        CASE(directories_are_read_in_pieces),
        CASE(rights_only_shrink),
        CASE(bad_requests_are_refused),
        CASE(closed_and_foreign_badges_mean_nothing),
        CASE(every_allocation_may_fail),
        CASE(running_out_of_memory_is_no_space),
        CASE(the_boot_archive_fills_the_tree),
        CASE(damaged_archives_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
