// SPDX-License-Identifier: MIT
// Boot information from device trees: good ones, damaged ones, hostile ones.
//
// sources: kernel/init/boot_info.c kernel/lib/options.c kernel/lib/devicetree.c arch/host/cpu.c arch/host/debug.c arch/host/physmap.c
// sources: tests/fuzz/fuzz_boot_info.c
// sources: build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_ro.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_check.c build/third_party/vendor/libfdt-sys/libfdt/libfdt/fdt_sw.c
#include "tree_builder.h"

#include "kernel/init/boot_info.h"
#include "kernel/lib/devicetree.h"
#include <host.h>

#define MIB     (1ull << 20)
#define TREE_PA (HOST_RAM_BASE + 128 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); // tests/fuzz/fuzz_boot_info.c

static struct boot_info info;

static const char *parse(void)
{
    return boot_info_parse(devicetree_valid(tree) ? tree : NULL, TREE_PA, &info);
}

static bool parse_says(const char *words)
{
    const char *why = parse();
    return why != NULL && strstr(why, words) != NULL;
}

// A machine with 256 MiB up to the point where the test adds its own nodes.
static void build_machine(void)
{
    tree_begin();
    tree_root();
    tree_string("model", "test,board");
    tree_memory("memory@40000000", HOST_RAM_BASE, 256 * MIB);
}

static bool reserved(paddr_t start, paddr_t end)
{
    for (unsigned i = 0; i < info.reserved_count; i++) {
        if (info.reserved[i].start <= start && end <= info.reserved[i].end) {
            return true;
        }
    }
    return false;
}

static void check_region_order(const struct boot_region *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(r[i].start < r[i].end);
        assert_int_equal((r[i].start | r[i].end) & PAGE_MASK, 0);
        assert_true(i == 0 || r[i - 1].end < r[i].start);
    }
}

static void a_plain_machine_is_read_completely(void **state)
{
    (void)state;
    tree_begin();
    tree_reserve(HOST_RAM_BASE + 200 * MIB, 4096);
    tree_root();
    tree_string("model", "linux,dummy-virt");
    tree_memory("memory@40000000", HOST_RAM_BASE, 256 * MIB);
    tree_node("chosen");
    tree_string("bootargs", "quiet panic=off");
    TREE_CELLS("linux,initrd-start", 0, (uint32_t)(HOST_RAM_BASE + 16 * MIB + 100));
    TREE_CELLS("linux,initrd-end", (uint32_t)(HOST_RAM_BASE + 17 * MIB + 5));
    tree_bytes("rng-seed", "0123456789abcdef0123456789abcdef", 32);
    tree_end();
    tree_node("cpus");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 0);
    for (unsigned i = 0; i < 4; i++) {
        char name[] = "cpu@0";
        name[4] = (char)('0' + i);
        tree_node(name);
        tree_string("device_type", "cpu");
        tree_u32("reg", 0x100 + i);
        if (i == 3) {
            tree_string("status", "disabled");
        }
        tree_end();
    }
    tree_node("cpu-map");
    tree_end();
    tree_end();
    tree_finish();

    assert_null(parse());
    assert_int_equal(info.ram_count, 1);
    assert_int_equal(info.ram[0].start, HOST_RAM_BASE);
    assert_int_equal(info.ram[0].end, HOST_RAM_BASE + 256 * MIB);
    assert_string_equal(info.model, "linux,dummy-virt");
    assert_string_equal(info.cmdline, "quiet panic=off");
    assert_int_equal(info.initrd_start, HOST_RAM_BASE + 16 * MIB + 100);
    assert_int_equal(info.initrd_end, HOST_RAM_BASE + 17 * MIB + 5);
    assert_int_equal(info.seed_bytes, 32);
    assert_memory_equal(info.seed, "0123456789abcdef", 16);
    assert_int_equal(info.cpu_count, 3);
    assert_int_equal(info.cpu_hw_ids[2], 0x102);
    assert_ptr_equal(info.fdt, tree);
    assert_int_equal(info.fdt_start, TREE_PA);
    assert_int_equal(info.fdt_end, TREE_PA + fdt_totalsize(tree));
    check_region_order(info.reserved, info.reserved_count);
    assert_true(reserved(HOST_RAM_BASE, HOST_RAM_BASE + HOST_IMAGE_BYTES)); // kernel image
    assert_true(reserved(TREE_PA, info.fdt_end));
    assert_true(reserved(HOST_RAM_BASE + 16 * MIB, HOST_RAM_BASE + 17 * MIB + 4096));
    assert_true(reserved(HOST_RAM_BASE + 200 * MIB, HOST_RAM_BASE + 200 * MIB + 4096));
}

