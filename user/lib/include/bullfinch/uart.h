// SPDX-License-Identifier: MIT
// The frame of a UART driver: everything but the registers. A driver gives its register operations
// and its main ends in uart_run.
//
// Startup handles: "endpoint" (RECEIVE), "mmio" (VMO of the registers), "irq", "log". args[1]:
// "offset=N shift=N width=N": where in the VMO's first page the registers begin, how far apart they
// are as a power of two, and how wide they are accessed in bytes.
//
// Node protocol (bullfinch/fs.h) on every badge: FS_READ waits for at least one byte; FS_WRITE is
// answered when the device has taken the last byte, so what is answered is on its way and cannot be
// lost with the driver; FS_SYNC waits until the line is idle; FS_POLL; FS_STAT. When the receive
// ring is full the driver leaves bytes in the device and its interrupt masked: flow control, not
// loss.
#ifndef BULLFINCH_UART_H
#define BULLFINCH_UART_H

#include "abi/types.h"
#include <stdbool.h>

struct uart {
    volatile uint8_t *registers;
    uint32_t shift; // register n lies at n << shift
    uint32_t width; // 1 or 4
};

// What a driver supplies. All are called on the one thread of the driver.
struct uart_ops {
    const char *name;
    // Takes over the device in whatever state a predecessor left it, without losing received bytes;
    // leaves all its interrupts off.
    void (*take_over)(struct uart *u);
    // Clears what the device signals (edge-like causes). Level causes end by serving them.
    void (*irq_clear)(struct uart *u);
    // Which causes interrupt: received bytes, room for more to send.
    void (*irq_enable)(struct uart *u, bool receive, bool transmit);
    bool (*receive)(struct uart *u, uint8_t *byte); // false: none there
    bool (*transmit)(struct uart *u, uint8_t byte); // false: no room now
    bool (*idle)(struct uart *u);                   // all bytes are out on the line
};

_Noreturn void uart_run(const struct uart_ops *ops, int argc, char **argv);

// A device register by its number, in the width the device tree asked for.
uint32_t uart_register_read(const struct uart *u, uint32_t n);
void uart_register_write(const struct uart *u, uint32_t n, uint32_t value);

#endif
