// SPDX-License-Identifier: MIT
// The ELF loader's reader against a sound file and every way to damage it.
// sources: user/lib/elf.c

#include "abi/types.h"
#include "user/lib/elf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

// The fields of the format at their offsets (ELF-64 Object File Format 1.5).
enum {
    E_TYPE = 16,
    E_MACHINE = 18,
    E_ENTRY = 24,
    E_PHOFF = 32,
    E_PHENTSIZE = 54,
    E_PHNUM = 56,
    HEADER = 64
};
enum {
    P_TYPE = 0,
    P_FLAGS = 4,
    P_OFFSET = 8,
    P_VADDR = 16,
    P_FILESZ = 32,
    P_MEMSZ = 40,
    PHEADER = 56
};
#define SEGMENTS   3
#define FILE_BYTES 0x3000u
#define MACHINE    ELF_MACHINE_ARM64

static uint8_t *file; // exactly FILE_BYTES of heap, so that a read past the end is seen
static struct elf_image image;

static void put(size_t at, uint64_t value, size_t bytes) { memcpy(file + at, &value, bytes); }

static size_t segment_at(unsigned i) { return HEADER + i * PHEADER; }

static void segment_put(unsigned i, uint32_t flags, uint64_t offset, uint64_t address,
                        uint64_t in_file, uint64_t in_memory)
{
    size_t at = segment_at(i);
    put(at + P_TYPE, 1, 4);
    put(at + P_FLAGS, flags, 4);
    put(at + P_OFFSET, offset, 8);
    put(at + P_VADDR, address, 8);
    put(at + P_FILESZ, in_file, 8);
    put(at + P_MEMSZ, in_memory, 8);
}

// Read-only headers, code, data with zeros behind it.
static int sound_file(void **state)
{
    (void)state;
    file = calloc(1, FILE_BYTES);
    memcpy(file, "\177ELF\2\1\1", 7);
    put(E_TYPE, 2, 2);
    put(E_MACHINE, MACHINE, 2);
    put(E_ENTRY, 0x10001010, 8);
    put(E_PHOFF, HEADER, 8);
    put(E_PHENTSIZE, PHEADER, 2);
    put(E_PHNUM, SEGMENTS, 2);
    segment_put(0, 4, 0, 0x10000000, 0x200, 0x200);
    segment_put(1, 5, 0x1000, 0x10001000, 0x800, 0x800);
    segment_put(2, 6, 0x2010, 0x10002010, 0x100, 0x5000);
    return 0;
}

static int file_free(void **state)
{
    (void)state;
    free(file);
    return 0;
}

static void expect(const char *why)
{
    const char *got = elf_parse(file, FILE_BYTES, MACHINE, &image);
    if (why == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, why);
    }
}

static void a_sound_file_gives_its_segments_in_whole_pages(void **state)
{
    (void)state;
    expect(NULL);
    assert_int_equal(image.count, 3);
    assert_int_equal(image.entry, 0x10001010);
    assert_int_equal(image.segments[2].address, 0x10002000);
    assert_int_equal(image.segments[2].bytes, 0x6000);
    assert_int_equal(image.segments[2].skip, 0x10);
    assert_int_equal(image.segments[2].flags, VM_READ | VM_WRITE);
    assert_int_equal(image.segments[1].flags, VM_READ | VM_EXECUTE);
}

static void a_file_cut_off_anywhere_is_refused_or_whole(void **state)
{
    (void)state;
    for (size_t n = 0; n < FILE_BYTES; n++) {
        uint8_t *cut = malloc(n > 0 ? n : 1);
        memcpy(cut, file, n);
        const char *why = elf_parse(cut, n, MACHINE, &image);
        assert_true((why == NULL) == (n >= 0x2110));
        free(cut);
    }
}

static void a_file_that_is_no_elf_file_is_refused(void **state)
{
    (void)state;
    file[1] = 'e';
    expect("not an ELF file");
}

static void another_class_or_byte_order_is_refused(void **state)
{
    (void)state;
    file[5] = 2;
    expect("not a 64-bit little-endian ELF file of version 1");
    file[5] = 1;
    file[4] = 1;
    expect("not a 64-bit little-endian ELF file of version 1");
}

static void another_machine_is_refused(void **state)
{
    (void)state;
    put(E_MACHINE, ELF_MACHINE_RISCV, 2);
    expect("made for another machine");
}

static void shared_objects_and_dynamic_programs_are_refused(void **state)
{
    (void)state;
    put(E_TYPE, 3, 2);
    expect("not a static executable");
    put(E_TYPE, 2, 2);
    put(segment_at(0) + P_TYPE, 3, 4);
    expect("needs a dynamic linker");
}

static void program_headers_outside_the_file_are_refused(void **state)
{
    (void)state;
    put(E_PHOFF, UINT64_MAX - 8, 8);
    expect("truncated: program headers lie outside the file");
    put(E_PHOFF, FILE_BYTES - PHEADER, 8);
    expect("truncated: program headers lie outside the file");
}

static void impossible_numbers_of_program_headers_are_refused(void **state)
{
    (void)state;
    put(E_PHNUM, 0, 2);
    expect("impossible size or number of program headers");
    put(E_PHNUM, 0xffff, 2);
    expect("impossible size or number of program headers");
    put(E_PHNUM, SEGMENTS, 2);
    put(E_PHENTSIZE, 32, 2);
    expect("impossible size or number of program headers");
}

