// SPDX-License-Identifier: MIT
// The end of a process, for picolibc: _exit, abort and failed assertions. A parent sees the exit
// code; 134 is what shells know as "aborted".

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <gen/user_syscalls.h>

#define EXIT_ABORTED 134

_Noreturn void _exit(int code) { sys_process_exit((uint32_t)code); }

_Noreturn void abort(void)
{
    (void)fprintf(stderr, "aborted\n");
    (void)fflush(stdout);
    (void)fflush(stderr);
    sys_process_exit(EXIT_ABORTED);
}

_Noreturn void __assert_func(const char *file, int line, const char *function,
                             const char *expression)
{
    (void)fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, function, expression);
    (void)fflush(stdout);
    (void)fflush(stderr);
    sys_process_exit(EXIT_ABORTED);
}
