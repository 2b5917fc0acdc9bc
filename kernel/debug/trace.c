// SPDX-License-Identifier: MIT
// Reading the trace rings.
#include "kernel/debug/trace.h"

#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include <string.h>

struct trace_ring trace_rings[TRACE_CPUS];

#define TRACE_ROW(name, text, a, a_shown, b, b_shown) {text, {{a, a_shown}, {b, b_shown}}},
static const struct {
    const char *text;
    struct {
        const char *label;
        char shown;
    } words[2];
} kinds[] = {TRACE_KIND_TABLE(TRACE_ROW)};
#undef TRACE_ROW

// How many records of the ring can be read: its CPU may be writing over the oldest now.
static uint32_t kept_of(uint32_t next) { return next < TRACE_RECORDS ? next : TRACE_RECORDS - 1; }

bool trace_read(uint32_t cpu, uint32_t index, struct trace_record *out)
{
    if (cpu >= TRACE_CPUS) {
        return false;
    }
    const struct trace_ring *ring = &trace_rings[cpu];
    uint32_t next = __atomic_load_n(&ring->next, __ATOMIC_ACQUIRE);
    uint32_t kept = kept_of(next);
    if (index >= kept) {
        return false;
    }
    uint32_t sequence = next - kept + index;
    *out = ring->records[sequence % TRACE_RECORDS];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    next = __atomic_load_n(&ring->next, __ATOMIC_RELAXED);
    return out->sequence == sequence && next - sequence < TRACE_RECORDS && out->kind < TRACE_KINDS;
}

static size_t word_format(char *buf, size_t size, const char *label, char shown, uint64_t word)
{
    char name[9] = {0};
    memcpy(name, &word, sizeof(word));
    switch (shown) {
    case 'd': return ksnprintf(buf, size, " %s %lu", label, word);
    case 'x': return ksnprintf(buf, size, " %s 0x%lx", label, word);
    case 's': return ksnprintf(buf, size, " %s %s", label, name);
    default: return 0;
    }
}

static void record_print(const struct trace_record *r)
{
    char text[96] = "";
    size_t n = 0;
    for (unsigned i = 0; i < 2 && n < sizeof(text); i++) {
        n += word_format(text + n, sizeof(text) - n, kinds[r->kind].words[i].label,
                         kinds[r->kind].words[i].shown, r->words[i]);
    }
    klog("  %5lu.%06lu  %s%s", r->time_ns / 1000000000, r->time_ns / 1000 % 1000000,
         kinds[r->kind].text, text);
}

void trace_print(uint32_t cpu, uint32_t count)
{
    struct trace_record r;
    uint32_t next = cpu < TRACE_CPUS ? trace_rings[cpu].next : 0;
    uint32_t kept = kept_of(next);
    for (uint32_t i = kept > count ? kept - count : 0; i < kept; i++) {
        if (trace_read(cpu, i, &r)) {
            record_print(&r);
        }
    }
}
