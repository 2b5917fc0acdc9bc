// SPDX-License-Identifier: MIT
// Takes the shell's place in a `run=NONCE` boot: runs the boot image's run/program.wasm with the
// arguments in run/args, shows its output as it is between two marker lines, and has the machine
// powered off.
//
//     \x1e NONCE " begin\n"  what the program writes  \x1e NONCE " end " CODE " " REASON "\n"
//
// REASON is "exit" when the program ended by itself. The program gets a folder of its own as "/",
// in a job of its own, and nothing else.
//
// Arguments: NONCE. Startup handles: "console" (the controlling stream), "fs.root", "job.self",
// "supervisor" (done), "log".

#include <bullfinch/console.h>
#include <bullfinch/fs.h>
#include <bullfinch/ipc.h>
#include <bullfinch/runner.h>
#include <bullfinch/spawn.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <bullfinch/supervisor.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define RUNNER_PATH     "bin/runner"
#define PROGRAM_PATH    "run/program.wasm"
#define ARGS_PATH       "run/args"
#define FOLDER_PATH     "tmp/run"
#define FILE_BYTES_MAX  (64u << 20)
#define ARGS_MAX        255u
#define CODE_CANNOT_RUN RUNNER_CODE_NOT_LOADED
#define CODE_KILLED     137u
#define CODE_FAULT      139u
#define LIMIT_PAGES_MIN 2048u
#define REASON_BYTES    160u

struct outcome {
    uint32_t code;
    char reason[REASON_BYTES];
};

// What the program is started with.
struct launch {
    handle_t job, stream, folder, program;
    void *runner;
    size_t runner_bytes;
    char *args_text;
    size_t args_bytes;
    const char *args[ARGS_MAX + 1];
};

static handle_t console;

// --- the console --------------------------------------------------------------------------------

static void console_write(const char *text)
{
    size_t n;
    uint64_t end;
    size_t left = strlen(text);
    while (left > 0 && fs_write(console, 0, text, left, &n, &end) == OK && n > 0) {
        text += n;
        left -= n;
    }
}

static status_t console_control(uint64_t code, uint64_t value, handle_t moved)
{
    struct ipc_message m = {.tag = MSG_TAG(FS_CONTROL, 0, moved != HANDLE_NONE),
                            .w = {code, value}};
    ipc_buffer()->send[0] = moved;
    status_t s = ipc_call(console, &m, DEADLINE_NEVER);
    return s != OK ? s : (status_t)m.w[0];
}

// A verbatim stream for the program, which gets the input.
static status_t stream_open(handle_t *stream)
{
    handle_t copy;
    status_t s = console_control(CONSOLE_VERBATIM, 1, HANDLE_NONE);
    s = s != OK ? s : fs_open(console, "", FS_FLAG_READ | FS_FLAG_WRITE, stream, NULL);
    s = s != OK ? s : sys_handle_duplicate(*stream, RIGHTS_SAME, &copy);
    return s != OK ? s : console_control(CONSOLE_FOREGROUND, 0, copy);
}

// --- starting -----------------------------------------------------------------------------------

static status_t args_load(struct launch *l)
{
    void *text;
    status_t s =
        fs_load(startup_handle("fs.root"), ARGS_PATH, STARTUP_BYTES_MAX, &text, &l->args_bytes);
    if (s != OK) {
        return s;
    }
    l->args_text = text;
    unsigned count = 0;
    size_t at = 0;
    while (at < l->args_bytes && count < ARGS_MAX) {
        const char *end = memchr(l->args_text + at, '\0', l->args_bytes - at);
        if (end == NULL) {
            return ERR_CORRUPT;
        }
        l->args[count++] = l->args_text + at;
        at = (size_t)(end - l->args_text) + 1;
    }
    return count > 0 ? OK : ERR_CORRUPT;
}

static status_t folder_open(handle_t *folder)
{
    handle_t root = startup_handle("fs.root");
    status_t s = fs_mkdir(root, FOLDER_PATH);
    return s != OK ? s
                   : fs_open(root, FOLDER_PATH, FS_FLAG_READ | FS_FLAG_WRITE | FS_FLAG_DIRECTORY,
                             folder, NULL);
}

// The program may have three quarters of the memory that is free now.
static status_t job_open(handle_t *job)
{
    struct system_info info;
    status_t s = sys_job_create(startup_handle("job.self"), "program", 7, job);
    if (s != OK) {
        return s;
    }
    uint64_t pages = LIMIT_PAGES_MIN;
    if (sys_system_info(startup_handle("log"), &info) == OK &&
        info.free_bytes / ABI_PAGE_SIZE / 4 * 3 > pages) {
        pages = info.free_bytes / ABI_PAGE_SIZE / 4 * 3;
    }
    return sys_job_set_limit(*job, LIMIT_PAGES, pages);
}

