// SPDX-License-Identifier: MIT
// The early console: writes to the UART that firmware names in /chosen stdout-path, by polling,
// with the line settings firmware left. It works before memory management and inside a panic; once
// a driver process owns the device, only a panic uses it.
//
// Sources: ARM DDI 0183 (PL011) chapter 3; National Semiconductor PC16550D datasheet; Devicetree
// Specification 0.4 section 3.6 (/chosen) and 4.2 (serial devices).
#include "kernel/debug/log.h"

#include "kernel/lib/devicetree.h"
#include "kernel/lib/printf.h"
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <libfdt.h>
#include <string.h>

#define PL011_DR      0x00u
#define PL011_FR      0x18u
#define PL011_FR_TXFF (1u << 5)

#define NS16550_THR      0u
#define NS16550_LSR      5u
#define NS16550_LSR_THRE (1u << 5)

// A UART that never drains must not stop the kernel: it is waited for once, then hardly until it is
// ready again.
#define POLLS_MAX       1000000u
#define POLLS_IMPATIENT 100u

struct uart {
    volatile uint8_t *regs;
    unsigned shift; // registers are 1 << shift bytes apart
    unsigned width; // bytes of one access: 1 or 4
};

struct uart_driver {
    const char *compatible;
    bool (*ready)(const struct uart *u);
    void (*put)(const struct uart *u, char c);
    unsigned shift, width; // unless the node says otherwise
    unsigned bytes;        // of the registers that are used, with a shift of 0
};

static uint32_t uart_read(const struct uart *u, unsigned reg)
{
    volatile uint8_t *p = u->regs + ((size_t)reg << u->shift);
    return u->width == 4 ? *(volatile uint32_t *)p : *p;
}

static void uart_write(const struct uart *u, unsigned reg, uint32_t v)
{
    volatile uint8_t *p = u->regs + ((size_t)reg << u->shift);
    if (u->width == 4) {
        *(volatile uint32_t *)p = v;
    } else {
        *p = (uint8_t)v;
    }
}

static bool pl011_ready(const struct uart *u) { return !(uart_read(u, PL011_FR) & PL011_FR_TXFF); }
static void pl011_put(const struct uart *u, char c) { uart_write(u, PL011_DR, (uint8_t)c); }

static bool ns16550_ready(const struct uart *u)
{
    return (uart_read(u, NS16550_LSR) & NS16550_LSR_THRE) != 0;
}
static void ns16550_put(const struct uart *u, char c) { uart_write(u, NS16550_THR, (uint8_t)c); }

static const struct uart_driver drivers[] = {
    {"arm,pl011", pl011_ready, pl011_put, 0, 4, PL011_FR + 4},
    {"ns16550a", ns16550_ready, ns16550_put, 0, 1, 8},
    {"ns16550", ns16550_ready, ns16550_put, 0, 1, 8},
    {"snps,dw-apb-uart", ns16550_ready, ns16550_put, 2, 4, 8},
};

static const struct uart_driver *driver; // set once, on the boot CPU
static struct uart uart;
static bool echo = true;
char console_description[96];

// stdout-path is a path or an alias, with line settings after a colon ("serial0:115200n8").
static int find_stdout(const void *fdt)
{
    const char *path = devicetree_string(fdt, fdt_path_offset(fdt, "/chosen"), "stdout-path");
    if (path == NULL) {
        return -FDT_ERR_NOTFOUND;
    }
    const char *colon = strchr(path, ':');
    size_t length = colon != NULL ? (size_t)(colon - path) : strlen(path);
    return fdt_path_offset_namelen(fdt, path, (int)length);
}

static const struct uart_driver *find_driver(const void *fdt, int node)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (fdt_node_check_compatible(fdt, node, drivers[i].compatible) == 0) {
            return &drivers[i];
        }
    }
    return NULL;
}

static bool no_console(const char *why)
{
    driver = NULL;
    ksnprintf(console_description, sizeof(console_description), "%s: %s",
              arch_has_firmware_console ? "the firmware's" : "none", why);
    return false;
}

bool console_init(const void *fdt)
{
    if (fdt == NULL) {
        return no_console("the device tree is damaged");
    }
    int node = find_stdout(fdt);
    const struct uart_driver *found = node >= 0 ? find_driver(fdt, node) : NULL;
    paddr_t base;
    uint64_t bytes;
    if (found == NULL || !devicetree_reg(fdt, node, 0, &base, &bytes)) {
        return no_console("/chosen stdout-path names no UART that the kernel knows");
    }
    uint32_t shift = devicetree_u32(fdt, node, "reg-shift", found->shift);
    uint32_t width = devicetree_u32(fdt, node, "reg-io-width", found->width);
    if (shift > 4 || (width != 1 && width != 4) || bytes < found->bytes << shift ||
        (base & (width - 1))) {
        return no_console("the UART's reg, reg-shift or reg-io-width cannot be used");
    }
    uart =
        (struct uart){arch_map_device(base, bytes < PAGE_SIZE ? bytes : PAGE_SIZE), shift, width};
    driver = found;
    ksnprintf(console_description, sizeof(console_description), "%s, %s at 0x%lx",
              fdt_get_name(fdt, node, NULL), found->compatible, base);
    return true;
}

void console_salvage(const void *fdt)
{
    const struct uart_driver *pl011 = &drivers[0];
    if (driver != NULL || arch_has_firmware_console) {
        return;
    }
    size_t bytes = devicetree_valid(fdt) ? fdt_totalsize(fdt) : DEVICETREE_BYTES_MAX;
    paddr_t base = devicetree_salvage(fdt, bytes, pl011->compatible);
    if (base != 0 && (base & (PAGE_SIZE - 1)) == 0) {
        uart = (struct uart){arch_map_device(base, PAGE_SIZE), pl011->shift, pl011->width};
        driver = pl011;
    }
}

static void put_polled(char c)
{
    static unsigned patience = POLLS_MAX;
    unsigned polls = 0;
    while (!driver->ready(&uart) && polls < patience) {
        arch_relax();
        polls++;
    }
    patience = polls < patience ? POLLS_MAX : POLLS_IMPATIENT;
    driver->put(&uart, c);
}

static void put(char c)
{
    if (driver != NULL) {
        put_polled(c);
    } else {
        arch_firmware_putc(c);
    }
}

void console_write(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            put('\r');
        }
        put(text[i]);
    }
}

void console_release(void) { __atomic_store_n(&echo, false, __ATOMIC_RELAXED); }
void console_quiet(void) { console_release(); }
void console_take(void) { __atomic_store_n(&echo, true, __ATOMIC_RELAXED); }
bool console_echoes(void) { return __atomic_load_n(&echo, __ATOMIC_RELAXED); }
