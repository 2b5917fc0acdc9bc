// SPDX-License-Identifier: MIT
// See bullfinch/registers.h.

#include <bullfinch/registers.h>
#include <bullfinch/startup.h>
#include <stddef.h>
#include <stdio.h>
#include <gen/user_syscalls.h>

status_t registers_map(int argc, char **argv, struct registers *r)
{
    unsigned offset;
    unsigned shift;
    unsigned width;
    uint64_t base;
    struct vmo_info info;
    handle_t mmio = startup_handle("mmio");
    if (argc < 2 || sscanf(argv[1], "offset=%u shift=%u width=%u", &offset, &shift, &width) != 3 ||
        offset >= ABI_PAGE_SIZE || shift > 4 || (width != 1 && width != 4) ||
        (offset & (width - 1)) != 0) {
        return ERR_INVALID_ARGS;
    }
    status_t s = sys_vmo_info(mmio, &info);
    s = s != OK ? s
                : sys_vmar_map(startup_handle(STARTUP_VMAR), mmio, 0, 0, info.size,
                               VM_READ | VM_WRITE, &base);
    if (s == OK) {
        *r = (struct registers){(volatile uint8_t *)(uintptr_t)(base + offset), shift, width};
    }
    return s;
}

uint32_t register_read(const struct registers *r, uint32_t n)
{
    volatile uint8_t *at = r->base + ((size_t)n << r->shift);
    return r->width == 4 ? *(volatile uint32_t *)at : *at;
}

void register_write(const struct registers *r, uint32_t n, uint32_t value)
{
    volatile uint8_t *at = r->base + ((size_t)n << r->shift);
    if (r->width == 4) {
        *(volatile uint32_t *)at = value;
    } else {
        *at = (uint8_t)value;
    }
}
