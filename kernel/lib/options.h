// SPDX-License-Identifier: MIT
// The kernel's options on the command line: words `name` or `name=value`, up to a word "--". The
// table in options.c is the whole list.
#ifndef KERNEL_LIB_OPTIONS_H
#define KERNEL_LIB_OPTIONS_H

#include "kernel/lib/types.h"

enum option_panic { PANIC_HALT = 0, PANIC_POWER_OFF = 1 };

// Deliberate ends, to see what is reported of them (tests/kernel/crash.c). In the order of the
// words of option `crash`.
enum option_crash {
    CRASH_NONE,
    CRASH_PANIC,
    CRASH_ASSERT,
    CRASH_NULL,
    CRASH_WRITE_TEXT,
    CRASH_WRITE_RODATA,
    CRASH_WRITE_ALIAS,
    CRASH_EXEC_DATA,
    CRASH_EXEC_ALIAS,
    CRASH_USER_READ,
    CRASH_USER_WRITE,
    CRASH_USER_EXEC,
    CRASH_STACK,
    CRASH_SMASH,
    CRASH_ILLEGAL,
    CRASH_UBSAN_SHIFT,
    CRASH_UBSAN_INDEX,
    CRASH_LOCK_TWICE,
    CRASH_LOCK_ORDER,
    CRASH_DOUBLE,
    CRASH_STUCK,
    CRASH_ALL,
    CRASH_KINDS,
};

struct options {
    bool quiet;      // the log is not echoed on the early console
    bool sv39;       // riscv64: not Sv48; start-up code reads it from the tree before this is set
    uint32_t memory; // MiB: no more of the free RAM is used; 0: all of it
    uint32_t panic;  // enum option_panic: what happens after the report
    uint32_t crash;  // enum option_crash: debug builds end in that way,
    uint32_t crash_cpu; // on that CPU
    uint32_t asid_bits; // at most so many are used, however many the CPU has
};

// Written once, by options_parse on the boot CPU before any other runs; read by all.
extern struct options options;

// Sets `options`: defaults, then what the words say, the last of several winning. A word that is no
// option or has a value that the option does not take is named in the log and ignored.
void options_parse(const char *cmdline);

#endif
