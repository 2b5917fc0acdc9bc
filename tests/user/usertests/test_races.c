// SPDX-License-Identifier: MIT
// Death at every moment: processes killed in the middle of calls, mappings, transfers and faults,
// again and again at other points in time.
#include "tests/user/usertests/harness.h"

static bool killed_at(const char *function, uint64_t delay_ns)
{
    struct spawn_result child;
    struct process_info info;
    handle_t n, e;
    uint64_t bits;
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_endpoint_create(&e), OK);
    struct child_handle give[] = {{"e", e}};
    EXPECT(child_start(function, HANDLE_NONE, give, 1, &child), OK);
    (void)sys_notification_wait(n, now_ns() + delay_ns, &bits);
    EXPECT(sys_process_kill(child.process), OK);
    EXPECT(child_finish(&child, &info), OK);
    CHECK(info.exit_reason == EXIT_KILLED || info.exit_reason == EXIT_NORMAL);
    handle_t all[] = {n, e};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool kills_of_a_process_that_calls_itself(void)
{
    for (unsigned i = 0; i < 12; i++) {
        CHECK(killed_at("calls_itself", 300000 + i * 170000));
    }
    return true;
}

static bool kills_of_a_process_that_maps_and_clones(void)
{
    for (unsigned i = 0; i < 12; i++) {
        CHECK(killed_at("maps_and_clones", 300000 + i * 170000));
    }
    return true;
}

static bool kills_of_a_process_that_spawns_threads(void)
{
    for (unsigned i = 0; i < 12; i++) {
        CHECK(killed_at("spawns_threads", 300000 + i * 170000));
    }
    return true;
}

const struct test race_tests[] = {
    {"race.kills_of_a_process_that_calls_itself", kills_of_a_process_that_calls_itself},
    {"race.kills_of_a_process_that_maps_and_clones", kills_of_a_process_that_maps_and_clones},
    {"race.kills_of_a_process_that_spawns_threads", kills_of_a_process_that_spawns_threads},
    {NULL, NULL},
};
