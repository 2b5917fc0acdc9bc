// SPDX-License-Identifier: MIT
// The stack protector's two symbols: the compiler (-fstack-protector-strong) puts the guard between
// a function's arrays and its return address, and compares before it returns.
//
// One guard for the machine: a guard per CPU would be as secret, because who can read one can read
// all. Its lowest byte is zero, so that no string function copies it or writes past it.
#include "kernel/debug/log.h"
#include "kernel/lib/random.h"

uintptr_t __stack_chk_guard = 0x5a17ab1e0ddba100; // until stack_guard_init
NORETURN void __stack_chk_fail(void);

void stack_guard_init(void) { __stack_chk_guard = random_u64() & ~(uintptr_t)0xff; }

void __stack_chk_fail(void)
{
    uint64_t offset;
    vaddr_t pc = (vaddr_t)__builtin_return_address(0) - 1; // inside the call
    const char *name = symbol_find(pc, &offset);
    panic("stack smashed in %s: the guard between arrays and return address has changed",
          name != NULL ? name : "?");
}
