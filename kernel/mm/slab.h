// SPDX-License-Identifier: MIT
// Object caches: one per kernel object type (Bonwick's slab allocator, with a magazine of free
// objects for each CPU).
//
// Without a constructor objects come zeroed. With one, the first `zeroed_bytes` of an object come
// zeroed and the rest comes as the constructor made it: it runs once, when memory becomes an object
// of the cache, and whoever frees an object leaves that part as the constructor did. Debug builds
// check this when an object is freed, poison free objects and check it on reuse, and put a redzone
// behind each.
//
// Anybody may call it with locks of ranks below LOCK_MAGAZINE held.
#ifndef KERNEL_MM_SLAB_H
#define KERNEL_MM_SLAB_H

#include "kernel/init/boot_info.h"
#include "kernel/lib/list.h"
#include "kernel/lib/spinlock.h"

#define SLAB_MAGAZINE_MAX 16u
#define SLAB_OBJECTS_MAX  256u // in one slab

// One CPU's free objects. Its own lock, because others empty it when memory runs out.
struct slab_magazine {
    struct spinlock lock;
    uint32_t count;
    void *objects[SLAB_MAGAZINE_MAX];
    uint64_t hits, misses;
} __attribute__((aligned(64)));

struct slab_cache {
    const char *name;
    void (*construct)(void *object); // or NULL
    uint32_t object_bytes;           // as asked for
    uint32_t zeroed_bytes;
    uint32_t stride; // with redzone and alignment
    uint32_t first;  // offset of a slab's first object
    uint32_t per_slab;
    uint32_t slab_order;    // pages per slab, as a power of two
    uint32_t magazine_size; // objects

    struct spinlock lock; // the rest, but for the magazines
    uint64_t taken;       // objects out of their slabs: in use, or in a magazine
    uint64_t slabs;
    struct list partial, full, empty;
    struct list link; // all caches, for statistics

    struct slab_magazine magazines[BOOT_CPUS_MAX];
};

void slab_cache_init(struct slab_cache *c, const char *name, size_t object_bytes, size_t align);
void slab_cache_init_constructed(struct slab_cache *c, const char *name, size_t object_bytes,
                                 size_t align, size_t zeroed_bytes, void (*construct)(void *));
void *slab_alloc(struct slab_cache *c); // NULL when out of memory
void slab_free(struct slab_cache *c, void *object);

// Gives back what magazines and empty slabs hold, of all caches. No lock of theirs may be held.
void slab_reclaim(void);

uint64_t slab_in_use(struct slab_cache *c); // objects; exact when nobody allocates meanwhile
void slab_stats(struct slab_cache *c, struct slab_stats *s);
// Caches are set up while the kernel starts and stay.
void slab_for_each(void (*fn)(struct slab_cache *c, void *arg), void *arg);

#endif
