// SPDX-License-Identifier: MIT
// Running programs. A WebAssembly program is one process of bin/runner, in a job of its own with a
// limit on memory, with exactly these handles:
//     program                the node of the .wasm file, read only
//     stdin stdout stderr    a console stream of its own, or the file of a redirection
//     preopen:/              the file server's root, read and write
// A native program (ELF) is started itself, with the same handles but "program". Ctrl-C kills the
// job of the program in the foreground.
#include "shell.h"
#include "terminal.h"

#include <bullfinch/clock.h>
#include <bullfinch/runner.h>
#include <bullfinch/spawn.h>
#include <bullfinch/status.h>
#include <gen/user_syscalls.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAMS_MAX     16u
#define RUNNER_PATH      "bin/runner"
#define RUNNER_BYTES_MAX (16u << 20)
#define LIMIT_PAGES_MIN  2048u // 8 MiB
#define CONSOLE_CHECK_NS 1000000000ull

#define CODE_NOT_FOUND   127
#define CODE_CANNOT_RUN  126
#define CODE_INTERRUPTED 130

struct program {
    bool used;
    char name[NAME_MAX_BYTES];
    handle_t job;
    handle_t process;
    handle_t stream; // console stream, for the foreground
};

// Program i is "%i+1" to the user and bit i of the notification.
static struct program programs[PROGRAMS_MAX];

// What a program is started with, gathered step by step.
struct launch {
    const char *name;
    handle_t node;   // the program's file
    bool native;     // ELF
    uint64_t pages;  // memory limit; 0: the default
    handle_t input;  // HANDLE_NONE: the stream
    handle_t output; // HANDLE_NONE: the stream
    void *image;     // the ELF file to start
    size_t image_bytes;
};

// --- finding ------------------------------------------------------------------------------------

static bool file_open(const char *directory, const char *name, const char *ending, handle_t *node)
{
    char given[PATH_BYTES];
    char path[PATH_BYTES];
    struct fs_stat stat;
    if (snprintf(given, sizeof(given), "%s%s", name, ending) >= (int)sizeof(given) ||
        !path_resolve(directory, given, path) ||
        fs_open(shell.fs, path, FS_FLAG_READ, node, &stat) != OK) {
        return false;
    }
    if (stat.type != FS_TYPE_FILE) {
        (void)fs_close(*node);
        return false;
    }
    return true;
}

// A name with a slash is a path; others are looked for in the working directory, /apps and /bin,
// also with ".wasm".
static bool program_find(const char *name, handle_t *node)
{
    const char *const places[] = {shell.cwd, "/apps", "/bin"};
    size_t count = strchr(name, '/') != NULL ? 1 : sizeof(places) / sizeof(places[0]);
    for (size_t i = 0; i < count; i++) {
        if (file_open(places[i], name, "", node) || file_open(places[i], name, ".wasm", node)) {
            return true;
        }
    }
    return false;
}

// What kind of program it is. A file that calls itself .wasm goes to the runner whatever is in it:
// the runner says what is wrong.
static bool program_kind(const char *name, handle_t node, bool *native)
{
    char magic[4] = {0};
    size_t bytes = 0;
    size_t length = strlen(name);
    if (fs_read(node, 0, magic, sizeof(magic), &bytes) != OK) {
        return false;
    }
    *native = bytes == 4 && memcmp(magic, "\177ELF", 4) == 0;
    return *native || (bytes == 4 && memcmp(magic, "\0asm", 4) == 0) ||
           (length > 5 && strcmp(name + length - 5, ".wasm") == 0);
}

// --- starting -----------------------------------------------------------------------------------

static status_t image_load(struct launch *launch)
{
    if (!launch->native) {
        return fs_load(shell.fs, RUNNER_PATH, RUNNER_BYTES_MAX, &launch->image,
                       &launch->image_bytes);
    }
    return fs_load(launch->node, "", RUNNER_BYTES_MAX, &launch->image, &launch->image_bytes);
}

