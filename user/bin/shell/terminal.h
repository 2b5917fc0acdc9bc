// SPDX-License-Identifier: MIT
// The shell's stream on the console, shell.terminal, and who has the foreground.
#ifndef SHELL_TERMINAL_H
#define SHELL_TERMINAL_H

#include <abi/types.h>
#include <stdbool.h>

// Opens a stream (again), puts stdout, stderr and the foreground on it, and asks for Ctrl-C as
// SIGNAL_INTERRUPT. raw: keys one by one; else line mode, in which Ctrl-C signals. Tries until
// there is a console.
void terminal_open(bool raw);
// Back to the shell when a program has ended: raw mode, foreground.
void terminal_take(void);
// Whether the console does not know the stream any more.
bool terminal_lost(void);
// Gives the input to a stream of the console.
status_t terminal_foreground(handle_t stream);

#endif
