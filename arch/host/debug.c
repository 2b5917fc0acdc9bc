// SPDX-License-Identifier: MIT
// Host port: panic and log for tests that do not link kernel/debug/; weak, so that one of the two
// can be the real one. HOST_LOG=1 in the environment shows the log.
#include "kernel/debug/log.h"

#include <arch/timer.h>
#include <host.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

char host_panic_message[256];
unsigned host_log_lines;
char host_log_last[512];

WEAK void panic(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(host_panic_message, sizeof(host_panic_message), fmt, ap);
    va_end(ap);
    host_stop(host_panic_message);
}

WEAK uint32_t (*panic_cpus_online)(void);
WEAK void (*panic_cpu_describe)(char *buf, size_t size);
WEAK bool panic_in_progress(void) { return false; }

// For tests that do not link the clock: only counting what locks cost would read it.
WEAK uint64_t arch_clock_ns(void) { return 0; }

WEAK void klog(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(host_log_last, sizeof(host_log_last), fmt, ap);
    va_end(ap);
    host_log_lines++;
    if (getenv("HOST_LOG") != NULL) {
        fprintf(stderr, "klog: %s\n", host_log_last);
    }
}

// The early console, for tests that link the real log.
WEAK bool console_echoes(void) { return getenv("HOST_LOG") != NULL; }
WEAK void console_write(const char *text, size_t len) { fwrite(text, 1, len, stderr); }
WEAK void console_release(void) {}
WEAK void console_take(void) {}

void panic_join(void) {} // a panic ends the test
