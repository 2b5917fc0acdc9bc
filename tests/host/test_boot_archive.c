// SPDX-License-Identifier: MIT
// The boot archive's reader in user space: sound archives and damaged ones.
// sources: user/lib/archive.c

#include <bullfinch/archive.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BLOCK       512u
#define ENTRIES_END (8 * BLOCK)

static uint8_t *data; // exactly ENTRIES_END bytes
static struct archive archive;
static const char *why;

static void sum_set(size_t at)
{
    uint32_t sum = 0;
    memset(data + at + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++) {
        sum += data[at + i];
    }
    (void)snprintf((char *)data + at + 148, 8, "%06o", (unsigned)sum);
}

static void header_put(size_t at, const char *prefix, const char *name, char type, unsigned size)
{
    memcpy(data + at, name, strlen(name));
    (void)snprintf((char *)data + at + 124, 12, "%011o", size);
    data[at + 156] = (uint8_t)type;
    memcpy(data + at + 257, "ustar\0", 6);
    memcpy(data + at + 263, "00", 2);
    memcpy(data + at + 345, prefix, strlen(prefix));
    sum_set(at);
}

// root (600 bytes, blocks 0-2), etc/ (block 3), etc/manifest (5 bytes, blocks 4-5), two zero
// blocks.
static int sound_archive(void **state)
{
    (void)state;
    data = calloc(1, ENTRIES_END);
    header_put(0, "", "root", '0', 600);
    memset(data + BLOCK, 'r', 600);
    header_put(3 * BLOCK, "", "etc/", '5', 0);
    header_put(4 * BLOCK, "etc", "manifest", '0', 5);
    memcpy(data + 5 * BLOCK, "hello", 5);
    archive = (struct archive){.data = data, .bytes = ENTRIES_END};
    return 0;
}

static int data_free(void **state)
{
    (void)state;
    free(data);
    return 0;
}

static void entries_come_in_order_with_prefix_and_name_joined(void **state)
{
    (void)state;
    struct archive_entry e;
    assert_int_equal(archive_next(&archive, &e, &why), 1);
    assert_string_equal(e.path, "root");
    assert_int_equal(e.bytes, 600);
    assert_int_equal(e.data[599], 'r');
    assert_int_equal(archive_next(&archive, &e, &why), 1);
    assert_int_equal(e.type, ARCHIVE_DIRECTORY);
    assert_string_equal(e.path, "etc");
    assert_int_equal(archive_next(&archive, &e, &why), 1);
    assert_string_equal(e.path, "etc/manifest");
    assert_int_equal(archive_next(&archive, &e, &why), 0);
}

static void a_file_is_found_by_its_whole_path(void **state)
{
    (void)state;
    struct archive_entry e;
    assert_int_equal(archive_find(&archive, "etc/manifest", &e, &why), 1);
    assert_memory_equal(e.data, "hello", 5);
    assert_int_equal(archive_find(&archive, "manifest", &e, &why), 0);
}

static void a_changed_header_is_noticed(void **state)
{
    (void)state;
    struct archive_entry e;
    data[4 * BLOCK] ^= 1;
    assert_int_equal(archive_find(&archive, "x", &e, &why), -1);
    assert_string_equal(why, "wrong checksum of a header");
    data[4 * BLOCK] ^= 1;
    data[4 * BLOCK + 257] = 'x';
    assert_int_equal(archive_find(&archive, "x", &e, &why), -1);
    assert_string_equal(why, "no ustar header where one should be");
}

static void a_size_that_is_no_number_or_too_large_is_noticed(void **state)
{
    (void)state;
    struct archive_entry e;
    memcpy(data + 124, "00000z", 6);
    sum_set(0);
    assert_int_equal(archive_next(&archive, &e, &why), -1);
    assert_string_equal(why, "a file's size is not a number");
    memcpy(data + 124, "777777777777", 12);
    sum_set(0);
    assert_int_equal(archive_next(&archive, &e, &why), -1);
    assert_string_equal(why, "truncated: a file is cut off");
}

static void entries_that_are_no_files_are_refused(void **state)
{
    (void)state;
    struct archive_entry e;
    data[156] = '3';
    sum_set(0);
    assert_int_equal(archive_next(&archive, &e, &why), -1);
    assert_string_equal(why, "an entry is neither file, directory nor symbolic link");
}

static void an_archive_cut_off_anywhere_ends_or_says_so(void **state)
{
    (void)state;
    for (size_t n = 0; n <= ENTRIES_END; n++) {
        uint8_t *cut = malloc(n > 0 ? n : 1);
        memcpy(cut, data, n);
        struct archive a = {.data = cut, .bytes = n};
        struct archive_entry e;
        int got;
        while ((got = archive_next(&a, &e, &why)) == 1) {
        }
        assert_true(got == 0 || why != NULL);
        assert_true(n < ENTRIES_END || got == 0);
        free(cut);
    }
}

static void random_damage_never_hurts(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (unsigned round = 0; round < 5000; round++) {
        for (unsigned i = 0; i < 3; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            data[(seed >> 33) % ENTRIES_END] = (uint8_t)(seed >> 20);
        }
        sum_set(0);
        sum_set(4 * BLOCK);
        struct archive a = {.data = data, .bytes = ENTRIES_END};
        struct archive_entry e;
        while (archive_next(&a, &e, &why) == 1) {
            assert_true(e.bytes <= ENTRIES_END && (size_t)(e.data - data) + e.bytes <= ENTRIES_END);
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sound_archive, data_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_come_in_order_with_prefix_and_name_joined),
        TEST(a_file_is_found_by_its_whole_path),
        TEST(a_changed_header_is_noticed),
        TEST(a_size_that_is_no_number_or_too_large_is_noticed),
        TEST(entries_that_are_no_files_are_refused),
        TEST(an_archive_cut_off_anywhere_ends_or_says_so),
        TEST(random_damage_never_hurts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
