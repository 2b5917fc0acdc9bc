// SPDX-License-Identifier: MIT
// What the device manager reads from device trees: those of the machines we run on, and hostile
// ones.
//
// sources: user/servers/devmgr/tree.c
// sources: build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_ro.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_check.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_sw.c
#include "tree_builder.h"

#include "user/servers/devmgr/tree.h"

static struct device_place place;

// An interrupt controller with phandle 1.
static void controller(const char *compatible, uint32_t cells)
{
    tree_node("intc");
    tree_string("compatible", compatible);
    tree_u32("#interrupt-cells", cells);
    tree_u32("phandle", 1);
    tree_end();
}

static void expect_place(uint64_t base, uint32_t line, bool edge)
{
    int node = tree_console(tree);
    assert_true(tree_valid(tree, TREE_BYTES));
    assert_true(node >= 0);
    const char *why = tree_place(tree, node, true, &place);
    assert_null(why);
    assert_true(place.base == base);
    assert_int_equal(place.line, line);
    assert_int_equal(place.edge, edge);
}

static void expect_refused(const char *why)
{
    int node = tree_console(tree);
    assert_true(tree_valid(tree, TREE_BYTES));
    assert_true(node >= 0);
    const char *got = tree_place(tree, node, true, &place);
    assert_non_null(got);
    assert_string_equal(got, why);
}

static void chosen(const char *stdout_path)
{
    tree_node("chosen");
    tree_string("stdout-path", stdout_path);
    tree_end();
}

static void a_pl011_behind_a_gic_is_found(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_u32("interrupt-parent", 1);
    controller("arm,cortex-a15-gic", 3);
    tree_node("pl011@9000000");
    TREE_REG(0x9000000, 0x1000);
    TREE_CELLS("interrupts", 0, 1, 4);
    tree_end();
    chosen("/pl011@9000000");
    tree_finish();
    expect_place(0x9000000, 33, false);
}

static void a_private_edge_interrupt_is_counted_from_16(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    controller("arm,gic-v3", 3);
    tree_node("uart@1000");
    tree_u32("interrupt-parent", 1);
    TREE_REG(0x1000, 0x100);
    TREE_CELLS("interrupts", 1, 5, 1);
    tree_end();
    chosen("/uart@1000");
    tree_finish();
    expect_place(0x1000, 21, true);
}

static void a_16550_on_a_bus_behind_a_plic_is_found_through_an_alias(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    controller("riscv,plic0", 1);
    tree_node("aliases");
    tree_string("serial0", "/soc/serial@200");
    tree_end();
    tree_node("soc");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 1);
    TREE_CELLS("ranges", 0x0, 0x1, 0x10000000, 0x1000);
    tree_node("serial@200");
    TREE_CELLS("reg", 0x200, 0x100);
    TREE_CELLS("interrupts-extended", 1, 10);
    tree_end();
    tree_end();
    chosen("serial0:115200n8");
    tree_finish();
    expect_place(0x110000200, 10, false);
    assert_true(place.bytes == 0x100);
}

static void a_bus_that_does_not_translate_hides_its_devices(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_node("soc");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 1);
    TREE_CELLS("ranges", 0x0, 0x0, 0x10000000, 0x1000);
    tree_node("serial");
    TREE_CELLS("reg", 0xff8, 0x10);
    tree_end();
    tree_end();
    chosen("/soc/serial");
    tree_finish();
    expect_refused("its bus does not say where the CPU sees it");
}

static void device_with(const uint32_t *reg, size_t cells, uint32_t parent)
{
    uint32_t raw[8];
    for (size_t i = 0; i < cells; i++) {
        raw[i] = cpu_to_fdt32(reg[i]);
    }
    tree_begin();
    tree_root();
    controller("riscv,plic0", 1);
    tree_node("uart");
    tree_bytes("reg", raw, cells * 4);
    tree_u32("interrupt-parent", parent);
    tree_u32("interrupts", 3);
    tree_end();
    chosen("/uart");
    tree_finish();
}

