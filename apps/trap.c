// SPDX-License-Identifier: MIT
// Prints a line and then does what no program may: divides by zero, or, as its argument says,
// `unreachable`, reads outside its memory (`memory`), calls through a bad function pointer
// (`call`), or abort()s (`abort`).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int zero;

static void call_nothing(void)
{
    void (*volatile function)(void) = (void (*)(void))(uintptr_t)12345;
    function();
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "divide";
    printf("about to trap: %s\n", how);
    fflush(stdout);
    if (strcmp(how, "unreachable") == 0) {
        __builtin_trap();
    } else if (strcmp(how, "memory") == 0) {
        zero = *(volatile int *)(uintptr_t)0xfffffff0u;
    } else if (strcmp(how, "call") == 0) {
        call_nothing();
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else {
        zero = 1000 / zero;
    }
    printf("still here\n");
    return 0;
}
