// SPDX-License-Identifier: MIT
// Device tree addresses, and the early console that is found through them.
//
// sources: kernel/lib/devicetree.c kernel/lib/devicetree_salvage.c kernel/debug/console.c kernel/lib/printf.c arch/host/cpu.c arch/host/debug.c arch/host/physmap.c
// sources: build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_ro.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_check.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_sw.c
#include "tree_builder.h"

#include "kernel/debug/log.h"
#include "kernel/lib/devicetree.h"
#include <host.h>

static void a_blob_must_be_aligned_whole_and_of_version_17(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_finish();
    assert_true(devicetree_valid(tree));
    assert_false(devicetree_valid(NULL));

    static _Alignas(8) uint8_t other[TREE_BYTES + 8];
    memcpy(other + 4, tree, TREE_BYTES);
    assert_false(devicetree_valid(other + 4));
    memcpy(other, tree, TREE_BYTES);
    fdt_set_version(other, 16);
    assert_false(devicetree_valid(other));
    memcpy(other, tree, TREE_BYTES);
    fdt_set_totalsize(other, DEVICETREE_BYTES_MAX + 1);
    assert_false(devicetree_valid(other));
    memcpy(other, tree, TREE_BYTES);
    fdt_set_size_dt_struct(other, fdt_size_dt_struct(other) - 4); // FDT_END is missing
    assert_false(devicetree_valid(other));
}

static void numbers_have_zero_to_four_cells_and_must_fit_64_bits(void **state)
{
    (void)state;
    uint32_t cells[] = {cpu_to_fdt32(1), cpu_to_fdt32(2), cpu_to_fdt32(3)};
    uint64_t v;
    const uint32_t *p = cells;
    assert_true(devicetree_number(&p, 0, &v));
    assert_int_equal(v, 0);
    assert_true(devicetree_number(&p, 1, &v));
    assert_int_equal(v, 1);
    assert_true(devicetree_number(&p, 2, &v));
    assert_int_equal(v, 0x200000003);
    assert_ptr_equal(p, cells + 3);
    p = cells;
    assert_false(devicetree_number(&p, 3, &v)); // 1 << 64
    cells[0] = 0;
    p = cells;
    assert_true(devicetree_number(&p, 3, &v));
}

// A device at 0x1000 of a bus at 0x100 of another bus at 0x40000000 (one address cell each).
static void build_buses(bool outer_has_ranges)
{
    tree_begin();
    tree_root();
    tree_node("soc");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 1);
    if (outer_has_ranges) {
        // Two windows; the device is in the second.
        TREE_CELLS("ranges", 0x0, 0x0, 0x90000000, 0x1000, 0x10000, 0x1, 0x40000000, 0x10000);
    }
    tree_node("bus@10100");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 1);
    TREE_CELLS("ranges", 0x1000, 0x10100, 0x1000);
    tree_node("device@1000");
    TREE_CELLS("reg", 0x1000, 0x80, 0x1800, 0x10);
    tree_end();
    tree_end();
    tree_node("direct@10000");
    TREE_CELLS("reg", 0x10000, 0x10);
    tree_end();
    tree_end();
    tree_finish();
}

static void addresses_are_translated_through_every_bus(void **state)
{
    (void)state;
    build_buses(true);
    paddr_t base;
    uint64_t size;
    int node = fdt_path_offset(tree, "/soc/bus@10100/device@1000");
    assert_true(devicetree_reg(tree, node, 0, &base, &size));
    assert_int_equal(base, 0x140000100);
    assert_int_equal(size, 0x80);
    assert_true(devicetree_reg(tree, node, 1, &base, &size));
    assert_int_equal(base, 0x140000900);
    assert_false(devicetree_reg(tree, node, 2, &base, &size));
    assert_true(devicetree_reg_local(tree, node, fdt_parent_offset(tree, node), 1, &base, &size));
    assert_int_equal(base, 0x1800);
}

static void a_bus_without_ranges_has_no_cpu_addresses(void **state)
{
    (void)state;
    build_buses(false);
    paddr_t base = 1;
    uint64_t size = 2;
    int node = fdt_path_offset(tree, "/soc/direct@10000");
    assert_false(devicetree_reg(tree, node, 0, &base, &size));
    assert_int_equal(base, 1); // outputs are written only on success
    assert_int_equal(size, 2);
}

