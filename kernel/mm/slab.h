// SPDX-License-Identifier: MIT
// Object caches: one per kernel object type (Bonwick's slab allocator). Objects come zeroed. Debug
// builds poison freed objects and check it on reuse, and put a redzone behind each object. Empty
// slabs go back to the page allocator.
#ifndef KERNEL_MM_SLAB_H
#define KERNEL_MM_SLAB_H

#include "kernel/lib/list.h"
#include "kernel/lib/spinlock.h"

struct slab_cache {
    const char *name;
    uint32_t object_bytes; // as asked for
    uint32_t stride;       // with redzone and alignment
    uint32_t first;        // offset of a slab's first object
    uint32_t per_slab;
    uint32_t slab_order; // pages per slab, as a power of two
    uint64_t in_use, slabs;
    struct list partial, full, empty;
    struct spinlock lock;
    struct list link; // all caches, for statistics
};

void slab_cache_init(struct slab_cache *c, const char *name, size_t object_bytes, size_t align);
void *slab_alloc(struct slab_cache *c); // zeroed; NULL when out of memory
void slab_free(struct slab_cache *c, void *object);
uint64_t slab_bytes(void); // memory held by all caches
void slab_for_each(void (*fn)(const struct slab_cache *c, void *arg), void *arg);

#endif
