// SPDX-License-Identifier: MIT
// kvsnprintf against the C library of the host, conversion by conversion.
//
// sources: kernel/lib/printf.c
#include "cm.h"

#include "kernel/lib/printf.h"

// Formats with both and compares text and length, for every buffer size from none to more than
// enough.
#define CHECK(...)                                                       \
    do {                                                                 \
        char want[256], got[256];                                        \
        int length = snprintf(want, sizeof(want), __VA_ARGS__);          \
        for (size_t size = 0; size < (size_t)length + 3; size++) {       \
            memset(got, '#', sizeof(got));                               \
            assert_int_equal(ksnprintf(got, size, __VA_ARGS__), length); \
            snprintf(want, size, __VA_ARGS__);                           \
            if (size > 0) {                                              \
                assert_string_equal(got, want);                          \
            }                                                            \
            assert_int_equal(got[size], '#');                            \
        }                                                                \
    } while (0)

static void numbers_print_as_the_c_library_prints_them(void **state)
{
    (void)state;
    static const long values[] = {0, 1, -1, 9, 10, 255, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 10; i++) {
        long v = values[i];
        CHECK("%ld %lu %lx %lX %li", v, (unsigned long)v, (unsigned long)v, (unsigned long)v, v);
        CHECK("%d %u %x %X", (int)v, (unsigned)v, (unsigned)v, (unsigned)v);
        CHECK("%lld %llu %llx", (long long)v, (unsigned long long)v, (unsigned long long)v);
        CHECK("%hd %hu %hhd %hhu", (short)v, (unsigned short)v, (signed char)v, (unsigned char)v);
        CHECK("%zu %zx", (size_t)v, (size_t)v);
    }
}

static void width_zero_fill_and_left_adjustment_work(void **state)
{
    (void)state;
    for (int v = -123; v <= 123; v += 123) {
        CHECK("[%5d][%-5d][%05d][%2d]", v, v, v, v);
        CHECK("[%5.2d][%-6.4d][%.0d][%.8d]", v, v, v, v);
        CHECK("[%8x][%08x][%-8x]", (unsigned)v, (unsigned)v, (unsigned)v);
        CHECK("[%*d][%-*d]", 7, v, 7, v);
    }
    CHECK("%016lx", 0xffff800012345678ul);
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat" // flags that cancel each other, which the compiler
                                            // points out
static void zero_fill_yields_to_precision_and_to_left_adjustment(void **state)
{
    (void)state;
    CHECK("[%08.3d][%-08d][%0-8x]", 42, 42, 42u);
}
#pragma clang diagnostic pop

static void strings_and_characters_respect_width_and_precision(void **state)
{
    (void)state;
    CHECK("[%s][%10s][%-10s]", "kernel", "kernel", "kernel");
    CHECK("[%.3s][%10.3s][%.*s]", "kernel", "kernel", 2, "kernel");
    CHECK("[%c][%3c][%-3c]", 'x', 'y', 'z');
    CHECK("100%%");
    char unterminated[2] = {'o', 'k'};
    CHECK("%.2s", unterminated);
}

static void a_null_string_prints_as_null(void **state)
{
    (void)state;
    char buf[16];
    const char *volatile none = NULL;
    ksnprintf(buf, sizeof(buf), "%s", none);
    assert_string_equal(buf, "(null)");
}

static void pointers_print_in_hexadecimal(void **state)
{
    (void)state;
    char buf[32];
    ksnprintf(buf, sizeof(buf), "%p", (void *)0xffff0000deadbeef);
    assert_string_equal(buf, "0xffff0000deadbeef");
    ksnprintf(buf, sizeof(buf), "%p", (void *)NULL);
    assert_string_equal(buf, "0x0");
}

static void a_conversion_cut_off_by_the_end_prints_nothing(void **state)
{
    (void)state;
    static const char *const formats[] = {"ab%", "ab%-", "ab%08", "ab%.", "ab%ll"};
    for (size_t i = 0; i < 5; i++) {
        char buf[16];
        const char *volatile fmt = formats[i];
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat-security"
        assert_int_equal(ksnprintf(buf, sizeof(buf), fmt), 2);
#pragma clang diagnostic pop
        assert_string_equal(buf, "ab");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_print_as_the_c_library_prints_them),
        cmocka_unit_test(width_zero_fill_and_left_adjustment_work),
        cmocka_unit_test(zero_fill_yields_to_precision_and_to_left_adjustment),
        cmocka_unit_test(strings_and_characters_respect_width_and_precision),
        cmocka_unit_test(a_null_string_prints_as_null),
        cmocka_unit_test(pointers_print_in_hexadecimal),
        cmocka_unit_test(a_conversion_cut_off_by_the_end_prints_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
