// SPDX-License-Identifier: MIT
// What the riscv64 port reads from device trees: good ones, odd ones, damaged ones.
//
// sources: arch/riscv64/tree.c arch/riscv64/tree_early.c kernel/lib/devicetree.c kernel/lib/devicetree_salvage.c kernel/debug/console.c kernel/lib/printf.c
// sources: arch/host/cpu.c arch/host/debug.c tests/fuzz/fuzz_tree_riscv64.c tests/fuzz/registers.c
// sources: build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_ro.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_check.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_sw.c
#include "arch/riscv64/tree.h"
#include "tree_builder.h"

#define HARTS   3u
#define BOOT    1u  // hart
#define PHANDLE 10u // of hart 0's controller

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); // tests/fuzz/fuzz_tree_riscv64.c

static struct tree_controller controller;

static void build_hart(uint32_t hart)
{
    char name[16];
    snprintf(name, sizeof(name), "cpu@%u", hart);
    tree_node(name);
    tree_string("device_type", "cpu");
    tree_u32("reg", hart);
    if (hart == BOOT) {
        tree_string("riscv,isa", "rv64imafdc_zicsr_sstc_zba");
    } else {
        tree_bytes("riscv,isa-extensions", "i\0m\0sstcx", 10);
    }
    tree_node("interrupt-controller");
    tree_string("compatible", "riscv,cpu-intc");
    tree_bytes("interrupt-controller", NULL, 0);
    tree_u32("phandle", PHANDLE + hart);
    tree_end();
    tree_end();
}

static void build_machine(const char *bootargs)
{
    tree_begin();
    tree_root();
    tree_memory("memory@80000000", 0x80000000, 0x10000000);
    tree_node("chosen");
    tree_string("stdout-path", "/serial@10000000");
    tree_string("bootargs", bootargs);
    tree_end();
    tree_node("serial@10000000");
    tree_string("compatible", "ns16550a");
    TREE_REG(0x10000000, 0x100);
    tree_end();
    tree_node("cpus");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 0);
    tree_u32("timebase-frequency", 10000000);
    for (uint32_t hart = 0; hart < HARTS; hart++) {
        build_hart(hart);
    }
    tree_end();
}

static void build_plic(const char *compatible, uint32_t lines)
{
    tree_node("plic@c000000");
    tree_string("compatible", compatible);
    tree_bytes("interrupt-controller", NULL, 0);
    tree_u32("riscv,ndev", lines);
    TREE_REG(0xc000000, 0x600000);
    TREE_CELLS("interrupts-extended", PHANDLE, 11, PHANDLE, 9, PHANDLE + 1, 11, PHANDLE + 1, 9);
    tree_end();
}

// An APLIC of the privilege level whose external interrupt is given, with hart 2 first.
static void build_aplic(const char *name, uint32_t base, uint32_t interrupt)
{
    tree_node(name);
    tree_string("compatible", "riscv,aplic");
    tree_bytes("interrupt-controller", NULL, 0);
    tree_u32("riscv,num-sources", 96);
    TREE_REG(base, 0x8000);
    TREE_CELLS("interrupts-extended", PHANDLE + 2, interrupt, PHANDLE, interrupt, PHANDLE + 1,
               interrupt);
    tree_end();
}

static void a_plic_is_found_with_the_context_of_the_hart(void **state)
{
    (void)state;
    build_machine("");
    build_plic("sifive,plic-1.0.0", 96);
    tree_finish();
    assert_null(tree_controller(tree, BOOT, &controller));
    assert_int_equal(controller.kind, TREE_PLIC);
    assert_string_equal(controller.name, "plic@c000000");
    assert_int_equal(controller.base, 0xc000000);
    assert_int_equal(controller.bytes, 0x600000);
    assert_int_equal(controller.lines, 97);
    assert_int_equal(controller.context, 3);
    assert_null(tree_controller(tree, 0, &controller));
    assert_int_equal(controller.context, 1);
}

static void of_two_aplics_the_one_of_supervisor_mode_is_taken(void **state)
{
    (void)state;
    build_machine("");
    build_aplic("aplic@c000000", 0xc000000, 11);
    build_aplic("aplic@d000000", 0xd000000, 9);
    tree_finish();
    assert_null(tree_controller(tree, BOOT, &controller));
    assert_int_equal(controller.kind, TREE_APLIC);
    assert_int_equal(controller.base, 0xd000000);
    assert_int_equal(controller.context, 2);
}

