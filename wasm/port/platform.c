// SPDX-License-Identifier: MIT
// The rest of WAMR's platform contract: heap, time, the one thread and its stack, locks, printing.
// The runtime prints nothing of its own on a program's output: the runner words every message.
#include "platform_api_vmcore.h"
#include "port.h"

#include <bullfinch/clock.h>
#include <gen/user_syscalls.h>

static uint8 *stack_boundary;

void port_stack_mark(const void *frame, size_t bytes) { stack_boundary = (uint8 *)frame - bytes; }

int bh_platform_init(void) { return 0; }

void bh_platform_destroy(void) {}

void *os_malloc(unsigned size) { return malloc(size); }

void *os_realloc(void *ptr, unsigned size) { return realloc(ptr, size); }

void os_free(void *ptr) { free(ptr); }

int os_printf(const char *format, ...)
{
    (void)format;
    return 0;
}

int os_vprintf(const char *format, va_list ap)
{
    (void)format;
    (void)ap;
    return 0;
}

uint64 os_time_get_boot_us(void) { return clock_monotonic_ns() / 1000; }

uint64 os_time_thread_cputime_us(void) { return os_time_get_boot_us(); }

korp_tid os_self_thread(void) { return 1; }

uint8 *os_thread_get_stack_boundary(void) { return stack_boundary; }

void os_thread_jit_write_protect_np(bool enabled) { (void)enabled; }

int os_mutex_init(korp_mutex *mutex)
{
    mutex->held = false;
    return BHT_OK;
}

int os_mutex_destroy(korp_mutex *mutex) { return mutex->held ? BHT_ERROR : BHT_OK; }

int os_mutex_lock(korp_mutex *mutex)
{
    if (mutex->held) {
        return BHT_ERROR; // the one thread would wait for itself
    }
    mutex->held = true;
    return BHT_OK;
}

int os_mutex_unlock(korp_mutex *mutex)
{
    mutex->held = false;
    return BHT_OK;
}

// Nothing executes what the interpreter writes, and its memory is no device's.
void os_dcache_flush(void) {}

void os_icache_flush(void *start, size_t len)
{
    (void)start;
    (void)len;
}
