// SPDX-License-Identifier: MIT
// The shell's commands that look at files: ls, cat, pwd, cd.
#include "listing.h"
#include "shell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- ls -----------------------------------------------------------------------------------------

static void details_print(handle_t directory, const char *name)
{
    struct fs_stat stat;
    char target[FS_PATH_MAX + 1];
    size_t bytes = 0;
    status_t status = fs_stat(directory, name, FS_FLAG_NOFOLLOW, &stat);
    if (status != OK) {
        (void)error_say("ls", name, status);
        return;
    }
    char date[UTC_BYTES];
    printf("%c %10" PRIu64 "  %s  %s",
           stat.type == FS_TYPE_DIRECTORY ? 'd'
           : stat.type == FS_TYPE_SYMLINK ? 'l'
                                          : '-',
           stat.size, utc_text(stat.mtime_ns, date), name);
    if (stat.type == FS_TYPE_SYMLINK &&
        fs_readlink(directory, name, target, FS_PATH_MAX, &bytes) == OK) {
        printf(" -> %.*s", (int)bytes, target);
    }
    printf("\n");
}

static int directory_list(const char *path, bool details)
{
    struct listing listing = {0};
    handle_t directory;
    status_t status = fs_open(shell.fs, path, FS_FLAG_READ, &directory, NULL);
    if (status != OK) {
        return error_say("ls", path, status);
    }
    status = listing_read(directory, &listing);
    if (!details) {
        listing_print(&listing);
    }
    for (size_t i = 0; details && i < listing.count; i++) {
        details_print(directory, listing.entries[i].name);
    }
    listing_free(&listing);
    (void)fs_close(directory);
    return status == OK ? 0 : error_say("ls", path, status);
}

static int one_list(const char *argument, bool details)
{
    char path[PATH_BYTES];
    struct fs_stat stat;
    if (!argument_path("ls", argument, path)) {
        return 1;
    }
    status_t status = fs_stat(shell.fs, path, 0, &stat);
    if (status != OK) {
        return error_say("ls", argument, status);
    }
    if (stat.type == FS_TYPE_DIRECTORY) {
        return directory_list(path, details);
    }
    if (details) {
        details_print(shell.fs, path);
    } else {
        printf("%s\n", argument);
    }
    return 0;
}

int command_ls(char **args, unsigned count)
{
    bool details = count > 1 && strcmp(args[1], "-l") == 0;
    unsigned first = details ? 2 : 1;
    int code = 0;
    if (first == count) {
        return one_list(".", details);
    }
    for (unsigned i = first; i < count; i++) {
        if (count - first > 1) {
            printf("%s:\n", args[i]);
        }
        code |= one_list(args[i], details);
    }
    return code;
}

// --- cat ----------------------------------------------------------------------------------------

static int file_print(const char *path)
{
    static char data[FS_DATA_MAX];
    handle_t file;
    uint64_t offset = 0;
    size_t bytes = 0;
    status_t status = fs_open(shell.fs, path, FS_FLAG_READ, &file, NULL);
    if (status != OK) {
        return error_say("cat", path, status);
    }
    do {
        status = fs_read(file, offset, data, sizeof(data), &bytes);
        if (status == OK) {
            (void)fwrite(data, 1, bytes, stdout);
            offset += bytes;
        }
    } while (status == OK && bytes > 0);
    (void)fs_close(file);
    return status == OK ? 0 : error_say("cat", path, status);
}

int command_cat(char **args, unsigned count)
{
    int code = 0;
    if (count == 1) {
        return shell.input != NULL ? file_print(shell.input) : usage_say("cat");
    }
    for (unsigned i = 1; i < count; i++) {
        char path[PATH_BYTES];
        code |= argument_path("cat", args[i], path) ? file_print(path) : 1;
    }
    return code;
}

// --- the working directory ----------------------------------------------------------------------

int command_pwd(char **args, unsigned count)
{
    (void)args;
    (void)count;
    printf("%s\n", shell.cwd);
    return 0;
}

int command_cd(char **args, unsigned count)
{
    char path[PATH_BYTES];
    struct fs_stat stat;
    const char *to = count > 1 ? args[1] : "/home";
    if (count > 2) {
        return usage_say("cd");
    }
    if (!argument_path("cd", to, path)) {
        return 1;
    }
    status_t status = fs_stat(shell.fs, path, 0, &stat);
    if (status == OK && stat.type != FS_TYPE_DIRECTORY) {
        status = ERR_NOT_DIR;
    }
    if (status != OK) {
        return error_say("cd", to, status);
    }
    memcpy(shell.cwd, path, sizeof(path));
    return 0;
}