static void a_controller_that_cannot_be_used_is_named(void **state)
{
    (void)state;
    build_machine("");
    build_plic("acme,intc", 96);
    tree_finish();
    assert_non_null(strstr(tree_controller(tree, BOOT, &controller), "PLIC"));
    assert_string_equal(controller.name, "acme,intc");
    static const uint32_t wrong[] = {0, TREE_LINES_MAX, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        build_machine("");
        build_plic("riscv,plic0", wrong[i]);
        tree_finish();
        assert_non_null(strstr(tree_controller(tree, BOOT, &controller), "sources"));
        assert_string_equal(controller.name, "plic@c000000");
    }
    build_machine("");
    build_plic("riscv,plic0", 96);
    tree_finish();
    assert_non_null(strstr(tree_controller(tree, 2, &controller), "context")); // does not serve it
    assert_non_null(strstr(tree_controller(tree, 7, &controller), "cpu-intc"));
}

static void an_aplic_that_sends_messages_is_named(void **state)
{
    (void)state;
    build_machine("");
    tree_node("aplic@d000000");
    tree_string("compatible", "riscv,aplic");
    tree_u32("msi-parent", 99);
    tree_end();
    tree_finish();
    assert_non_null(strstr(tree_controller(tree, BOOT, &controller), "IMSIC"));
}

static void extensions_are_read_from_both_properties(void **state)
{
    (void)state;
    build_machine("");
    tree_finish();
    int node = tree_hart(tree, BOOT);
    assert_true(node >= 0);
    assert_true(tree_hart_has(tree, node, "sstc", false));
    assert_true(tree_hart_has(tree, node, "d", false));
    assert_false(tree_hart_has(tree, node, "v", true));
    assert_false(tree_hart_has(tree, node, "sst", true)); // no part of a word
    node = tree_hart(tree, 0);
    assert_true(tree_hart_has(tree, node, "m", false));
    assert_false(tree_hart_has(tree, node, "sstc", true));
    assert_true(tree_hart(tree, 9) < 0);
}

static void the_timebase_is_read_or_missed(void **state)
{
    (void)state;
    uint64_t hz = 0;
    build_machine("");
    tree_finish();
    assert_null(tree_timebase(tree, BOOT, &hz));
    assert_int_equal(hz, 10000000);
    tree_begin();
    tree_root();
    tree_finish();
    assert_non_null(tree_timebase(tree, BOOT, &hz));
}

static bool early(const char *bootargs)
{
    build_machine(bootargs);
    tree_finish();
    return tree_early_option(tree, "sv39");
}

static void an_option_is_found_as_a_whole_word_only(void **state)
{
    (void)state;
    assert_true(early("sv39"));
    assert_true(early("  quiet sv39 panic=off"));
    assert_true(early("run=\"a b\" sv39"));
    assert_false(early(""));
    assert_false(early("sv39x xsv39 sv3 sv39=1"));
    assert_false(early("quiet -- sv39"));
    assert_false(early("note=\"a sv39 b\""));
    tree[0] = 0;
    assert_false(tree_early_option(tree, "sv39"));
}

static void the_command_line_is_that_of_chosen(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_string("bootargs", "sv39");
    tree_node("other");
    tree_string("bootargs", "sv39");
    tree_node("chosen");
    tree_string("bootargs", "sv39");
    tree_end();
    tree_end();
    tree_finish();
    assert_false(tree_early_option(tree, "sv39"));
}

static void damaged_trees_do_not_crash(void **state)
{
    (void)state;
    build_machine("quiet sv39");
    build_plic("riscv,plic0", 96);
    build_aplic("aplic@d000000", 0xd000000, 9);
    tree_finish();
    tree_try_damages(LLVMFuzzerTestOneInput, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plic_is_found_with_the_context_of_the_hart),
        cmocka_unit_test(of_two_aplics_the_one_of_supervisor_mode_is_taken),
        cmocka_unit_test(a_controller_that_cannot_be_used_is_named),
        cmocka_unit_test(an_aplic_that_sends_messages_is_named),
        cmocka_unit_test(extensions_are_read_from_both_properties),
        cmocka_unit_test(the_timebase_is_read_or_missed),
        cmocka_unit_test(an_option_is_found_as_a_whole_word_only),
        cmocka_unit_test(the_command_line_is_that_of_chosen),
        cmocka_unit_test(damaged_trees_do_not_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
