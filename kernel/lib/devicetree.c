// SPDX-License-Identifier: MIT
// Checks and address translation for device trees, on top of libfdt. Described in the header.
#include "kernel/lib/devicetree.h"

#include <libfdt.h>
#include <string.h>

#define PHYSICAL_LIMIT (1ull << 48) // no register is believed to lie beyond it
#define DEPTH_MAX      16           // of a device's node

bool devicetree_valid(const void *fdt)
{
    if (fdt == NULL || ((uintptr_t)fdt & 7) != 0 || fdt_check_header(fdt) != 0) {
        return false;
    }
    uint32_t bytes = fdt_totalsize(fdt);
    return bytes <= DEVICETREE_BYTES_MAX && fdt_version(fdt) >= 17 &&
           fdt_check_full(fdt, bytes) == 0;
}

bool devicetree_number(const uint32_t **p, unsigned cells, uint64_t *value)
{
    uint64_t v = 0;
    for (; cells > 0; cells--) {
        if (v >> 32 != 0) {
            return false;
        }
        v = v << 32 | fdt32_ld((const fdt32_t *)(*p)++);
    }
    *value = v;
    return true;
}

uint32_t devicetree_u32(const void *fdt, int node, const char *name, uint32_t otherwise)
{
    int bytes;
    const fdt32_t *p = fdt_getprop(fdt, node, name, &bytes);
    return p != NULL && bytes == 4 ? fdt32_ld(p) : otherwise;
}

const char *devicetree_string(const void *fdt, int node, const char *name)
{
    int bytes;
    const char *s = fdt_getprop(fdt, node, name, &bytes);
    return s != NULL && bytes > 0 && s[bytes - 1] == '\0' ? s : NULL;
}

