// SPDX-License-Identifier: MIT
// The soak: stress on all CPUs again and again, each round with a seed of its own, and a comparison
// of what the kernel holds before and after each part. tools/soak.py starts it (make soak).
#include "tests/user/usertests/soak.h"

static handle_t seed_vmo;
static uint64_t kill_after_ns;

handle_t soak_seed(void) { return seed_vmo; }

static bool all_at_once(void)
{
    return child_ends_in_a_job("everything_for_a_while", 0, EXIT_NORMAL);
}
static bool killed_in_the_middle(void)
{
    return child_ends_in_a_job("everything_for_ever", kill_after_ns, EXIT_KILLED);
}
static bool killed_while_running(void)
{
    return child_ends_in_a_job("spin_everywhere", kill_after_ns, EXIT_KILLED);
}
static bool many_spaces(void) { return child_ends_in_a_job("make_fewer_spaces", 0, EXIT_NORMAL); }

static const struct test parts[] = {
    {"all at once", all_at_once},
    {"killed in the middle", killed_in_the_middle},
    {"killed while running", killed_while_running},
    {"many spaces", many_spaces},
};

static bool round_run(unsigned round, uint64_t seed)
{
    (void)sys_vmo_write(seed_vmo, 0, &seed, sizeof(seed));
    kill_after_ns = MS + seed % 97 * MS;
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!test_keeps_what_it_found(&parts[i])) {
            test_say("SOAK FAIL round %u seed %llu, %s: %s", round, (unsigned long long)seed,
                     parts[i].name, test_failure());
            return false;
        }
    }
    test_say("SOAK round %u seed %llu ok", round, (unsigned long long)seed);
    return true;
}

void soak_run(uint64_t seconds, uint64_t seed)
{
    uint64_t end = after_ms(seconds * 1000);
    unsigned round = 0;
    if (sys_vmo_create(sizeof(seed), &seed_vmo) != OK) {
        test_say("SOAK FAIL: no memory");
        return;
    }
    do {
        if (!round_run(++round, seed)) {
            return;
        }
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    } while (now_ns() < end);
    test_say("SOAK DONE %u rounds", round);
}
