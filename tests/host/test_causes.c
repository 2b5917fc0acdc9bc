// SPDX-License-Identifier: MIT
// What exceptions mean: ARM64 syndromes and RISC-V causes, all of them.
//
// sources: arch/arm64/esr.c arch/riscv64/cause.c kernel/lib/printf.c arch/host/debug.c arch/host/cpu.c
#include "cm.h"

#include "arch/arm64/esr.h"
#include "arch/riscv64/cause.h"

#define ESR(ec, iss) ((uint64_t)(ec) << 26 | 1u << 25 | (iss))

static void esr_is(uint64_t esr, enum fault_kind kind, const char *text)
{
    char buf[96];
    esr_describe(esr, buf, sizeof(buf));
    assert_string_equal(buf, text);
    assert_int_equal(esr_fault_kind(esr), kind);
}

static void aborts_tell_access_fault_and_level(void **state)
{
    (void)state;
    esr_is(ESR(0x24, 0x06), FAULT_READ, "data abort from EL0, read: translation fault, level 2");
    esr_is(ESR(0x25, 0x4f), FAULT_WRITE, "data abort, write: permission fault, level 3");
    esr_is(ESR(0x24, 0x14f), FAULT_READ, // cache maintenance
           "data abort from EL0, read: permission fault, level 3");
    esr_is(ESR(0x20, 0x0f), FAULT_EXECUTE, "instruction abort from EL0: permission fault, level 3");
    esr_is(ESR(0x21, 0x04), FAULT_EXECUTE, "instruction abort: translation fault, level 0");
    esr_is(ESR(0x24, 0x10), FAULT_BUS, "data abort from EL0, read: external abort");
    esr_is(ESR(0x24, 0x21), FAULT_ALIGNMENT, "data abort from EL0, read: alignment fault");
    esr_is(ESR(0x25, 0x16), FAULT_BUS, "data abort, read: external abort on a table walk, level 2");
    esr_is(ESR(0x25, 0x3f), FAULT_OTHER, "data abort, read: reserved status 0x3f");
}

static void addresses_are_valid_only_where_the_syndrome_says_so(void **state)
{
    (void)state;
    assert_true(esr_has_address(ESR(0x24, 0x06)));
    assert_false(esr_has_address(ESR(0x24, 0x10 | ESR_FNV)));
    assert_true(esr_has_address(ESR(0x22, 0)));
    assert_false(esr_has_address(ESR(0x00, 0)));
    assert_false(esr_has_address(ESR(0x3c, 0)));
}

static void traps_of_the_compiler_are_named(void **state)
{
    (void)state;
    esr_is(ESR(0x3c, 0x5514), FAULT_BREAKPOINT,
           "undefined behaviour: shift out of bounds (check 20)");
    esr_is(ESR(0x3c, 0x5512), FAULT_BREAKPOINT,
           "undefined behaviour: index out of bounds (check 18)");
    esr_is(ESR(0x3c, 0x55ff), FAULT_BREAKPOINT, "undefined behaviour: ? (check 255)");
    esr_is(ESR(0x3c, 1), FAULT_BREAKPOINT, "trap of the compiler's");
    esr_is(ESR(0x3c, 0xf000), FAULT_BREAKPOINT, "BRK 61440");
}

static void every_syndrome_has_words_and_a_kind(void **state)
{
    (void)state;
    char buf[96];
    for (uint64_t ec = 0; ec < 64; ec++) {
        for (uint64_t iss = 0; iss < 0x800; iss++) {
            buf[0] = '\0';
            esr_describe(ESR(ec, iss), buf, sizeof(buf));
            assert_in_range(strlen(buf), 3, 94);
            assert_in_range(esr_fault_kind(ESR(ec, iss)), FAULT_READ, FAULT_BAD_SYSCALL);
        }
    }
    esr_is(ESR(0x02, 0), FAULT_OTHER, "reserved exception class 0x02");
    esr_is(ESR(0x00, 0), FAULT_ILLEGAL, "undefined instruction");
    esr_is(ESR(0x0e, 0), FAULT_ILLEGAL, "illegal execution state");
    char tiny[8];
    esr_describe(ESR(0x25, 0x16), tiny, sizeof(tiny)); // cut, not overrun
    assert_string_equal(tiny, "data ab");
}

static void cause_is(uint64_t scause, uint64_t stval, enum fault_kind kind, const char *text)
{
    char buf[96];
    cause_describe(scause, stval, buf, sizeof(buf));
    assert_string_equal(buf, text);
    assert_int_equal(cause_kind(scause), kind);
}

static void causes_are_told_in_words(void **state)
{
    (void)state;
    cause_is(13, 0x123, FAULT_READ, "load page fault");
    cause_is(15, 0, FAULT_WRITE, "store page fault");
    cause_is(12, 0, FAULT_EXECUTE, "instruction page fault");
    cause_is(5, 0, FAULT_BUS, "load access fault");
    cause_is(2, 0x12345, FAULT_ILLEGAL, "illegal instruction");
    cause_is(2, 0, FAULT_ILLEGAL,
             "trap of the compiler's: undefined behaviour or unreachable code");
    cause_is(2, 0xc0001073, FAULT_ILLEGAL,
             "trap of the compiler's: undefined behaviour or unreachable code");
    cause_is(19, 0, FAULT_BUS, "hardware error");
    cause_is(10, 0, FAULT_OTHER, "reserved cause 10");
    cause_is(14, 0, FAULT_OTHER, "reserved cause 14");
    cause_is(24, 0, FAULT_OTHER, "custom cause 24");
    cause_is(64, 0, FAULT_OTHER, "reserved cause 64");
    cause_is((uint64_t)1 << 63 | 5, 0, FAULT_OTHER, "interrupt 5");
    cause_is(UINT64_MAX, 0, FAULT_OTHER, "interrupt 9223372036854775807");
}

static void only_page_faults_are_page_faults(void **state)
{
    (void)state;
    for (uint64_t cause = 0; cause < 100; cause++) {
        assert_int_equal(cause_is_page_fault(cause), cause == 12 || cause == 13 || cause == 15);
    }
    for (uint64_t fsc = 0; fsc < 64; fsc++) {
        assert_int_equal(esr_is_page_fault(ESR(0x25, fsc)), fsc >= 4 && fsc <= 15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aborts_tell_access_fault_and_level),
        cmocka_unit_test(addresses_are_valid_only_where_the_syndrome_says_so),
        cmocka_unit_test(traps_of_the_compiler_are_named),
        cmocka_unit_test(every_syndrome_has_words_and_a_kind),
        cmocka_unit_test(causes_are_told_in_words),
        cmocka_unit_test(only_page_faults_are_page_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
