// SPDX-License-Identifier: MIT
// Further threads of a process.
#ifndef BULLFINCH_THREAD_H
#define BULLFINCH_THREAD_H

#include "abi/types.h"
#include <stddef.h>

// Starts a thread of this process in `entry(arg)`; it ends when that returns. Its stack (0 = 64
// KiB) has a guard page below and is used again for a later thread once this one is dead. *thread
// (may be NULL) is the caller's. On failure nothing is left behind. ERR_NO_MEMORY, ERR_QUOTA,
// ERR_NO_SPACE.
status_t thread_spawn(const char *name, void (*entry)(void *arg), void *arg, size_t stack_bytes,
                      handle_t *thread);

#endif