static void memory_above_4_gib_and_in_several_nodes_is_found(void **state)
{
    (void)state;
    build_machine();
    tree_memory("memory@880000000", 0x880000000, 0x180000000);
    tree_node("memory@60000000");
    tree_string("device_type", "memory");
    TREE_CELLS("reg", 0, 0x60000000, 0, 0x1000, 0, 0x70000000, 0, 0x2000);
    tree_end();
    tree_finish();
    assert_null(parse());
    assert_int_equal(info.ram_count, 4);
    check_region_order(info.ram, info.ram_count);
    assert_int_equal(info.ram[1].start, 0x60000000);
    assert_int_equal(info.ram[2].end, 0x70002000);
    assert_int_equal(info.ram[3].start, 0x880000000);
    assert_int_equal(info.ram[3].end, 0xa00000000);
}

static void memory_with_one_cell_each_is_read(void **state)
{
    (void)state;
    tree_begin();
    TREE_OK(fdt_finish_reservemap(tree));
    tree_node("");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 1);
    tree_node("memory");
    tree_string("device_type", "memory");
    TREE_CELLS("reg", 0x40000000, 0x10000000);
    tree_end();
    tree_finish();
    assert_null(parse());
    assert_int_equal(info.ram[0].end, 0x50000000);
    assert_string_equal(info.model, "unknown machine");
    assert_int_equal(info.cpu_count, 1);
}

static void overlapping_and_adjacent_memory_is_joined(void **state)
{
    (void)state;
    build_machine();
    tree_memory("memory@48000000", HOST_RAM_BASE + 128 * MIB, 256 * MIB);
    tree_memory("memory@58000000", HOST_RAM_BASE + 384 * MIB, 1 * MIB);
    tree_memory("memory@3f000000", HOST_RAM_BASE - 16 * MIB, 16 * MIB);
    tree_finish();
    assert_null(parse());
    assert_int_equal(info.ram_count, 1);
    assert_int_equal(info.ram[0].start, HOST_RAM_BASE - 16 * MIB);
    assert_int_equal(info.ram[0].end, HOST_RAM_BASE + 385 * MIB);
}

static void memory_is_rounded_inwards_and_reservations_outwards(void **state)
{
    (void)state;
    build_machine();
    tree_memory("memory@60000001", 0x60000001, 0x2ffe); // leaves one page
    tree_memory("memory@70000001", 0x70000001, 0x1ffe); // leaves none
    tree_node("reserved-memory");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 1);
    tree_bytes("ranges", NULL, 0);
    tree_node("firmware@48001234");
    TREE_CELLS("reg", 0x48001234, 1);
    tree_bytes("no-map", NULL, 0);
    tree_end();
    tree_node("pool"); // asks for memory anywhere
    TREE_CELLS("size", 0x1000);
    tree_end();
    tree_end();
    tree_finish();
    assert_null(parse());
    assert_int_equal(info.ram_count, 3);
    assert_int_equal(info.ram[0].end, 0x48001000); // no-map
    assert_int_equal(info.ram[1].start, 0x48002000);
    assert_int_equal(info.ram[2].start, 0x60001000);
    assert_int_equal(info.ram[2].end, 0x60002000);
    assert_true(reserved(0x48001000, 0x48002000));
}

static void build_no_map(uint64_t start, uint64_t size)
{
    build_machine();
    tree_node("reserved-memory");
    tree_u32("#address-cells", 2);
    tree_u32("#size-cells", 2);
    tree_node("firmware");
    TREE_REG(start, size);
    tree_bytes("no-map", NULL, 0);
    tree_end();
    tree_end();
    tree_finish();
    host_log_lines = 0;
    assert_null(parse());
    check_region_order(info.ram, info.ram_count);
    assert_int_equal(info.ram_bytes, 256 * MIB);
}

