// SPDX-License-Identifier: MIT
// sources: kernel/lib/random.c kernel/lib/spinlock.c arch/host/cpu.c arch/host/debug.c
#include "cm.h"

#include "kernel/lib/random.h"
#include <host.h>

static void a_block_equals_the_test_vector_of_rfc_8439_section_2_3_2(void **state)
{
    (void)state;
    uint32_t key[8];
    for (uint32_t i = 0; i < 8; i++) { // bytes 00 01 02 ... 1f
        key[i] = (4 * i) | (4 * i + 1) << 8 | (4 * i + 2) << 16 | (4 * i + 3) << 24;
    }
    static const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
    static const uint8_t want[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
    uint8_t got[64];
    chacha20_block(key, 1, nonce, got);
    assert_memory_equal(got, want, 64);
}

static void a_block_equals_the_test_vector_of_rfc_8439_appendix_a_1(void **state)
{
    (void)state;
    static const uint32_t key[8], nonce[3];
    static const uint8_t want[16] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
                                     0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28};
    uint8_t got[64];
    chacha20_block(key, 0, nonce, got);
    assert_memory_equal(got, want, 16);
}

// Must run first: the generator starts from a key of zeros.
static void a_request_never_shows_the_key_of_the_next_one(void **state)
{
    (void)state;
    static const uint32_t zero_key[8], nonce[3];
    const uint32_t seed_nonce[3] = {0x55667788, 0x11223344, 1};
    uint8_t block[64], got[32];
    uint32_t key[8];
    random_seed(NULL, 0, 0x1122334455667788);
    chacha20_block(zero_key, 0, seed_nonce, block);
    memcpy(key, block, 32);
    for (unsigned i = 0; i < 3; i++) {
        chacha20_block(key, 0, nonce, block);
        random_bytes(got, 32);
        assert_memory_equal(got, block + 32, 32); // the first half becomes the key
        memcpy(key, block, 32);
    }
}

static void no_two_requests_give_the_same_bytes(void **state)
{
    (void)state;
    random_seed("seed", 4, 1);
    uint64_t seen[256];
    for (unsigned i = 0; i < 256; i++) {
        seen[i] = random_u64();
        for (unsigned j = 0; j < i; j++) {
            assert_true(seen[i] != seen[j]);
        }
    }
}

static void every_length_is_filled_and_nothing_behind_it(void **state)
{
    (void)state;
    for (size_t n = 0; n <= RANDOM_MAX; n++) {
        uint8_t buf[RANDOM_MAX + 8], same[RANDOM_MAX];
        memset(buf, 0, sizeof(buf));
        random_bytes(buf, n);
        random_bytes(same, n);
        assert_int_equal(buf[n], 0);
        if (n >= 16) {
            assert_memory_not_equal(buf, same, n);
            unsigned zeros = 0;
            for (size_t i = 0; i < n; i++) {
                zeros += buf[i] == 0;
            }
            assert_true(zeros <= 1 + n / 16);
        }
    }
}

static void long_and_empty_seeds_are_mixed_in(void **state)
{
    (void)state;
    uint8_t seed[100] = {0};
    random_seed(seed, sizeof(seed), 7);
    uint64_t before = random_u64();
    random_seed(NULL, 0, 8);
    assert_true(random_u64() != before);
}

static void bits_are_balanced(void **state)
{
    (void)state;
    unsigned ones = 0;
    for (unsigned i = 0; i < 4096; i++) {
        ones += (unsigned)__builtin_popcountll(random_u64());
    }
    // 262144 bits: the standard deviation is 256; seven of them
    assert_in_range(ones, 131072 - 1792, 131072 + 1792);
}

static void a_request_that_is_too_large_panics(void **state)
{
    (void)state;
    static uint8_t buf[RANDOM_MAX + 1];
    assert_true(HOST_PANICS(random_bytes(buf, sizeof(buf))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_never_shows_the_key_of_the_next_one),
        cmocka_unit_test(a_block_equals_the_test_vector_of_rfc_8439_section_2_3_2),
        cmocka_unit_test(a_block_equals_the_test_vector_of_rfc_8439_appendix_a_1),
        cmocka_unit_test(no_two_requests_give_the_same_bytes),
        cmocka_unit_test(every_length_is_filled_and_nothing_behind_it),
        cmocka_unit_test(long_and_empty_seeds_are_mixed_in),
        cmocka_unit_test(bits_are_balanced),
        cmocka_unit_test(a_request_that_is_too_large_panics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