// Three quarters of what is free now, unless the user said something.
static uint64_t pages_limit(const struct launch *launch)
{
    struct system_info info;
    if (launch->pages != 0) {
        return launch->pages;
    }
    uint64_t pages =
        sys_system_info(shell.log, &info) == OK ? info.free_bytes / ABI_PAGE_SIZE / 4 * 3 : 0;
    return pages > LIMIT_PAGES_MIN ? pages : LIMIT_PAGES_MIN;
}

static struct program *program_slot(void)
{
    for (size_t i = 0; i < PROGRAMS_MAX; i++) {
        if (!programs[i].used) {
            return &programs[i];
        }
    }
    return NULL;
}

static void program_release(struct program *program)
{
    if (program->job != HANDLE_NONE) {
        (void)sys_job_kill(program->job);
    }
    (void)sys_handle_close(program->process);
    (void)sys_handle_close(program->job);
    (void)sys_handle_close(program->stream);
    memset(program, 0, sizeof(*program));
}

static uint64_t program_bit(const struct program *program) { return 1ull << (program - programs); }

static status_t program_spawn(struct program *program, const struct launch *launch, char **args,
                              const char **why)
{
    char pwd[PATH_BYTES + 4];
    (void)snprintf(pwd, sizeof(pwd), "PWD=%s", shell.cwd);
    const char *const env[] = {"HOME=/home", "PATH=/apps", pwd, NULL};
    const handle_t input = launch->input != HANDLE_NONE ? launch->input : program->stream;
    const handle_t output = launch->output != HANDLE_NONE ? launch->output : program->stream;
    const struct spawn_handle handles[] = {
        {"stdin", input, RIGHTS_SAME},
        {"stdout", output, RIGHTS_SAME},
        {"stderr", program->stream, RIGHTS_SAME},
        {"preopen:/", shell.fs, RIGHTS_SAME},
        {"program", launch->node, RIGHTS_SAME},
    };
    const struct spawn_request request = {
        .name = program->name,
        .job = program->job,
        .image = launch->image,
        .image_bytes = launch->image_bytes,
        .args = (const char *const *)args,
        .env = env,
        .handles = handles,
        .handle_count = sizeof(handles) / sizeof(handles[0]) - launch->native,
    };
    struct spawn_result result;
    status_t status = spawn(&request, &result, why);
    if (status == OK) {
        (void)sys_handle_close(result.thread);
        program->process = result.process;
        status = sys_process_watch(result.process, shell.notification, program_bit(program));
    }
    return status;
}

static status_t program_start(struct program *program, struct launch *launch, char **args,
                              const char **why)
{
    const uint32_t both = FS_FLAG_READ | FS_FLAG_WRITE;
    program->used = true;
    (void)snprintf(program->name, sizeof(program->name), "%s", path_last(launch->name));
    *why = "its image";
    status_t status = image_load(launch);
    if (status == OK) {
        *why = "its job";
        status =
            sys_job_create(shell.job_self, program->name, strlen(program->name), &program->job);
    }
    if (status == OK) {
        status = sys_job_set_limit(program->job, LIMIT_PAGES, pages_limit(launch));
    }
    if (status == OK) {
        *why = "a console stream";
        status = fs_open(shell.console, "", both, &program->stream, NULL);
    }
    if (status == OK) {
        status = program_spawn(program, launch, args, why);
    }
    free(launch->image);
    if (status != OK) {
        program_release(program);
    }
    return status;
}

// --- waiting ------------------------------------------------------------------------------------

