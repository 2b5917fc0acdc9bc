// SPDX-License-Identifier: MIT
// sources: user/bin/shell/edit.c user/bin/shell/edit_show.c user/bin/shell/parse.c user/bin/shell/path.c
//
// The pure parts of the shell: the line editor on a small model of a terminal, the parser, paths.
#include "user/bin/shell/edit.h"
#include "user/bin/shell/parse.h"
#include "user/bin/shell/path.h"

// cmocka.h needs these first.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// --- a terminal: one line of cells, each a UTF-8 character --------------------------------------

static char cells[256][5];
static size_t column, printed;
static struct edit edit;

static void terminal_put(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t length = 1;
        while (i + length < bytes && ((unsigned char)text[i + length] & 0xc0) == 0x80) {
            length++;
        }
        if (text[i] == '\b') {
            assert_true(column > 0);
            column--;
        } else if (text[i] == '\r') {
            column = 0;
        } else if (text[i] == '\n') {
            column = 0;
            memset(cells, 0, sizeof(cells));
        } else if (text[i] != '\a') {
            assert_true(column < EDIT_COLUMNS); // the terminal would wrap
            memset(cells[column], 0, 5);
            memcpy(cells[column++], text + i, length);
        }
        i += length;
    }
}

static void output(void *context, const char *text, size_t bytes)
{
    (void)context;
    printed += bytes;
    terminal_put(text, bytes);
}

static void terminal_shows(const char *line, size_t cursor)
{
    char shown[1024] = "";
    for (size_t i = 0; i < EDIT_COLUMNS; i++) {
        strcat(shown, cells[i][0] != 0 ? cells[i] : " ");
    }
    size_t bytes = strlen(shown);
    while (bytes > 0 && shown[bytes - 1] == ' ') {
        shown[--bytes] = 0;
    }
    assert_string_equal(shown, line);
    assert_int_equal(column, cursor);
}

static enum edit_event keys(const char *text)
{
    enum edit_event event = EDIT_MORE;
    for (; *text != 0; text++) {
        event = edit_key(&edit, (unsigned char)*text);
    }
    return event;
}

static int begin(void **state)
{
    (void)state;
    memset(cells, 0, sizeof(cells));
    column = 0;
    edit_init(&edit, output, NULL);
    edit_begin(&edit, "> ");
    return 0;
}

#define LEFT  "\x1b[D"
#define RIGHT "\x1b[C"
#define UP    "\x1b[A"
#define DOWN  "\x1b[B"

static void typing_and_enter_give_the_line(void **state)
{
    (void)state;
    printed = 0;
    keys("ls -l");
    assert_int_equal(printed, 5); // each key costs one character
    terminal_shows("> ls -l", 7);
    assert_int_equal(keys("\r"), EDIT_LINE);
    assert_string_equal(edit.text, "ls -l");
}

static void the_middle_of_a_line_can_be_edited(void **state)
{
    (void)state;
    keys("hello" LEFT LEFT "X");
    terminal_shows("> helXlo", 6);
    keys("\x7f\x7f");
    terminal_shows("> helo", 4);
    keys(RIGHT "\x1b[3~");
    terminal_shows("> hel", 5);
    keys("\x01"
         "12");
    terminal_shows("> 12hel", 4);
    keys("\x1b[F!\x1b[H?");
    terminal_shows("> ?12hel!", 3);
    keys("\x0b");
    terminal_shows("> ?", 3);
    keys("\x15\x7f" LEFT RIGHT "\x1b[3~\x17");
    terminal_shows(">", 2);
    keys("one two  three"
         "\x1b[1;5D"
         "\x17"
         "\x1b"
         "b"
         "X");
    terminal_shows("> Xone three", 3);
    keys("\x04");
    terminal_shows("> Xne three", 3);
}

static void characters_of_many_bytes_are_whole(void **state)
{
    (void)state;
    keys("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6"
         "b");
    terminal_shows("> a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa6"
                   "b",
                   7);
    keys(LEFT "\x7f");
    terminal_shows("> a\xc3\xa4\xe2\x82\xac"
                   "b",
                   5);
    keys(LEFT "\xc3\xb6");
    terminal_shows("> a\xc3\xa4\xc3\xb6\xe2\x82\xac"
                   "b",
                   5);
    keys("\x80\xff\xc3"
         "x\xe2\x82"
         "y"); // bytes that are no characters
    assert_int_equal(keys("\r"), EDIT_LINE);
    assert_string_equal(edit.text, "a\xc3\xa4\xc3\xb6xy\xe2\x82\xac"
                                   "b");
}

