// SPDX-License-Identifier: MIT
// The benchmark program's frame. An entry measures instructions per operation: loops of `rounds`
// operations, the best of five, minus an empty loop of the same shape. Under QEMU's -icount shift=0
// the cycle counter counts instructions, and every run gives the same numbers.
#ifndef BENCH_H
#define BENCH_H

#include <bullfinch/ipc.h>
#include <bullfinch/spawn.h>
#include <bullfinch/startup.h>
#include <gen/user_syscalls.h>
#include <stdbool.h>

static inline uint64_t cycles(void)
{
    uint64_t v;
#if defined(__aarch64__)
    __asm__ volatile("isb\n mrs %0, pmccntr_el0" : "=r"(v) : : "memory");
#else
    __asm__ volatile("rdcycle %0" : "=r"(v) : : "memory");
#endif
    return v;
}

#define LOOPS         5u
#define ROUNDS        10000u // most operations
#define ROUNDS_OBJECT 2000u  // operations that make objects

extern handle_t root_job, root_resource, root_vmar;

// Does the operation `rounds` times; false if anything failed, which ends the entry without a
// number.
typedef bool (*bench_fn)(unsigned rounds);
// Measures and prints one entry; `per_round` operations are in one round.
void bench_measure(const char *name, bench_fn fn, unsigned rounds, unsigned per_round);
void bench_report(const char *name, uint64_t value); // an entry that is counted in its own way
void bench_fail(const char *name);                   // an entry that could not be had

struct child_handle {
    const char *name;
    handle_t handle;
};
// Starts this program again in the named child function, which gets the handles.
status_t bench_child(const char *function, const struct child_handle *handles, unsigned count,
                     struct spawn_result *out);
void bench_child_end(struct spawn_result *child); // kills it and waits until it is gone

void bench_scaling(void); // the share of locks; build `locks`
int bench_worker(void);   // its children
void bench_ipc(void);
void bench_objects(void);
void bench_memory(void);
void bench_irq(void);
int bench_child_driver(void);
int bench_child_main(const char *function); // the exit code

#endif