// How it ended, in words, unless it was well; a runner has already said its own reason. Returns the
// exit code.
static int end_say(const struct program *program, bool interrupted, bool background)
{
    struct process_info info;
    char text[96];
    if (sys_process_info(program->process, &info) != OK) {
        return 1;
    }
    if (interrupted) {
        printf("%s: interrupted\n", program->name);
        return CODE_INTERRUPTED;
    }
    bool normal = info.exit_reason == EXIT_NORMAL;
    int code = normal ? (int)RUNNER_CODE(info.exit_code) : 128;
    if (normal && runner_end_of(info.exit_code) != RUNNER_EXITED) {
        (void)snprintf(text, sizeof(text), "%s", runner_end_text(info.exit_code));
    } else if (normal) {
        (void)snprintf(text, sizeof(text), "exit code %d", code);
    } else {
        exit_text(&info, text, sizeof(text));
    }
    if (background) {
        printf("[%%%u] %s: %s\n", (unsigned)(program - programs) + 1, program->name,
               code == 0 ? "done" : text);
    } else if (code != 0 && !(normal && runner_end_of(info.exit_code) != RUNNER_EXITED)) {
        printf("%s: %s\n", program->name, text);
    }
    return code;
}

static uint64_t pending; // bits taken from the notification for programs not waited for

// Takes signals until the program has ended or the deadline has passed; Ctrl-C kills it.
static void program_signals_take(struct program *program, uint64_t deadline_ns, bool *interrupted)
{
    uint64_t bits = 0;
    if (sys_notification_wait(shell.notification, deadline_ns, &bits) != OK) {
        return;
    }
    if ((bits & SIGNAL_INTERRUPT) != 0) {
        *interrupted = true;
        (void)sys_job_kill(program->job);
    }
    pending |= bits & ~SIGNAL_INTERRUPT;
}

// Waits for the program in the foreground. A console that was restarted meanwhile has forgotten its
// stream, and to whom Ctrl-C goes: then a stream of the shell takes its place, so that Ctrl-C
// works.
static int program_wait(struct program *program)
{
    bool interrupted = false;
    bool lost = terminal_foreground(program->stream) != OK;
    while ((pending & program_bit(program)) == 0) {
        if (lost) {
            terminal_open(false);
        }
        program_signals_take(program, clock_monotonic_ns() + CONSOLE_CHECK_NS, &interrupted);
        lost = terminal_lost();
    }
    pending &= ~program_bit(program);
    int code = end_say(program, interrupted, false);
    program_release(program);
    terminal_take();
    return code;
}

void programs_reap(void)
{
    uint64_t bits = 0;
    if (sys_notification_wait(shell.notification, DEADLINE_POLL, &bits) == OK) {
        pending |= bits & ~SIGNAL_INTERRUPT;
    }
    for (size_t i = 0; i < PROGRAMS_MAX; i++) {
        if (programs[i].used && (pending & program_bit(&programs[i])) != 0) {
            pending &= ~program_bit(&programs[i]);
            (void)end_say(&programs[i], false, true);
            program_release(&programs[i]);
        }
    }
}

// --- commands -----------------------------------------------------------------------------------

static status_t redirection_open(const char *path, uint32_t flags, handle_t *node)
{
    char absolute[PATH_BYTES];
    if (path == NULL) {
        return OK;
    }
    if (!path_resolve(shell.cwd, path, absolute)) {
        return ERR_NAME_TOO_LONG;
    }
    return fs_open(shell.fs, absolute, flags, node, NULL);
}

static int launch_run(struct launch *launch, char **args, bool background)
{
    const char *why = "";
    struct program *program = program_slot();
    if (program == NULL) {
        return error_text(launch->name, "cannot start", "too many programs are running");
    }
    status_t status = program_start(program, launch, args, &why);
    if (status != OK) {
        (void)fprintf(stderr, "%s: cannot start: %s: %s\n", launch->name, why, status_text(status));
        return CODE_CANNOT_RUN;
    }
    if (!background) {
        return program_wait(program);
    }
    printf("[%%%u] %s\n", (unsigned)(program - programs) + 1, program->name);
    return 0;
}

