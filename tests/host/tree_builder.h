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

// Changes a few bytes, bits or cells of a blob.
static inline void tree_damage(uint8_t *blob, uint32_t bytes, uint64_t *seed)
{
    for (unsigned n = 1 + (unsigned)test_random(seed) % 4; n > 0; n--) {
        uint64_t r = test_random(seed);
        size_t at = (size_t)(r >> 8) % bytes;
        switch (r % 3) {
        case 0: blob[at] = (uint8_t)(r >> 40); break;
        case 1: blob[at] ^= (uint8_t)(1u << (r >> 40) % 8); break;
        default: // a cell with an extreme value
            at &= ~(size_t)3;
            memset(blob + at, r >> 40 & 1 ? 0xff : 0, bytes - at < 4 ? bytes - at : 4);
            break;
        }
    }
}

// Gives `run` the finished tree with `rounds` random damages, and cut off at every cell. Blocks are
// of exactly the size, so that the address sanitizer sees a read past them.
static inline void tree_try_damages(int (*run)(const uint8_t *, size_t), unsigned rounds)
{
    uint32_t bytes = fdt_totalsize(tree);
    uint64_t seed = 20240607;
    for (unsigned round = 0; round < rounds; round++) {
        uint8_t *damaged = malloc(bytes);
        memcpy(damaged, tree, bytes);
        tree_damage(damaged, bytes, &seed);
        (void)run(damaged, bytes);
        free(damaged);
    }
    for (uint32_t n = sizeof(struct fdt_header); n < bytes; n += 4) {
        (void)run(tree, n);
    }
}

#endif