static void history_goes_up_and_down(void **state)
{
    (void)state;
    keys("first\r");
    edit_begin(&edit, "> ");
    keys("second one\r");
    edit_begin(&edit, "> ");
    keys("second one\r"); // kept once
    edit_begin(&edit, "> ");
    keys("\r"); // not kept
    edit_begin(&edit, "> ");
    keys("draft" UP);
    terminal_shows("> second one", 12);
    keys(UP UP UP);
    terminal_shows("> first", 7);
    keys(DOWN DOWN);
    terminal_shows("> draft", 7);
    keys(DOWN UP "!\r");
    assert_string_equal(edit.text, "second one!");
    for (int i = 0; i < 200; i++) {
        char line[32];
        snprintf(line, sizeof(line), "line %d\r", i);
        edit_begin(&edit, "> ");
        keys(line);
    }
    edit_begin(&edit, "> ");
    for (int i = 0; i < 300; i++) {
        keys(UP);
    }
    terminal_shows("> line 136", 10);
}

static void long_lines_scroll_and_have_an_end(void **state)
{
    (void)state;
    char text[EDIT_BYTES_MAX + 1];
    for (size_t i = 0; i < 300; i++) {
        char key[2] = {(char)('a' + i % 26), 0};
        keys(key); // the terminal asserts that nothing is printed behind its last column
    }
    keys("\x01");
    assert_true(column == 2);
    keys("\x05");
    for (int i = 0; i < 300; i++) {
        keys(LEFT);
    }
    assert_true(column == 2);
    for (int i = 0; i < 300; i++) {
        keys(RIGHT);
    }
    for (size_t i = 0; i < 2000; i++) {
        keys("x");
    }
    assert_int_equal(keys("\r"), EDIT_LINE);
    assert_int_equal(strlen(edit.text), EDIT_BYTES_MAX);
    memset(text, 'x', sizeof(text));
    assert_memory_equal(edit.text + 300, text, EDIT_BYTES_MAX - 300);
}

static void control_keys_end_the_line_their_way(void **state)
{
    (void)state;
    assert_int_equal(keys("\x04"), EDIT_END);
    edit_begin(&edit, "> ");
    assert_int_equal(keys("abc\x03"), EDIT_CANCEL);
    edit_begin(&edit, "> ");
    assert_int_equal(keys("ab\t"), EDIT_COMPLETE);
    edit_insert(&edit, "sent", 4);
    terminal_shows("> absent", 8);
    edit_redraw(&edit);
    terminal_shows("> absent", 8);
}

static void any_keys_keep_terminal_and_line_together(void **state)
{
    (void)state;
    static const char *const some[] = {
        LEFT,           RIGHT,       UP,          DOWN,
        "\x7f",         "\x1b[3~",   "\x01",      "\x05",
        "\x17",         "a",         "b ",        "\xc3\xa4",
        "\xe2\x82\xac", "\x1b[1;5C", "\x1b[1;5D", "\x1b[99;99;99;99;99Z"};
    srand(2);
    for (int i = 0; i < 30000; i++) {
        int r = rand();
        if (r % 997 == 0) {
            keys("\r");
            edit_begin(&edit, "> ");
        } else if (r % 101 == 0) {
            (void)edit_key(&edit, (unsigned char)(r >> 8));
            if ((unsigned char)(r >> 8) < 0x20) {
                edit_begin(&edit, "> ");
                memset(cells, 0, sizeof(cells));
                edit_redraw(&edit);
            }
        } else {
            keys(some[(size_t)(r >> 8) % (sizeof(some) / sizeof(some[0]))]);
        }
        assert_true(edit.cursor <= edit.bytes && edit.bytes <= EDIT_BYTES_MAX);
    }
}

// --- the parser ---------------------------------------------------------------------------------

static struct parsed parsed;
static const char *rest;

