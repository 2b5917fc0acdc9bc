// SPDX-License-Identifier: MIT
// The shell: prompt, line, command, again. What its parent must give it:
//     stdin, stdout, stderr   the console's controlling stream (bullfinch/console.h)
//     fs.root                 the file server's root
//     supervisor              to list and kill services and to shut down
//     job.self                its own job: MANAGE
//     job.root                the root job: ENUMERATE, INSPECT
//     log                     LOG resource: READ
// Without one of them the commands that need it say so and the rest works.
#include "complete.h"
#include "edit.h"
#include "shell.h"
#include "terminal.h"

#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <bullfinch/stdio.h>
#include <gen/user_syscalls.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shell shell;
static struct edit edit;

// --- commands -----------------------------------------------------------------------------------

static int command_echo(char **args, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        printf("%s%s", args[i], i + 1 < count ? " " : "");
    }
    printf("\n");
    return 0;
}

static int command_clear(char **args, unsigned count)
{
    (void)args;
    (void)count;
    printf("\x1b[H\x1b[2J");
    return 0;
}

static int command_history(char **args, unsigned count)
{
    (void)args;
    (void)count;
    for (size_t i = 0; i < edit.history_count; i++) {
        printf("%3zu  %s\n", i + 1, edit.history[i]);
    }
    return 0;
}

static int command_help(char **args, unsigned count);

static const struct command commands[] = {
    {"help", "[COMMAND]", "this list, or one line of it", command_help},
    {"ls", "[-l] [PATH...]", "list directories", command_ls},
    {"cat", "FILE...", "print files", command_cat},
    {"echo", "[WORD...]", "print words", command_echo},
    {"cd", "[DIRECTORY]", "change the working directory", command_cd},
    {"pwd", "", "print the working directory", command_pwd},
    {"mkdir", "DIRECTORY...", "make directories", command_mkdir},
    {"rm", "[-r] PATH...", "remove files; -r directories and what is in them", command_rm},
    {"mv", "FROM TO", "rename or move", command_mv},
    {"cp", "FROM TO", "copy a file", command_cp},
    {"touch", "FILE...", "make files, or give them the current time", command_touch},
    {"run", "[-m MIB] PROGRAM [WORD...]", "run a program; its name alone does too", command_run},
    {"jobs", "", "list the programs in the background", command_jobs},
    {"fg", "[%N]", "put a program in the foreground", command_fg},
    {"kill", "SERVICE | %N | ID", "kill a service (it is restarted) or a program", command_kill},
    {"ps", "", "list all processes", command_ps},
    {"tree", "", "draw the supervision tree", command_tree},
    {"mem", "", "show memory: who holds it, zones, caches of CPUs", command_mem},
    {"slab", "", "show the kernel's object caches", command_slab},
    {"cpus", "", "show what each CPU does, in total and in half a second", command_cpus},
    {"dmesg", "", "print the kernel's log", command_dmesg},
    {"trace", "", "print the last events of each CPU", command_trace},
    {"uptime", "", "show how long the system is up, and since when", command_uptime},
    {"date", "", "show the date and time, in UTC", command_date},
    {"history", "", "list the lines typed before", command_history},
    {"clear", "", "clear the screen", command_clear},
    {"reboot", "", "stop everything and start again", command_reboot},
    {"shutdown", "", "stop everything and power off", command_shutdown},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static const char *command_name(size_t i)
{
    return i < sizeof(commands) / sizeof(commands[0]) ? commands[i].name : NULL;
}

static void command_describe(const struct command *command)
{
    char usage[64];
    (void)snprintf(usage, sizeof(usage), "%s %s", command->name, command->arguments);
    printf("  %-32s %s\n", usage, command->text);
}

static int command_help(char **args, unsigned count)
{
    if (count > 1) {
        const struct command *command = command_find(args[1]);
        if (command == NULL) {
            return error_text("help", args[1], "no such command");
        }
        command_describe(command);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        command_describe(&commands[i]);
    }
    printf(
        "Programs are in /apps: type a name. PROGRAM & runs in the background, > and < redirect,\n"
        "$? is the last exit code. Ctrl-C ends the program in the foreground.\n");
    return 0;
}

// --- saying what went wrong ---------------------------------------------------------------------

int error_text(const char *command, const char *what, const char *why)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: %s: %s\n", command, what, why);
    return 1;
}

int error_say(const char *command, const char *what, status_t status)
{
    // Between two lives of a server its handles lead nowhere; the next try reaches the new one.
    bool restarted = status == ERR_PEER_CLOSED || status == ERR_BAD_STATE;
    return error_text(command, what,
                      restarted ? "its server was restarted, try again" : status_text(status));
}

int usage_say(const char *name)
{
    const struct command *command = command_find(name);
    (void)fflush(stdout);
    (void)fprintf(stderr, "usage: %s %s\n", name, command != NULL ? command->arguments : "");
    return 2;
}

bool argument_path(const char *command, const char *argument, char path[PATH_BYTES])
{
    if (!path_resolve(shell.cwd, argument, path)) {
        (void)error_say(command, argument, ERR_NAME_TOO_LONG);
        return false;
    }
    return true;
}

// --- running a line -----------------------------------------------------------------------------