static status_t prepare(struct launch *l, const char **what)
{
    handle_t root = startup_handle("fs.root");
    *what = "console";
    status_t s = stream_open(&l->stream);
    *what = s == OK ? RUNNER_PATH : *what;
    s = s != OK ? s : fs_load(root, RUNNER_PATH, FILE_BYTES_MAX, &l->runner, &l->runner_bytes);
    *what = s == OK ? PROGRAM_PATH : *what;
    s = s != OK ? s : fs_open(root, PROGRAM_PATH, FS_FLAG_READ, &l->program, NULL);
    *what = s == OK ? ARGS_PATH : *what;
    s = s != OK ? s : args_load(l);
    *what = s == OK ? FOLDER_PATH : *what;
    s = s != OK ? s : folder_open(&l->folder);
    *what = s == OK ? "job" : *what;
    return s != OK ? s : job_open(&l->job);
}

static status_t program_spawn(const struct launch *l, handle_t *process, const char **what)
{
    const struct spawn_handle handles[] = {
        {"program", l->program, RIGHTS_SAME},  {"stdin", l->stream, RIGHTS_SAME},
        {"stdout", l->stream, RIGHTS_SAME},    {"stderr", l->stream, RIGHTS_SAME},
        {"preopen:/", l->folder, RIGHTS_SAME},
    };
    struct spawn_request request = {.name = l->args[0],
                                    .job = l->job,
                                    .image = l->runner,
                                    .image_bytes = l->runner_bytes,
                                    .args = l->args,
                                    .handles = handles,
                                    .handle_count = sizeof(handles) / sizeof(handles[0])};
    struct spawn_result result;
    status_t s = spawn(&request, &result, what);
    if (s == OK) {
        *process = result.process;
        (void)sys_handle_close(result.thread);
    }
    return s;
}

// --- the end ------------------------------------------------------------------------------------

static void outcome_fail(struct outcome *o, const char *what, status_t s)
{
    o->code = CODE_CANNOT_RUN;
    (void)snprintf(o->reason, sizeof(o->reason), "cannot start: %s: %s", what, status_text(s));
}

static void outcome_read(struct outcome *o, const struct process_info *info)
{
    if (info->exit_reason == EXIT_NORMAL) {
        o->code = RUNNER_CODE(info->exit_code);
        (void)snprintf(o->reason, sizeof(o->reason), "%s", runner_end_text(info->exit_code));
        return;
    }
    o->code = info->exit_reason == EXIT_FAULT ? CODE_FAULT : CODE_KILLED;
    exit_text(info, o->reason, sizeof(o->reason));
}

static void process_await(handle_t process, struct outcome *o)
{
    handle_t ended;
    uint64_t bits;
    struct process_info info;
    status_t s = sys_notification_create(&ended);
    s = s != OK ? s : sys_process_watch(process, ended, 1);
    s = s != OK ? s : sys_notification_wait(ended, DEADLINE_NEVER, &bits);
    s = s != OK ? s : sys_process_info(process, &info);
    if (s != OK) {
        outcome_fail(o, "waiting for the program", s);
    } else {
        outcome_read(o, &info);
    }
}

static void supervisor_tell(const struct outcome *o)
{
    size_t n = strlen(o->reason);
    struct ipc_message m = {.tag = MSG_TAG(SUP_RUN_DONE, n, 0), .w = {o->code}};
    memcpy(ipc_buffer()->data, o->reason, n);
    (void)ipc_call(startup_handle("supervisor"), &m, DEADLINE_NEVER);
}

int main(int argc, char **argv)
{
    static struct launch launch;
    struct outcome outcome = {.code = 0};
    char line[REASON_BYTES + 128];
    const char *nonce = argc > 1 ? argv[1] : "";
    const char *what = "";
    handle_t process;
    console = startup_handle("console");
    status_t s = prepare(&launch, &what);
    (void)snprintf(line, sizeof(line), "\x1e%.100s begin\n", nonce);
    console_write(line);
    s = s != OK ? s : program_spawn(&launch, &process, &what);
    if (s != OK) {
        outcome_fail(&outcome, what, s);
    } else {
        process_await(process, &outcome);
    }
    (void)snprintf(line, sizeof(line), "\x1e%.100s end %" PRIu32 " %s\n", nonce, outcome.code,
                   outcome.reason);
    console_write(line);
    (void)fs_sync(console);
    supervisor_tell(&outcome);
    return 0;
}
