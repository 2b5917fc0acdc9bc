// SPDX-License-Identifier: MIT
// Makes a small tree of directories and files, lists it sorted with kinds and sizes, and removes it
// again.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 128
#define MANY        60

static void fail(const char *what, const char *path)
{
    printf("FAILED: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static void make_dir(const char *path)
{
    if (mkdir(path, 0777) != 0) {
        fail("mkdir", path);
    }
}

static void make_file(const char *path, int bytes)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fail("create", path);
    }
    for (int i = 0; i < bytes; i++) {
        putc('x', out);
    }
    if (fclose(out) != 0) {
        fail("write", path);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(const char *path, char *names[ENTRIES_MAX])
{
    int count = 0;
    const struct dirent *entry;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        fail("opendir", path);
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            count < ENTRIES_MAX) {
            names[count++] = strdup(entry->d_name);
        }
    }
    closedir(dir);
    qsort(names, (size_t)count, sizeof names[0], compare);
    return count;
}

static void list(const char *path, int depth)
{
    char *names[ENTRIES_MAX];
    int count = read_names(path, names);
    for (int i = 0; i < count; i++) {
        char full[512];
        struct stat st;
        snprintf(full, sizeof full, "%s/%s", path, names[i]);
        if (stat(full, &st) != 0) {
            fail("stat", full);
        }
        if (S_ISDIR(st.st_mode)) {
            printf("%*s%s/\n", depth * 2, "", names[i]);
            list(full, depth + 1);
        } else {
            printf("%*s%s %lld\n", depth * 2, "", names[i], (long long)st.st_size);
        }
        free(names[i]);
    }
}

static void remove_tree(const char *path)
{
    char *names[ENTRIES_MAX];
    int count = read_names(path, names);
    for (int i = 0; i < count; i++) {
        char full[512];
        struct stat st;
        snprintf(full, sizeof full, "%s/%s", path, names[i]);
        if (stat(full, &st) != 0) {
            fail("stat", full);
        }
        if (S_ISDIR(st.st_mode)) {
            remove_tree(full);
        } else if (unlink(full) != 0) {
            fail("unlink", full);
        }
        free(names[i]);
    }
    if (rmdir(path) != 0) {
        fail("rmdir", path);
    }
}

int main(void)
{
    make_dir("/list");
    make_dir("/list/empty");
    make_dir("/list/letters");
    make_file("/list/zero", 0);
    make_file("/list/five", 5);
    make_file("/list/letters/b", 2);
    make_file("/list/letters/a", 1);
    make_dir("/list/many");
    for (int i = 0; i < MANY; i++) {
        char path[64];
        snprintf(path, sizeof path, "/list/many/a-file-with-a-longer-name-%02d", i);
        make_file(path, i);
    }
    list("/list", 0);
    printf("mkdir again: %s\n",
           mkdir("/list/empty", 0777) != 0 && errno == EEXIST ? "exists" : "WRONG");
    printf("rmdir of a full one: %s\n",
           rmdir("/list/letters") != 0 && errno == ENOTEMPTY ? "not empty" : "WRONG");
    printf("opendir of a file: %s\n",
           opendir("/list/five") == NULL && errno == ENOTDIR ? "not a directory" : "WRONG");
    remove_tree("/list");
    printf("gone: %s\n", access("/list", F_OK) != 0 ? "yes" : "WRONG");
    return 0;
}
