// SPDX-License-Identifier: MIT
// The records of the kernel's trace ring (kernel/debug/trace.h), as system_query(QUERY_TRACE) gives
// them to programs.
#ifndef ABI_TRACE_H
#define ABI_TRACE_H

#include "abi/types.h"

// The kinds of events: name, text, and for each of the two words its label and how it is shown:
// 'd' decimal, 'x' hexadecimal, 's' eight characters, 0 not at all.
#define TRACE_KIND_TABLE(X)                               \
    X(NONE, "nothing", "", 0, "", 0)                      \
    X(SWITCH, "switch to thread", "id", 'd', "name", 's') \
    X(IDLE, "idle", "", 0, "", 0)                         \
    X(TIMER, "timer interrupt", "", 0, "", 0)             \
    X(IRQ, "interrupt", "line", 'd', "", 0)               \
    X(SYSCALL, "system call", "number", 'd', "pc", 'x')   \
    X(FAULT, "user fault", "address", 'x', "pc", 'x')     \
    X(DEATH, "process dies", "id", 'd', "reason", 'd')

#define TRACE_ENUM(name, text, a, a_shown, b, b_shown) TRACE_##name,
enum trace_kind { TRACE_KIND_TABLE(TRACE_ENUM) TRACE_KINDS };
#undef TRACE_ENUM

struct trace_record {
    uint64_t time_ns;  // since the clock's start
    uint32_t sequence; // of this CPU's events, from 0
    uint16_t kind;     // enum trace_kind
    uint16_t cpu;
    uint64_t words[2];
};
static_assert(sizeof(struct trace_record) == 32, "ABI layout");

#endif
