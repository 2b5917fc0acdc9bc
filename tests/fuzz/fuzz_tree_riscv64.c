// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as the device tree, read by what the riscv64 port and the early console
// take from it. What they accept must keep the promises of arch/riscv64/tree.h. The search for a
// word of the command line runs on the blob as it is, before anything has checked it.
//
// Built with the sources that tests/host/test_tree_riscv64.c names; that test also runs a short
// deterministic slice.
#include "arch/riscv64/tree.h"
#include "tests/fuzz/fuzz_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *blob = fuzz_tree_copy(data, size);
    if (blob == NULL) {
        return 0;
    }
    struct tree_controller controller;
    uint64_t hz;
    (void)tree_early_option(blob, "sv39");
    (void)console_init(devicetree_valid(blob) ? blob : NULL);
    console_write("x", 1);
    if (devicetree_valid(blob)) {
        for (uint64_t hart = 0; hart < 2; hart++) {
            if (tree_controller(blob, hart, &controller) == NULL) {
                require(controller.name != NULL && controller.lines <= TREE_LINES_MAX);
                require(range_within(controller.base, controller.bytes, 1ull << 48));
            }
            (void)tree_timebase(blob, hart, &hz);
            int node = tree_hart(blob, hart);
            (void)(node >= 0 && tree_hart_has(blob, node, "sstc", false) &&
                   tree_hart_has(blob, node, "d", false));
        }
    }
    free(blob);
    return 0;
}
