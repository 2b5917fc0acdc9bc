// SPDX-License-Identifier: MIT
// Statuses, faults and ends of processes in words.

#include <bullfinch/status.h>
#include <inttypes.h>
#include <stdio.h>

const char *status_text(status_t s)
{
    switch (s) {
#define STATUS_CASE(name, text) \
    case name: return text;
        STATUS_TABLE(STATUS_CASE)
#undef STATUS_CASE
    default: return "a status outside the table";
    }
}

const char *fault_text(uint32_t kind)
{
    static const char *const texts[] = {
        [FAULT_NONE] = "no fault",
        [FAULT_READ] = "read of an address that may not be read",
        [FAULT_WRITE] = "write to an address that may not be written",
        [FAULT_EXECUTE] = "execution of an address that may not be executed",
        [FAULT_ILLEGAL] = "illegal instruction",
        [FAULT_BREAKPOINT] = "breakpoint",
        [FAULT_ALIGNMENT] = "unaligned access",
        [FAULT_MEMORY] = "out of memory",
        [FAULT_BUS] = "bus error",
        [FAULT_OTHER] = "fault",
        [FAULT_BAD_SYSCALL] = "unknown system call",
    };
    return kind < sizeof(texts) / sizeof(texts[0]) ? texts[kind] : "fault of an unknown kind";
}

void exit_text(const struct process_info *info, char *buf, size_t size)
{
    switch (info->exit_reason) {
    case EXIT_NORMAL: (void)snprintf(buf, size, "exit %" PRIu32, info->exit_code); return;
    case EXIT_KILLED: (void)snprintf(buf, size, "killed"); return;
    case EXIT_FAULT:
        (void)snprintf(buf, size, "%s at %#" PRIx64, fault_text(info->fault_kind),
                       info->fault_address);
        return;
    default: (void)snprintf(buf, size, "running"); return;
    }
}
