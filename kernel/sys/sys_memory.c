// SPDX-License-Identifier: MIT
// System calls on VMOs and VMARs.
#include "kernel/mm/page.h"
#include "kernel/obj/resource.h"
#include "kernel/sys/sys.h"

// The bounce buffer on the kernel stack. A page of the VMO at a time: one that is written as a
// whole need not be zeroed first.
#define COPY_CHUNK PAGE_SIZE

status_t sys_vmo_create(struct thread *t, uint64_t size, uint64_t *vmo)
{
    struct vmo *v;
    status_t s = vmo_create(size, &job_of(t)->quota, &job_of(t)->object, &v);
    return s == OK ? handle_to_new(t, vmo_object(v), RIGHTS_DEFAULT_VMO, vmo) : s;
}

status_t sys_vmo_create_physical(struct thread *t, const struct handle_arg *resource, uint64_t base,
                                 uint64_t size, uint32_t cache, uint64_t *vmo)
{
    if (cache > CACHE_UNCACHED || base % PAGE_SIZE != 0 || size % PAGE_SIZE != 0 || size == 0) {
        return ERR_INVALID_ARGS;
    }
    status_t s = resource_check(resource_from_object(resource->object), RESOURCE_MMIO, base, size);
    if (s != OK) {
        return s;
    }
    if (page_is_ram(base, base + size)) {
        return ERR_ACCESS_DENIED;
    }
    struct vmo *v;
    s = vmo_create_physical(base, size, cache, &job_of(t)->quota, &job_of(t)->object, &v);
    return s == OK ? handle_to_new(t, vmo_object(v), RIGHTS_DEFAULT_VMO & ~RIGHT_EXECUTE, vmo) : s;
}

// Zeroing takes many slices; meanwhile the thread keeps the VMO, and dying takes it along.
status_t sys_vmo_create_contiguous(struct thread *t, const struct handle_arg *resource,
                                   uint64_t size, uint64_t align, uint32_t flags, uint64_t *vmo,
                                   uint64_t *paddr)
{
    status_t s = resource_check(resource_from_object(resource->object), RESOURCE_DMA, 0, 0);
    if (s != OK || (flags & ~VMO_BELOW_4G) != 0) {
        return s != OK ? s : ERR_INVALID_ARGS;
    }
    bool below_4g = flags == VMO_BELOW_4G;
    if (t->making != NULL && !vmo_contiguous_is(t->making, size, align, below_4g)) {
        object_put(vmo_object(t->making)); // somebody has changed the registers meanwhile
        t->making = NULL;
    }
    if (t->making == NULL) {
        s = vmo_create_contiguous(size, align, below_4g, &job_of(t)->quota, &job_of(t)->object,
                                  &t->making);
    }
    paddr_t pa;
    if (s == OK) {
        s = vmo_contiguous_zero(t->making, &pa);
    }
    if (s != OK) {
        return s;
    }
    struct vmo *v = t->making;
    t->making = NULL;
    *paddr = pa;
    return handle_to_new(t, vmo_object(v), RIGHTS_DEFAULT_VMO & ~RIGHT_EXECUTE, vmo);
}

status_t sys_vmo_clone(struct thread *t, const struct handle_arg *vmo, uint64_t offset,
                       uint64_t size, uint64_t *clone)
{
    struct vmo *v;
    struct job *job = job_of(t);
    status_t s =
        vmo_clone(vmo_from_object(vmo->object), offset, size, &job->quota, &job->object, &v);
    return s == OK ? handle_to_new(t, vmo_object(v), RIGHTS_DEFAULT_VMO, clone) : s;
}