static void a_device_lies_at_most_15_levels_deep(void **state)
{
    (void)state;
    for (unsigned depth = 14; depth <= 17; depth++) {
        tree_begin();
        tree_root();
        for (unsigned i = 1; i < depth; i++) {
            tree_node("bus");
            tree_u32("#address-cells", 2);
            tree_u32("#size-cells", 2);
            tree_bytes("ranges", "", 0);
        }
        tree_node("device@9000000");
        tree_string("compatible", "test,device");
        TREE_REG(0x9000000, 0x1000);
        for (unsigned i = 0; i < depth; i++) {
            tree_end();
        }
        tree_finish();
        paddr_t base;
        uint64_t size;
        int node = devicetree_find(tree, "test,device");
        assert_int_equal(devicetree_reg(tree, node, 0, &base, &size), depth <= 15);
        assert_int_equal(devicetree_parent(tree, node),
                         depth <= 15 ? fdt_parent_offset(tree, node) : -FDT_ERR_NOTFOUND);
    }
    assert_int_equal(devicetree_parent(tree, 0), -FDT_ERR_NOTFOUND);
}

static void the_first_of_several_compatible_strings_is_told(void **state)
{
    (void)state;
    static const char *const wanted[] = {"test,new", "test,old"};
    unsigned which = 9;
    tree_begin();
    tree_root();
    tree_node("a");
    tree_bytes("compatible", "test,newer\0test,old", sizeof("test,newer\0test,old"));
    tree_string("status", "disabled");
    tree_end();
    tree_node("b");
    tree_bytes("compatible", "test,old\0test,new", sizeof("test,old\0test,new"));
    tree_end();
    tree_finish();
    int node = devicetree_find_any(tree, wanted, 2, &which);
    assert_int_equal(node, fdt_path_offset(tree, "/b"));
    assert_int_equal(which, 0);
    assert_int_equal(devicetree_find(tree, "test,newer"), -FDT_ERR_NOTFOUND);
}

static void the_padding_of_a_blob_is_known(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_finish();
    uint32_t exact = fdt_totalsize(tree);
    fdt_set_totalsize(tree, TREE_BYTES);
    assert_in_range(devicetree_used_bytes(tree), exact - 8, exact);
    fdt_set_totalsize(tree, devicetree_used_bytes(tree));
    assert_true(devicetree_valid(tree));
}

// --- The console ---

static _Alignas(8) uint8_t registers[4096];

static void build_uart(const char *compatible, const char *stdout_path, uint32_t shift,
                       uint32_t width)
{
    tree_begin();
    tree_root();
    tree_node("chosen");
    if (stdout_path != NULL) {
        tree_string("stdout-path", stdout_path);
    }
    tree_end();
    tree_node("aliases");
    tree_string("serial0", "/serial@9000000");
    tree_end();
    tree_node("serial@9000000");
    tree_string("compatible", compatible);
    TREE_REG(0x9000000, 0x1000);
    if (width != 0) {
        tree_u32("reg-shift", shift);
        tree_u32("reg-io-width", width);
    }
    tree_end();
    tree_finish();
    memset(registers, 0, sizeof(registers));
    host_device_set(0x9000000, registers, sizeof(registers));
}

static void a_pl011_is_found_by_its_path(void **state)
{
    (void)state;
    build_uart("arm,pl011", "/serial@9000000", 0, 0);
    assert_true(console_init(tree));
    console_write("ab", 2);
    assert_int_equal(registers[0], 'b');
}

static void an_ns16550_is_found_by_alias_with_line_settings(void **state)
{
    (void)state;
    build_uart("ns16550a", "serial0:115200n8", 0, 0);
    registers[5] = 0x20; // transmitter empty
    assert_true(console_init(tree));
    console_write("x", 1);
    assert_int_equal(registers[0], 'x');
}

static void reg_shift_and_io_width_are_respected(void **state)
{
    (void)state;
    build_uart("ns16550a", "serial0", 2, 4);
    registers[5 << 2] = 0x20;
    registers[1] = 0xff;
    assert_true(console_init(tree));
    console_write("y", 1);
    assert_int_equal(registers[0], 'y');
    assert_int_equal(registers[1], 0); // the whole 32-bit register was written
}

static void a_uart_that_never_gets_ready_does_not_stop_the_kernel(void **state)
{
    (void)state;
    build_uart("ns16550a", "serial0", 0, 1);
    assert_true(console_init(tree));
    console_write("z", 1);
    assert_int_equal(registers[0], 'z');
}

static void a_console_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    build_uart("vendor,unknown", "serial0", 0, 0);
    assert_false(console_init(tree));
    build_uart("arm,pl011", NULL, 0, 0);
    assert_false(console_init(tree));
    build_uart("arm,pl011", "/nowhere", 0, 0);
    assert_false(console_init(tree));
    build_uart("arm,pl011", "", 0, 0);
    assert_false(console_init(tree));
    build_uart("arm,pl011", ":", 0, 0);
    assert_false(console_init(tree));
    build_uart("ns16550a", "serial0", 9, 1); // registers outside reg
    assert_false(console_init(tree));
    build_uart("ns16550a", "serial0", 0, 2);
    assert_false(console_init(tree));
    assert_false(console_init(NULL));
}