static void memory_that_must_not_be_mapped_is_no_memory(void **state)
{
    (void)state;
    build_no_map(HOST_RAM_BASE + 64 * MIB + 100, MIB); // in the middle, rounded outwards
    assert_int_equal(info.ram_count, 2);
    assert_int_equal(info.ram[0].end, HOST_RAM_BASE + 64 * MIB);
    assert_int_equal(info.ram[1].start, HOST_RAM_BASE + 65 * MIB + PAGE_SIZE);
    assert_int_equal(info.ram[1].end, HOST_RAM_BASE + 256 * MIB);
    build_no_map(HOST_RAM_BASE + 255 * MIB, 16 * MIB); // over the end
    assert_int_equal(info.ram_count, 1);
    assert_int_equal(info.ram[0].end, HOST_RAM_BASE + 255 * MIB);
    build_no_map(HOST_RAM_BASE + 512 * MIB, MIB); // elsewhere
    assert_int_equal(info.ram[0].end, HOST_RAM_BASE + 256 * MIB);
    build_no_map(0, HOST_RAM_BASE + MIB); // the kernel itself: cannot be meant
    assert_int_equal(info.ram_count, 1);
    assert_true(host_log_lines >= 1);
}

static void a_tree_outside_memory_is_an_error(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_memory("memory@40000000", HOST_RAM_BASE, 16 * MIB);
    tree_finish();
    assert_true(parse_says("lies outside the memory"));
}

static void memory_that_cannot_be_is_skipped(void **state)
{
    (void)state;
    build_machine();
    tree_memory("memory@a", 0x50000000, 0);
    tree_memory("memory@b", 0xfffffffffffff000, 0x2000); // wraps round
    tree_memory("memory@c", 1ull << 60, 0x10000);
    tree_node("memory@d"); // reg too short
    tree_string("device_type", "memory");
    TREE_CELLS("reg", 0, 0x60000000, 0);
    tree_end();
    tree_node("memory@e"); // no device_type
    TREE_REG(0x60000000, 0x1000);
    tree_end();
    tree_node("memory@f");
    tree_string("device_type", "memory");
    tree_string("status", "disabled");
    TREE_REG(0x60000000, 0x1000);
    tree_end();
    tree_finish();
    host_log_lines = 0;
    assert_null(parse());
    assert_int_equal(info.ram_count, 1);
    assert_true(host_log_lines >= 3); // what is skipped is named
}

static void a_tree_without_usable_memory_is_an_error(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_memory("memory@0", 0, 0);
    tree_finish();
    assert_true(parse_says("no node with device_type"));
}

static void memory_that_is_all_reserved_is_an_error(void **state)
{
    (void)state;
    tree_begin();
    tree_reserve(0, 1ull << 40);
    tree_root();
    tree_memory("memory@40000000", HOST_RAM_BASE, 256 * MIB);
    tree_finish();
    assert_true(parse_says("is reserved"));
}

static void more_memory_regions_than_fit_are_named_and_dropped(void **state)
{
    (void)state;
    build_machine();
    for (unsigned i = 0; i < BOOT_REGIONS_MAX + 5; i++) {
        char name[32];
        snprintf(name, sizeof(name), "memory@%x", 0x60000000 + i * 0x10000);
        tree_memory(name, 0x60000000 + i * 0x10000, 0x1000);
    }
    tree_finish();
    host_log_lines = 0;
    assert_null(parse());
    assert_int_equal(info.ram_count, BOOT_REGIONS_MAX);
    check_region_order(info.ram, info.ram_count);
    assert_true(host_log_lines >= 6);
}

static void more_reservations_than_fit_are_joined_and_none_is_lost(void **state)
{
    (void)state;
    tree_begin();
    for (unsigned i = 0; i < 3 * BOOT_REGIONS_MAX; i++) {
        tree_reserve(HOST_RAM_BASE + 2 * MIB + ((i * 37) % 96) * 0x3000, 0x1000);
    }
    tree_root();
    tree_memory("memory@40000000", HOST_RAM_BASE, 256 * MIB);
    tree_finish();
    assert_null(parse());
    assert_true(info.reserved_count <= BOOT_REGIONS_MAX);
    check_region_order(info.reserved, info.reserved_count);
    for (unsigned i = 0; i < 96; i++) {
        paddr_t start = HOST_RAM_BASE + 2 * MIB + i * 0x3000;
        assert_true(reserved(start, start + 0x1000));
    }
}

static void reservations_are_joined_where_the_least_memory_is_lost(void **state)
{
    (void)state;
    tree_begin();
    tree_reserve(HOST_RAM_BASE + 200 * MIB, 0x1000); // far from all others
    for (unsigned i = 0; i < BOOT_REGIONS_MAX; i++) {
        tree_reserve(HOST_RAM_BASE + 2 * MIB + i * 0x2000, 0x1000);
    }
    tree_root();
    tree_memory("memory@40000000", HOST_RAM_BASE, 256 * MIB);
    tree_finish();
    assert_null(parse());
    uint64_t pages = 0;
    for (unsigned i = 0; i < info.reserved_count; i++) {
        pages += (info.reserved[i].end - info.reserved[i].start) / PAGE_SIZE;
    }
    // Image, tree, the reservations, and one page for each of the few gaps closed.
    assert_in_range(pages, BOOT_REGIONS_MAX + 18, BOOT_REGIONS_MAX + 18 + 4);
}

