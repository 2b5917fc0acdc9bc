// SPDX-License-Identifier: MIT
// The frame of a UART driver: everything but the registers. A driver gives its register operations
// and its main ends in uart_run.
//
// Startup handles: "endpoint" (RECEIVE), "mmio" (VMO of the registers), "irq", "log". args[1]:
// as registers_map wants it.
//
// Node protocol (bullfinch/fs.h) on every badge: FS_READ waits for at least one byte; FS_WRITE is
// answered when the device has taken the last byte, so what is answered is on its way and cannot be
// lost with the driver; FS_SYNC waits until the line is idle; FS_POLL; FS_STAT. When the receive
// ring is full the driver leaves bytes in the device and its interrupt masked: flow control, not
// loss.
#ifndef BULLFINCH_UART_H
#define BULLFINCH_UART_H

#include <bullfinch/registers.h>
#include <stdbool.h>

// What a driver supplies. All are called on the one thread of the driver.
struct uart_ops {
    const char *name;
    // Takes over the device in whatever state a predecessor left it, without losing received bytes;
    // leaves all its interrupts off.
    void (*take_over)(struct registers *u);
    // Clears what the device signals (edge-like causes). Level causes end by serving them.
    void (*irq_clear)(struct registers *u);
    // Which causes interrupt: received bytes, room for more to send.
    void (*irq_enable)(struct registers *u, bool receive, bool transmit);
    bool (*receive)(struct registers *u, uint8_t *byte); // false: none there
    bool (*transmit)(struct registers *u, uint8_t byte); // false: no room now
    bool (*idle)(struct registers *u);                   // all bytes are out on the line
};

_Noreturn void uart_run(const struct uart_ops *ops, int argc, char **argv);

#endif