static const char *variable_value(void *context, const char *name, size_t bytes)
{
    static char code[16];
    (void)context;
    if (bytes == 1 && name[0] == '?') {
        (void)snprintf(code, sizeof(code), "%d", shell.last_code);
        return code;
    }
    if (bytes == 4 && memcmp(name, "HOME", 4) == 0) {
        return "/home";
    }
    return bytes == 3 && memcmp(name, "PWD", 3) == 0 ? shell.cwd : NULL;
}

// A command of the shell's own, with its output in a file if the line says so.
static int builtin_run(const struct command *command, struct parsed *parsed)
{
    char input[PATH_BYTES];
    char output[PATH_BYTES];
    handle_t file = HANDLE_NONE;
    shell.input = NULL;
    if (parsed->input != NULL && argument_path(command->name, parsed->input, input)) {
        shell.input = input;
    }
    if (parsed->output != NULL) {
        if (!argument_path(command->name, parsed->output, output)) {
            return 1;
        }
        status_t status = fs_open(shell.fs, output,
                                  FS_FLAG_WRITE | FS_FLAG_CREATE | FS_FLAG_TRUNCATE, &file, NULL);
        if (status != OK) {
            return error_say(command->name, parsed->output, status);
        }
        stdio_attach(stdout, file);
    }
    int code = command->run(parsed->args, parsed->arg_count);
    if (file != HANDLE_NONE) {
        stdio_attach(stdout, shell.terminal);
        (void)fs_close(file);
    }
    return code;
}

static void line_run(const char *line)
{
    static struct parsed parsed;
    while (*line != 0) {
        const char *wrong = parse_next(&line, &parsed, variable_value, NULL);
        if (wrong != NULL) {
            shell.last_code = 2;
            (void)fprintf(stderr, "shell: %s\n", wrong);
            return;
        }
        if (parsed.arg_count == 0) {
            continue;
        }
        const struct command *command = command_find(parsed.args[0]);
        if (command != NULL && command->run != command_run) {
            shell.last_code = builtin_run(command, &parsed);
        } else {
            shell.last_code = program_run(&parsed);
        }
        (void)fflush(stdout);
    }
}

// `run` is looked up for help only: line_run gives the whole parsed line to program_run.
int command_run(char **args, unsigned count)
{
    (void)args;
    (void)count;
    return usage_say("run");
}

// --- lines --------------------------------------------------------------------------------------

static void terminal_write(void *context, const char *text, size_t bytes)
{
    (void)context;
    (void)fwrite(text, 1, bytes, stdout);
}

// One byte at a time: what is typed ahead belongs to whoever reads next, maybe a program.
static unsigned char key_read(void)
{
    for (;;) {
        unsigned char byte;
        size_t bytes = 0;
        (void)fflush(stdout);
        if (fs_read(shell.terminal, 0, &byte, 1, &bytes) == OK && bytes == 1) {
            return byte;
        }
        terminal_open(true);
        printf("\n");
        edit_redraw(&edit);
    }
}

static void prompt_make(char *prompt, size_t size)
{
    struct fs_stat stat;
    if (strcmp(shell.cwd, "/") != 0 && fs_stat(shell.fs, shell.cwd, 0, &stat) == ERR_NOT_FOUND) {
        printf("shell: %s is gone; now in /\n", shell.cwd);
        (void)snprintf(shell.cwd, sizeof(shell.cwd), "/");
    }
    if (strcmp(shell.cwd, "/") == 0) {
        (void)snprintf(prompt, size, "bullfinch> ");
    } else {
        (void)snprintf(prompt, size, "bullfinch:%.40s> ", shell.cwd);
    }
}

static void line_read_and_run(void)
{
    char prompt[64];
    enum edit_event event = EDIT_MORE;
    programs_reap();
    prompt_make(prompt, sizeof(prompt));
    edit_begin(&edit, prompt);
    while (event == EDIT_MORE || event == EDIT_COMPLETE) {
        event = edit_key(&edit, key_read());
        if (event == EDIT_COMPLETE) {
            complete(&edit, command_name);
        }
    }
    if (event == EDIT_LINE) {
        (void)fflush(stdout);
        line_run(edit.text);
    } else if (event == EDIT_END) {
        printf("the shell does not end: shutdown powers off\n");
    } else {
        shell.last_code = 130;
    }
}

static void banner_print(void)
{
    struct system_info info;
    if (sys_system_info(shell.log, &info) == OK) {
        printf("\nBullfinch %.31s on %.15s, %" PRIu32 " CPU%s, %" PRIu64 " MiB free, %" PRIu64
               ".%03" PRIu64 " ms after start. Type help.\n",
               info.version, info.arch, info.cpus, info.cpus == 1 ? "" : "s", info.free_bytes >> 20,
               info.uptime_ns / 1000000, info.uptime_ns / 1000 % 1000);
    } else {
        printf("\nBullfinch. Type help.\n");
    }
}

int main(void)
{
    shell = (struct shell){
        .fs = startup_handle("fs.root"),
        .console = startup_handle("stdin"),
        .supervisor = startup_handle("supervisor"),
        .job_self = startup_handle("job.self"),
        .job_root = startup_handle("job.root"),
        .log = startup_handle("log"),
        .cwd = "/",
    };
    status_t status = sys_notification_create(&shell.notification);
    if (status != OK) {
        return error_say("shell", "start", status);
    }
    edit_init(&edit, terminal_write, NULL);
    terminal_open(true);
    banner_print();
    for (;;) {
        line_read_and_run();
    }
}