status_t sys_vmo_read(struct thread *t, const struct handle_arg *vmo, uint64_t offset, uaddr_t buf,
                      uint64_t len)
{
    (void)t;
    uint8_t chunk[COPY_CHUNK];
    if (len > VMO_COPY_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    for (uint64_t done = 0; done < len;) {
        uint64_t n = vmo_part_len(offset + done, len - done);
        status_t s = vmo_read(vmo_from_object(vmo->object), offset + done, chunk, n);
        if (s == OK) {
            s = arch_copy_to_user((uaddr_t){buf.va + done}, chunk, n);
        }
        if (s != OK) {
            return s;
        }
        done += n;
    }
    return range_within(offset, len, vmo_size(vmo_from_object(vmo->object))) ? OK
                                                                             : ERR_OUT_OF_RANGE;
}

status_t sys_vmo_write(struct thread *t, const struct handle_arg *vmo, uint64_t offset, uaddr_t buf,
                       uint64_t len)
{
    (void)t;
    uint8_t chunk[COPY_CHUNK];
    // The range is checked as a whole before the first byte is written.
    if (len > VMO_COPY_MAX || !range_within(offset, len, vmo_size(vmo_from_object(vmo->object)))) {
        return ERR_OUT_OF_RANGE;
    }
    for (uint64_t done = 0; done < len;) {
        uint64_t n = vmo_part_len(offset + done, len - done);
        status_t s = arch_copy_from_user(chunk, (uaddr_t){buf.va + done}, n);
        if (s == OK) {
            s = vmo_write(vmo_from_object(vmo->object), offset + done, chunk, n);
        }
        if (s != OK) {
            return s;
        }
        done += n;
    }
    return OK;
}

status_t sys_vmo_info(struct thread *t, const struct handle_arg *vmo, uaddr_t info)
{
    (void)t;
    struct vmo_info out;
    vmo_info(vmo_from_object(vmo->object), &out);
    return arch_copy_to_user(info, &out, sizeof(out));
}

status_t sys_vmo_resize(struct thread *t, const struct handle_arg *vmo, uint64_t size)
{
    (void)t;
    return vmo_resize(vmo_from_object(vmo->object), size);
}

status_t sys_vmo_commit(struct thread *t, const struct handle_arg *vmo, uint64_t offset,
                        uint64_t len)
{
    (void)t;
    return vmo_commit(vmo_from_object(vmo->object), offset, len);
}

status_t sys_vmo_decommit(struct thread *t, const struct handle_arg *vmo, uint64_t offset,
                          uint64_t len)
{
    (void)t;
    return vmo_decommit(vmo_from_object(vmo->object), offset, len);
}

// --- VMARs --------------------------------------------------------------------------------------

// Which accesses a VMO or VMAR handle allows, as VM_* flags.
static unsigned access_of(rights_t rights)
{
    return ((rights & RIGHT_READ) != 0 ? VM_READ : 0) |
           ((rights & RIGHT_WRITE) != 0 ? VM_WRITE : 0) |
           ((rights & RIGHT_EXECUTE) != 0 ? VM_EXECUTE : 0);
}

#define VM_ACCESS (VM_READ | VM_WRITE | VM_EXECUTE)

status_t sys_vmar_allocate(struct thread *t, const struct handle_arg *vmar, uint64_t addr,
                           uint64_t size, uint32_t flags, uint64_t *child, uint64_t *base)
{
    if ((flags & ~(VM_ACCESS | VM_FIXED)) != 0) {
        return ERR_INVALID_ARGS;
    }
    if ((flags & VM_ACCESS & ~access_of(vmar->rights)) != 0) {
        return ERR_ACCESS_DENIED;
    }
    struct vmar *new;
    vaddr_t at = 0;
    status_t s = vmar_allocate(vmar_from_object(vmar->object), addr, size, flags, &new, &at);
    if (s != OK) {
        return s;
    }
    struct object *o = vmar_object(new);
    object_get(o);
    s = handle_to_new(t, o, RIGHTS_DEFAULT_VMAR, child);
    if (s != OK) {
        status_t undone = vmar_destroy(new); // empty: one slice
        DEBUG_ASSERT(undone == OK);
        (void)undone;
    }
    object_put(o);
    *base = at;
    return s;
}

status_t sys_vmar_map(struct thread *t, const struct handle_arg *vmar, const struct handle_arg *vmo,
                      uint64_t offset, uint64_t addr, uint64_t len, uint32_t flags, uint64_t *base)
{
    (void)t;
    unsigned allowed = access_of(vmar->rights) & access_of(vmo->rights);
    if ((flags & ~(VM_ACCESS | VM_FIXED)) != 0 || (flags & VM_ACCESS) == 0) {
        return ERR_INVALID_ARGS;
    }
    if ((flags & VM_ACCESS & ~allowed) != 0) {
        return ERR_ACCESS_DENIED;
    }
    vaddr_t at = 0;
    status_t s = vmar_map(vmar_from_object(vmar->object), vmo_from_object(vmo->object), offset,
                          addr, len, flags, allowed, &at);
    *base = at;
    return s;
}

status_t sys_vmar_unmap(struct thread *t, const struct handle_arg *vmar, uint64_t addr,
                        uint64_t len)
{
    (void)t;
    return vmar_unmap(vmar_from_object(vmar->object), addr, len);
}

status_t sys_vmar_protect(struct thread *t, const struct handle_arg *vmar, uint64_t addr,
                          uint64_t len, uint32_t flags)
{
    (void)t;
    if ((flags & ~VM_ACCESS) != 0) {
        return ERR_INVALID_ARGS;
    }
    if ((flags & ~access_of(vmar->rights)) != 0) {
        return ERR_ACCESS_DENIED;
    }
    return vmar_protect(vmar_from_object(vmar->object), addr, len, flags);
}

status_t sys_vmar_destroy(struct thread *t, const struct handle_arg *vmar)
{
    (void)t;
    return vmar_destroy(vmar_from_object(vmar->object));
}
