// SPDX-License-Identifier: MIT
// The WebAssembly runner: one process per program. It gets the module as the node handle "program",
// the standard streams as "stdin", "stdout" and "stderr", directories as "preopen:<guest path>",
// and the program's arguments and environment as its own; nothing else of the system is reachable
// from here. It loads, checks, runs, and ends with the program's code or with a reason
// (bullfinch/runner.h).
//
// The runtime is not trusted to keep a program in: what a program could do by breaking out of it is
// what this process's handles allow, which is what the program was given anyway.
#include "module.h"
#include "wasm/port/port.h"
#include "wasm/wasi/imports.h"

#include <bullfinch/runner.h>
#include <bullfinch/startup.h>
#include <gen/user_syscalls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_BYTES_MAX   (64u << 20)
#define CALL_STACK_BYTES   (512u << 10) // the program's frames; its C stack is in its own memory
#define NATIVE_STACK_BYTES (128u << 10) // of the 256 KiB that every process starts with
#define ERROR_BYTES        256u
#define PREOPEN_PREFIX     "preopen:"
#define EXCEPTION_PREFIX   "Exception: "

struct program {
    const char *name;
    uint8_t *bytes;
    size_t size;
    wasm_module_t module;
    wasm_module_inst_t instance;
    struct wasi wasi;
    char error[ERROR_BYTES];
};

// The words go to stderr, the kind of end into the exit code. *p and its handles go with the
// process.
_Noreturn static void finish(const struct program *p, enum runner_end end, uint32_t code,
                             const char *reason)
{
    (void)fflush(stdout);
    if (reason != NULL) {
        (void)fprintf(stderr, "%s: %s\n", p->name, reason);
    }
    (void)fflush(stderr);
    _exit((int)RUNNER_EXIT(end, code));
}

_Noreturn static void finish_no_memory(const struct program *p)
{
    char text[64] = "out of memory";
    uint64_t refused = port_refused_bytes();
    if (refused > 0) {
        uint64_t mib = (refused + (1u << 20) - 1) >> 20;
        (void)snprintf(text, sizeof text, "out of memory: wants %llu MiB", (unsigned long long)mib);
    }
    finish(p, RUNNER_NO_MEMORY, RUNNER_CODE_NO_MEMORY, text);
}

_Noreturn static void finish_not_loaded(const struct program *p, const char *what)
{
    finish(p, RUNNER_NOT_LOADED, RUNNER_CODE_NOT_LOADED, what);
}

static bool is_memory_failure(const char *text)
{
    return port_refused_bytes() > 0 || strstr(text, "allocate memory") != NULL ||
           strstr(text, "allocate linear memory") != NULL;
}

// The runtime's words start with which of its steps failed, and a trap's with "Exception": the part
// after the colon is the reason.
static const char *reason_of(const char *text)
{
    const char *trap = strstr(text, EXCEPTION_PREFIX);
    const char *colon = strstr(text, ": ");
    if (trap != NULL) {
        return trap + strlen(EXCEPTION_PREFIX);
    }
    return colon != NULL ? colon + 2 : text;
}

static void program_read(struct program *p)
{
    handle_t node = startup_handle("program");
    struct fs_stat stat;
    size_t got = 0;
    if (node == HANDLE_NONE || fs_stat(node, "", 0, &stat) != OK) {
        finish(p, RUNNER_NOT_FOUND, RUNNER_CODE_NOT_FOUND, "no such program");
    }
    if (stat.type != FS_TYPE_FILE || stat.size > MODULE_BYTES_MAX) {
        finish_not_loaded(p, stat.type == FS_TYPE_DIRECTORY ? "it is a directory"
                                                            : "not a file of at most 64 MiB");
    }
    p->bytes = malloc(stat.size + 1);
    if (p->bytes == NULL) {
        finish_no_memory(p);
    }
    if (fs_read(node, 0, p->bytes, stat.size, &got) != OK || got != stat.size) {
        finish(p, RUNNER_NOT_FOUND, RUNNER_CODE_NOT_FOUND, "the file cannot be read");
    }
    p->size = got;
    (void)fs_close(node);
}

static void program_load(struct program *p)
{
    size_t offset;
    char text[ERROR_BYTES + 64];
    const char *wrong = module_check(p->bytes, p->size, &offset);
    if (wrong != NULL) {
        (void)snprintf(text, sizeof text, "not a WebAssembly module: %s (offset %zu)", wrong,
                       offset);
        finish_not_loaded(p, text);
    }
    p->module = wasm_runtime_load(p->bytes, (uint32_t)p->size, p->error, sizeof p->error);
    if (p->module == NULL && is_memory_failure(p->error)) {
        finish_no_memory(p);
    }
    if (p->module == NULL) {
        (void)snprintf(text, sizeof text, "invalid module: %s", reason_of(p->error));
        finish_not_loaded(p, text);
    }
}

