// SPDX-License-Identifier: MIT
// kernel/lib/string.c against the C library of the host, for all alignments and many lengths,
// between guard bytes.
//
// sources: kernel/lib/string.c
// flags: -include tests/host/string_names.h
#include <stdbool.h>

#define SIZE  256
#define GUARD 0xa5

static int sign(int v) { return (v > 0) - (v < 0); }

static void fill(unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p[i] = (unsigned char)(i * 37 + 11);
    }
}

static void memcpy_copies_every_length_at_every_alignment(void **state)
{
    (void)state;
    unsigned char from[SIZE], to[SIZE], want[SIZE];
    fill(from, SIZE);
    for (size_t a = 0; a < 9; a++) {
        for (size_t b = 0; b < 9; b++) {
            for (size_t n = 0; n < 160; n++) {
                __builtin_memset(to, GUARD, SIZE);
                __builtin_memset(want, GUARD, SIZE);
                __builtin_memcpy(want + a, from + b, n);
                assert_ptr_equal(memcpy(to + a, from + b, n), to + a);
                assert_memory_equal(to, want, SIZE);
            }
        }
    }
}

static void memmove_copies_overlapping_ranges_both_ways(void **state)
{
    (void)state;
    unsigned char buf[SIZE], want[SIZE];
    for (size_t to = 0; to < 40; to++) {
        for (size_t from = 0; from < 40; from++) {
            for (size_t n = 0; n < 130; n += 1 + n / 16) {
                fill(buf, SIZE);
                fill(want, SIZE);
                __builtin_memmove(want + to, want + from, n);
                assert_ptr_equal(memmove(buf + to, buf + from, n), buf + to);
                assert_memory_equal(buf, want, SIZE);
            }
        }
    }
}

static void memset_fills_exactly_the_range(void **state)
{
    (void)state;
    unsigned char buf[SIZE], want[SIZE];
    for (size_t a = 0; a < 9; a++) {
        for (size_t n = 0; n < 160; n++) {
            fill(buf, SIZE);
            fill(want, SIZE);
            __builtin_memset(want + a, 0x1ee, n);
            assert_ptr_equal(memset(buf + a, 0x1ee, n), buf + a);
            assert_memory_equal(buf, want, SIZE);
        }
    }
}

static void memcmp_finds_the_first_difference(void **state)
{
    (void)state;
    unsigned char a[SIZE], b[SIZE];
    for (size_t shift = 0; shift < 9; shift++) {
        for (size_t n = 0; n < 64; n++) {
            fill(a, SIZE);
            __builtin_memcpy(b + shift, a, SIZE - shift);
            assert_int_equal(memcmp(a, b + shift, n), 0);
            for (size_t i = 0; i < n; i++) {
                b[shift + i] ^= 0x80;
                int got = memcmp(a, b + shift, n);
                assert_int_equal(sign(got), sign(__builtin_memcmp(a, b + shift, n)));
                assert_int_not_equal(got, 0);
                b[shift + i] ^= 0x80;
            }
        }
    }
}

static void bytes_are_compared_as_unsigned(void **state)
{
    (void)state;
    assert_true(memcmp("\xff", "\x01", 1) > 0);
    assert_true(strcmp("\xff", "\x01") > 0);
    assert_true(strncmp("\xff", "\x01", 1) > 0);
}

static void memchr_and_memrchr_find_the_first_and_the_last(void **state)
{
    (void)state;
    const char *s = "abcabc";
    assert_ptr_equal(memchr(s, 'b', 6), s + 1);
    assert_ptr_equal(memrchr(s, 'b', 6), s + 4);
    assert_null(memchr(s, 'b', 1));
    assert_null(memrchr(s, 'b', 1));
    assert_null(memchr(s, 'x', 6));
    assert_null(memrchr(s, 'a', 0));
    assert_ptr_equal(memchr(s, 'a' + 256, 6), s); // converted to unsigned char
}

static void lengths_stop_at_the_zero_or_at_the_limit(void **state)
{
    (void)state;
    char unterminated[3] = {'a', 'b', 'c'}; // the address sanitizer sees a read past it
    assert_int_equal(strlen(""), 0);
    assert_int_equal(strlen("four"), 4);
    assert_int_equal(strnlen(unterminated, 3), 3);
    assert_int_equal(strnlen("ab", 9), 2);
}

static void strings_compare_like_the_c_library(void **state)
{
    (void)state;
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\x80"};
    for (size_t i = 0; i < 7; i++) {
        for (size_t j = 0; j < 7; j++) {
            assert_int_equal(sign(strcmp(words[i], words[j])),
                             sign(__builtin_strcmp(words[i], words[j])));
            for (size_t n = 0; n < 5; n++) {
                int got = sign(strncmp(words[i], words[j], n));
                // By definition: compare what is left of both after cutting at n.
                char a[8] = {0}, b[8] = {0};
                __builtin_memcpy(a, words[i], __builtin_strlen(words[i]));
                __builtin_memcpy(b, words[j], __builtin_strlen(words[j]));
                a[n] = b[n] = '\0';
                assert_int_equal(got, sign(__builtin_strcmp(a, b)));
            }
        }
    }
}

static void strchr_and_strrchr_also_find_the_terminator(void **state)
{
    (void)state;
    const char *s = "path/to/it";
    assert_ptr_equal(strchr(s, '/'), s + 4);
    assert_ptr_equal(strrchr(s, '/'), s + 7);
    assert_ptr_equal(strchr(s, '\0'), s + 10);
    assert_ptr_equal(strrchr(s, '\0'), s + 10);
    assert_null(strchr(s, 'x'));
    assert_null(strrchr(s, 'x'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcpy_copies_every_length_at_every_alignment),
        cmocka_unit_test(memmove_copies_overlapping_ranges_both_ways),
        cmocka_unit_test(memset_fills_exactly_the_range),
        cmocka_unit_test(memcmp_finds_the_first_difference),
        cmocka_unit_test(bytes_are_compared_as_unsigned),
        cmocka_unit_test(memchr_and_memrchr_find_the_first_and_the_last),
        cmocka_unit_test(lengths_stop_at_the_zero_or_at_the_limit),
        cmocka_unit_test(strings_compare_like_the_c_library),
        cmocka_unit_test(strchr_and_strrchr_also_find_the_terminator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
