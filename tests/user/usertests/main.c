// SPDX-License-Identifier: MIT
// The target test suite: runs as the only service of a test boot with the root job and root
// resource, prints a line for each test on the kernel log, compares what the kernel holds before
// and after each test, and powers off.
#include "tests/user/usertests/soak.h"
#include <bullfinch/thread.h>
#include <stdarg.h>
#include <stdlib.h>

#define RUNS_MORE 4u

handle_t root_job, root_resource, self_process, self_thread, root_vmar;

static char failure[200];

static const struct test *const suites[] = {handle_tests,  memory_tests,   ipc_tests,    task_tests,
                                            system_tests,  negative_tests, fault_tests,  race_tests,
                                            smp_tests,     clock_tests,    aspace_tests, mmu_tests,
                                            register_tests};
static const struct child_entry *const children[] = {
    handle_children,   ipc_children,  task_children,    fault_children,
    negative_children, race_children, smp_children,     clock_children,
    aspace_children,   time_children, register_children};

bool test_fail(const char *file, int line, const char *format, ...)
{
    const char *slash = strrchr(file, '/');
    int n = snprintf(failure, sizeof(failure), "%s:%d: ", slash != NULL ? slash + 1 : file, line);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(failure + n, sizeof(failure) - (size_t)n, format, ap);
    va_end(ap);
    return false;
}

const char *test_failure(void) { return failure; }

void test_say(const char *format, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    (void)sys_log_write(root_resource, line,
                        n < (int)sizeof(line) ? (uint64_t)n : sizeof(line) - 1);
}

uint64_t now_ns(void)
{
    uint64_t ns = 0;
    (void)sys_clock_get(&ns);
    return ns;
}

uint64_t after_ms(uint64_t ms) { return now_ns() + ms * 1000000; }
uint64_t in_good_time(void) { return after_ms(60000); }

status_t close_all(const handle_t *handles, unsigned count)
{
    status_t result = OK;
    for (unsigned i = 0; i < count; i++) {
        status_t s = sys_handle_close(handles[i]);
        result = s != OK ? s : result;
    }
    return result;
}

// --- children -----------------------------------------------------------------------------------

// This program's own file, from the boot archive.
static const void *own_image;
static size_t own_bytes;

static bool octal_read(const char *field, size_t *value)
{
    *value = 0;
    while (*field >= '0' && *field <= '7') {
        *value = *value * 8 + (size_t)(*field++ - '0');
    }
    return true;
}

static void own_image_find(void)
{
    handle_t archive = startup_handle(STARTUP_BOOT_IMAGE);
    struct vmo_info info;
    uint64_t base;
    if (sys_vmo_info(archive, &info) != OK ||
        sys_vmar_map(root_vmar, archive, 0, 0, info.size, VM_READ, &base) != OK) {
        return;
    }
    const char *at = (const char *)base, *end = at + info.size;
    while (at + 512 <= end && *at != '\0') {
        size_t bytes;
        (void)octal_read(at + 124, &bytes);
        if (strcmp(at, "bin/usertests") == 0) {
            own_image = at + 512;
            own_bytes = bytes;
            return;
        }
        at += 512 + (bytes + 511) / 512 * 512;
    }
}

status_t child_start(const char *function, handle_t job, const struct child_handle *handles,
                     unsigned count, struct spawn_result *result)
{
    struct spawn_handle give[8];
    for (unsigned i = 0; i < count; i++) {
        give[i] = (struct spawn_handle){handles[i].name, handles[i].handle, RIGHTS_SAME};
    }
    const char *args[] = {"usertests", "child", function, NULL};
    struct spawn_request request = {.name = function,
                                    .job = job != HANDLE_NONE ? job : root_job,
                                    .image = own_image,
                                    .image_bytes = own_bytes,
                                    .args = args,
                                    .handles = give,
                                    .handle_count = count};
    return spawn(&request, result, NULL);
}

status_t child_finish(struct spawn_result *child, struct process_info *info)
{
    handle_t n;
    uint64_t bits;
    status_t s = sys_notification_create(&n);
    if (s != OK) {
        return s;
    }
    s = sys_process_watch(child->process, n, 1);
    if (s == OK) {
        s = sys_notification_wait(n, after_ms(200000), &bits);
    }
    if (s == OK) {
        s = sys_process_info(child->process, info);
    }
    handle_t all[] = {n, child->process, child->thread};
    (void)close_all(all, 3);
    return s;
}

bool child_ends(const char *function, uint32_t reason, uint32_t code, struct process_info *info)
{
    struct spawn_result child;
    struct process_info unused;
    info = info != NULL ? info : &unused;
    EXPECT(child_start(function, HANDLE_NONE, NULL, 0, &child), OK);
    EXPECT(child_finish(&child, info), OK);
    EXPECT(info->exit_reason, reason);
    EXPECT(info->exit_code, code);
    EXPECT(info->state, PROCESS_DEAD);
    return true;
}

status_t thread_run(void (*entry)(void *), void *arg, handle_t *thread)
{
    return thread_spawn("test", entry, arg, 0, thread);
}

static int child_main(const char *function)
{
    for (unsigned i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
        for (const struct child_entry *c = children[i]; c->name != NULL; c++) {
            if (strcmp(c->name, function) == 0) {
                return c->run();
            }
        }
    }
    return 99;
}