// The runtime only warns of an import it cannot provide and traps when it is called. A program that
// needs what is not there does not start.
static void program_check_imports(struct program *p)
{
    static const char *const kinds[] = {"function", "table", "memory", "global"};
    int32_t count = wasm_runtime_get_import_count(p->module);
    for (int32_t i = 0; i < count; i++) {
        wasm_import_t import;
        char text[ERROR_BYTES];
        wasm_runtime_get_import_type(p->module, i, &import);
        if (import.linked) {
            continue;
        }
        (void)snprintf(text, sizeof text, "unknown import %.100s.%.100s (%s)", import.module_name,
                       import.name,
                       (unsigned)import.kind < 4 ? kinds[import.kind] : "of a new kind");
        finish_not_loaded(p, text);
    }
}

// A copy for the program, so that its closing a stream does not take it from the runner's own
// messages.
static handle_t stream_copy(const char *name)
{
    handle_t given = startup_handle(name);
    handle_t copy;
    if (given == HANDLE_NONE || sys_handle_duplicate(given, RIGHTS_SAME, &copy) != OK) {
        return given;
    }
    return copy;
}

static void program_give_handles(struct program *p)
{
    static const char *const streams[] = {"stdin", "stdout", "stderr"};
    for (uint32_t fd = 0; fd < 3; fd++) {
        handle_t node = stream_copy(streams[fd]);
        if (node != HANDLE_NONE) {
            (void)wasi_give_stream(&p->wasi, fd, node); // one that is dead stays closed
        }
    }
    const struct startup_handle *given;
    for (unsigned i = 0; (given = startup_handle_at(i)) != NULL; i++) {
        size_t prefix = strlen(PREOPEN_PREFIX);
        if (strncmp(given->name, PREOPEN_PREFIX, prefix) == 0 &&
            wasi_give_preopen(&p->wasi, given->handle, given->name + prefix) != OK) {
            finish_not_loaded(p, "a directory it was given cannot be used");
        }
    }
}

// Ends the process after a trap, or after proc_exit, which unwinds like one.
_Noreturn static void finish_stopped(struct program *p, const char *exception)
{
    char text[ERROR_BYTES];
    const char *reason = reason_of(exception);
    if (p->wasi.exited) {
        finish(p, RUNNER_EXITED, p->wasi.exit_code, NULL);
    }
    if (strstr(reason, "stack overflow") != NULL) {
        finish(p, RUNNER_STACK, RUNNER_CODE_TRAPPED, "call stack exhausted");
    }
    (void)snprintf(text, sizeof text, "trap: %s", reason);
    finish(p, RUNNER_TRAPPED, RUNNER_CODE_TRAPPED, text);
}

static void program_instantiate(struct program *p)
{
    struct InstantiationArgs2 *args;
    if (!wasm_runtime_instantiation_args_create(&args)) {
        finish_no_memory(p);
    }
    wasm_runtime_instantiation_args_set_default_stack_size(args, CALL_STACK_BYTES);
    wasm_runtime_instantiation_args_set_host_managed_heap_size(args, 0);
    wasm_runtime_instantiation_args_set_custom_data(args, &p->wasi);
    // The module's start function runs in here: it may trap, or even exit.
    p->instance = wasm_runtime_instantiate_ex2(p->module, args, p->error, sizeof p->error);
    if (p->instance != NULL) {
        return;
    }
    if (p->wasi.exited || strstr(p->error, EXCEPTION_PREFIX) != NULL) {
        finish_stopped(p, p->error);
    }
    if (is_memory_failure(p->error)) {
        finish_no_memory(p);
    }
    char text[ERROR_BYTES + 32];
    (void)snprintf(text, sizeof text, "cannot be instantiated: %s", reason_of(p->error));
    finish_not_loaded(p, text);
}

_Noreturn static void program_run(struct program *p)
{
    wasm_function_inst_t start = wasm_runtime_lookup_function(p->instance, "_start");
    if (start == NULL || wasm_func_get_param_count(start, p->instance) != 0 ||
        wasm_func_get_result_count(start, p->instance) != 0) {
        finish_not_loaded(p, "not a program: it exports no function _start");
    }
    wasm_exec_env_t env = wasm_runtime_create_exec_env(p->instance, CALL_STACK_BYTES);
    if (env == NULL) {
        finish_no_memory(p);
    }
    if (!wasm_runtime_call_wasm(env, start, 0, NULL)) {
        const char *exception = wasm_runtime_get_exception(p->instance);
        finish_stopped(p, exception != NULL ? exception : "unknown");
    }
    finish(p, RUNNER_EXITED, 0, NULL);
}

static void runtime_start(const struct program *p)
{
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_System_Allocator};
    if (!wasm_runtime_full_init(&args) || !wasi_imports_register()) {
        finish_no_memory(p);
    }
}

static uint32_t strings_count(char *const *strings)
{
    uint32_t count = 0;
    while (strings != NULL && strings[count] != NULL) {
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    static struct program p;
    extern char **environ;
    port_stack_mark(__builtin_frame_address(0), NATIVE_STACK_BYTES);
    p.name = argc > 0 ? argv[0] : "program";
    wasi_init(&p.wasi, (const char *const *)argv, (uint32_t)argc, (const char *const *)environ,
              strings_count(environ));
    program_read(&p);
    runtime_start(&p);
    program_load(&p);
    program_check_imports(&p);
    program_give_handles(&p);
    program_instantiate(&p);
    program_run(&p);
}
