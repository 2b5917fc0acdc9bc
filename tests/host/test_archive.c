// SPDX-License-Identifier: MIT
// The kernel's ustar reader: what it finds, what it says of an archive that is cut, changed or
// lying, and that it never looks outside (each try lies in a heap block of its own length, which
// the address sanitizer guards).
//
// sources: kernel/init/archive.c arch/host/cpu.c arch/host/debug.c
#include "cm.h"

#include "kernel/init/archive.h"

#define BLOCK 512u

static uint8_t image[64 * BLOCK];
static size_t image_bytes;

static void checksum_set(uint8_t *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (unsigned i = 0; i < BLOCK; i++) {
        sum += header[i];
    }
    snprintf((char *)header + 148, 8, "%06o", sum);
}

// Appends one file; fields by their offsets in the ustar header.
static uint8_t *file_add(const char *name, char type, const char *size_text, const void *data,
                         size_t bytes)
{
    uint8_t *h = image + image_bytes;
    memset(h, 0, BLOCK);
    strcpy((char *)h, name);
    strcpy((char *)h + 100, "0000644");
    memcpy(h + 124, size_text, strlen(size_text));
    h[156] = (uint8_t)type;
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    checksum_set(h);
    memcpy(h + BLOCK, data, bytes);
    image_bytes += BLOCK + (bytes + BLOCK - 1) / BLOCK * BLOCK;
    return h;
}

static void archive_begin(void)
{
    memset(image, 0, sizeof(image));
    image_bytes = 0;
}

static void archive_end(void) { image_bytes += 2 * BLOCK; }

static void usual_archive(void)
{
    archive_begin();
    file_add("bin/", '5', "00000000000", "", 0);
    file_add("bin/root", '0', "00000001003", "root image", 10); // 515 bytes: two blocks
    image_bytes += BLOCK;
    file_add("empty", '0', "00000000000", "", 0);
    file_add("last", '0', "00000000004", "last", 4);
    archive_end();
}

struct found {
    status_t status;
    const uint8_t *data; // relative to the copy
    size_t bytes, offset;
    const char *why;
};

// Looks in a copy of exactly `bytes` bytes.
static struct found find_in(const uint8_t *archive, size_t bytes, const char *name)
{
    struct found f = {.why = NULL};
    uint8_t *copy = malloc(bytes != 0 ? bytes : 1);
    memcpy(copy, archive, bytes);
    const void *data = NULL;
    f.status = archive_find(copy, bytes, name, &data, &f.bytes, &f.why);
    if (f.status == OK) {
        f.offset = (size_t)((const uint8_t *)data - copy);
        assert_true(f.offset <= bytes && f.bytes <= bytes - f.offset);
    } else {
        assert_null(data);
        assert_true(f.status == ERR_NOT_FOUND || f.status == ERR_CORRUPT);
        assert_true(f.status == ERR_NOT_FOUND || f.why != NULL);
    }
    free(copy);
    return f;
}

static struct found find(const char *name) { return find_in(image, image_bytes, name); }

static void files_are_found_with_their_contents(void **state)
{
    (void)state;
    usual_archive();
    struct found f = find("bin/root");
    assert_int_equal(f.status, OK);
    assert_int_equal(f.bytes, 515);
    assert_memory_equal(image + f.offset, "root image", 10);
    f = find("last");
    assert_int_equal(f.status, OK);
    assert_memory_equal(image + f.offset, "last", 4);
    assert_int_equal(find("empty").status, OK);
    assert_int_equal(find("empty").bytes, 0);
}

#define LONG_NAME                                                                               \
    "a name of more than a hundred bytes, which cannot stand in the name field of any header, " \
    "wherever it is cut"

static void other_names_and_other_types_are_not_found(void **state)
{
    (void)state;
    usual_archive();
    const char *names[] = {"", "bin", "bin/", "bin/roo", "bin/root2", "LAST", LONG_NAME};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(find(names[i]).status, ERR_NOT_FOUND);
    }
}

static void a_name_that_fills_its_field_or_has_a_prefix_is_another_name(void **state)
{
    (void)state;
    char full[101];
    memset(full, 'n', 100);
    full[100] = '\0';
    archive_begin();
    uint8_t *h = file_add("x", '0', "00000000001", "x", 1);
    memcpy(h, full, 100); // no terminating zero
    checksum_set(h);
    h = file_add("name", '0', "00000000001", "y", 1);
    strcpy((char *)h + 345, "folder");
    checksum_set(h);
    archive_end();
    assert_int_equal(find("name").status, ERR_NOT_FOUND);
    assert_int_equal(find(full).status, ERR_NOT_FOUND);
    full[99] = '\0';
    assert_int_equal(find(full).status, ERR_NOT_FOUND);
}

