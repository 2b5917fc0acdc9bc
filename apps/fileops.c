// SPDX-License-Identifier: MIT
// Some ninety file operations, with what each gave: a result, or the error by name. Nothing is
// right or wrong in here; the output must be the same under every WASI engine.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *error_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {{EACCES, "EACCES"},
                 {EBADF, "EBADF"},
                 {EEXIST, "EEXIST"},
                 {EINVAL, "EINVAL"},
                 {EISDIR, "EISDIR"},
                 {ELOOP, "ELOOP"},
                 {ENAMETOOLONG, "ENAMETOOLONG"},
                 {ENOENT, "ENOENT"},
                 {ENOTDIR, "ENOTDIR"},
                 {ENOTEMPTY, "ENOTEMPTY"},
                 {ENOTCAPABLE, "ENOTCAPABLE"},
                 {ESPIPE, "ESPIPE"},
                 {EPERM, "EPERM"}};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].error == error) {
            return names[i].name;
        }
    }
    return strerror(error);
}

// Prints what a call gave; -1 is an error. Descriptor numbers are not shown: engines may choose
// them.
static long long show(const char *what, long long result)
{
    if (result < 0) {
        printf("%s: %s\n", what, error_name(errno));
    } else {
        printf("%s: %lld\n", what, result);
    }
    return result;
}

static int show_open(const char *what, int fd)
{
    if (fd < 0) {
        printf("%s: %s\n", what, error_name(errno));
    } else {
        printf("%s: opened\n", what);
    }
    return fd;
}

static void show_stat(const char *path, int follow)
{
    struct stat st;
    int failed = follow ? stat(path, &st) : lstat(path, &st);
    if (failed) {
        printf("stat %s: %s\n", path, error_name(errno));
        return;
    }
    const char *kind = S_ISREG(st.st_mode)   ? "file"
                       : S_ISDIR(st.st_mode) ? "directory"
                       : S_ISLNK(st.st_mode) ? "link"
                                             : "other";
    printf("stat %s: %s", path, kind);
    if (S_ISREG(st.st_mode)) {
        printf(" of %lld bytes, %lld links", (long long)st.st_size, (long long)st.st_nlink);
    }
    printf("\n");
}

