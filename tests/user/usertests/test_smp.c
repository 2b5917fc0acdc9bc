// SPDX-License-Identifier: MIT
// Several CPUs: threads that run at the same time, on chosen CPUs; what one CPU does that the
// others must see; and death from elsewhere. With one CPU everything still has to work, so nothing
// here is skipped. The work is done in children (smp_children.c), which leave nothing behind.
#include "tests/user/usertests/soak.h"

static bool affinity_masks_are_checked(void)
{
    unsigned cpus = cpu_count();
    EXPECT(sys_thread_set_affinity(self_thread, 0), ERR_INVALID_ARGS);
    EXPECT(sys_thread_set_affinity(self_thread, ~((1u << cpus) - 1)), ERR_INVALID_ARGS);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        EXPECT(sys_thread_set_affinity(self_thread, 1u << cpu), OK);
    }
    EXPECT(sys_thread_set_affinity(self_thread, UINT32_MAX), OK);
    return true;
}

static bool succeeds(const char *child) { return child_ends(child, EXIT_NORMAL, 0, NULL); }

static bool threads_run_at_once_unless_they_must_share(void) { return succeeds("run_at_once"); }
static bool calls_cross_cpus(void) { return succeeds("call_across"); }
static bool floating_point_moves_along(void) { return succeeds("compute_while_moving"); }
static bool registers_move_along(void) { return succeeds("block_while_moving"); }
static bool timers_fire_on_every_cpu(void) { return succeeds("wait_everywhere"); }
static bool a_written_copy_is_seen_everywhere(void) { return succeeds("copy_under_readers"); }
static bool a_running_thread_can_be_killed(void) { return succeeds("kill_running"); }
static bool a_thread_can_be_killed_as_it_blocks(void) { return succeeds("kill_blocking"); }

// A CPU whose TLB still has the page would go on for ever.
static bool faults_soon(const char *child)
{
    struct process_info info;
    for (unsigned round = 0; round < 4; round++) {
        CHECK(child_ends(child, EXIT_FAULT, 0, &info));
    }
    return true;
}

static bool unmapping_reaches_every_cpu(void) { return faults_soon("read_what_goes_away"); }
static bool protecting_reaches_every_cpu(void) { return faults_soon("write_what_is_protected"); }

bool child_ends_in_a_job(const char *function, uint64_t kill_ns, enum exit_reason reason)
{
    struct spawn_result child;
    struct process_info info;
    handle_t job;
    EXPECT(sys_job_create(root_job, "family", 6, &job), OK);
    struct child_handle give[] = {{"job", job}, {"seed", soak_seed()}};
    unsigned count = soak_seed() != HANDLE_NONE ? 2 : 1;
    EXPECT(child_start(function, HANDLE_NONE, give, count, &child), OK);
    if (kill_ns != 0) {
        sleep_ns(kill_ns);
        EXPECT(sys_process_kill(child.process), OK);
    }
    EXPECT(child_finish(&child, &info), OK);
    EXPECT(info.exit_reason, reason);
    EXPECT(info.exit_code, 0);
    EXPECT(sys_job_kill(job), OK);
    EXPECT(sys_handle_close(job), OK);
    return true;
}

static bool everything_at_once_holds(void)
{
    return child_ends_in_a_job("everything_for_a_while", 0, EXIT_NORMAL);
}

static bool killed_in(const char *function, unsigned rounds, uint64_t step_ns)
{
    for (unsigned i = 0; i < rounds; i++) {
        CHECK(child_ends_in_a_job(function, 2 * MS + i * step_ns, EXIT_KILLED));
    }
    return true;
}

static bool a_process_on_all_cpus_can_be_killed(void)
{
    return killed_in("spin_everywhere", 16, 700000);
}
static bool kills_in_the_middle_of_everything(void)
{
    return killed_in("everything_for_ever", 16, 3100000);
}

const struct test smp_tests[] = {
    {"smp.affinity_masks_are_checked", affinity_masks_are_checked},
    {"smp.threads_run_at_once_unless_they_must_share", threads_run_at_once_unless_they_must_share},
    {"smp.calls_cross_cpus", calls_cross_cpus},
    {"smp.floating_point_moves_along", floating_point_moves_along},
    {"smp.registers_move_along", registers_move_along},
    {"smp.timers_fire_on_every_cpu", timers_fire_on_every_cpu},
    {"smp.a_written_copy_is_seen_everywhere", a_written_copy_is_seen_everywhere},
    {"smp.unmapping_reaches_every_cpu", unmapping_reaches_every_cpu},
    {"smp.protecting_reaches_every_cpu", protecting_reaches_every_cpu},
    {"smp.a_running_thread_can_be_killed", a_running_thread_can_be_killed},
    {"smp.a_thread_can_be_killed_as_it_blocks", a_thread_can_be_killed_as_it_blocks},
    {"smp.a_process_on_all_cpus_can_be_killed", a_process_on_all_cpus_can_be_killed},
    {"smp.everything_at_once_holds", everything_at_once_holds},
    {"smp.kills_in_the_middle_of_everything", kills_in_the_middle_of_everything},
    {NULL, NULL},
};
