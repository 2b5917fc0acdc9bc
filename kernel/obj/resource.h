// SPDX-License-Identifier: MIT
// Resources: the right to make IRQ objects, physical and DMA VMOs in a range, to use the log, to
// power off.
#ifndef KERNEL_OBJ_RESOURCE_H
#define KERNEL_OBJ_RESOURCE_H

#include "kernel/lib/object.h"

struct job;

struct resource {
    struct object object;
    struct job *job;
    enum resource_kind kind;
    uint64_t base, size; // ranged kinds
};

void resource_init_caches(void);
static inline struct resource *resource_from_object(struct object *o)
{
    return container_of(o, struct resource, object);
}
// parent NULL: the root resource. ERR_INVALID_ARGS, ERR_ACCESS_DENIED (kind), ERR_OUT_OF_RANGE,
// ERR_QUOTA, ERR_NO_MEMORY.
status_t resource_create(struct resource *parent, struct job *job, enum resource_kind kind,
                         uint64_t base, uint64_t size, struct resource **out) MUST_CHECK;
// Whether r allows `kind` over [base, base + size): OK, ERR_ACCESS_DENIED or ERR_OUT_OF_RANGE.
status_t resource_check(const struct resource *r, enum resource_kind kind, uint64_t base,
                        uint64_t size) MUST_CHECK;

#endif
