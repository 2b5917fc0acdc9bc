// SPDX-License-Identifier: MIT
// The table of wasi_snapshot_preview1: name, signature, and the glue that takes the arguments from
// the runtime's array. The runtime checks a program's import types against the signatures.
#include "imports.h"

// Arguments arrive in 64-bit cells of which a 32-bit argument fills the lower half only.
#define I(n) ((uint32_t)args[n])
#define L(n) (args[n])

// The program's memory may have grown or moved since the last call.
static struct wasi *host_enter(wasm_exec_env_t env)
{
    wasm_module_inst_t instance = wasm_runtime_get_module_inst(env);
    struct wasi *w = wasm_runtime_get_custom_data(instance);
    wasm_memory_inst_t memory = wasm_runtime_get_default_memory(instance);
    w->memory = NULL;
    w->memory_bytes = 0;
    if (memory != NULL) {
        w->memory = wasm_memory_get_base_address(memory);
        w->memory_bytes =
            wasm_memory_get_cur_page_count(memory) * wasm_memory_get_bytes_per_page(memory);
    }
    return w;
}

#define GLUE(name, ...)                                          \
    static void glue_##name(wasm_exec_env_t env, uint64_t *args) \
    {                                                            \
        struct wasi *w = host_enter(env);                        \
        *(uint32_t *)args = wasi_##name(w, __VA_ARGS__);         \
    }

GLUE(args_get, I(0), I(1))
GLUE(args_sizes_get, I(0), I(1))
GLUE(clock_res_get, I(0), I(1))
GLUE(clock_time_get, I(0), L(1), I(2))
GLUE(environ_get, I(0), I(1))
GLUE(environ_sizes_get, I(0), I(1))
GLUE(fd_advise, I(0), L(1), L(2), I(3))
GLUE(fd_allocate, I(0), L(1), L(2))
GLUE(fd_close, I(0))
GLUE(fd_datasync, I(0))
GLUE(fd_fdstat_get, I(0), I(1))
GLUE(fd_fdstat_set_flags, I(0), I(1))
GLUE(fd_fdstat_set_rights, I(0), L(1), L(2))
GLUE(fd_filestat_get, I(0), I(1))
GLUE(fd_filestat_set_size, I(0), L(1))
GLUE(fd_filestat_set_times, I(0), L(1), L(2), I(3))
GLUE(fd_pread, I(0), I(1), I(2), L(3), I(4))
GLUE(fd_prestat_dir_name, I(0), I(1), I(2))
GLUE(fd_prestat_get, I(0), I(1))
GLUE(fd_pwrite, I(0), I(1), I(2), L(3), I(4))
GLUE(fd_read, I(0), I(1), I(2), I(3))
GLUE(fd_readdir, I(0), I(1), I(2), L(3), I(4))
GLUE(fd_renumber, I(0), I(1))
GLUE(fd_seek, I(0), (int64_t)L(1), I(2), I(3))
GLUE(fd_sync, I(0))
GLUE(fd_tell, I(0), I(1))
GLUE(fd_write, I(0), I(1), I(2), I(3))
GLUE(path_create_directory, I(0), I(1), I(2))
GLUE(path_filestat_get, I(0), I(1), I(2), I(3), I(4))
GLUE(path_filestat_set_times, I(0), I(1), I(2), I(3), L(4), L(5), I(6))
GLUE(path_link, I(0), I(1), I(2), I(3), I(4), I(5), I(6))
GLUE(path_open, I(0), I(1), I(2), I(3), I(4), L(5), L(6), I(7), I(8))
GLUE(path_readlink, I(0), I(1), I(2), I(3), I(4), I(5))
GLUE(path_remove_directory, I(0), I(1), I(2))
GLUE(path_rename, I(0), I(1), I(2), I(3), I(4), I(5))
GLUE(path_symlink, I(0), I(1), I(2), I(3), I(4))
GLUE(path_unlink_file, I(0), I(1), I(2))
GLUE(poll_oneoff, I(0), I(1), I(2), I(3))
GLUE(proc_raise, I(0))
GLUE(random_get, I(0), I(1))
GLUE(sock_any, I(0))

static void glue_sched_yield(wasm_exec_env_t env, uint64_t *args)
{
    *(uint32_t *)args = wasi_sched_yield(host_enter(env));
}

// Unwinds the program the only way the runtime knows, as a trap that is none.
static void glue_proc_exit(wasm_exec_env_t env, uint64_t *args)
{
    wasi_proc_exit(host_enter(env), I(0));
    wasm_runtime_set_exception(wasm_runtime_get_module_inst(env), WASI_EXIT_EXCEPTION);
}

#define ROW(name, signature)  {#name, (void *)glue_##name, signature, NULL}
#define SOCK(name, signature) {#name, (void *)glue_sock_any, signature, NULL}

// i and I are 32- and 64-bit integers; not const, because the runtime sorts it.
static NativeSymbol functions[] = {
    ROW(args_get, "(ii)i"),
    ROW(args_sizes_get, "(ii)i"),
    ROW(clock_res_get, "(ii)i"),
    ROW(clock_time_get, "(iIi)i"),
    ROW(environ_get, "(ii)i"),
    ROW(environ_sizes_get, "(ii)i"),
    ROW(fd_advise, "(iIIi)i"),
    ROW(fd_allocate, "(iII)i"),
    ROW(fd_close, "(i)i"),
    ROW(fd_datasync, "(i)i"),
    ROW(fd_fdstat_get, "(ii)i"),
    ROW(fd_fdstat_set_flags, "(ii)i"),
    ROW(fd_fdstat_set_rights, "(iII)i"),
    ROW(fd_filestat_get, "(ii)i"),
    ROW(fd_filestat_set_size, "(iI)i"),
    ROW(fd_filestat_set_times, "(iIIi)i"),
    ROW(fd_pread, "(iiiIi)i"),
    ROW(fd_prestat_dir_name, "(iii)i"),
    ROW(fd_prestat_get, "(ii)i"),
    ROW(fd_pwrite, "(iiiIi)i"),
    ROW(fd_read, "(iiii)i"),
    ROW(fd_readdir, "(iiiIi)i"),
    ROW(fd_renumber, "(ii)i"),
    ROW(fd_seek, "(iIii)i"),
    ROW(fd_sync, "(i)i"),
    ROW(fd_tell, "(ii)i"),
    ROW(fd_write, "(iiii)i"),
    ROW(path_create_directory, "(iii)i"),
    ROW(path_filestat_get, "(iiiii)i"),
    ROW(path_filestat_set_times, "(iiiiIIi)i"),
    ROW(path_link, "(iiiiiii)i"),
    ROW(path_open, "(iiiiiIIii)i"),
    ROW(path_readlink, "(iiiiii)i"),
    ROW(path_remove_directory, "(iii)i"),
    ROW(path_rename, "(iiiiii)i"),
    ROW(path_symlink, "(iiiii)i"),
    ROW(path_unlink_file, "(iii)i"),
    ROW(poll_oneoff, "(iiii)i"),
    ROW(proc_exit, "(i)"),
    ROW(proc_raise, "(i)i"),
    ROW(random_get, "(ii)i"),
    ROW(sched_yield, "()i"),
    SOCK(sock_accept, "(iii)i"),
    SOCK(sock_recv, "(iiiiii)i"),
    SOCK(sock_send, "(iiiii)i"),
    SOCK(sock_shutdown, "(ii)i"),
};

bool wasi_imports_register(void)
{
    return wasm_runtime_register_natives_raw(WASI_MODULE, functions,
                                             sizeof functions / sizeof functions[0]);
}
