// SPDX-License-Identifier: MIT
// The shell's commands that change files: mkdir, rm, mv, cp, touch.
#include "shell.h"

#include <stdio.h>
#include <string.h>

int command_mkdir(char **args, unsigned count)
{
    int code = 0;
    if (count < 2) {
        return usage_say("mkdir");
    }
    for (unsigned i = 1; i < count; i++) {
        char path[PATH_BYTES];
        status_t status = argument_path("mkdir", args[i], path) ? fs_mkdir(shell.fs, path) : OK;
        code |= status == OK ? 0 : error_say("mkdir", args[i], status);
    }
    return code;
}

// The name of the first entry; ERR_NOT_FOUND: the directory is empty.
static status_t first_name(const char *path, char name[FS_NAME_MAX + 1])
{
    static uint8_t data[FS_DATA_MAX];
    struct fs_dirent record;
    handle_t directory;
    size_t bytes = 0;
    status_t status = fs_open(shell.fs, path, FS_FLAG_READ, &directory, NULL);
    if (status != OK) {
        return status;
    }
    status = fs_readdir(directory, 0, data, sizeof(data), &bytes);
    (void)fs_close(directory);
    if (status != OK) {
        return status;
    }
    if (bytes < sizeof(record)) {
        return ERR_NOT_FOUND;
    }
    memcpy(&record, data, sizeof(record));
    if (record.name_len > FS_NAME_MAX || record.name_len > bytes - sizeof(record)) {
        return ERR_CORRUPT;
    }
    memcpy(name, data + sizeof(record), record.name_len);
    name[record.name_len] = 0;
    return OK;
}

// Removes a directory and everything in it: goes down to what has nothing in it, removes that,
// begins again.
static status_t tree_remove(const char *top)
{
    char path[PATH_BYTES];
    char name[FS_NAME_MAX + 1];
    size_t top_bytes = strlen(top);
    memcpy(path, top, top_bytes + 1);
    for (;;) {
        status_t status = fs_unlink(shell.fs, path);
        if (status == ERR_IS_DIR) {
            status = fs_rmdir(shell.fs, path);
        }
        if (status == ERR_NOT_EMPTY) {
            size_t bytes = strlen(path);
            status = first_name(path, name);
            if (status == OK && bytes + 1 + strlen(name) > FS_PATH_MAX) {
                status = ERR_NAME_TOO_LONG;
            }
            if (status == OK) {
                (void)snprintf(path + bytes, sizeof(path) - bytes, "/%s", name);
                continue;
            }
        }
        if (status != OK || strlen(path) <= top_bytes) {
            return status;
        }
        *strrchr(path, '/') = 0; // up
    }
}

int command_rm(char **args, unsigned count)
{
    bool all = count > 1 && strcmp(args[1], "-r") == 0;
    unsigned first = all ? 2 : 1;
    int code = 0;
    if (first >= count) {
        return usage_say("rm");
    }
    for (unsigned i = first; i < count; i++) {
        char path[PATH_BYTES];
        if (!argument_path("rm", args[i], path)) {
            code = 1;
            continue;
        }
        status_t status = all ? tree_remove(path) : fs_unlink(shell.fs, path);
        if (status == ERR_IS_DIR) {
            code |=
                error_text("rm", args[i], "is a directory (rm -r removes it and what is in it)");
        } else if (status != OK) {
            code |= error_say("rm", args[i], status);
        }
    }
    return code;
}

// Where a file goes: into `to` if that is a directory.
static bool target_path(const char *command, const char *from, const char *to,
                        char path[PATH_BYTES])
{
    struct fs_stat stat;
    char into[PATH_BYTES];
    if (!argument_path(command, to, path)) {
        return false;
    }
    if (fs_stat(shell.fs, path, 0, &stat) != OK || stat.type != FS_TYPE_DIRECTORY) {
        return true;
    }
    memcpy(into, path, sizeof(into));
    if (!path_resolve(into, path_last(from), path)) {
        (void)error_say(command, to, ERR_NAME_TOO_LONG);
        return false;
    }
    return true;
}

int command_mv(char **args, unsigned count)
{
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    if (count != 3) {
        return usage_say("mv");
    }
    if (!argument_path("mv", args[1], from) || !target_path("mv", from, args[2], to)) {
        return 1;
    }
    status_t status = fs_rename(shell.fs, from, shell.fs, to);
    return status == OK ? 0 : error_say("mv", args[1], status);
}

static status_t node_copy(handle_t from, handle_t to)
{
    static uint8_t data[FS_DATA_MAX];
    uint64_t offset = 0;
    for (;;) {
        size_t bytes = 0;
        size_t written = 0;
        status_t status = fs_read(from, offset, data, sizeof(data), &bytes);
        if (status != OK || bytes == 0) {
            return status;
        }
        status = fs_write(to, offset, data, bytes, &written, NULL);
        if (status == OK && written < bytes) {
            status = ERR_NO_SPACE;
        }
        if (status != OK) {
            return status;
        }
        offset += bytes;
    }
}

int command_cp(char **args, unsigned count)
{
    char from_path[PATH_BYTES];
    char to_path[PATH_BYTES];
    handle_t from;
    handle_t to;
    if (count != 3) {
        return usage_say("cp");
    }
    if (!argument_path("cp", args[1], from_path) ||
        !target_path("cp", from_path, args[2], to_path)) {
        return 1;
    }
    if (strcmp(from_path, to_path) == 0) {
        return error_text("cp", args[1], "cannot be copied onto itself");
    }
    status_t status = fs_open(shell.fs, from_path, FS_FLAG_READ, &from, NULL);
    if (status != OK) {
        return error_say("cp", args[1], status);
    }
    status =
        fs_open(shell.fs, to_path, FS_FLAG_WRITE | FS_FLAG_CREATE | FS_FLAG_TRUNCATE, &to, NULL);
    if (status == OK) {
        status = node_copy(from, to);
        (void)fs_close(to);
    }
    (void)fs_close(from);
    return status == OK ? 0 : error_say("cp", args[2], status);
}

int command_touch(char **args, unsigned count)
{
    int code = 0;
    if (count < 2) {
        return usage_say("touch");
    }
    for (unsigned i = 1; i < count; i++) {
        char path[PATH_BYTES];
        handle_t file;
        if (!argument_path("touch", args[i], path)) {
            code = 1;
            continue;
        }
        const uint32_t now = FS_TIME_ATIME_NOW | FS_TIME_MTIME_NOW;
        status_t status = fs_set_times(shell.fs, path, 0, 0, 0, now);
        if (status == ERR_NOT_FOUND) {
            status = fs_open(shell.fs, path, FS_FLAG_WRITE | FS_FLAG_CREATE, &file, NULL);
            (void)(status == OK ? fs_close(file) : OK);
        }
        code |= status == OK ? 0 : error_say("touch", args[i], status);
    }
    return code;
}