bool devicetree_enabled(const void *fdt, int node)
{
    const char *status = devicetree_string(fdt, node, "status");
    return status == NULL || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

int devicetree_find_any(const void *fdt, const char *const *compatible, unsigned count,
                        unsigned *which)
{
    int bytes, node = fdt_next_node(fdt, -1, NULL);
    for (; node >= 0; node = fdt_next_node(fdt, node, NULL)) {
        const char *names = fdt_getprop(fdt, node, "compatible", &bytes);
        for (unsigned i = 0; names != NULL && i < count; i++) {
            if (fdt_stringlist_contains(names, bytes, compatible[i]) &&
                devicetree_enabled(fdt, node)) {
                *which = i;
                return node;
            }
        }
    }
    return node;
}

int devicetree_find(const void *fdt, const char *compatible)
{
    unsigned which;
    return devicetree_find_any(fdt, &compatible, 1, &which);
}

const char *devicetree_controller_name(const void *fdt)
{
    for (int node = fdt_next_node(fdt, -1, NULL); node >= 0;
         node = fdt_next_node(fdt, node, NULL)) {
        if (fdt_getprop(fdt, node, "interrupt-controller", NULL) != NULL &&
            fdt_getprop(fdt, node, "reg", NULL) != NULL) { // not one inside a CPU
            const char *compatible = devicetree_string(fdt, node, "compatible");
            return compatible != NULL ? compatible : fdt_get_name(fdt, node, NULL);
        }
    }
    return NULL;
}

uint32_t devicetree_used_bytes(const void *fdt)
{
    uint32_t entries = (uint32_t)fdt_num_mem_rsv(fdt) + 1; // and the one that ends the list
    uint32_t end = fdt_off_mem_rsvmap(fdt) + entries * sizeof(struct fdt_reserve_entry);
    uint32_t structs = fdt_off_dt_struct(fdt) + fdt_size_dt_struct(fdt);
    uint32_t strings = fdt_off_dt_strings(fdt) + fdt_size_dt_strings(fdt);
    end = structs > end ? structs : end;
    return strings > end ? strings : end;
}

bool devicetree_cells(const void *fdt, int node, unsigned *address_cells, unsigned *size_cells)
{
    *address_cells = devicetree_u32(fdt, node, "#address-cells", 2);
    *size_cells = devicetree_u32(fdt, node, "#size-cells", 1);
    return *address_cells <= 4 && *size_cells <= 4;
}

// Translates [*base, +size) from the addresses of the bus's children to those of its own parent.
static bool translate(const void *fdt, int bus, int parent, paddr_t *base, uint64_t size)
{
    unsigned child_cells, size_cells, parent_cells, unused;
    int bytes;
    const uint32_t *p = fdt_getprop(fdt, bus, "ranges", &bytes);
    if (p == NULL || !devicetree_cells(fdt, bus, &child_cells, &size_cells) ||
        !devicetree_cells(fdt, parent, &parent_cells, &unused)) {
        return false;
    }
    if (bytes == 0) { // the same addresses
        return true;
    }
    size_t entry = 4u * (child_cells + parent_cells + size_cells);
    for (size_t left = (size_t)bytes; entry > 0 && left >= entry; left -= entry) {
        const uint32_t *next = p + entry / 4;
        uint64_t child, above, length;
        if (devicetree_number(&p, child_cells, &child) &&
            devicetree_number(&p, parent_cells, &above) &&
            devicetree_number(&p, size_cells, &length) && *base >= child &&
            range_within(*base - child, size, length) && above <= UINT64_MAX - (*base - child)) {
            *base = above + (*base - child);
            return true;
        }
        p = next;
    }
    return false;
}

// The offsets of the nodes from the root (path[0]) to this one, whose depth is returned; negative
// if it lies too deep. One walk: libfdt's own way from a node to its parent is a walk each time.
static int path_to(const void *fdt, int node, int path[DEPTH_MAX])
{
    int depth = 0;
    memset(path, 0, DEPTH_MAX * sizeof(path[0]));
    for (int at = 0; at >= 0 && at <= node; at = fdt_next_node(fdt, at, &depth)) {
        if (depth >= 0 && depth < DEPTH_MAX) {
            path[depth] = at;
        }
        if (at == node) {
            return depth < DEPTH_MAX ? depth : -1;
        }
    }
    return -1;
}

int devicetree_parent(const void *fdt, int node)
{
    int path[DEPTH_MAX];
    int depth = path_to(fdt, node, path);
    return depth > 0 ? path[depth - 1] : -FDT_ERR_NOTFOUND;
}

bool devicetree_reg_local(const void *fdt, int node, int parent, unsigned index, paddr_t *base,
                          uint64_t *size)
{
    unsigned address_cells, size_cells;
    int bytes;
    const uint32_t *p = fdt_getprop(fdt, node, "reg", &bytes);
    if (p == NULL || parent < 0 || !devicetree_cells(fdt, parent, &address_cells, &size_cells)) {
        return false;
    }
    size_t entry = address_cells + size_cells;
    if (entry == 0 || (size_t)bytes / 4 / entry <= index) {
        return false;
    }
    p += index * entry;
    return devicetree_number(&p, address_cells, base) && devicetree_number(&p, size_cells, size) &&
           *size <= UINT64_MAX - *base;
}

// Whether the range meets one of a memory node.
static bool is_memory(const void *fdt, paddr_t base, uint64_t size)
{
    int node;
    fdt_for_each_subnode(node, fdt, 0) {
        const char *type = devicetree_string(fdt, node, "device_type");
        paddr_t start;
        uint64_t bytes;
        for (unsigned i = 0; type != NULL && strcmp(type, "memory") == 0 &&
                             devicetree_reg_local(fdt, node, 0, i, &start, &bytes);
             i++) {
            if (base < start + bytes && start < base + size) {
                return true;
            }
        }
    }
    return false;
}

bool devicetree_reg(const void *fdt, int node, unsigned index, paddr_t *base, uint64_t *size)
{
    int path[DEPTH_MAX];
    paddr_t address;
    uint64_t length;
    int bus = path_to(fdt, node, path) - 1;
    if (bus < 0 || !devicetree_reg_local(fdt, node, path[bus], index, &address, &length)) {
        return false;
    }
    for (; bus > 0; bus--) { // the addresses of the root are the CPU's
        if (!translate(fdt, path[bus], path[bus - 1], &address, length)) {
            return false;
        }
    }
    if (!range_within(address, length, PHYSICAL_LIMIT) || is_memory(fdt, address, length)) {
        return false;
    }
    *base = address;
    *size = length;
    return true;
}
