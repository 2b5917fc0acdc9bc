// SPDX-License-Identifier: MIT
// See tree.h. A depth of BUSES_MAX buses bounds every walk towards the root.

#include "user/servers/devmgr/tree.h"
#include <libfdt.h>
#include <string.h>

#define BUSES_MAX    8u
#define CELLS_MAX    2u // numbers of more than 64 bits are not for us
#define GIC_SPI      0u
#define GIC_PPI      1u
#define GIC_SPI_BASE 32u
#define GIC_PPI_BASE 16u
#define FLAGS_EDGE   3u // rising or falling

bool tree_valid(const void *fdt, size_t bytes)
{
    return bytes >= FDT_V17_SIZE && fdt_check_header(fdt) == 0 && fdt_version(fdt) >= 17 &&
           fdt_totalsize(fdt) <= bytes && fdt_check_full(fdt, fdt_totalsize(fdt)) == 0;
}

static uint32_t cell(const void *property, unsigned i)
{
    uint32_t raw;
    memcpy(&raw, (const char *)property + (size_t)i * sizeof(raw), sizeof(raw));
    return fdt32_to_cpu(raw);
}

static uint64_t cells_read(const void *property, unsigned first, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        value = value << 32 | cell(property, first + i);
    }
    return value;
}

uint32_t tree_cell(const void *fdt, int node, const char *name, uint32_t otherwise)
{
    int len;
    const void *p = fdt_getprop(fdt, node, name, &len);
    return p != NULL && len == (int)sizeof(uint32_t) ? cell(p, 0) : otherwise;
}

static const char *string_get(const void *fdt, int node, const char *name)
{
    int len;
    const char *s = fdt_getprop(fdt, node, name, &len);
    return s != NULL && len > 0 && s[len - 1] == '\0' ? s : NULL;
}

bool tree_enabled(const void *fdt, int node)
{
    int len;
    if (fdt_getprop(fdt, node, "status", &len) == NULL) {
        return true;
    }
    const char *status = string_get(fdt, node, "status");
    return status != NULL && (strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0);
}

int tree_console(const void *fdt)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    const char *path = chosen >= 0 ? string_get(fdt, chosen, "stdout-path") : NULL;
    if (path == NULL) {
        return -1;
    }
    int node = fdt_path_offset_namelen(fdt, path, (int)strcspn(path, ":"));
    return node >= 0 ? node : -1;
}

// --- registers ----------------------------------------------------------------------------------

struct cells {
    unsigned address, size;
};

static bool cells_get(const void *fdt, int bus, struct cells *c)
{
    c->address = tree_cell(fdt, bus, "#address-cells", 2);
    c->size = tree_cell(fdt, bus, "#size-cells", 1);
    return c->address > 0 && c->address <= CELLS_MAX && c->size <= CELLS_MAX;
}

// Translates an address of the bus `bus` into one of its parent by the bus's ranges property. False
// if none covers it.
static bool address_lift(const void *fdt, int bus, int parent, uint64_t *address, uint64_t bytes)
{
    int len;
    const void *ranges = fdt_getprop(fdt, bus, "ranges", &len);
    struct cells child;
    struct cells above;
    if (ranges == NULL || !cells_get(fdt, bus, &child) || !cells_get(fdt, parent, &above)) {
        return false;
    }
    if (len == 0) {
        return true; // same address space
    }
    unsigned entry = child.address + above.address + child.size;
    for (unsigned at = 0; (at + entry) * sizeof(uint32_t) <= (size_t)len; at += entry) {
        uint64_t from = cells_read(ranges, at, child.address);
        uint64_t to = cells_read(ranges, at + child.address, above.address);
        uint64_t size = cells_read(ranges, at + child.address + above.address, child.size);
        if (*address >= from && *address - from <= size && bytes <= size - (*address - from)) {
            *address = to + (*address - from);
            return *address >= to;
        }
    }
    return false;
}