static void build_initrd(uint64_t start, uint64_t end)
{
    build_machine();
    tree_node("chosen");
    TREE_CELLS("linux,initrd-start", HI(start), LO(start));
    TREE_CELLS("linux,initrd-end", HI(end), LO(end));
    tree_end();
    tree_finish();
    host_log_lines = 0;
    assert_null(parse());
}

static void a_boot_image_that_cannot_be_is_dropped_with_a_message(void **state)
{
    (void)state;
    static const struct boot_region bad[] = {
        {HOST_RAM_BASE + 20 * MIB, HOST_RAM_BASE + 20 * MIB},   // empty
        {HOST_RAM_BASE + 21 * MIB, HOST_RAM_BASE + 20 * MIB},   // backwards
        {HOST_RAM_BASE + 255 * MIB, HOST_RAM_BASE + 257 * MIB}, // runs out of RAM
        {0x1000, 0x2000},                                       // no RAM there
        {HOST_RAM_BASE + 20 * MIB, UINT64_MAX},                 // huge
        {HOST_RAM_BASE + 0x8000, HOST_RAM_BASE + 1 * MIB},      // over the kernel
        {TREE_PA - 10, TREE_PA + 10},                           // over the device tree
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        build_initrd(bad[i].start, bad[i].end);
        assert_int_equal(info.initrd_start, 0);
        assert_int_equal(info.initrd_end, 0);
        assert_true(host_log_lines >= 1);
    }
    build_initrd(HOST_RAM_BASE + 20 * MIB, HOST_RAM_BASE + 21 * MIB);
    assert_int_equal(info.initrd_start, HOST_RAM_BASE + 20 * MIB);
}

static void properties_of_the_wrong_form_are_skipped(void **state)
{
    (void)state;
    build_machine();
    tree_node("chosen");
    tree_bytes("bootargs", "unterminated", 12);
    tree_bytes("linux,initrd-start", "abcdef", 6);
    TREE_CELLS("linux,initrd-end", 0, 0x42000000);
    tree_bytes("rng-seed", NULL, 0);
    tree_end();
    tree_node("cpus");
    tree_node("cpu@0");
    tree_bytes("device_type", "cpu", 3);
    tree_end();
    tree_end();
    tree_finish();
    assert_null(parse());
    assert_string_equal(info.cmdline, "");
    assert_int_equal(info.initrd_end, 0);
    assert_int_equal(info.seed_bytes, 0);
    assert_int_equal(info.cpu_count, 1);
}

static void strings_and_seeds_that_are_too_long_are_cut(void **state)
{
    (void)state;
    static char args[2 * BOOT_CMDLINE_MAX];
    memset(args, 'a', sizeof(args) - 1);
    build_machine();
    tree_node("chosen");
    tree_string("bootargs", args);
    tree_bytes("rng-seed", args, 200);
    tree_end();
    tree_node("cpus");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 0);
    for (unsigned i = 0; i < BOOT_CPUS_MAX + 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "cpu@%u", i);
        tree_node(name);
        tree_string("device_type", "cpu");
        tree_u32("reg", i);
        tree_end();
    }
    tree_end();
    tree_finish();
    assert_null(parse());
    assert_int_equal(strlen(info.cmdline), BOOT_CMDLINE_MAX - 1);
    assert_int_equal(info.seed_bytes, sizeof(info.seed));
    assert_int_equal(info.cpu_count, BOOT_CPUS_MAX);
}

static void build_cpu(const char *name, const char *type, uint32_t id, const char *status)
{
    tree_node(name);
    tree_string("device_type", type);
    tree_u32("reg", id);
    if (status != NULL) {
        tree_string("status", status);
    }
    tree_end();
}