static void show_contents(const char *path)
{
    char buf[128];
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? -1 : read(fd, buf, sizeof buf);
    if (got < 0) {
        printf("contents of %s: %s\n", path, error_name(errno));
    } else {
        printf("contents of %s: [%.*s]\n", path, (int)got, buf);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void opening(void)
{
    int fd = show_open("create", open("/a", O_RDWR | O_CREAT | O_EXCL, 0666));
    show("write", write(fd, "0123456789", 10));
    show_open("create again", open("/a", O_RDWR | O_CREAT | O_EXCL, 0666));
    show_open("missing", open("/missing", O_RDONLY));
    show_open("missing folder", open("/missing/a", O_RDWR | O_CREAT, 0666));
    show_open("file as folder", open("/a/b", O_RDONLY));
    show_open("not a directory", open("/a", O_RDONLY | O_DIRECTORY));
    show("mkdir", mkdir("/d", 0777));
    show("mkdir again", mkdir("/d", 0777));
    show("mkdir under a file", mkdir("/a/d", 0777));
    show_open("directory for writing", open("/d", O_WRONLY));
    int read_only = show_open("read only", open("/a", O_RDONLY));
    printf("write to it: %s\n", write(read_only, "x", 1) < 0 ? "refused" : "written");
    close(read_only);
    close(fd);
    show("close again", close(fd));
    show("read from closed", read(fd, &fd, 1));
}

static void positions(void)
{
    char buf[16] = {0};
    int fd = open("/a", O_RDWR);
    show("seek", lseek(fd, 4, SEEK_SET));
    show("read", read(fd, buf, 3));
    printf("got %s\n", buf);
    show("where", lseek(fd, 0, SEEK_CUR));
    show("from the end", lseek(fd, -2, SEEK_END));
    show("before the start", lseek(fd, -20, SEEK_CUR));
    show("bad whence", lseek(fd, 0, 77));
    show("past the end", lseek(fd, 5, SEEK_END));
    show("read there", read(fd, buf, 3));
    show("write there", write(fd, "END", 3));
    show_stat("/a", 1);
    show("pread", pread(fd, buf, 4, 2));
    printf("got %.4s\n", buf);
    show("pwrite", pwrite(fd, "AB", 2, 0));
    show("cut", ftruncate(fd, 6));
    show_contents("/a");
    show("grow", ftruncate(fd, 8));
    show_stat("/a", 1);
    show("negative size", ftruncate(fd, -1));
    struct iovec parts[3] = {{"x", 1}, {"", 0}, {"yz", 2}};
    lseek(fd, 0, SEEK_SET);
    show("writev", writev(fd, parts, 3));
    close(fd);
    fd = open("/a", O_WRONLY | O_APPEND);
    show("append", write(fd, "!", 1));
    close(fd);
    show_stat("/a", 1);
    fd = open("/a", O_WRONLY | O_TRUNC);
    close(fd);
    show_stat("/a", 1);
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0) {
        printf("put %s: %s\n", path, error_name(errno));
    }
}

static void names(void)
{
    put("/one", "first");
    put("/two", "second");
    show("rename over a file", rename("/one", "/two"));
    show_contents("/two");
    show_stat("/one", 1);
    show("rename missing", rename("/one", "/three"));
    show("rename into a directory", rename("/two", "/d/two"));
    show_contents("/d/two");
    show("rename a directory", rename("/d", "/e"));
    show_contents("/e/two");
    show("mkdir", mkdir("/empty", 0777));
    show("directory over a full one", rename("/empty", "/e"));
    show("file over a directory", rename("/a", "/e"));
    show("directory over a file", rename("/e", "/a"));
    show("full over an empty one", rename("/e", "/empty"));
    show_contents("/empty/two");
    show("hard link", link("/empty/two", "/hard"));
    show_stat("/hard", 1);
    show("hard link over", link("/empty/two", "/hard"));
    put("/hard", "changed");
    show_contents("/empty/two");
    show("rmdir of a full one", rmdir("/empty"));
    show("rmdir of a file", rmdir("/hard"));
    show("unlink", unlink("/empty/two"));
    show_stat("/hard", 1);
    show("unlink again", unlink("/empty/two"));
    show("rmdir", rmdir("/empty"));
    show("rmdir again", rmdir("/empty"));
    char name[300];
    memset(name, 'n', sizeof name);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    show("long name", mkdir(name, 0777));
}

static void links(void)
{
    char buf[64] = {0};
    show("symlink", symlink("hard", "/soft"));
    show("symlink again", symlink("hard", "/soft"));
    show_stat("/soft", 0);
    show_stat("/soft", 1);
    // Whether it worked, not how long it is: Node 18 counts a zero byte behind the target.
    show("readlink", readlink("/soft", buf, sizeof buf) < 0 ? -1 : 0);
    printf("target %s\n", buf);
    show("readlink of a file", readlink("/hard", buf, sizeof buf));
    show_contents("/soft");
    show("dangling", symlink("nowhere", "/dangling"));
    show_open("open dangling", open("/dangling", O_RDONLY));
    show("loop", symlink("loop", "/loop"));
    show_open("open loop", open("/loop", O_RDONLY));
    show("unlink a link", unlink("/soft"));
    show_stat("/hard", 1);
    unlink("/dangling");
    unlink("/loop");
}

static void unlinked(void)
{
    char buf[16] = {0};
    int fd = open("/gone", O_RDWR | O_CREAT, 0666);
    show("write", write(fd, "still here", 10));
    show("unlink while open", unlink("/gone"));
    show("read it", pread(fd, buf, 10, 0));
    printf("got %s\n", buf);
    show_stat("/gone", 1);
    close(fd);
}

static void listing(void)
{
    int count = 0;
    struct dirent *entry;
    mkdir("/list", 0777);
    put("/list/x", "");
    put("/list/y", "");
    DIR *dir = opendir("/list");
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    printf("entries: %d\n", count);
    rewinddir(dir);
    count = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            count++;
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    printf("removed while listing: %d\n", count);
    closedir(dir);
    show("rmdir", rmdir("/list"));
}

static void times(void)
{
    struct stat st;
    struct timespec set[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 2000, .tv_nsec = 0}};
    int fd = open("/hard", O_RDWR);
    show("futimens", futimens(fd, set));
    close(fd);
    stat("/hard", &st);
    printf("times %lld %lld\n", (long long)st.st_atim.tv_sec, (long long)st.st_mtim.tv_sec);
    set[0].tv_nsec = UTIME_OMIT;
    set[1].tv_sec = 3000;
    show("utimensat", utimensat(AT_FDCWD, "/hard", set, 0));
    stat("/hard", &st);
    printf("times %lld %lld\n", (long long)st.st_atim.tv_sec, (long long)st.st_mtim.tv_sec);
    unlink("/hard");
    unlink("/a");
}

int main(void)
{
    opening();
    positions();
    names();
    links();
    unlinked();
    listing();
    times();
    return 0;
}
