// SPDX-License-Identifier: MIT
// The trace ring: the last events of each CPU, for panics and the shell's `trace`. Each ring is
// written by its own CPU only, with interrupts masked as always in the kernel, so there is no lock;
// who reads that of another CPU checks that the record was not overwritten meanwhile.
#ifndef KERNEL_DEBUG_TRACE_H
#define KERNEL_DEBUG_TRACE_H

#include "abi/trace.h"
#include "kernel/lib/types.h"
#include <arch/cpu.h>
#include <arch/timer.h>

#define TRACE_CPUS    8u
#define TRACE_RECORDS 64u // per CPU, a power of two

struct trace_ring {
    uint32_t next; // sequence number of the next record
    struct trace_record records[TRACE_RECORDS];
};
extern struct trace_ring trace_rings[TRACE_CPUS];

// Adds an event of this CPU; arch_cpu_init has run. now: the time, where the caller knows it.
static inline void trace_at(uint64_t now, enum trace_kind kind, uint64_t a, uint64_t b)
{
    uint32_t cpu = arch_percpu()->id % TRACE_CPUS;
    struct trace_ring *ring = &trace_rings[cpu];
    uint32_t sequence = ring->next;
    ring->records[sequence % TRACE_RECORDS] =
        (struct trace_record){now, sequence, (uint16_t)kind, (uint16_t)cpu, {a, b}};
    __atomic_store_n(&ring->next, sequence + 1, __ATOMIC_RELEASE);
}

static inline void trace(enum trace_kind kind, uint64_t a, uint64_t b)
{
    trace_at(arch_clock_ns(), kind, a, b);
}

// Copies the index-th oldest record that is kept of a CPU. False past the end, or if it was
// overwritten meanwhile.
bool trace_read(uint32_t cpu, uint32_t index, struct trace_record *out);
void trace_print(uint32_t cpu, uint32_t count); // logs the last `count` events of the CPU

#endif
