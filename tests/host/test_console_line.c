// SPDX-License-Identifier: MIT
// sources: user/servers/console/line.c
//
// The console's line discipline: editing, echo, end of file, Ctrl-C, type-ahead across modes, full
// buffers.
#include "user/servers/console/line.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct line line;
static char echoed[65536];
static size_t echoed_bytes;

static void echo(void *context, const char *text, size_t bytes)
{
    (void)context;
    assert_true(echoed_bytes + bytes < sizeof(echoed));
    memcpy(echoed + echoed_bytes, text, bytes);
    echoed_bytes += bytes;
    echoed[echoed_bytes] = 0;
}

static int begin(void **state)
{
    (void)state;
    echoed_bytes = 0;
    echoed[0] = 0;
    line_init(&line, echo, NULL);
    return 0;
}

static bool type(const char *text)
{
    bool interrupted = false;
    for (; *text != 0; text++) {
        interrupted |= line_input(&line, (uint8_t)*text);
    }
    return interrupted;
}

static void read_is(size_t max, const char *text)
{
    uint8_t buf[8192];
    size_t used;
    assert_true(line_readable(&line));
    size_t bytes = line_peek(&line, buf, max, &used);
    line_consume(&line, used);
    assert_int_equal(bytes, strlen(text));
    assert_memory_equal(buf, text, bytes);
}

static void a_line_is_readable_when_it_is_finished(void **state)
{
    (void)state;
    type("ab");
    assert_false(line_readable(&line));
    type("c\rnext\n");
    assert_string_equal(echoed, "abc\r\nnext\r\n");
    read_is(100, "abc\n");
    read_is(2, "ne");
    read_is(100, "xt\n");
    assert_false(line_readable(&line));
}

static void keys_edit_the_line(void **state)
{
    (void)state;
    type("abx\x7fy\bc\n");
    read_is(100, "abc\n");
    type("one two  \x17\x17three\n");
    read_is(100, "three\n");
    type("gone\x15here\n");
    read_is(100, "here\n");
    type("\x7f\x15\x17\n");
    read_is(100, "\n");
    echoed_bytes = 0;
    type("a\xc3\xa4\x7f\n"); // one character of two bytes
    assert_string_equal(echoed, "a\xc3\xa4\b \b\r\n");
    read_is(100, "a\n");
    echoed_bytes = 0;
    type("\x1b\x7f");
    assert_string_equal(echoed, "^[\b\b  \b\b");
}

static void control_d_ends_the_file_or_the_read(void **state)
{
    (void)state;
    type("\x04");
    read_is(100, "");
    assert_false(line_readable(&line));
    type("part\x04");
    read_is(100, "part");
    assert_false(line_readable(&line));
    type("part\x04");
    read_is(4, "part"); // just fits: no end of file behind it
    assert_false(line_readable(&line));
}

static void control_c_interrupts_and_forgets(void **state)
{
    (void)state;
    assert_false(type("first\nsecond"));
    assert_true(type("\x03"));
    assert_false(line_readable(&line));
    assert_string_equal(echoed, "first\r\nsecond^C\r\n");
    type("third\n");
    read_is(100, "third\n");
}

static void raw_mode_gives_every_byte_at_once(void **state)
{
    (void)state;
    line_set_mode(&line, LINE_RAW);
    assert_false(type("a\x03\x04\x7f\r"));
    assert_string_equal(echoed, "");
    read_is(1, "a");
    read_is(100, "\x03\x04\x7f\r");
}

static void what_is_typed_ahead_survives_a_change_of_mode(void **state)
{
    (void)state;
    type("done\nhalf");
    type("\x04more");
    line_set_mode(&line, LINE_RAW);
    read_is(100, "done\nhalfmore");
    assert_false(line_readable(&line));
    type("one\rtw\x7fxy\r");
    echoed_bytes = 0;
    line_set_mode(&line, LINE_COOKED);
    assert_string_equal(echoed, "one\r\ntw\b \bxy\r\n");
    read_is(100, "one\n");
    read_is(100, "txy\n");
    type("\x04");
    line_set_mode(&line, LINE_RAW);
    assert_false(line_readable(&line)); // an end of file means nothing to raw mode
}

static void control_c_typed_ahead_interrupts(void **state)
{
    (void)state;
    line_set_mode(&line, LINE_RAW);
    type("before\r\x03"
         "after\r");
    assert_true(line_set_mode(&line, LINE_COOKED));
    read_is(100, "after\n");
    assert_false(line_readable(&line));
}

static void verbatim_mode_quotes_the_end(void **state)
{
    (void)state;
    line_set_mode(&line, LINE_VERBATIM);
    type("a\x03\x04\r\n\x10\x10z\x10\x04");
    assert_string_equal(echoed, "");
    read_is(100, "a\x03\x04\r\n\x10z");
    read_is(100, "");
    assert_false(line_readable(&line));
}

static void full_buffers_lose_no_raw_byte_and_keep_control_c(void **state)
{
    (void)state;
    line_set_mode(&line, LINE_RAW);
    size_t taken = 0;
    while (line_room(&line) > 0) {
        line_input(&line, 'x');
        taken++;
    }
    assert_int_equal(taken, LINE_READY_MAX);
    line_input(&line, 'y');
    uint8_t buf[LINE_READY_MAX];
    size_t used;
    assert_int_equal(line_peek(&line, buf, sizeof(buf), &used), LINE_READY_MAX);
    line_consume(&line, used);

    line_set_mode(&line, LINE_COOKED);
    for (int i = 0; i < 20000; i++) {
        line_input(&line, i % 100 == 99 ? '\n' : 'x');
    }
    assert_true(line_input(&line, 3));
    assert_false(line_readable(&line));
    type("fine\n");
    read_is(100, "fine\n");
}

static void any_bytes_in_any_mode_are_survived(void **state)
{
    (void)state;
    uint8_t buf[100];
    size_t used;
    srand(1);
    for (int i = 0; i < 300000; i++) {
        echoed_bytes = 0;
        int r = rand();
        if (r % 500 == 0) {
            line_set_mode(&line, (enum line_mode)(r / 500 % 3));
        } else if (r % 7 == 0 && line_readable(&line)) {
            (void)line_peek(&line, buf, (size_t)(r / 7) % sizeof(buf) + 1, &used);
            line_consume(&line, used);
        } else {
            line_input(&line, (uint8_t)(r >> 8));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_readable_when_it_is_finished, begin),
        cmocka_unit_test_setup(keys_edit_the_line, begin),
        cmocka_unit_test_setup(control_d_ends_the_file_or_the_read, begin),
        cmocka_unit_test_setup(control_c_interrupts_and_forgets, begin),
        cmocka_unit_test_setup(raw_mode_gives_every_byte_at_once, begin),
        cmocka_unit_test_setup(what_is_typed_ahead_survives_a_change_of_mode, begin),
        cmocka_unit_test_setup(control_c_typed_ahead_interrupts, begin),
        cmocka_unit_test_setup(verbatim_mode_quotes_the_end, begin),
        cmocka_unit_test_setup(full_buffers_lose_no_raw_byte_and_keep_control_c, begin),
        cmocka_unit_test_setup(any_bytes_in_any_mode_are_survived, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