static int program_launch(const struct parsed *parsed, char **args, uint64_t pages)
{
    struct launch launch = {.name = args[0], .pages = pages};
    if (!program_find(args[0], &launch.node)) {
        (void)error_text(args[0], "no such command or program",
                         "help lists the commands, ls /apps the programs");
        return CODE_NOT_FOUND;
    }
    int code = CODE_CANNOT_RUN;
    status_t in = redirection_open(parsed->input, FS_FLAG_READ, &launch.input);
    status_t out = redirection_open(
        parsed->output, FS_FLAG_WRITE | FS_FLAG_CREATE | FS_FLAG_TRUNCATE, &launch.output);
    if (!program_kind(args[0], launch.node, &launch.native)) {
        (void)error_text(args[0], "cannot run", "neither WebAssembly nor an ELF program");
    } else if (in != OK) {
        (void)error_say(args[0], parsed->input, in);
    } else if (out != OK) {
        (void)error_say(args[0], parsed->output, out);
    } else {
        code = launch_run(&launch, args, parsed->background);
    }
    (void)sys_handle_close(launch.node);
    (void)sys_handle_close(launch.input);
    (void)sys_handle_close(launch.output);
    return code;
}

int program_run(const struct parsed *parsed)
{
    char *args[PARSE_ARGS_MAX + 1];
    unsigned skip = strcmp(parsed->args[0], "run") == 0 ? 1 : 0;
    uint64_t pages = 0;
    if (skip == 1 && parsed->arg_count > 2 && strcmp(parsed->args[1], "-m") == 0) {
        char *end;
        uint64_t mib = strtoull(parsed->args[2], &end, 10);
        if (*end != 0 || mib == 0 || mib > (1u << 20)) {
            return error_text("run", parsed->args[2], "not a number of MiB");
        }
        pages = mib * ((1u << 20) / ABI_PAGE_SIZE);
        skip = 3;
    }
    if (skip >= parsed->arg_count) {
        return usage_say("run");
    }
    memcpy(args, parsed->args + skip, (parsed->arg_count - skip + 1) * sizeof(args[0]));
    return program_launch(parsed, args, pages);
}

int command_jobs(char **args, unsigned count)
{
    (void)args;
    (void)count;
    for (size_t i = 0; i < PROGRAMS_MAX; i++) {
        struct process_info info;
        if (programs[i].used && sys_process_info(programs[i].process, &info) == OK) {
            printf("[%%%u] %-24s process %" PRIu64 "\n", (unsigned)i + 1, programs[i].name,
                   info.id);
        }
    }
    return 0;
}

// "%2" or the id of the process; NULL: none of ours.
static struct program *program_named(const char *text)
{
    char *end;
    uint64_t number = strtoull(text[0] == '%' ? text + 1 : text, &end, 10);
    if (*end != 0 || end == text) {
        return NULL;
    }
    for (size_t i = 0; i < PROGRAMS_MAX; i++) {
        struct process_info info;
        if (programs[i].used &&
            (text[0] == '%'
                 ? number == i + 1
                 : sys_process_info(programs[i].process, &info) == OK && info.id == number)) {
            return &programs[i];
        }
    }
    return NULL;
}

int command_fg(char **args, unsigned count)
{
    struct program *program = NULL;
    for (size_t i = 0; count == 1 && i < PROGRAMS_MAX; i++) {
        program = programs[i].used ? &programs[i] : program;
    }
    if (count == 2) {
        program = program_named(args[1]);
    }
    if (program == NULL) {
        return error_text("fg", count > 1 ? args[1] : "%", "no such program in the background");
    }
    return program_wait(program);
}

int command_kill(char **args, unsigned count)
{
    int code = 0;
    if (count < 2) {
        return usage_say("kill");
    }
    for (unsigned i = 1; i < count; i++) {
        struct program *program = program_named(args[i]);
        if (program != NULL) {
            (void)sys_job_kill(program->job);
            continue;
        }
        status_t status = service_kill(args[i]);
        if (status == ERR_NOT_FOUND) {
            code |= error_text("kill", args[i],
                               "no service (see tree) and no program (see jobs) has this name");
        } else if (status != OK) {
            code |= error_say("kill", args[i], status);
        }
    }
    return code;
}
