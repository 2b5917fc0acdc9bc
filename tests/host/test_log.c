// SPDX-License-Identifier: MIT
// The kernel log, with a console that remembers what it was given.
//
// sources: kernel/debug/log.c kernel/lib/printf.c kernel/lib/spinlock.c arch/host/cpu.c arch/host/timer.c arch/host/debug.c
#include "cm.h"

#include "kernel/debug/log.h"
#include <host.h>
#include <pthread.h>

#define RING 65536u

static char shown[4096];
static size_t shown_bytes;
static bool echo;

void console_write(const char *text, size_t len)
{
    if (shown_bytes + len < sizeof(shown)) {
        memcpy(shown + shown_bytes, text, len);
        shown_bytes += len;
        shown[shown_bytes] = '\0';
    }
}
bool console_echoes(void) { return echo; }
void console_take(void) { echo = true; }

static uint64_t end_position(void)
{
    uint64_t position = UINT64_MAX;
    char c;
    assert_int_equal(klog_read(&position, &c, 1), 0); // moved back to the end
    return position;
}

// What was logged since `position`, as a string.
static const char *logged_since(uint64_t position)
{
    static char buf[2048];
    size_t n = klog_read(&position, buf, sizeof(buf) - 1);
    buf[n] = '\0';
    return buf;
}

static void a_line_has_its_time_in_front_and_ends_with_one_newline(void **state)
{
    (void)state;
    uint64_t start = end_position();
    host_clock_set(12345678000ull);
    klog("memory: %u MiB", 256u);
    assert_string_equal(logged_since(start), "[   12.345678] memory: 256 MiB\n");
    start = end_position();
    klog("with newline\n");
    assert_string_equal(logged_since(start), "[   12.345678] with newline\n");
}

static void a_line_of_a_program_carries_its_name_and_no_control_characters(void **state)
{
    (void)state;
    uint64_t start = end_position();
    host_clock_set(0);
    klog_user("shell", "a\tb\x1b[2Jc\nfake\n\n", 15);
    assert_string_equal(logged_since(start), "[    0.000000] shell: a\tb?[2Jc?fake\n");
    start = end_position();
    klog_user("ev\nil", "\xc3\xa9", 2); // UTF-8 stays
    assert_string_equal(logged_since(start), "[    0.000000] ev?il: \xc3\xa9\n");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char text[2 * LOG_LINE_MAX];
    memset(text, 'x', sizeof(text));
    uint64_t start = end_position();
    klog("%.*s", (int)sizeof(text), text);
    assert_int_equal(strlen(logged_since(start)), strlen("[    0.000000] ") + LOG_LINE_MAX + 1);
    start = end_position();
    klog_user("n", text, sizeof(text));
    const char *line = logged_since(start);
    assert_int_equal(strlen(line), strlen("[    0.000000] n: ") + LOG_LINE_MAX + 1);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

static void a_name_without_terminator_is_not_read_past_its_end(void **state)
{
    (void)state;
    char name[NAME_MAX_BYTES];
    memset(name, 'n', sizeof(name));
    uint64_t start = end_position();
    klog_user(name, "t", 1);
    assert_int_equal(strlen(logged_since(start)), strlen("[    0.000000] ") + 32 + 4);
}

static void reading_in_small_pieces_gives_the_same_text(void **state)
{
    (void)state;
    uint64_t start = end_position(), position = start;
    klog("the quick brown fox");
    klog("jumps");
    char pieces[128];
    size_t n = 0, got;
    while ((got = klog_read(&position, pieces + n, 7)) > 0) {
        n += got;
    }
    pieces[n] = '\0';
    assert_string_equal(pieces, logged_since(start));
    assert_int_equal(position, end_position());
}

static void old_lines_give_way_whole(void **state)
{
    (void)state;
    static char all[RING + 1];
    for (unsigned i = 0; i < 5000; i++) {
        klog("line number %u", i);
    }
    uint64_t position = 0;
    size_t n = klog_read(&position, all, sizeof(all));
    assert_in_range(n, RING - 64, RING);
    assert_int_equal(all[0], '['); // a line's start
    assert_int_equal(all[n - 1], '\n');
    unsigned first;
    assert_int_equal(sscanf(all, "[ 0.000000] line number %u", &first), 1);
    char *line = all;
    for (unsigned i = first; i < 5000; i++) {
        unsigned number;
        assert_int_equal(sscanf(line, "[ 0.000000] line number %u", &number), 1);
        assert_int_equal(number, i);
        line = memchr(line, '\n', (size_t)(all + n - line)) + 1;
    }
    assert_ptr_equal(line, all + n);
}

static void the_console_echoes_until_it_is_released_and_again_in_a_panic(void **state)
{
    (void)state;
    host_clock_set(0);
    shown_bytes = 0;
    echo = false;
    klog("silent");
    assert_int_equal(shown_bytes, 0);
    echo = true;
    klog("loud");
    assert_string_equal(shown, "[    0.000000] loud\n");
    echo = false;
    klog_panic_begin();
    klog("last words");
    assert_string_equal(shown, "[    0.000000] loud\n[    0.000000] last words\n");
    echo = false;
}

static void *write_lines(void *cpu)
{
    host_cpu_set((uint32_t)(uintptr_t)cpu);
    for (unsigned i = 0; i < 100; i++) {
        klog("cpu %lu says abcdefghijklmnopqrstuvwxyz", (unsigned long)(uintptr_t)cpu);
    }
    return NULL;
}

static void lines_of_several_cpus_do_not_mix(void **state)
{
    (void)state;
    static char text[RING];
    uint64_t position = end_position();
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, write_lines, (void *)(i + 1));
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    size_t n = klog_read(&position, text, sizeof(text) - 1);
    text[n] = '\0';
    unsigned lines = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++) {
        unsigned cpu;
        char word[32];
        assert_int_equal(sscanf(line, "[ 0.000000] cpu %u says %31s", &cpu, word), 2);
        assert_string_equal(word, "abcdefghijklmnopqrstuvwxyz");
    }
    assert_int_equal(lines, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_time_in_front_and_ends_with_one_newline),
        cmocka_unit_test(a_line_of_a_program_carries_its_name_and_no_control_characters),
        cmocka_unit_test(a_line_that_is_too_long_is_cut),
        cmocka_unit_test(a_name_without_terminator_is_not_read_past_its_end),
        cmocka_unit_test(reading_in_small_pieces_gives_the_same_text),
        cmocka_unit_test(old_lines_give_way_whole),
        cmocka_unit_test(the_console_echoes_until_it_is_released_and_again_in_a_panic),
        cmocka_unit_test(lines_of_several_cpus_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
