// SPDX-License-Identifier: MIT
// What the files of the tests on several CPUs share. A child ends with 0, or with the line where it
// failed.
#ifndef USERTESTS_SMP_H
#define USERTESTS_SMP_H

#include "tests/user/usertests/harness.h"
#include <bullfinch/thread.h>

#define CPUS_MAX 8u
#define PAGE     4096ull
#define MS       1000000ull

#define REQUIRE(cond)        \
    do {                     \
        if (!(cond)) {       \
            return __LINE__; \
        }                    \
    } while (0)

unsigned cpu_count(void);   // of this machine, at most CPUS_MAX
void sleep_ns(uint64_t ns); // lets others have the CPU
// A thread that may only run on that CPU (modulo their number).
status_t thread_on(unsigned cpu, void (*entry)(void *), void *arg, handle_t *thread);
bool thread_is_dead_soon(handle_t thread); // within 20 seconds
// Starts the child, kills it after kill_ns unless that is 0, and waits for its end. It gets a job
// of its own to breed in.
bool child_ends_in_a_job(const char *function, uint64_t kill_ns, enum exit_reason reason);

// Stress (smp_stress.c): starts workers of all kinds on all CPUs; they run until *stop, or count
// what went wrong in it.
int stress_start(void);
int stress_end(void); // stops them; 0, or the line where one of them failed
int child_everything_for_ever(void);
int child_everything_for_a_while(void);

#endif
