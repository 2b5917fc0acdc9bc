// SPDX-License-Identifier: MIT
// The shell's side of the console. It talks through a stream that it opened, not through the
// controlling one: after a restart of the console the stream is unknown there, so that the shell
// learns of it by the next call and opens another.
#include "terminal.h"
#include "shell.h"

#include <bullfinch/clock.h>
#include <bullfinch/console.h>
#include <bullfinch/ipc.h>
#include <bullfinch/stdio.h>
#include <gen/user_syscalls.h>

#define RETRY_NS 20000000ull

static status_t stream_control(handle_t stream, uint64_t code, uint64_t argument, handle_t handle)
{
    ipc_buffer()->send[0] = handle;
    struct ipc_message m = {
        .tag = MSG_TAG(FS_CONTROL, 0, handle != HANDLE_NONE),
        .w = {code, argument},
    };
    status_t status = ipc_call(stream, &m, DEADLINE_NEVER);
    if (status != OK) {
        (void)sys_handle_close(handle); // moved, or still ours
        return status;
    }
    return (status_t)m.w[0];
}

status_t terminal_foreground(handle_t stream)
{
    handle_t copy;
    status_t status = sys_handle_duplicate(stream, RIGHTS_SAME, &copy);
    return status == OK ? stream_control(shell.console, CONSOLE_FOREGROUND, 0, copy) : status;
}

static status_t interrupt_register(void)
{
    handle_t copy;
    status_t status =
        sys_handle_duplicate(shell.notification, RIGHT_SIGNAL | RIGHT_TRANSFER, &copy);
    return status == OK ? stream_control(shell.console, CONSOLE_INTERRUPT, SIGNAL_INTERRUPT, copy)
                        : status;
}

static status_t stream_open(bool raw)
{
    handle_t stream;
    status_t status = fs_open(shell.console, "", FS_FLAG_READ | FS_FLAG_WRITE, &stream, NULL);
    if (status != OK) {
        return status;
    }
    (void)sys_handle_close(shell.terminal);
    shell.terminal = stream;
    stdio_attach(stdout, stream);
    stdio_attach(stderr, stream);
    status = stream_control(stream, CONSOLE_RAW, raw, HANDLE_NONE);
    status = status == OK ? terminal_foreground(stream) : status;
    return status == OK ? interrupt_register() : status;
}

void terminal_open(bool raw)
{
    handle_t never = HANDLE_NONE;
    uint64_t bits;
    (void)sys_notification_create(&never);
    while (stream_open(raw) != OK) {
        (void)sys_notification_wait(never, clock_monotonic_ns() + RETRY_NS, &bits);
    }
    (void)sys_handle_close(never);
}

void terminal_take(void)
{
    if (stream_control(shell.terminal, CONSOLE_RAW, 1, HANDLE_NONE) != OK ||
        terminal_foreground(shell.terminal) != OK) {
        terminal_open(true);
    }
}

bool terminal_lost(void)
{
    struct fs_stat stat;
    return fs_stat(shell.terminal, "", 0, &stat) != OK;
}