// --- running ------------------------------------------------------------------------------------

struct holdings {
    uint64_t user_pages, page_tables, objects;
    uint32_t processes, threads, handles;
};

static void holdings_read(struct holdings *h)
{
    struct system_info info;
    memset(&info, 0, sizeof(info));
    (void)sys_system_info(root_resource, &info);
    *h = (struct holdings){info.user_pages, info.page_table_bytes, 0,
                           info.processes,  info.threads,          info.handles};
    struct slab_stats slab;
    for (uint64_t i = 0; sys_system_query(root_resource, QUERY_SLAB, i, &slab) == OK; i++) {
        h->objects += slab.in_use;
    }
}

// The reaper works behind the scenes, so what a test leaves may take a moment to go. Threads of
// this process keep their stacks for its life (thread_spawn), so tests that use them run once
// before as a warm-up through run_test's retry.
static bool settles(const struct holdings *before, struct holdings *after)
{
    struct holdings last = {0};
    uint64_t end = in_good_time(), still = 0;
    do {
        holdings_read(after);
        if (after->processes == before->processes && after->threads == before->threads &&
            after->handles == before->handles && after->user_pages <= before->user_pages &&
            after->objects <= before->objects) {
            return true;
        }
        if (memcmp(&last, after, sizeof(last)) != 0) {
            last = *after;
            still = after_ms(500); // what goes on for so long without a change is not going away
        }
        (void)sys_thread_yield();
    } while (now_ns() < end && now_ns() < still);
    return false;
}

bool test_keeps_what_it_found(const struct test *t)
{
    struct holdings before, after;
    holdings_read(&before);
    if (!t->run()) {
        return false;
    }
    // Pages of malloc or of thread stacks stay with this process: a later run must find them there.
    // With several CPUs it may take some runs until there are stacks for as many threads as ever
    // lived at once.
    for (unsigned run = 0; !settles(&before, &after); run++) {
        if (run == RUNS_MORE) {
            return test_fail(
                __FILE__, __LINE__,
                "leaks: pages %lld, objects %lld, processes %d, threads %d, handles %d",
                (long long)(after.user_pages - before.user_pages),
                (long long)(after.objects - before.objects),
                (int)(after.processes - before.processes), (int)(after.threads - before.threads),
                (int)(after.handles - before.handles));
        }
        holdings_read(&before);
        if (!t->run()) {
            return false;
        }
    }
    return true;
}

static unsigned passed, failed;

static void report(const char *name, bool ok)
{
    if (ok) {
        test_say("TEST %s ok", name);
        passed++;
    } else {
        test_say("TEST %s FAIL %s", name, failure);
        failed++;
    }
}

// The tests inside the kernel; builds without any have none to run.
static void kernel_tests_run(void)
{
    char name[SELFTEST_NAME_BYTES], full[SELFTEST_NAME_BYTES + 8];
    for (uint64_t i = 0;; i++) {
        status_t s = sys_system_selftest(root_resource, i, name);
        if (s == ERR_NOT_FOUND || (s == ERR_NOT_SUPPORTED && i == 0)) {
            return;
        }
        (void)snprintf(full, sizeof(full), "kernel.%s", name);
        report(full, s == OK || test_fail(__FILE__, __LINE__, "%d, see the log above", s));
    }
}

bool kernel_tests_hold(const char *prefix)
{
    char name[SELFTEST_NAME_BYTES];
    status_t s = OK;
    for (uint64_t i = 0; s != ERR_NOT_FOUND && s != ERR_NOT_SUPPORTED; i++) {
        s = sys_system_selftest(root_resource, i, name);
        if (s != OK && s != ERR_NOT_FOUND && s != ERR_NOT_SUPPORTED &&
            strncmp(name, prefix, strlen(prefix)) == 0) {
            return test_fail(__FILE__, __LINE__, "%s: %d, see the log above", name, s);
        }
    }
    return true;
}

static void suite_run(const struct test *suite)
{
    for (const struct test *t = suite; t->name != NULL; t++) {
        report(t->name, test_keeps_what_it_found(t));
    }
}

int main(int argc, char **argv)
{
    self_process = startup_handle(STARTUP_PROCESS);
    self_thread = startup_handle(STARTUP_THREAD);
    root_vmar = startup_handle(STARTUP_VMAR);
    root_job = startup_handle("job.root");
    root_resource = startup_handle("resource.root");
    if (argc > 2 && strcmp(argv[1], "child") == 0) {
        return child_main(argv[2]);
    }
    own_image_find();
    const char *wanted = argc > 1 ? argv[1] : "";
    if (argc > 3 && strcmp(wanted, "soak") == 0) {
        soak_run(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    } else if (strcmp(wanted, "time") == 0) {
        suite_run(time_tests);
    } else if (strcmp(wanted, "ticks") == 0) {
        suite_run(tick_tests);
    } else if (strcmp(wanted, "vector") == 0) {
        suite_run(vector_tests);
    } else {
        kernel_tests_run();
        for (unsigned i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
            suite_run(suites[i]);
        }
    }
    test_say("TESTS DONE %u passed %u failed", passed, failed);
    (void)sys_system_power(root_resource, POWER_OFF);
    return 1;
}
