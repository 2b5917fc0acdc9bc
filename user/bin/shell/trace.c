// SPDX-License-Identifier: MIT
// The shell's command `trace`: the last events of each CPU, from the kernel's trace rings.
#include "abi/trace.h"
#include "user/bin/shell/shell.h"
#include <gen/user_syscalls.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TRACE_ROW(name, text, a, a_shown, b, b_shown) {text, {{a, a_shown}, {b, b_shown}}},
static const struct {
    const char *text;
    struct {
        const char *label;
        char shown;
    } words[2];
} kinds[] = {TRACE_KIND_TABLE(TRACE_ROW)};
#undef TRACE_ROW

static void word_print(const char *label, char shown, uint64_t word)
{
    char name[sizeof(word) + 1] = {0};
    memcpy(name, &word, sizeof(word));
    switch (shown) {
    case 'd': printf(" %s %" PRIu64, label, word); break;
    case 'x': printf(" %s 0x%" PRIx64, label, word); break;
    case 's': printf(" %s %s", label, name); break;
    default: break;
    }
}

static void record_print(const struct trace_record *r)
{
    if (r->kind >= TRACE_KINDS) {
        return;
    }
    printf("%" PRIu64 ".%06" PRIu64 "  cpu %u  %s", r->time_ns / 1000000000,
           r->time_ns / 1000 % 1000000, r->cpu, kinds[r->kind].text);
    for (unsigned i = 0; i < 2; i++) {
        word_print(kinds[r->kind].words[i].label, kinds[r->kind].words[i].shown, r->words[i]);
    }
    printf("\n");
}

int command_trace(char **args, unsigned count)
{
    (void)args;
    (void)count;
    struct cpu_stats cpu;
    struct trace_record r;
    status_t status = OK;
    for (uint64_t n = 0; sys_system_query(shell.log, QUERY_CPU, n, &cpu) == OK; n++) {
        for (uint64_t i = 0; status == OK; i++) {
            status = sys_system_query(shell.log, QUERY_TRACE, n << 32 | i, &r);
            if (status == OK) {
                record_print(&r);
            }
        }
        if (status != ERR_NOT_FOUND) {
            return error_say("trace", "the kernel's events", status);
        }
        status = OK;
    }
    return 0;
}
