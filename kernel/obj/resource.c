// SPDX-License-Identifier: MIT
// Resources; see resource.h. They never change after creation, so nothing locks.
#include "kernel/obj/resource.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/job.h"

static struct slab_cache resource_cache;

void resource_init_caches(void)
{
    slab_cache_init(&resource_cache, "resource", sizeof(struct resource), 8);
}

static void resource_destroy(struct object *o)
{
    struct resource *r = resource_from_object(o);
    struct job *job = r->job;
    slab_free(&resource_cache, r);
    quota_release(&job->quota, LIMIT_OBJECTS, 1);
    object_put(&job->object);
}

static const struct object_ops resource_ops = {
    .type = OBJ_RESOURCE, .name = "resource", .destroy = resource_destroy};

status_t resource_check(const struct resource *r, enum resource_kind kind, uint64_t base,
                        uint64_t size)
{
    if (r->kind == RESOURCE_ROOT) {
        return base + size < base ? ERR_OUT_OF_RANGE : OK;
    }
    if (r->kind != kind) {
        return ERR_ACCESS_DENIED;
    }
    if (kind != RESOURCE_MMIO && kind != RESOURCE_IRQ) {
        return OK;
    }
    return base >= r->base && range_within(base - r->base, size, r->size) ? OK : ERR_OUT_OF_RANGE;
}

status_t resource_create(struct resource *parent, struct job *job, enum resource_kind kind,
                         uint64_t base, uint64_t size, struct resource **out)
{
    if ((unsigned)kind >= RESOURCE_KINDS) {
        return ERR_INVALID_ARGS;
    }
    status_t s = parent == NULL ? OK : resource_check(parent, kind, base, size);
    if (s != OK) {
        return s;
    }
    s = quota_charge(&job->quota, LIMIT_OBJECTS, 1);
    if (s != OK) {
        return s;
    }
    struct resource *r = slab_alloc(&resource_cache);
    if (r == NULL) {
        quota_release(&job->quota, LIMIT_OBJECTS, 1);
        return ERR_NO_MEMORY;
    }
    object_init(&r->object, &resource_ops);
    r->job = job;
    object_get(&job->object);
    r->kind = kind;
    r->base = base;
    r->size = size;
    *out = r;
    return OK;
}
