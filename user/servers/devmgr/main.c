// SPDX-License-Identifier: MIT
// The device manager: walks the device tree, finds drivers for devices, and has the supervisor
// start each with exactly its registers and its interrupt line. The supervisor keeps those handles
// and restarts the driver with them, so when the tree has been walked the device manager's work is
// done and it ends; were its group to be restarted it would run again. Book: chapter 26.
//
// Startup handles: "vmo.devicetree"; "mmio" and "irq" (resources, MANAGE); "clock" (resource,
// WRITE), for the driver of the real-time clock; "uart.endpoint", which the console's UART will
// serve; "supervisor" (start); "log" (WRITE, MANAGE: a driver that takes the console over silences
// the kernel there).

#include "user/servers/devmgr/tree.h"
#include <bullfinch/clock.h>
#include <bullfinch/ipc.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <bullfinch/supervisor.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define CLOCK_WAIT_NS 1000000000ull

enum device_kind { DEVICE_RTC, DEVICE_UART };

struct driver {
    const char *compatible;
    const char *program;
    enum device_kind kind;
    uint32_t shift, width; // of registers, unless the device says otherwise
    bool adjustable;       // whether it may
};

static const struct driver drivers[] = {
    {"arm,pl011", "bin/pl011", DEVICE_UART, 2, 4, false},
    {"ns16550a", "bin/ns16550", DEVICE_UART, 0, 1, true},
    {"ns16550", "bin/ns16550", DEVICE_UART, 0, 1, true},
    {"arm,pl031", "bin/pl031", DEVICE_RTC, 2, 4, false},
    {"google,goldfish-rtc", "bin/goldfish_rtc", DEVICE_RTC, 2, 4, false},
};

static const struct driver *driver_find(const void *fdt, int node)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (fdt_node_check_compatible(fdt, node, drivers[i].compatible) == 0) {
            return &drivers[i];
        }
    }
    return NULL;
}

// Asks the supervisor to start the driver. The handles move with the message; if that fails they
// are still ours.
static status_t driver_start(const struct sup_child *child, const handle_t handles[],
                             unsigned count)
{
    struct msg_buffer *buffer = ipc_buffer();
    struct ipc_message m = {.tag = MSG_TAG(SUP_START, sizeof(*child), count)};
    memcpy(buffer->data, child, sizeof(*child));
    memcpy(buffer->send, handles, count * sizeof(handle_t));
    status_t s = ipc_call(startup_handle("supervisor"), &m, DEADLINE_NEVER);
    return s != OK ? s : (status_t)m.w[0];
}

// Makes the VMO of the device's registers. Whole pages: a page that devices share cannot be
// divided.
static status_t mmio_create(const struct device_place *place, handle_t *mmio)
{
    uint64_t start = place->base & ~(uint64_t)(ABI_PAGE_SIZE - 1);
    uint64_t end =
        (place->base + place->bytes + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1);
    return sys_vmo_create_physical(startup_handle("mmio"), start, end - start, CACHE_DEVICE, mmio);
}

static void child_describe(const void *fdt, int node, const struct driver *d,
                           const struct device_place *place, struct sup_child *child)
{
    uint32_t shift = d->adjustable ? tree_cell(fdt, node, "reg-shift", d->shift) : d->shift;
    uint32_t width = d->adjustable ? tree_cell(fdt, node, "reg-io-width", d->width) : d->width;
    (void)snprintf(child->program, sizeof(child->program), "%s", d->program);
    (void)snprintf(child->arg, sizeof(child->arg), "offset=%u shift=%u width=%u",
                   (unsigned)(place->base % ABI_PAGE_SIZE), (unsigned)shift, (unsigned)width);
}

static status_t log_share(handle_t *log)
{
    return sys_handle_duplicate(startup_handle("log"),
                                RIGHT_WRITE | RIGHT_TRANSFER | RIGHT_DUPLICATE, log);
}

// What was made for a driver that did not start goes with this process.
static status_t start_report(const char *name, status_t s)
{
    if (s != OK) {
        printf("%s: no driver started: %s\n", name, status_text(s));
    }
    return s;
}