static void segments_outside_the_file_are_refused(void **state)
{
    (void)state;
    segment_put(1, 5, UINT64_MAX - 0xfff, 0x10001000, 0x800, 0x800);
    expect("truncated: a segment lies outside the file");
    segment_put(1, 5, 0x2000, 0x10001000, 0x1001, 0x1001);
    expect("truncated: a segment lies outside the file");
    segment_put(1, 5, 0x1000, 0x10001000, 0x801, 0x800);
    expect("a segment has more bytes in the file than in memory");
}

static void segments_outside_user_space_are_refused(void **state)
{
    (void)state;
    segment_put(1, 5, 0x1000, 0x1000, 0x800, 0x800);
    expect("a segment lies outside user space");
    segment_put(1, 5, 0x1000, 0xffff000010001000, 0x800, 0x800);
    expect("a segment lies outside user space");
    segment_put(2, 6, 0x2010, 0x10002010, 0x100, UINT64_MAX - 0x10002010);
    segment_put(1, 5, 0x1000, 0x10001000, 0x800, 0x800);
    expect("a segment lies outside user space");
}

static void memory_both_writable_and_executable_is_refused(void **state)
{
    (void)state;
    segment_put(1, 7, 0x1000, 0x10001000, 0x800, 0x800);
    expect("a segment is both writable and executable");
}

static void segments_that_nobody_can_read_are_refused(void **state)
{
    (void)state;
    segment_put(1, 1, 0x1000, 0x10001000, 0x800, 0x800);
    expect("a segment is not readable");
}

static void segments_that_share_a_page_are_refused(void **state)
{
    (void)state;
    segment_put(2, 6, 0x2900, 0x10001900, 0x100, 0x100);
    expect("segments overlap or are out of order");
    segment_put(2, 6, 0x2010, 0x0ffff010, 0x100, 0x100);
    expect("segments overlap or are out of order");
}

static void a_segment_that_lies_crooked_in_its_page_is_refused(void **state)
{
    (void)state;
    segment_put(2, 6, 0x2010, 0x10002020, 0x100, 0x100);
    expect("a segment is not aligned to pages");
}

static void more_segments_than_the_table_holds_are_refused(void **state)
{
    (void)state;
    put(E_PHNUM, 10, 2);
    for (unsigned i = 0; i < 10; i++) {
        segment_put(i, 4, 0x1000, 0x10001000 + i * 0x1000, 0x10, 0x10);
    }
    expect("too many segments");
}

static void an_entry_outside_the_code_is_refused(void **state)
{
    (void)state;
    put(E_ENTRY, 0x10002010, 8); // data
    expect("the entry point is not in code");
    put(E_ENTRY, 0, 8);
    expect("the entry point is not in code");
}

static void a_file_without_anything_to_load_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SEGMENTS; i++) {
        put(segment_at(i) + P_TYPE, 0, 4);
    }
    expect("nothing to load");
}

// Whatever the bytes are: an answer, no access outside, and what is accepted is sane.
static void random_damage_never_hurts(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t kept[8];
        size_t at[8];
        for (unsigned i = 0; i < 8; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            at[i] = (seed >> 33) % (HEADER + SEGMENTS * PHEADER);
            kept[i] = file[at[i]];
            file[at[i]] = (uint8_t)(seed >> 24);
        }
        if (elf_parse(file, FILE_BYTES, MACHINE, &image) == NULL) {
            for (unsigned i = 0; i < image.count; i++) {
                const struct elf_segment *s = &image.segments[i];
                assert_true(s->address + s->bytes <= ELF_ADDRESS_MAX &&
                            s->skip + s->file_bytes <= s->bytes);
                assert_true(s->file_offset + s->file_bytes <= FILE_BYTES);
                assert_true((s->flags & (VM_WRITE | VM_EXECUTE)) != (VM_WRITE | VM_EXECUTE));
            }
        }
        for (unsigned i = 8; i-- > 0;) {
            file[at[i]] = kept[i];
        }
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sound_file, file_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_file_gives_its_segments_in_whole_pages),
        TEST(a_file_cut_off_anywhere_is_refused_or_whole),
        TEST(a_file_that_is_no_elf_file_is_refused),
        TEST(another_class_or_byte_order_is_refused),
        TEST(another_machine_is_refused),
        TEST(shared_objects_and_dynamic_programs_are_refused),
        TEST(program_headers_outside_the_file_are_refused),
        TEST(impossible_numbers_of_program_headers_are_refused),
        TEST(segments_outside_the_file_are_refused),
        TEST(segments_outside_user_space_are_refused),
        TEST(memory_both_writable_and_executable_is_refused),
        TEST(segments_that_nobody_can_read_are_refused),
        TEST(segments_that_share_a_page_are_refused),
        TEST(a_segment_that_lies_crooked_in_its_page_is_refused),
        TEST(more_segments_than_the_table_holds_are_refused),
        TEST(an_entry_outside_the_code_is_refused),
        TEST(a_file_without_anything_to_load_is_refused),
        TEST(random_damage_never_hurts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
