// SPDX-License-Identifier: MIT
// What the WASI host needs of the system beside files (bullfinch/fs.h): time, sleep, random bytes.
// A process's real ones are in wasm/runner/system.c; host tests bring their own.
#ifndef WASM_WASI_SYSTEM_H
#define WASM_WASI_SYSTEM_H

#include "abi/types.h"
#include <stddef.h>

uint64_t system_monotonic_ns(void); // since boot
// Nanoseconds since 1970 for WASI. Where nobody has set the clock this is the time since boot.
uint64_t system_realtime_ns(void);
uint64_t system_cpu_ns(void);                // CPU time of this process
void system_sleep_until(uint64_t monotonic); // returns when that time has come
void system_yield(void);
status_t system_random(void *buf, size_t len);

#endif
