// SPDX-License-Identifier: MIT
// The stack protector's two symbols, instead of the C library's, whose guard is a constant. start.c
// makes the guard random. A smashed stack ends the process as a breakpoint does: what else the
// process would run cannot be trusted.
#include <stdint.h>

uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
    for (;;) {
        __builtin_debugtrap();
    }
}
