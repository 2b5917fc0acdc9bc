// SPDX-License-Identifier: MIT
// The registers of the 16550 UART, for the frame in bullfinch/uart.h. Source: National
// Semiconductor PC16550D data sheet, section 8. Line speed and format stay as firmware set them.

#include <bullfinch/uart.h>

enum {
    NS_DATA = 0, // with DLAB clear: receive buffer, transmit holding register
    NS_IER = 1,
    NS_IIR = 2, // read
    NS_FCR = 2, // write
    NS_LCR = 3,
    NS_MCR = 4,
    NS_LSR = 5,
};

#define IER_RECEIVED       (1u << 0)
#define IER_TRANSMIT_EMPTY (1u << 1)
#define FCR_ENABLE         (1u << 0)
#define FCR_TRIGGER_8      (2u << 6)
#define LCR_DLAB           (1u << 7)
#define MCR_DTR            (1u << 0)
#define MCR_RTS            (1u << 1)
#define MCR_OUT2           (1u << 3) // gates the interrupt line on PC-like boards
#define LSR_DATA_READY     (1u << 0)
#define LSR_TRANSMIT_EMPTY (1u << 5) // the holding register, or the whole FIFO
#define LSR_IDLE           (1u << 6)
#define FIFO_BYTES         16u

// Bytes that still fit since the FIFO was last seen empty; the device only says "empty" or not.
static unsigned room;

static void ns16550_take_over(struct registers *u)
{
    // A predecessor may have died with the divisor latch selected, where IER is something else.
    register_write(u, NS_LCR, register_read(u, NS_LCR) & ~LCR_DLAB);
    register_write(u, NS_IER, 0);
    // Enabling FIFOs that are enabled already does not clear them; the clear bits stay 0.
    // Fewer bytes than 8 interrupt too, when nothing has come for four characters.
    register_write(u, NS_FCR, FCR_ENABLE | FCR_TRIGGER_8);
    register_write(u, NS_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
}

static void ns16550_irq_clear(struct registers *u)
{
    // Reading IIR ends a transmit interrupt; the others end when they are served.
    (void)register_read(u, NS_IIR);
}

static void ns16550_irq_enable(struct registers *u, bool receive, bool transmit)
{
    register_write(u, NS_IER, (receive ? IER_RECEIVED : 0) | (transmit ? IER_TRANSMIT_EMPTY : 0));
}

static bool ns16550_receive(struct registers *u, uint8_t *byte)
{
    if ((register_read(u, NS_LSR) & LSR_DATA_READY) == 0) {
        return false;
    }
    *byte = (uint8_t)register_read(u, NS_DATA);
    return true;
}

static bool ns16550_transmit(struct registers *u, uint8_t byte)
{
    if (room == 0 && (register_read(u, NS_LSR) & LSR_TRANSMIT_EMPTY) != 0) {
        room = FIFO_BYTES;
    }
    if (room == 0) {
        return false;
    }
    room--;
    register_write(u, NS_DATA, byte);
    return true;
}

static bool ns16550_idle(struct registers *u) { return (register_read(u, NS_LSR) & LSR_IDLE) != 0; }

int main(int argc, char **argv)
{
    static const struct uart_ops ops = {
        .name = "ns16550",
        .take_over = ns16550_take_over,
        .irq_clear = ns16550_irq_clear,
        .irq_enable = ns16550_irq_enable,
        .receive = ns16550_receive,
        .transmit = ns16550_transmit,
        .idle = ns16550_idle,
    };
    uart_run(&ops, argc, argv);
}