static const char *registers_find(const void *fdt, int node, struct device_place *out)
{
    int bus = fdt_parent_offset(fdt, node);
    int len;
    struct cells c;
    const void *reg = fdt_getprop(fdt, node, "reg", &len);
    if (bus < 0 || reg == NULL || !cells_get(fdt, bus, &c) ||
        (size_t)len < (c.address + c.size) * sizeof(uint32_t)) {
        return "it has no usable reg property";
    }
    out->base = cells_read(reg, 0, c.address);
    out->bytes = cells_read(reg, c.address, c.size);
    if (out->bytes == 0 || out->base + out->bytes < out->base) {
        return "its registers have no size or wrap around";
    }
    for (unsigned depth = 0; depth < BUSES_MAX; depth++) {
        int parent = fdt_parent_offset(fdt, bus);
        if (parent < 0) {
            return NULL; // `bus` is the root: addresses are the CPU's
        }
        if (!address_lift(fdt, bus, parent, &out->base, out->bytes)) {
            return "its bus does not say where the CPU sees it";
        }
        bus = parent;
    }
    return "it lies too deep";
}

// --- interrupts ---------------------------------------------------------------------------------

static int parent_of_interrupts(const void *fdt, int node)
{
    for (unsigned depth = 0; node >= 0 && depth < BUSES_MAX; depth++) {
        uint32_t phandle = tree_cell(fdt, node, "interrupt-parent", 0);
        if (phandle != 0) {
            return fdt_node_offset_by_phandle(fdt, phandle);
        }
        node = fdt_parent_offset(fdt, node);
    }
    return -1;
}

static bool is_gic(const void *fdt, int controller)
{
    static const char *const names[] = {"arm,gic-v3", "arm,cortex-a15-gic", "arm,gic-400",
                                        "arm,cortex-a9-gic"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (fdt_node_check_compatible(fdt, controller, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_plic(const void *fdt, int controller)
{
    return fdt_node_check_compatible(fdt, controller, "riscv,plic0") == 0 ||
           fdt_node_check_compatible(fdt, controller, "sifive,plic-1.0.0") == 0;
}

// Reads one interrupt specifier of a known controller.
static const char *specifier_read(const void *fdt, int controller, const void *cells,
                                  unsigned count, struct device_place *out)
{
    unsigned wanted = tree_cell(fdt, controller, "#interrupt-cells", 0);
    if (wanted == 0 || count < wanted) {
        return "its interrupt is cut off";
    }
    if (is_gic(fdt, controller) && wanted >= 3) {
        uint32_t kind = cell(cells, 0);
        if (kind != GIC_SPI && kind != GIC_PPI) {
            return "its interrupt is neither shared nor private";
        }
        out->line = cell(cells, 1) + (kind == GIC_SPI ? GIC_SPI_BASE : GIC_PPI_BASE);
        out->edge = (cell(cells, 2) & FLAGS_EDGE) != 0;
        return cell(cells, 1) < 1020u ? NULL : "its interrupt is outside the controller";
    }
    if (fdt_node_check_compatible(fdt, controller, "riscv,aplic") == 0 && wanted == 2) {
        out->line = cell(cells, 0);
        out->edge = (cell(cells, 1) & FLAGS_EDGE) != 0;
        return NULL;
    }
    if (is_plic(fdt, controller) && wanted == 1) {
        out->line = cell(cells, 0);
        out->edge = false;
        return NULL;
    }
    return "its interrupt controller is unknown";
}

static const char *interrupt_find(const void *fdt, int node, struct device_place *out)
{
    int len;
    const void *extended = fdt_getprop(fdt, node, "interrupts-extended", &len);
    if (extended != NULL && len >= (int)sizeof(uint32_t)) {
        int controller = fdt_node_offset_by_phandle(fdt, cell(extended, 0));
        return controller < 0
                   ? "its interrupt controller is missing"
                   : specifier_read(fdt, controller, (const char *)extended + sizeof(uint32_t),
                                    (unsigned)len / sizeof(uint32_t) - 1, out);
    }
    const void *plain = fdt_getprop(fdt, node, "interrupts", &len);
    if (plain == NULL) {
        return "it has no interrupt";
    }
    int controller = parent_of_interrupts(fdt, node);
    return controller < 0
               ? "its interrupt controller is missing"
               : specifier_read(fdt, controller, plain, (unsigned)len / sizeof(uint32_t), out);
}

const char *tree_place(const void *fdt, int node, bool irq, struct device_place *out)
{
    memset(out, 0, sizeof(*out));
    const char *why = registers_find(fdt, node, out);
    return why != NULL || !irq ? why : interrupt_find(fdt, node, out);
}