static void cpus_that_cannot_be_used_are_left_out(void **state)
{
    (void)state;
    build_machine();
    tree_node("cpus");
    tree_u32("#address-cells", 1);
    tree_u32("#size-cells", 0);
    build_cpu("cpu@3", "cpu", 3, "disabled");
    build_cpu("cpu@2", "cpu", 2, "okay"); // ids in any order
    build_cpu("cpu@7", "cpu", 7, "fail");
    build_cpu("cpu@0", "cpu", 0, NULL);
    build_cpu("l2-cache", "cache", 9, NULL);
    tree_node("cpu@1"); // no reg
    tree_string("device_type", "cpu");
    tree_end();
    tree_end();
    tree_finish();
    host_log_lines = 0;
    assert_null(parse());
    assert_int_equal(info.cpu_count, 2);
    assert_int_equal(info.cpu_hw_ids[0], 2);
    assert_int_equal(info.cpu_hw_ids[1], 0);
    assert_int_equal(host_log_lines, 2); // the one without reg; that there is no /chosen
}

static void what_programs_see_of_the_tree_has_no_seed_and_no_padding(void **state)
{
    (void)state;
    build_machine();
    tree_node("chosen");
    tree_bytes("rng-seed", "0123456789abcdef", 16);
    tree_bytes("kaslr-seed", "fedcba98", 8);
    tree_end();
    tree_finish();
    uint32_t exact = fdt_totalsize(tree);
    fdt_set_totalsize(tree, TREE_BYTES);
    assert_null(parse());
    assert_true(info.fdt_end - info.fdt_start <= exact);
    assert_int_equal(info.seed_bytes, 24);
    assert_memory_equal(info.seed, "fedcba980123456789abcdef", 24);
    int chosen = fdt_path_offset(tree, "/chosen");
    static const uint8_t zeros[16];
    assert_memory_equal(fdt_getprop(tree, chosen, "rng-seed", NULL), zeros, 16);
    assert_memory_equal(fdt_getprop(tree, chosen, "kaslr-seed", NULL), zeros, 8);
}

static void a_useless_tree_is_refused_with_the_reason(void **state)
{
    (void)state;
    tree_begin();
    tree_root();
    tree_finish();
    assert_true(parse_says("memory"));
    tree[0] ^= 1;
    assert_true(parse_says("damaged"));
}

static void every_truncation_is_an_error_and_never_a_crash(void **state)
{
    (void)state;
    build_initrd(HOST_RAM_BASE + 20 * MIB, HOST_RAM_BASE + 21 * MIB);
    uint32_t bytes = fdt_totalsize(tree);
    for (uint32_t n = sizeof(struct fdt_header); n < bytes; n += 4) {
        uint8_t *cut = malloc(n); // exact, so that the address sanitizer sees a read past it
        memcpy(cut, tree, n);
        fdt_set_totalsize(cut, n);
        // What is cut off may be the unused end of a block that its header field still counts:
        // always an error.
        assert_false(devicetree_valid(cut));
        free(cut);
    }
}

static void ten_thousand_damaged_trees_do_not_crash(void **state)
{
    (void)state;
    build_initrd(HOST_RAM_BASE + 20 * MIB, HOST_RAM_BASE + 21 * MIB);
    tree_try_damages(LLVMFuzzerTestOneInput, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_machine_is_read_completely),
        cmocka_unit_test(memory_above_4_gib_and_in_several_nodes_is_found),
        cmocka_unit_test(memory_with_one_cell_each_is_read),
        cmocka_unit_test(overlapping_and_adjacent_memory_is_joined),
        cmocka_unit_test(memory_is_rounded_inwards_and_reservations_outwards),
        cmocka_unit_test(memory_that_must_not_be_mapped_is_no_memory),
        cmocka_unit_test(a_tree_outside_memory_is_an_error),
        cmocka_unit_test(memory_that_cannot_be_is_skipped),
        cmocka_unit_test(a_tree_without_usable_memory_is_an_error),
        cmocka_unit_test(memory_that_is_all_reserved_is_an_error),
        cmocka_unit_test(more_memory_regions_than_fit_are_named_and_dropped),
        cmocka_unit_test(more_reservations_than_fit_are_joined_and_none_is_lost),
        cmocka_unit_test(reservations_are_joined_where_the_least_memory_is_lost),
        cmocka_unit_test(a_boot_image_that_cannot_be_is_dropped_with_a_message),
        cmocka_unit_test(properties_of_the_wrong_form_are_skipped),
        cmocka_unit_test(strings_and_seeds_that_are_too_long_are_cut),
        cmocka_unit_test(cpus_that_cannot_be_used_are_left_out),
        cmocka_unit_test(what_programs_see_of_the_tree_has_no_seed_and_no_padding),
        cmocka_unit_test(a_useless_tree_is_refused_with_the_reason),
        cmocka_unit_test(every_truncation_is_an_error_and_never_a_crash),
        cmocka_unit_test(ten_thousand_damaged_trees_do_not_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