// A tree of two UARTs; the first, which comes before the other in the blob, is disabled.
static void build_two_uarts(void)
{
    tree_begin();
    tree_root();
    tree_u32("interrupt-parent", 1);
    for (unsigned i = 0; i < 2; i++) {
        tree_node(i == 0 ? "pl011@9040000" : "pl011@109000000");
        if (i == 0) {
            tree_string("status", "disabled");
        }
        TREE_REG(i == 0 ? 0x9040000 : 0x109000000, 0x1000);
        tree_bytes("compatible", "arm,pl011\0arm,primecell", sizeof("arm,pl011\0arm,primecell"));
        tree_end();
    }
    tree_finish();
}

static paddr_t salvaged(void) { return devicetree_salvage(tree, sizeof(tree), "arm,pl011"); }

static void a_uart_is_found_in_a_damaged_tree(void **state)
{
    (void)state;
    build_two_uarts();
    assert_int_equal(salvaged(), 0x109000000);
    memset(tree, 0xff, sizeof(struct fdt_header));
    assert_int_equal(salvaged(), 0x109000000);
    build_two_uarts();
    memset(tree + fdt_off_dt_strings(tree), 0, fdt_size_dt_strings(tree));
    assert_int_equal(salvaged(), 0x109000000);
    assert_int_equal(devicetree_salvage(tree, sizeof(tree), "arm,pl01"), 0); // a part of the string
    assert_int_equal(devicetree_salvage(tree, sizeof(tree), "arm,primecell"), 0);
    assert_int_equal(devicetree_salvage(tree + 1, sizeof(tree) - 1, "arm,pl011"), 0);

    tree_begin();
    tree_root();
    tree_node("serial@fe001000");
    tree_u32("#address-cells", 1);
    tree_bytes("compatible", "arm,pl011", 10);
    TREE_CELLS("reg", 0xfe001000, 0x1000);
    tree_end();
    tree_finish();
    tree[0] = 0;
    assert_int_equal(salvaged(), 0xfe001000);
}

// Nothing of the node may be damaged: a wrong address could be any device.
static void a_damaged_uart_is_not_found(void **state)
{
    (void)state;
    build_two_uarts();
    const size_t bytes = fdt_off_dt_strings(tree);
    unsigned lost = 0;
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        tree[bit / 8] ^= 1u << bit % 8;
        paddr_t found = salvaged();
        lost += found == 0;
        assert_true(found == 0 || found == 0x109000000 || found == 0x9040000);
        tree[bit / 8] ^= 1u << bit % 8;
    }
    assert_true(lost > 8 * 40);
    for (size_t cut = 0; cut < bytes; cut++) {
        uint8_t *copy = malloc(cut + 1); // the sanitizer sees a read past its end
        memcpy(copy, tree, cut);
        assert_true(devicetree_salvage(copy, cut, "arm,pl011") % 0x109000000 == 0);
        free(copy);
    }
}

static void a_damaged_tree_still_gives_a_console(void **state)
{
    (void)state;
    static _Alignas(8) uint8_t memory[DEVICETREE_BYTES_MAX];
    build_uart("arm,pl011", NULL, 0, 0);
    memcpy(memory, tree, sizeof(tree));
    memory[0] = 0;
    assert_false(console_init(NULL));
    console_salvage(memory);
    console_write("s", 1);
    assert_int_equal(registers[0], 's');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blob_must_be_aligned_whole_and_of_version_17),
        cmocka_unit_test(numbers_have_zero_to_four_cells_and_must_fit_64_bits),
        cmocka_unit_test(addresses_are_translated_through_every_bus),
        cmocka_unit_test(a_bus_without_ranges_has_no_cpu_addresses),
        cmocka_unit_test(a_device_lies_at_most_15_levels_deep),
        cmocka_unit_test(the_first_of_several_compatible_strings_is_told),
        cmocka_unit_test(the_padding_of_a_blob_is_known),
        cmocka_unit_test(a_pl011_is_found_by_its_path),
        cmocka_unit_test(an_ns16550_is_found_by_alias_with_line_settings),
        cmocka_unit_test(reg_shift_and_io_width_are_respected),
        cmocka_unit_test(a_uart_that_never_gets_ready_does_not_stop_the_kernel),
        cmocka_unit_test(a_console_that_cannot_be_used_is_refused),
        cmocka_unit_test(a_uart_is_found_in_a_damaged_tree),
        cmocka_unit_test(a_damaged_uart_is_not_found),
        cmocka_unit_test(a_damaged_tree_still_gives_a_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
