// SPDX-License-Identifier: MIT
// The registers of Arm's PrimeCell UART (PL011), for the frame in bullfinch/uart.h. Source:
// PrimeCell UART (PL011) Technical Reference Manual, Arm DDI 0183, chapter 3. Line speed and format
// stay as firmware set them.

#include <bullfinch/uart.h>

// Register numbers: byte offsets / 4; accessed 32 bits wide (section 3.2).
enum {
    PL011_DR = 0x00 / 4,
    PL011_FR = 0x18 / 4,
    PL011_LCR_H = 0x2c / 4,
    PL011_CR = 0x30 / 4,
    PL011_IFLS = 0x34 / 4,
    PL011_IMSC = 0x38 / 4,
    PL011_ICR = 0x44 / 4,
};

#define FR_BUSY        (1u << 3)
#define FR_RXFE        (1u << 4)
#define FR_TXFF        (1u << 5)
#define LCR_H_FEN      (1u << 4)
#define LCR_H_8BITS    (3u << 5)
#define CR_UARTEN      (1u << 0)
#define CR_TXE         (1u << 8)
#define CR_RXE         (1u << 9)
#define INT_RX         (1u << 4)
#define INT_TX         (1u << 5)
#define INT_RX_TIMEOUT (1u << 6)
#define INT_ALL        0x7ffu
#define IFLS_HALF      0x12u // both FIFOs signal when half full

static void pl011_take_over(struct registers *u)
{
    register_write(u, PL011_IMSC, 0);
    // The manual wants the UART off while LCR_H changes, and changing FEN empties the FIFO: only if
    // firmware left it otherwise.
    uint32_t line = register_read(u, PL011_LCR_H);
    if ((line & (LCR_H_FEN | LCR_H_8BITS)) != (LCR_H_FEN | LCR_H_8BITS)) {
        register_write(u, PL011_CR, 0);
        register_write(u, PL011_LCR_H, line | LCR_H_FEN | LCR_H_8BITS);
    }
    register_write(u, PL011_IFLS, IFLS_HALF);
    register_write(u, PL011_CR, register_read(u, PL011_CR) | CR_UARTEN | CR_TXE | CR_RXE);
    register_write(u, PL011_ICR, INT_ALL);
}

static void pl011_irq_clear(struct registers *u)
{
    // Before the FIFO is read: a byte that comes after this raises the interrupt anew.
    register_write(u, PL011_ICR, INT_ALL);
}

static void pl011_irq_enable(struct registers *u, bool receive, bool transmit)
{
    register_write(u, PL011_IMSC,
                   (receive ? INT_RX | INT_RX_TIMEOUT : 0) | (transmit ? INT_TX : 0));
}

static bool pl011_receive(struct registers *u, uint8_t *byte)
{
    if ((register_read(u, PL011_FR) & FR_RXFE) != 0) {
        return false;
    }
    *byte = (uint8_t)register_read(u, PL011_DR);
    return true;
}

static bool pl011_transmit(struct registers *u, uint8_t byte)
{
    if ((register_read(u, PL011_FR) & FR_TXFF) != 0) {
        return false;
    }
    register_write(u, PL011_DR, byte);
    return true;
}

static bool pl011_idle(struct registers *u) { return (register_read(u, PL011_FR) & FR_BUSY) == 0; }

int main(int argc, char **argv)
{
    static const struct uart_ops ops = {
        .name = "pl011",
        .take_over = pl011_take_over,
        .irq_clear = pl011_irq_clear,
        .irq_enable = pl011_irq_enable,
        .receive = pl011_receive,
        .transmit = pl011_transmit,
        .idle = pl011_idle,
    };
    uart_run(&ops, argc, argv);
}
