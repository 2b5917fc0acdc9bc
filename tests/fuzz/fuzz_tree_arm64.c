// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as the device tree, read by what the arm64 port and the early console take
// from it. What they accept must keep the promises of arch/arm64/tree.h.
//
// Built with the sources that tests/host/test_tree_arm64.c names; that test also runs a short
// deterministic slice.
#include "arch/arm64/tree.h"
#include "tests/fuzz/fuzz_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *blob = fuzz_tree_copy(data, size);
    if (blob == NULL) {
        return 0;
    }
    struct tree_controller controller;
    struct tree_psci psci;
    uint32_t line = 0, hz;
    (void)console_init(devicetree_valid(blob) ? blob : NULL);
    console_write("x", 1);
    paddr_t salvaged = devicetree_salvage(blob, size, "arm,pl011");
    require(salvaged < 1ull << 48);
    if (devicetree_valid(blob)) {
        if (tree_controller(blob, &controller) == NULL) {
            require(controller.name != NULL);
            require(range_within(controller.distributor, 0x1000, 1ull << 48));
            require(range_within(controller.second, controller.second_bytes, 1ull << 48));
        }
        require(tree_timer(blob, &line, &hz) != NULL || (line >= 16 && line < 32));
        tree_psci(blob, &psci);
        require(psci.method <= TREE_PSCI_SMC);
    }
    free(blob);
    return 0;
}
