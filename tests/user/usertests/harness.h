// SPDX-License-Identifier: MIT
// The target test suite's frame. A test is a function that returns true; CHECK and EXPECT end it
// with a message otherwise. What a process can do to itself only is tried in a child: child_start
// runs this program again in the named child function.
#ifndef USERTESTS_HARNESS_H
#define USERTESTS_HARNESS_H

#include <bullfinch/ipc.h>
#include <bullfinch/spawn.h>
#include <bullfinch/startup.h>
#include <gen/user_syscalls.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct test {
    const char *name;
    bool (*run)(void);
};

struct child_entry {
    const char *name;
    int (*run)(void); // its result is the exit code
};

// One array of each per file, ended by an entry without a name.
extern const struct test handle_tests[], memory_tests[], ipc_tests[], task_tests[], system_tests[],
    negative_tests[], fault_tests[], race_tests[], smp_tests[], clock_tests[], aspace_tests[],
    time_tests[], tick_tests[], mmu_tests[], register_tests[], vector_tests[];
extern const struct child_entry handle_children[], race_children[], ipc_children[], task_children[],
    fault_children[], negative_children[], smp_children[], clock_children[], aspace_children[],
    time_children[], register_children[];

// Handles of the suite.
extern handle_t root_job, root_resource, self_process, self_thread, root_vmar;

bool test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *test_failure(void); // why the last one failed
void test_say(const char *format, ...) __attribute__((format(printf, 1, 2))); // on the log
// Runs the test and compares what the kernel holds before and after it.
bool test_keeps_what_it_found(const struct test *t);

#define CHECK(cond)                                            \
    do {                                                       \
        if (!(cond)) {                                         \
            return test_fail(__FILE__, __LINE__, "%s", #cond); \
        }                                                      \
    } while (0)
#define EXPECT(expr, want)                                                                    \
    do {                                                                                      \
        long long got_ = (long long)(expr), want_ = (long long)(want);                        \
        if (got_ != want_) {                                                                  \
            return test_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #expr, got_, want_); \
        }                                                                                     \
    } while (0)

uint64_t now_ns(void);
uint64_t after_ms(uint64_t ms); // deadline
uint64_t in_good_time(void);    // deadline for what happens unless it fails, however busy the host

// Starts a child in a job (HANDLE_NONE: root_job) with extra handles, by name, derived with all
// their rights.
struct child_handle {
    const char *name;
    handle_t handle;
};
status_t child_start(const char *function, handle_t job, const struct child_handle *handles,
                     unsigned count, struct spawn_result *result);
// Waits at most 200 s for the process to be dead, fills *info, closes both handles. ERR_TIMED_OUT.
status_t child_finish(struct spawn_result *child, struct process_info *info);
// Both, for children that need nothing but to run: ends with the given reason and code?
bool child_ends(const char *function, uint32_t reason, uint32_t code, struct process_info *info);

// A second thread of this process.
status_t thread_run(void (*entry)(void *), void *arg, handle_t *thread);

// Whether the kernel's own tests with such names succeed now, on this CPU; true in builds that have
// none.
bool kernel_tests_hold(const char *prefix);

status_t close_all(const handle_t *handles, unsigned count);

#endif
