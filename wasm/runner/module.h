// SPDX-License-Identifier: MIT
// A first look at a module's bytes, for messages that say what is wrong and where.
#ifndef WASM_RUNNER_MODULE_H
#define WASM_RUNNER_MODULE_H

#include <stddef.h>
#include <stdint.h>

// NULL if the bytes have the outer form of a WebAssembly module (header, sections that fill the
// file): else what is wrong, with *offset where.
const char *module_check(const uint8_t *bytes, size_t size, size_t *offset);

#endif
