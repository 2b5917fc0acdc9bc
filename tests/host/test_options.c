// SPDX-License-Identifier: MIT
// The kernel's command line: what is taken, and what is named and ignored.
//
// sources: kernel/lib/options.c arch/host/cpu.c arch/host/debug.c
#include "cm.h"
#include "kernel/lib/options.h"
#include <host.h>

// Parses the line; whether it logged exactly one complaint, which names `what`.
static bool complains(const char *line, const char *what)
{
    host_log_lines = 0;
    options_parse(line);
    return host_log_lines == 1 && strstr(host_log_last, what) != NULL;
}

static bool is_silent(const char *line)
{
    host_log_lines = 0;
    options_parse(line);
    return host_log_lines == 0;
}

static void an_empty_line_gives_the_defaults(void **state)
{
    (void)state;
    assert_true(is_silent(""));
    assert_true(is_silent("    "));
    assert_false(options.quiet);
    assert_int_equal(options.panic, PANIC_HALT);
    assert_int_equal(options.asid_bits, 16);
}

static void options_are_taken_and_the_last_one_counts(void **state)
{
    (void)state;
    assert_true(is_silent("  quiet   panic=off "));
    assert_true(options.quiet);
    assert_int_equal(options.panic, PANIC_POWER_OFF);
    assert_true(is_silent("panic=off panic=\"halt\""));
    assert_int_equal(options.panic, PANIC_HALT);
    assert_false(options.quiet); // nothing is left of the line before
}

static void unknown_words_are_named_and_ignored(void **state)
{
    (void)state;
    assert_true(complains("panicky quiet", "'panicky'"));
    assert_true(options.quiet);
    assert_true(complains("pani=off", "'pani=off'"));
    assert_true(complains("note=\"two words\" quiet", "'note=\"two words\"'"));
    assert_true(complains("=off", "'=off'"));
    assert_true(complains("x=\"never closed quiet", "never closed quiet"));
    assert_false(options.quiet);
}

static void malformed_values_are_named_and_ignored(void **state)
{
    (void)state;
    assert_true(complains("panic=of", "halt|off"));
    assert_true(complains("panic=halt|off", "halt|off"));
    assert_true(complains("panic", "halt|off"));
    assert_true(complains("panic=", "halt|off"));
    assert_true(complains("quiet=1", "takes no value"));
    assert_false(options.quiet);
    char line[400] = "panic=";
    memset(line + 6, 'x', sizeof(line) - 7);
    assert_true(complains(line, "halt|off"));
    assert_int_equal(options.panic, PANIC_HALT);
}

static void words_of_the_root_supervisor_are_left_to_it(void **state)
{
    (void)state;
    assert_true(is_silent(
        "run=17 run=\"some long thing that no kernel option could ever hold in its value buffer, really\""));
}

static void a_double_dash_ends_the_options(void **state)
{
    (void)state;
    assert_true(is_silent("panic=off -- quiet nonsense=1"));
    assert_false(options.quiet);
    assert_int_equal(options.panic, PANIC_POWER_OFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_line_gives_the_defaults),
        cmocka_unit_test(options_are_taken_and_the_last_one_counts),
        cmocka_unit_test(unknown_words_are_named_and_ignored),
        cmocka_unit_test(malformed_values_are_named_and_ignored),
        cmocka_unit_test(words_of_the_root_supervisor_are_left_to_it),
        cmocka_unit_test(a_double_dash_ends_the_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
