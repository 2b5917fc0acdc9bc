// SPDX-License-Identifier: MIT
// What the runner tells the port and asks of it, beside WAMR's own contract.
#ifndef WASM_PORT_PORT_H
#define WASM_PORT_PORT_H

#include <stddef.h>
#include <stdint.h>

// Call at the start of main: the stack below the caller's frame has at least `bytes` left. The
// runtime refuses to go deeper ("native stack overflow") instead of running into the guard page.
void port_stack_mark(const void *frame, size_t bytes);

// Size of the last memory mapping that could not be had, 0 if none failed: the number for "out of
// memory" messages.
uint64_t port_refused_bytes(void);

#endif
