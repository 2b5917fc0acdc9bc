// SPDX-License-Identifier: MIT
// What the parts of the shell share: the handles it was given, the working directory, how errors
// are said, and the commands' functions.
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include "parse.h"
#include "path.h"

#include <abi/types.h>

#define SIGNAL_INTERRUPT (1ull << 63) // Ctrl-C; bit i: program i ended (program.c)

struct shell {
    handle_t fs;           // the file server's root
    handle_t console;      // the console's controlling stream
    handle_t terminal;     // the shell's own stream of it (terminal.h)
    handle_t supervisor;   // bullfinch/supervisor.h
    handle_t job_self;     // MANAGE: programs get jobs below it
    handle_t job_root;     // ENUMERATE, INSPECT: for ps
    handle_t log;          // LOG resource, READ: for dmesg and mem
    handle_t notification; // SIGNAL_*
    char cwd[PATH_BYTES];
    const char *input; // absolute path of the command's "<", or NULL
    int last_code;     // $?
};
extern struct shell shell;

// Commands get their words, args[0] being their own name, and return their exit code.
struct command {
    const char *name;
    const char *arguments; // for help
    const char *text;
    int (*run)(char **args, unsigned count);
};

// Says "command: what: why" on stderr. Returns 1, an exit code.
int error_say(const char *command, const char *what, status_t status);
int error_text(const char *command, const char *what, const char *why);
// Says how the command is used. Returns 2.
int usage_say(const char *command);
// The absolute path of an argument; says it when that is too long.
bool argument_path(const char *command, const char *argument, char path[PATH_BYTES]);

// files.c, change.c
int command_ls(char **args, unsigned count);
int command_cat(char **args, unsigned count);
int command_pwd(char **args, unsigned count);
int command_cd(char **args, unsigned count);
int command_mkdir(char **args, unsigned count);
int command_rm(char **args, unsigned count);
int command_mv(char **args, unsigned count);
int command_cp(char **args, unsigned count);
int command_touch(char **args, unsigned count);
// system.c, ps.c
int command_ps(char **args, unsigned count);
int command_mem(char **args, unsigned count);
int command_slab(char **args, unsigned count);
int command_cpus(char **args, unsigned count);
int command_tree(char **args, unsigned count);
int command_shutdown(char **args, unsigned count);
int command_reboot(char **args, unsigned count);
int command_dmesg(char **args, unsigned count);
int command_trace(char **args, unsigned count);
int command_uptime(char **args, unsigned count);
int command_date(char **args, unsigned count);
status_t service_kill(const char *name);
// A realtime clock's value as "2031-05-06 07:08:09", in the buffer, which it returns.
#define UTC_BYTES 32
const char *utc_text(uint64_t ns, char text[UTC_BYTES]);
// program.c
int command_run(char **args, unsigned count);
int command_jobs(char **args, unsigned count);
int command_fg(char **args, unsigned count);
int command_kill(char **args, unsigned count);
// A line that names no command: a program. `background`: do not wait for it.
int program_run(const struct parsed *parsed);
// Says which programs in the background have ended.
void programs_reap(void);

#endif
