// SPDX-License-Identifier: MIT
// What the arm64 port reads from device trees: good ones, odd ones, damaged ones.
//
// sources: arch/arm64/tree.c kernel/lib/devicetree.c kernel/lib/devicetree_salvage.c kernel/debug/console.c kernel/lib/printf.c
// sources: arch/host/cpu.c arch/host/debug.c tests/fuzz/fuzz_tree_arm64.c tests/fuzz/registers.c
// sources: build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_ro.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_check.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_sw.c
#include "arch/arm64/tree.h"
#include "tree_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); // tests/fuzz/fuzz_tree_arm64.c

static struct tree_controller controller;
static struct tree_psci psci;
static uint32_t line, hz;

static void build_controller(const char *name, const char *compatible, uint32_t second_bytes)
{
    tree_node(name);
    tree_string("compatible", compatible);
    tree_bytes("interrupt-controller", NULL, 0);
    tree_u32("#interrupt-cells", 3);
    tree_u32("phandle", 1);
    TREE_CELLS("reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, second_bytes);
}

static void build_timer(uint32_t type, uint32_t number)
{
    tree_node("timer");
    tree_string("compatible", "arm,armv8-timer");
    TREE_CELLS("interrupts", 1, 13, 4, 1, 14, 4, type, number, 4, 1, 10, 4);
    tree_end();
}

static void build_psci(const char *compatible, const char *method)
{
    tree_node("psci");
    tree_string("compatible", compatible);
    tree_string("method", method);
    TREE_CELLS("cpu_on", 0x84000042);
    TREE_CELLS("cpu_off", 0x84000043);
    tree_end();
}

static void build_machine(void)
{
    tree_begin();
    tree_root();
    tree_u32("interrupt-parent", 1);
    tree_memory("memory@40000000", 0x40000000, 0x10000000);
}

static void a_whole_machine_is_read(void **state)
{
    (void)state;
    build_machine();
    build_controller("intc@8000000", "arm,gic-v3", 0xf60000);
    tree_end();
    build_timer(1, 11);
    build_psci("arm,psci-1.0", "hvc");
    tree_finish();
    assert_null(tree_controller(tree, &controller));
    assert_int_equal(controller.kind, TREE_GICV3);
    assert_string_equal(controller.name, "intc@8000000");
    assert_int_equal(controller.distributor, 0x8000000);
    assert_int_equal(controller.second, 0x80a0000);
    assert_int_equal(controller.second_bytes, 0xf60000);
    assert_null(tree_timer(tree, &line, &hz));
    assert_int_equal(line, 27);
    assert_int_equal(hz, 0);
    tree_psci(tree, &psci);
    assert_int_equal(psci.method, TREE_PSCI_HVC);
    assert_int_equal(psci.cpu_on, 0xc4000003);
    assert_true(psci.has_system);
}

static const char *controller_of(const char *compatible, uint32_t second_bytes, const char *status)
{
    build_machine();
    build_controller("intc@8000000", compatible, second_bytes);
    if (status != NULL) {
        tree_string("status", status);
    }
    tree_end();
    tree_finish();
    return tree_controller(tree, &controller);
}

static void controllers_of_every_known_kind_are_taken(void **state)
{
    (void)state;
    static const char *const v2[] = {"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic",
                                     "arm,cortex-a7-gic"};
    for (size_t i = 0; i < ARRAY_SIZE(v2); i++) {
        assert_null(controller_of(v2[i], 0x2000, "okay"));
        assert_int_equal(controller.kind, TREE_GICV2);
    }
}

static void a_controller_that_cannot_be_used_is_named(void **state)
{
    (void)state;
    assert_non_null(strstr(controller_of("acme,intc", 0x2000, NULL), "GICv2"));
    assert_string_equal(controller.name, "acme,intc");
    assert_non_null(controller_of("arm,gic-400", 0x2000, "disabled"));
    assert_non_null(strstr(controller_of("arm,gic-v3", 0x10000, NULL), "too small"));
    assert_string_equal(controller.name, "intc@8000000");
    build_machine();
    tree_memory("memory@8000000", 0x8000000, 0x100000); // where the controller is said to be
    build_controller("intc@8000000", "arm,gic-v3", 0xf60000);
    tree_end();
    tree_finish();
    assert_non_null(tree_controller(tree, &controller));
    build_machine();
    tree_finish();
    assert_non_null(tree_controller(tree, &controller));
    assert_null(controller.name);
}

static const char *timer_of(uint32_t type, uint32_t number)
{
    build_machine();
    build_controller("intc@8000000", "arm,gic-400", 0x2000);
    tree_end();
    build_timer(type, number);
    tree_finish();
    return tree_timer(tree, &line, &hz);
}

static void a_timer_without_a_per_cpu_interrupt_is_refused(void **state)
{
    (void)state;
    assert_null(timer_of(1, 15));
    assert_non_null(strstr(timer_of(0, 11), "per-CPU"));
    assert_non_null(strstr(timer_of(1, 16), "per-CPU"));
    build_machine(); // no controller: specifiers of unknown size
    build_timer(1, 11);
    tree_finish();
    assert_non_null(strstr(tree_timer(tree, &line, &hz), "interrupt-parent"));
    build_machine();
    tree_finish();
    assert_non_null(strstr(tree_timer(tree, &line, &hz), "arm,armv8-timer"));
}

static void the_virtual_timer_is_found_by_its_name(void **state)
{
    (void)state;
    build_machine();
    build_controller("intc@8000000", "arm,gic-400", 0x2000);
    tree_end();
    tree_node("timer");
    tree_string("compatible", "arm,armv8-timer");
    tree_bytes("interrupt-names", "virt\0phys", 10);
    TREE_CELLS("interrupts", 1, 11, 4, 1, 14, 4);
    tree_u32("clock-frequency", 24000000);
    tree_end();
    tree_finish();
    assert_null(tree_timer(tree, &line, &hz));
    assert_int_equal(line, 27);
    assert_int_equal(hz, 24000000);
}

static void firmware_is_called_as_the_tree_says(void **state)
{
    (void)state;
    static const struct {
        const char *compatible, *call;
        enum tree_psci_method method;
        bool has_system;
    } cases[] = {{"arm,psci-0.2", "smc", TREE_PSCI_SMC, true},
                 {"arm,psci-1.0", "hvc", TREE_PSCI_HVC, true},
                 {"arm,psci", "smc", TREE_PSCI_SMC, false},
                 {"arm,psci-1.0", "svc", TREE_PSCI_NONE, true},
                 {"acme,power", "smc", TREE_PSCI_NONE, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        build_machine();
        build_psci(cases[i].compatible, cases[i].call);
        tree_finish();
        tree_psci(tree, &psci);
        assert_int_equal(psci.method, cases[i].method);
        assert_int_equal(psci.has_system, cases[i].has_system);
    }
    build_machine(); // version 0.1 states its numbers
    build_psci("arm,psci", "smc");
    tree_finish();
    tree_psci(tree, &psci);
    assert_int_equal(psci.cpu_on, 0x84000042);
    assert_int_equal(psci.cpu_off, 0x84000043);
}

static void damaged_trees_do_not_crash(void **state)
{
    (void)state;
    build_machine();
    tree_node("chosen");
    tree_string("stdout-path", "/serial@9000000:115200n8");
    tree_end();
    tree_node("serial@9000000");
    tree_string("compatible", "arm,pl011");
    TREE_REG(0x9000000, 0x1000);
    tree_end();
    build_controller("intc@8000000", "arm,gic-v3", 0xf60000);
    tree_end();
    build_timer(1, 11);
    build_psci("arm,psci-1.0", "hvc");
    tree_finish();
    tree_try_damages(LLVMFuzzerTestOneInput, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_machine_is_read),
        cmocka_unit_test(controllers_of_every_known_kind_are_taken),
        cmocka_unit_test(a_controller_that_cannot_be_used_is_named),
        cmocka_unit_test(a_timer_without_a_per_cpu_interrupt_is_refused),
        cmocka_unit_test(the_virtual_timer_is_found_by_its_name),
        cmocka_unit_test(firmware_is_called_as_the_tree_says),
        cmocka_unit_test(damaged_trees_do_not_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