// The console's UART.
static status_t console_start(const void *fdt, int node, const struct driver *d,
                              const struct device_place *place, const char *name)
{
    struct sup_child child = {.name = "uart", .handles = {"mmio", "irq", "endpoint", "log"}};
    handle_t handles[4];
    status_t s = sys_irq_create(startup_handle("irq"), place->line,
                                place->edge ? IRQ_EDGE : IRQ_LEVEL, &handles[1]);
    if (s == ERR_BUSY) {
        return OK; // an earlier life of ours had its driver started
    }
    s = s != OK ? s : mmio_create(place, &handles[0]);
    s = s != OK ? s
                : sys_handle_duplicate(startup_handle("uart.endpoint"), RIGHTS_SAME, &handles[2]);
    s = s != OK ? s : log_share(&handles[3]);
    if (s == OK) {
        child_describe(fdt, node, d, place, &child);
        printf("%s: registers at %#" PRIx64 ", interrupt %u: %s\n", name, place->base,
               (unsigned)place->line, d->program);
        s = driver_start(&child, handles, 4);
    }
    return s != OK ? start_report(name, s) : sys_system_console_release(startup_handle("log"));
}

// The real-time clock. Its driver says when the system's clock is right; nobody can have used it
// before that, because the console comes after it. A clock that does not work must not hold up the
// boot.
static status_t rtc_start(const void *fdt, int node, const struct driver *d,
                          const struct device_place *place, const char *name)
{
    struct sup_child child = {
        .name = "rtc", .handles = {"mmio", "clock", "ready", "log"}, .dispensable = 1};
    handle_t handles[4], ready;
    const rights_t rights = RIGHT_TRANSFER | RIGHT_DUPLICATE;
    uint64_t bits;
    status_t s = mmio_create(place, &handles[0]);
    s = s != OK ? s
                : sys_handle_duplicate(startup_handle("clock"), rights | RIGHT_WRITE, &handles[1]);
    s = s != OK ? s : sys_notification_create(&ready);
    s = s != OK ? s : sys_handle_duplicate(ready, rights | RIGHT_SIGNAL, &handles[2]);
    s = s != OK ? s : log_share(&handles[3]);
    if (s == OK) {
        child_describe(fdt, node, d, place, &child);
        printf("%s: registers at %#" PRIx64 ": %s\n", name, place->base, d->program);
        s = driver_start(&child, handles, 4);
    }
    if (s == ERR_EXISTS) {
        return OK;
    }
    s = s != OK ? s : sys_notification_wait(ready, clock_monotonic_ns() + CLOCK_WAIT_NS, &bits);
    return s == ERR_TIMED_OUT ? OK : start_report(name, s);
}

// Starts the drivers of a kind: for the console only that of `console`, else the first device.
// ERR_NOT_FOUND if there is none.
static status_t devices_start(const void *fdt, enum device_kind kind, int console)
{
    status_t result = ERR_NOT_FOUND;
    for (int node = fdt_next_node(fdt, -1, NULL); node >= 0;
         node = fdt_next_node(fdt, node, NULL)) {
        const struct driver *d = driver_find(fdt, node);
        const char *name = fdt_get_name(fdt, node, NULL);
        struct device_place place;
        if (d == NULL || d->kind != kind || !tree_enabled(fdt, node)) {
            continue;
        }
        if (kind == DEVICE_UART ? node != console : result != ERR_NOT_FOUND) {
            printf("%s has a driver, but nobody uses it\n", name);
            continue;
        }
        const char *why = tree_place(fdt, node, kind == DEVICE_UART, &place);
        if (why != NULL) {
            printf("%s cannot be used: %s\n", name, why);
            result = ERR_CORRUPT;
        } else {
            result = kind == DEVICE_UART ? console_start(fdt, node, d, &place, name)
                                         : rtc_start(fdt, node, d, &place, name);
        }
    }
    return result;
}

static const void *tree_map(void)
{
    struct vmo_info info;
    uint64_t base = 0;
    handle_t vmo = startup_handle(STARTUP_DEVICE_TREE);
    status_t s = sys_vmo_info(vmo, &info);
    if (s == OK) {
        uint64_t bytes = (info.size + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1);
        s = sys_vmar_map(startup_handle(STARTUP_VMAR), vmo, 0, 0, bytes, VM_READ, &base);
    }
    if (s != OK || !tree_valid((const void *)(uintptr_t)base, info.size)) {
        printf("the device tree is unusable: %s\n", s != OK ? status_text(s) : "it is damaged");
        exit(1);
    }
    return (const void *)(uintptr_t)base;
}

int main(void)
{
    const void *fdt = tree_map();
    (void)devices_start(fdt, DEVICE_RTC, -1); // without one the clock counts from boot
    status_t result = devices_start(fdt, DEVICE_UART, tree_console(fdt));
    if (result == ERR_NOT_FOUND) {
        printf(
            "the device tree names no console (/chosen stdout-path) that there is a driver for\n");
    }
    return result == OK ? 0 : 1;
}
