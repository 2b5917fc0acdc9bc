// SPDX-License-Identifier: MIT
// See vdso.h. The pages are a contiguous VMO, because such pages never move, are never shared
// copy-on-write and cannot be taken away; the kernel writes to them through the physical map.
#include "kernel/vdso/vdso.h"
#include "abi/vdso.h"
#include "kernel/lib/object.h"
#include "kernel/vdso/data.h"
#include <arch/mmu.h>
#include <arch/timer.h>
#include <string.h>

static_assert(VDSO_CODE_BYTES == PAGE_SIZE && VDSO_DATA_BYTES == PAGE_SIZE, "pages of their own");
static_assert(sizeof(struct vdso_data) <= VDSO_DATA_BYTES, "one page of data");

extern const uint8_t vdso_image[], vdso_image_end[]; // image.S

static struct vdso_data *data;

status_t vdso_create(struct quota *q, struct object *owner, struct vmo **out)
{
    paddr_t pa;
    status_t s = vmo_create_contiguous(VDSO_BYTES, 0, false, q, owner, out);
    if (s == OK) {
        s = vmo_contiguous_zero(*out, &pa); // so few pages are one slice
    }
    if (s != OK) {
        return s;
    }
    object_get(vmo_object(*out)); // for ever, because of `data`
    memcpy(phys_to_virt(pa), vdso_image, (size_t)(vdso_image_end - vdso_image));
    data = phys_to_virt(pa + VDSO_CODE_BYTES);
    data->scale = *arch_clock_scale();
    return OK;
}

void vdso_set_boot_time(uint64_t ns)
{
    __atomic_store_n(&data->boot_time_ns, ns, __ATOMIC_RELAXED);
}
