// SPDX-License-Identifier: MIT
// What the parent gave this process: handles by name, arguments, environment. Read from the
// start-up block (abi/bootimage.h) by crt0 before main runs; valid for the life of the process.
#ifndef BULLFINCH_STARTUP_H
#define BULLFINCH_STARTUP_H

#include "abi/bootimage.h"

// The handle given under this name, or HANDLE_NONE. The process owns it.
handle_t startup_handle(const char *name);
// The i-th named handle (for listing what a process may do); NULL past the end.
const struct startup_handle *startup_handle_at(unsigned i);
const struct startup_block *startup_block(void);

#endif
