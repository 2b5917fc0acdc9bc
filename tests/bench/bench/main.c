// SPDX-License-Identifier: MIT
// The benchmark program: runs as the only service of a bench boot, prints `BENCH name value` lines
// on the kernel log, and powers off. tools/bench.py starts it and makes the table.
#include "tests/bench/bench/bench.h"
#include <bullfinch/archive.h>
#include <stdio.h>
#include <string.h>

handle_t root_job, root_resource, root_vmar;

static const void *own_image;
static size_t own_bytes;

void bench_report(const char *name, uint64_t value)
{
    char line[80];
    int n = snprintf(line, sizeof(line), "BENCH %s %llu", name, (unsigned long long)value);
    (void)sys_log_write(root_resource, line, (uint64_t)n);
}

void bench_fail(const char *name)
{
    char line[80];
    int n = snprintf(line, sizeof(line), "BENCH %s failed", name);
    (void)sys_log_write(root_resource, line, (uint64_t)n);
}

static bool empty(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        __asm__ volatile("" : : : "memory");
    }
    return true;
}

// The fewest instructions of LOOPS loops; UINT64_MAX if one failed.
static uint64_t best_of(bench_fn fn, unsigned rounds)
{
    uint64_t best = UINT64_MAX;
    if (!fn(rounds / 10 + 1)) { // warm
        return UINT64_MAX;
    }
    for (unsigned i = 0; i < LOOPS; i++) {
        uint64_t start = cycles();
        if (!fn(rounds)) {
            return UINT64_MAX;
        }
        uint64_t spent = cycles() - start;
        best = spent < best ? spent : best;
    }
    return best;
}

void bench_measure(const char *name, bench_fn fn, unsigned rounds, unsigned per_round)
{
    uint64_t loop = best_of(empty, rounds), spent = best_of(fn, rounds);
    if (spent == UINT64_MAX || spent < loop) {
        bench_fail(name);
        return;
    }
    uint64_t operations = (uint64_t)rounds * per_round;
    bench_report(name, (spent - loop + operations / 2) / operations);
}

status_t bench_child(const char *function, const struct child_handle *handles, unsigned count,
                     struct spawn_result *out)
{
    struct spawn_handle give[5];
    for (unsigned i = 0; i < count; i++) {
        give[i] = (struct spawn_handle){handles[i].name, handles[i].handle, RIGHTS_SAME};
    }
    const char *args[] = {"bench", "child", function, NULL};
    struct spawn_request request = {.name = function,
                                    .job = root_job,
                                    .image = own_image,
                                    .image_bytes = own_bytes,
                                    .args = args,
                                    .handles = give,
                                    .handle_count = count};
    return spawn(&request, out, NULL);
}

void bench_child_end(struct spawn_result *child)
{
    handle_t n;
    uint64_t bits;
    if (sys_notification_create(&n) == OK) {
        if (sys_process_watch(child->process, n, 1) == OK &&
            sys_process_kill(child->process) == OK) {
            (void)sys_notification_wait(n, DEADLINE_NEVER, &bits);
        }
        (void)sys_handle_close(n);
    }
    (void)sys_handle_close(child->process);
    (void)sys_handle_close(child->thread);
}

static bool own_image_find(void)
{
    handle_t vmo = startup_handle(STARTUP_BOOT_IMAGE);
    struct vmo_info info;
    uint64_t base;
    if (sys_vmo_info(vmo, &info) != OK ||
        sys_vmar_map(root_vmar, vmo, 0, 0, info.size, VM_READ, &base) != OK) {
        return false;
    }
    struct archive archive = {.data = (const uint8_t *)(uintptr_t)base, .bytes = info.size};
    struct archive_entry entry;
    const char *why;
    if (archive_find(&archive, "bin/bench", &entry, &why) != 1) {
        return false;
    }
    own_image = entry.data;
    own_bytes = entry.bytes;
    return true;
}

int main(int argc, char **argv)
{
    root_vmar = startup_handle(STARTUP_VMAR);
    root_job = startup_handle("job.root");
    root_resource = startup_handle("resource.root");
    if (argc > 2 && strcmp(argv[1], "child") == 0) {
        return bench_child_main(argv[2]);
    }
    if (own_image_find() && argc > 1 && strcmp(argv[1], "scaling") == 0) {
        bench_scaling();
    } else if (own_image != NULL) {
        bench_ipc();
        bench_objects();
        bench_memory();
        bench_irq();
    }
    (void)sys_log_write(root_resource, "BENCH DONE", 10);
    (void)sys_system_power(root_resource, POWER_OFF);
    return 1;
}
