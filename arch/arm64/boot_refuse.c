// SPDX-License-Identifier: MIT
// ARM64: the last word to a machine whose MMU the kernel cannot turn on. Runs with the MMU off, at
// the physical address of the image, under the rules of boot_tables.c.
#include "arch/arm64/port.h"
#include "kernel/lib/devicetree.h"

#define PL011_DR      0x00u // ARM DDI 0183, chapter 3
#define PL011_FR      0x18u
#define PL011_FR_TXFF (1u << 5)

NORETURN void boot_refuse_granule(paddr_t fdt);

// Waits for the UART without a limit: nothing comes after this.
static void pl011_write(paddr_t base, const char *text)
{
    for (; *text != '\0'; text++) {
        while ((*(volatile uint32_t *)(base + PL011_FR) & PL011_FR_TXFF) != 0) {
        }
        *(volatile uint32_t *)(base + PL011_DR) = (uint8_t)*text;
    }
}

// From start.S: ID_AA64MMFR0_EL1.TGran4 says that there are no pages of 4 KiB (Arm ARM D19.2.64).
void boot_refuse_granule(paddr_t fdt)
{
    paddr_t uart = devicetree_salvage((const void *)fdt, DEVICETREE_BYTES_MAX, "arm,pl011");
    if (uart != 0) {
        pl011_write(uart, "\r\nboot: this CPU has no 4 KiB pages, which Bullfinch is built on\r\n");
    }
    arch_halt();
}
