// SPDX-License-Identifier: MIT
// Thread-local storage of a static program: the local-exec model, variant I of both architectures'
// psABI. The linker script gives the initial image; every thread has a block holding its own copy.
//
//     arm64     thread pointer -> 16 bytes for the implementation, padding to the alignment, then
//     the variables riscv64   thread pointer -> the variables
//
// Internal to user/lib.
#ifndef USER_LIB_TLS_H
#define USER_LIB_TLS_H

#include "abi/ipc.h"
#include <stddef.h>

// Bytes a block needs, including what aligning its start may cost.
size_t tls_block_bytes(void);
// Makes a thread's copy of the initial image in the memory (tls_block_bytes() of them, any
// alignment) and points the calling thread at it. Nothing thread-local may be touched by the thread
// before.
void tls_begin(void *memory);
// Sets what ipc_buffer() returns in the calling thread.
void ipc_buffer_set(struct msg_buffer *buffer);

#endif
