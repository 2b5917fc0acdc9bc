// SPDX-License-Identifier: MIT
// Builds device trees for tests with libfdt's sequential-write functions. Every step must succeed.
#ifndef TESTS_HOST_TREE_BUILDER_H
#define TESTS_HOST_TREE_BUILDER_H

#include "cm.h"

#include <libfdt.h>

#define TREE_BYTES 16384

static _Alignas(8) uint8_t tree[TREE_BYTES];

#define TREE_OK(call) assert_int_equal(call, 0)

static inline void tree_begin(void)
{
    memset(tree, 0, sizeof(tree));
    TREE_OK(fdt_create(tree, sizeof(tree)));
}
static inline void tree_reserve(uint64_t start, uint64_t size)
{
    TREE_OK(fdt_add_reservemap_entry(tree, start, size));
}
// The root node, with the cells that the kernel's machines have.
static inline void tree_root(void)
{
    TREE_OK(fdt_finish_reservemap(tree));
    TREE_OK(fdt_begin_node(tree, ""));
    TREE_OK(fdt_property_u32(tree, "#address-cells", 2));
    TREE_OK(fdt_property_u32(tree, "#size-cells", 2));
}
static inline void tree_node(const char *name) { TREE_OK(fdt_begin_node(tree, name)); }
static inline void tree_end(void) { TREE_OK(fdt_end_node(tree)); }
static inline void tree_u32(const char *name, uint32_t v)
{
    TREE_OK(fdt_property_u32(tree, name, v));
}
static inline void tree_string(const char *name, const char *v)
{
    TREE_OK(fdt_property_string(tree, name, v));
}
static inline void tree_bytes(const char *name, const void *v, size_t n)
{
    TREE_OK(fdt_property(tree, name, v, (int)n));
}

// A property of 32-bit cells.
#define TREE_CELLS(name, ...)                                \
    do {                                                     \
        uint32_t cells_[] = {__VA_ARGS__};                   \
        for (size_t i_ = 0; i_ < sizeof(cells_) / 4; i_++) { \
            cells_[i_] = cpu_to_fdt32(cells_[i_]);           \
        }                                                    \
        tree_bytes(name, cells_, sizeof(cells_));            \
    } while (0)
#define HI(v) ((uint32_t)((uint64_t)(v) >> 32))
#define LO(v) ((uint32_t)(uint64_t)(v))
// A reg property of one range with two cells each.
#define TREE_REG(start, size) TREE_CELLS("reg", HI(start), LO(start), HI(size), LO(size))

static inline void tree_memory(const char *name, uint64_t start, uint64_t size)
{
    tree_node(name);
    tree_string("device_type", "memory");
    TREE_REG(start, size);
    tree_end();
}
static inline void tree_finish(void)
{
    tree_end();
    TREE_OK(fdt_finish(tree));
}

#endif
