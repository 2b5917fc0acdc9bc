// SPDX-License-Identifier: MIT
// For fuzz targets: registers of whatever device the tree names, in a block of exactly the size
// that was mapped. A UART there is always ready.
#include "tests/fuzz/fuzz_tree.h"
#include <arch/mmu.h>

#define PL011_FR 0x18u // its bits mean "not ready", those of a 16550's registers "ready"

volatile void *arch_map_device(paddr_t pa, size_t bytes)
{
    static uint8_t *registers;
    require(bytes <= PAGE_SIZE && pa < 1ull << 48);
    free(registers);
    registers = malloc(bytes);
    memset(registers, 0xff, bytes);
    if (bytes >= PL011_FR + 4) {
        memset(registers + PL011_FR, 0, 4);
    }
    return registers;
}
