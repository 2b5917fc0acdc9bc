// SPDX-License-Identifier: MIT
// The whole runner as a Linux process: host_run program.wasm [argument...], with a fresh file
// system at "/" and the host's standard streams. LIMIT_MIB in the environment bounds its memory.
// Its main is the runner's own (compiled with -Dmain=runner_main).
#define _GNU_SOURCE
#include "host_kernel.h"

#include <bullfinch/fs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int runner_main(int argc, char **argv);

static handle_t program_put(const char *path)
{
    static uint8_t buf[65536];
    handle_t node = HANDLE_NONE;
    uint64_t at = 0;
    size_t got;
    handle_t root = host_kernel_root(false);
    FILE *in = fopen(path, "rb");
    if (in == NULL ||
        fs_open(root, "program.wasm", FS_FLAG_READ | FS_FLAG_WRITE | FS_FLAG_CREATE, &node, NULL)) {
        return HANDLE_NONE;
    }
    while ((got = fread(buf, 1, sizeof buf, in)) > 0) {
        size_t put;
        if (fs_write(node, at, buf, got, &put, &at) != OK) {
            return HANDLE_NONE;
        }
    }
    (void)fclose(in);
    (void)fs_unlink(root, "program.wasm");
    return node;
}

int main(int argc, char **argv)
{
    const char *limit = getenv("LIMIT_MIB");
    char *slash = strrchr(argv[1], '/');
    char *path = argv[1];
    host_kernel_start();
    host_kernel_give("program", program_put(path));
    host_kernel_give("stdin", host_kernel_stream(0));
    host_kernel_give("stdout", host_kernel_stream(1));
    host_kernel_give("stderr", host_kernel_stream(2));
    host_kernel_give("preopen:/", host_kernel_root(false));
    host_kernel_limit((limit != NULL ? strtoull(limit, NULL, 10) : 256) << 20);
    (void)unsetenv("LIMIT_MIB"); // not for the program
    argv[1] = slash != NULL ? slash + 1 : path;
    return runner_main(argc - 1, argv + 1);
}
