// SPDX-License-Identifier: MIT
// The WASI host as imports of the runtime. The struct wasi of a program is its instance's custom
// data.
#ifndef WASM_WASI_IMPORTS_H
#define WASM_WASI_IMPORTS_H

#include "wasi.h"

#include <wasm_export.h>

// Registers every function of wasi_snapshot_preview1; once, after the runtime is initialised.
bool wasi_imports_register(void);

// What the exception of an instance says after proc_exit: w->exited tells it from a trap.
#define WASI_EXIT_EXCEPTION "proc_exit"

#endif
