// SPDX-License-Identifier: MIT
// As much of the kernel as the WebAssembly runner uses, in a Linux process: handles, memory
// objects, time, and calls to the RAM file server's core and to streams over host descriptors. With
// it the WASI host, and the whole runner with its runtime, run under sanitizers without a machine.
#ifndef TESTS_WASM_HOST_KERNEL_H
#define TESTS_WASM_HOST_KERNEL_H

#include "abi/types.h"
#include <stdbool.h>

// Starts with an empty file system and no handles but these start-up handles: process.self,
// vmar.root.
void host_kernel_start(void);
// Ends it; returns the number of nodes and streams still open.
unsigned host_kernel_stop(void);
// A handle to the file system's root, or read-only to it.
handle_t host_kernel_root(bool read_only);
// A stream over a host file descriptor (not closed with it).
handle_t host_kernel_stream(int fd);
// Makes startup_handle find it.
void host_kernel_give(const char *name, handle_t handle);
// Bytes that sys_vmo_commit gives out before it says ERR_QUOTA.
void host_kernel_limit(uint64_t bytes);
// Allocations of the file server until one fails; negative: never.
void host_kernel_fail_after(long allocations);

#endif