static void every_prefix_is_answered(void **state)
{
    (void)state;
    usual_archive();
    size_t whole = find("last").offset + 4;
    for (size_t bytes = 0; bytes <= image_bytes; bytes++) {
        struct found f = find_in(image, bytes, "last");
        if (f.status == OK) {
            assert_true(bytes >= whole);
            assert_int_equal(f.offset + 4, whole);
        } else {
            assert_true(bytes < whole);
            assert_int_equal(f.status, ERR_CORRUPT);
        }
        f = find_in(image, bytes, "absent"); // needs the end mark
        assert_int_equal(f.status, bytes >= image_bytes - BLOCK ? ERR_NOT_FOUND : ERR_CORRUPT);
    }
}

static void a_changed_header_byte_is_noticed(void **state)
{
    (void)state;
    usual_archive();
    for (unsigned i = 1; i < BLOCK; i++) { // a first byte of zero would be the end mark
        image[i] ^= 0x40;
        // The bytes between the checksum's digits and the type may be anything.
        struct found f = find("last");
        if (i < 148 + 6 || i >= 156) {
            assert_int_equal(f.status, ERR_CORRUPT);
            assert_non_null(strstr(f.why, "checksum"));
        }
        image[i] ^= 0x40;
    }
    assert_int_equal(find("last").status, OK);
}

static void sizes_that_lie_are_noticed(void **state)
{
    (void)state;
    const char *sizes[] = {"00000100000",
                           "77777777777",
                           "777777777777",
                           "40000000000",
                           "-0000000001",
                           "0000000000x",
                           "abcdefghijk",
                           "",
                           "\x80\0\0\0\0\0\0\0\0\0\0\1",
                           "           ",
                           "0x000000001"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        archive_begin();
        uint8_t *h = file_add("liar", '0', "", "data", 4);
        memset(h + 124, 0, 12);
        memcpy(h + 124, sizes[i], i == 8 ? 12 : strlen(sizes[i]));
        checksum_set(h);
        archive_end();
        struct found f = find("liar");
        assert_int_equal(f.status, ERR_CORRUPT);
        assert_string_equal(f.why, "a file is longer than the archive");
    }
    archive_begin();
    file_add("spaced", '0', "        4 ", "data", 4);
    archive_end();
    assert_int_equal(find("spaced").bytes, 4);
}

static void an_archive_without_end_mark_says_so(void **state)
{
    (void)state;
    archive_begin();
    file_add("only", '0', "00000000004", "data", 4);
    struct found f = find("absent");
    assert_int_equal(f.status, ERR_CORRUPT);
    assert_string_equal(f.why, "it ends without an end mark");
    assert_int_equal(find("only").status, OK);
}

// Flips, sets and copies bytes and mends some checksums, so that what lies behind them is reached.
static void mutations_never_lead_outside(void **state)
{
    (void)state;
    uint64_t seed = 20240607;
    static uint8_t mutant[sizeof(image)];
    usual_archive();
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(mutant, image, image_bytes);
        size_t bytes =
            test_random(&seed) % 4 ? image_bytes : test_random(&seed) % (image_bytes + 1);
        for (unsigned n = (unsigned)(test_random(&seed) % 6); n > 0; n--) {
            size_t header = test_random(&seed) % (image_bytes / BLOCK) * BLOCK;
            size_t field =
                test_random(&seed) % 3 ? 124 + test_random(&seed) % 12 : test_random(&seed) % BLOCK;
            mutant[header + field] = test_random(&seed) % 2
                                         ? (uint8_t)('0' + test_random(&seed) % 8)
                                         : (uint8_t)test_random(&seed);
            if (test_random(&seed) % 4) {
                checksum_set(mutant + header);
            }
        }
        find_in(mutant, bytes, test_random(&seed) % 2 ? "last" : "absent");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found_with_their_contents),
        cmocka_unit_test(other_names_and_other_types_are_not_found),
        cmocka_unit_test(a_name_that_fills_its_field_or_has_a_prefix_is_another_name),
        cmocka_unit_test(every_prefix_is_answered),
        cmocka_unit_test(a_changed_header_byte_is_noticed),
        cmocka_unit_test(sizes_that_lie_are_noticed),
        cmocka_unit_test(an_archive_without_end_mark_says_so),
        cmocka_unit_test(mutations_never_lead_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
