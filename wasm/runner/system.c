// SPDX-License-Identifier: MIT
// The WASI host's system (wasm/wasi/system.h) in a Bullfinch process.
#include "wasm/wasi/system.h"

#include <bullfinch/clock.h>
#include <bullfinch/startup.h>
#include <gen/user_syscalls.h>

uint64_t system_monotonic_ns(void) { return clock_monotonic_ns(); }

uint64_t system_realtime_ns(void) { return clock_realtime_ns(); }

uint64_t system_cpu_ns(void)
{
    struct process_info info;
    if (sys_process_info(startup_handle(STARTUP_PROCESS), &info) != OK) {
        return system_monotonic_ns();
    }
    return info.run_time_ns;
}

// Nobody has a handle to signal this notification: waiting for it is waiting for the deadline.
void system_sleep_until(uint64_t monotonic)
{
    static handle_t never;
    uint64_t bits;
    if (never == HANDLE_NONE && sys_notification_create(&never) != OK) {
        never = HANDLE_NONE;
        system_yield();
        return;
    }
    (void)sys_notification_wait(never, monotonic, &bits);
}

void system_yield(void) { (void)sys_thread_yield(); }

status_t system_random(void *buf, size_t len)
{
    uint8_t *at = buf;
    while (len > 0) {
        size_t part = len < RANDOM_MAX ? len : RANDOM_MAX;
        status_t status = sys_random_get(at, part);
        if (status != OK) {
            return status;
        }
        at += part;
        len -= part;
    }
    return OK;
}