static void registers_that_cannot_be_are_refused(void **state)
{
    (void)state;
    device_with((const uint32_t[]){0, 0x1000, 0}, 3, 1);
    expect_refused("it has no usable reg property");
    device_with((const uint32_t[]){0, 0x1000, 0, 0}, 4, 1);
    expect_refused("its registers have no size or wrap around");
    device_with((const uint32_t[]){0xffffffff, 0xfffff000, 0, 0x2000}, 4, 1);
    expect_refused("its registers have no size or wrap around");
}

static void a_missing_interrupt_controller_is_told(void **state)
{
    (void)state;
    device_with((const uint32_t[]){0, 0x1000, 0, 0x100}, 4, 9);
    expect_refused("its interrupt controller is missing");
}

static void interrupts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *controller;
        uint32_t cells, kind, number;
        const char *why;
    } cases[] = {
        {"arm,gic-v3", 3, 2, 1, "its interrupt is neither shared nor private"},
        {"arm,gic-v3", 3, 0, 0xffffffff, "its interrupt is outside the controller"},
        {"arm,gic-v3", 9, 0, 1, "its interrupt is cut off"},
        {"acme,intc", 3, 0, 1, "its interrupt controller is unknown"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tree_begin();
        tree_root();
        controller(cases[i].controller, cases[i].cells);
        tree_node("uart");
        TREE_REG(0x1000, 0x100);
        tree_u32("interrupt-parent", 1);
        TREE_CELLS("interrupts", cases[i].kind, cases[i].number, 4);
        tree_end();
        chosen("/uart");
        tree_finish();
        expect_refused(cases[i].why);
    }
}

static void a_tree_without_a_console_says_so(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_finish();
    assert_int_equal(tree_console(tree), -1);
    tree_begin();
    tree_root();
    chosen("/nowhere");
    tree_finish();
    assert_int_equal(tree_console(tree), -1);
}

static void a_device_that_is_switched_off_is_not_enabled(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_node("on");
    tree_string("status", "okay");
    tree_end();
    tree_node("off");
    tree_string("status", "disabled");
    tree_end();
    tree_finish();
    assert_true(tree_enabled(tree, fdt_path_offset(tree, "/on")));
    assert_false(tree_enabled(tree, fdt_path_offset(tree, "/off")));
    assert_true(tree_enabled(tree, 0));
}

static void random_damage_never_hurts(void **state)
{
    static uint8_t sound[TREE_BYTES];
    uint64_t seed = 11;
    a_16550_on_a_bus_behind_a_plic_is_found_through_an_alias(state);
    memcpy(sound, tree, sizeof(sound));
    for (unsigned round = 0; round < 5000; round++) {
        memcpy(tree, sound, sizeof(tree));
        for (unsigned i = 0; i < 4; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            tree[(seed >> 33) % fdt_totalsize(sound)] = (uint8_t)(seed >> 21);
        }
        if (!tree_valid(tree, TREE_BYTES)) {
            continue;
        }
        (void)tree_console(tree);
        for (int node = fdt_next_node(tree, -1, NULL); node >= 0;
             node = fdt_next_node(tree, node, NULL)) {
            (void)tree_place(tree, node, true, &place);
            (void)tree_enabled(tree, node);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pl011_behind_a_gic_is_found),
        cmocka_unit_test(a_private_edge_interrupt_is_counted_from_16),
        cmocka_unit_test(a_16550_on_a_bus_behind_a_plic_is_found_through_an_alias),
        cmocka_unit_test(a_bus_that_does_not_translate_hides_its_devices),
        cmocka_unit_test(registers_that_cannot_be_are_refused),
        cmocka_unit_test(a_missing_interrupt_controller_is_told),
        cmocka_unit_test(interrupts_that_cannot_be_are_refused),
        cmocka_unit_test(a_tree_without_a_console_says_so),
        cmocka_unit_test(a_device_that_is_switched_off_is_not_enabled),
        cmocka_unit_test(random_damage_never_hurts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
