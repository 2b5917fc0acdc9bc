// SPDX-License-Identifier: MIT
// The console's way to the UART driver, which may die at any moment: what was being written is
// written again when its successor answers, and the reader goes on with it.
#ifndef CONSOLE_UART_H
#define CONSOLE_UART_H

#include <abi/types.h>
#include <stddef.h>

// Label and badge of the message with which the reader thread hands over input (data: the bytes).
// Its reply says that all of them were taken.
#define CONSOLE_INPUT        0x100u
#define CONSOLE_BADGE_READER 2u

// Starts the reader thread, which calls `console` (badge CONSOLE_BADGE_READER) with what it reads
// from `uart`.
status_t uart_start(handle_t uart, handle_t console);
// Writes all of it, waiting for the driver as long as it takes. Main thread only.
void uart_write(const void *text, size_t bytes);

#endif