static const char *variable(void *context, const char *name, size_t bytes)
{
    (void)context;
    if (bytes == 1 && name[0] == '?') {
        return "42";
    }
    return bytes == 4 && memcmp(name, "HOME", 4) == 0 ? "/home" : NULL;
}

static void parses_to(const char *line, const char *words)
{
    char all[PARSE_TEXT_MAX] = "";
    rest = line;
    assert_null(parse_next(&rest, &parsed, variable, NULL));
    for (unsigned i = 0; i < parsed.arg_count; i++) {
        strcat(strcat(strcat(all, "["), parsed.args[i]), "]");
    }
    assert_null(parsed.args[parsed.arg_count]);
    assert_string_equal(all, words);
}

static void words_and_quotes(void **state)
{
    (void)state;
    parses_to("", "");
    parses_to("   # all comment", "");
    parses_to("ls", "[ls]");
    parses_to("  echo  a\tb  # c", "[echo][a][b]");
    parses_to("echo 'a  \"b\" $?' \"c '$?' \\\" \\$\"", "[echo][a  \"b\" $?][c '42' \" $]");
    parses_to("echo a\\ b'c'\"d\" ''", "[echo][a bcd][]");
    parses_to("cd $HOME/x $nothing $ $?", "[cd][/home/x][][$][42]");
    parses_to("a#b", "[a#b]");
}

static void commands_and_redirections(void **state)
{
    (void)state;
    parses_to("a b;c", "[a][b]");
    assert_string_equal(rest, "c");
    parses_to("sort <in >'out file' x", "[sort][x]");
    assert_string_equal(parsed.input, "in");
    assert_string_equal(parsed.output, "out file");
    parses_to("hello.wasm & ls", "[hello.wasm]");
    assert_true(parsed.background);
    assert_string_equal(rest, " ls");
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    const char *const bad[] = {"echo 'a", "echo \"a", "echo \\", "a > ", "a > ; b",
                               "> f",     "&",        "a >b >c", "a < <"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        rest = bad[i];
        assert_non_null(parse_next(&rest, &parsed, variable, NULL));
    }
    char many[1024] = "";
    for (int i = 0; i < 70; i++) {
        strcat(many, "w ");
    }
    rest = many;
    assert_non_null(parse_next(&rest, &parsed, variable, NULL));
    static char large[2 * PARSE_TEXT_MAX + 1];
    memset(large, 'l', sizeof(large) - 1);
    rest = large;
    assert_non_null(parse_next(&rest, &parsed, variable, NULL));
}

static void resolves_to(const char *cwd, const char *path, const char *want)
{
    char out[PATH_BYTES];
    assert_true(path_resolve(cwd, path, out));
    assert_string_equal(out, want);
}

static void paths_are_resolved(void **state)
{
    (void)state;
    resolves_to("/", "", "/");
    resolves_to("/", "a", "/a");
    resolves_to("/home", "../a/./b//c/", "/a/b/c");
    resolves_to("/home/x", "/y", "/y");
    resolves_to("/home/x", "../../../..", "/");
    char out[PATH_BYTES];
    char deep[FS_PATH_MAX + 2];
    memset(deep, 'd', sizeof(deep));
    deep[FS_PATH_MAX - 1] = 0;
    assert_true(path_resolve("/", deep, out));
    deep[FS_PATH_MAX - 1] = 'd';
    deep[FS_PATH_MAX] = 0;
    assert_false(path_resolve("/", deep, out));
    assert_string_equal(path_last("/a/b"), "b");
    assert_string_equal(path_last("b"), "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(typing_and_enter_give_the_line, begin),
        cmocka_unit_test_setup(the_middle_of_a_line_can_be_edited, begin),
        cmocka_unit_test_setup(characters_of_many_bytes_are_whole, begin),
        cmocka_unit_test_setup(history_goes_up_and_down, begin),
        cmocka_unit_test_setup(long_lines_scroll_and_have_an_end, begin),
        cmocka_unit_test_setup(control_keys_end_the_line_their_way, begin),
        cmocka_unit_test_setup(any_keys_keep_terminal_and_line_together, begin),
        cmocka_unit_test(words_and_quotes),
        cmocka_unit_test(commands_and_redirections),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(paths_are_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
