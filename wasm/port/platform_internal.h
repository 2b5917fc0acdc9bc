// SPDX-License-Identifier: MIT
// The types that WAMR, the WebAssembly runtime, asks of a platform; included by its own headers.
// The functions are in memory.c and platform.c. A runner process has one thread, so a mutex has
// nothing to exclude: it only records that it is held. Source: WAMR doc/port_wamr.md and
// core/shared/platform/include/platform_api_vmcore.h.
#ifndef WASM_PORT_PLATFORM_INTERNAL_H
#define WASM_PORT_PLATFORM_INTERNAL_H

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef BH_PLATFORM_BULLFINCH
#define BH_PLATFORM_BULLFINCH
#endif

typedef int korp_tid;
typedef struct {
    bool held;
} korp_mutex;

// Named in WAMR's headers, used by no part of it that is compiled.
typedef struct {
    int unused;
} korp_cond;
typedef korp_cond korp_rwlock;
typedef korp_cond korp_sem;
typedef int os_file_handle;
typedef int os_raw_file_handle;
typedef int os_poll_file_handle;
typedef void *os_dir_stream;
typedef unsigned int os_nfds_t;
typedef int os_timespec;

#define BH_APPLET_PRESERVED_STACK_SIZE 16384
#define BH_THREAD_DEFAULT_PRIORITY     0

static inline os_file_handle os_get_invalid_handle(void) { return -1; }

static inline int os_getpagesize(void) { return 4096; }

#endif
