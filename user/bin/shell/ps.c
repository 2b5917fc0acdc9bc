// SPDX-License-Identifier: MIT
// ps: every process of the machine, by walking the tree of jobs from the handle the shell was given
// for looking only.
#include "shell.h"

#include <gen/user_syscalls.h>
#include <inttypes.h>
#include <stdio.h>

static const char *process_state(const struct process_info *info)
{
    static const char *const texts[] = {"new", "running", "dying", "dead"};
    return info->state < sizeof(texts) / sizeof(texts[0]) ? texts[info->state] : "?";
}

static void process_print(const struct process_info *info, const char *job)
{
    printf("%6" PRIu64 "  %-20.20s %-16.16s %-8s %3" PRIu32 " %7" PRIu32 " %8" PRIu64 " %6" PRIu64
           ".%03u\n",
           info->id, info->name, job, process_state(info), info->threads, info->handles,
           info->pages * (ABI_PAGE_SIZE / 1024), info->run_time_ns / 1000000000u,
           (unsigned)(info->run_time_ns / 1000000u % 1000u));
}

static void job_processes_print(handle_t job)
{
    struct job_info about;
    struct process_info info;
    if (sys_job_info(job, &about) != OK) {
        return;
    }
    for (uint64_t i = 0; sys_job_enumerate(job, ENUMERATE_PROCESSES, i, &info) == OK; i++) {
        process_print(&info, about.name);
    }
}

int command_ps(char **args, unsigned count)
{
    // The way down to the job that is being listed: its handle and which of its children comes
    // next.
    struct {
        handle_t job;
        uint64_t next;
    } path[JOB_DEPTH_MAX + 1];
    size_t depth = 0;
    (void)args;
    (void)count;
    printf("%6s  %-20s %-16s %-8s %3s %7s %8s %10s\n", "ID", "PROCESS", "JOB", "STATE", "THR",
           "HANDLES", "KIB", "CPU S");
    path[0].job = shell.job_root;
    path[0].next = 0;
    job_processes_print(shell.job_root);
    for (;;) {
        struct job_info child;
        handle_t job;
        bool more =
            sys_job_enumerate(path[depth].job, ENUMERATE_JOBS, path[depth].next, &child) == OK;
        if (!more && depth == 0) {
            return 0;
        }
        if (!more) {
            (void)sys_handle_close(path[depth--].job);
            continue;
        }
        path[depth].next++;
        if (depth < JOB_DEPTH_MAX &&
            sys_job_open(path[depth].job, ENUMERATE_JOBS, child.id, &job) == OK) {
            depth++;
            path[depth].job = job;
            path[depth].next = 0;
            job_processes_print(job);
        }
    }
}
