// SPDX-License-Identifier: MIT
// Starting a program (bullfinch/spawn.h): build everything aside in a process that does not run
// yet; the last step, thread_start, is the commit. A failure before it kills the process and closes
// its handles, which undoes all the rest.

#include "abi/vdso.h"
#include "user/lib/elf.h"
#include <bullfinch/spawn.h>
#include <bullfinch/startup.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define STACK_BYTES_DEFAULT (256u * 1024)
#define SELF_HANDLES        4u // process, thread, root VMAR, vDSO

#if defined(__aarch64__)
#define ELF_MACHINE ELF_MACHINE_ARM64
#elif defined(__riscv)
#define ELF_MACHINE ELF_MACHINE_RISCV
#else
#error "no ELF machine number known for this architecture"
#endif

struct spawning {
    const struct spawn_request *request;
    struct elf_image elf;
    handle_t process;
    handle_t vmar;
    handle_t thread;
    uint64_t stack_top; // end of the stack's mapping
    handle_t stack_vmo;
    size_t stack_bytes; // with the start-up block at its top
    struct startup_block *block;
    size_t block_bytes;
    const char *why;
};

static uint64_t page_up(uint64_t n)
{
    return (n + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1);
}

static status_t vmo_fill(handle_t vmo, uint64_t offset, const char *from, uint64_t bytes)
{
    status_t s = OK;
    while (s == OK && bytes > 0) {
        uint64_t n = bytes < VMO_COPY_MAX ? bytes : VMO_COPY_MAX;
        s = sys_vmo_write(vmo, offset, from, n);
        offset += n;
        from += n;
        bytes -= n;
    }
    return s;
}

static status_t segment_load(struct spawning *sp, const struct elf_segment *seg)
{
    handle_t vmo;
    status_t s = sys_vmo_create(seg->bytes, &vmo);
    if (s != OK) {
        return s;
    }
    s = vmo_fill(vmo, seg->skip, (const char *)sp->request->image + seg->file_offset,
                 seg->file_bytes);
    if (s == OK) {
        uint64_t base;
        s = sys_vmar_map(sp->vmar, vmo, 0, seg->address, seg->bytes, seg->flags | VM_FIXED, &base);
    }
    (void)sys_handle_close(vmo);
    return s;
}

static status_t segments_load(struct spawning *sp)
{
    sp->why = "loading its segments";
    status_t s = OK;
    for (unsigned i = 0; s == OK && i < sp->elf.count; i++) {
        s = segment_load(sp, &sp->elf.segments[i]);
    }
    return s;
}

static size_t strings_measure(const char *const *list, uint32_t *count)
{
    size_t bytes = 0;
    *count = 0;
    for (; list != NULL && list[*count] != NULL; (*count)++) {
        bytes += strlen(list[*count]) + 1;
    }
    return bytes;
}

static uint32_t strings_copy(struct startup_block *b, uint32_t at, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        size_t n = strlen(*list) + 1;
        memcpy((char *)b + at, *list, n);
        at += (uint32_t)n;
    }
    return at;
}

// The block with everything but the handles' values, which exist only once they are granted.
static status_t block_create(struct spawning *sp)
{
    const struct spawn_request *r = sp->request;
    uint32_t args;
    uint32_t env;
    uint32_t handles = r->handle_count + SELF_HANDLES;
    sp->why = "too many handles";
    if (r->handle_count > STARTUP_HANDLES_MAX - SELF_HANDLES) {
        return ERR_INVALID_ARGS;
    }
    size_t at = sizeof(struct startup_block) + handles * sizeof(struct startup_handle);
    size_t bytes = at + strings_measure(r->args, &args) + strings_measure(r->env, &env);
    sp->why = "arguments and environment are too long";
    if (bytes > STARTUP_BYTES_MAX) {
        return ERR_INVALID_ARGS;
    }
    sp->why = "building its start-up block";
    sp->block_bytes = (bytes + 15) & ~(size_t)15;
    struct startup_block *b = calloc(1, sp->block_bytes);
    if (b == NULL) {
        return ERR_NO_MEMORY;
    }
    sp->block = b;
    *b = (struct startup_block){.magic = STARTUP_MAGIC,
                                .total_bytes = (uint32_t)sp->block_bytes,
                                .handle_count = handles,
                                .arg_count = args,
                                .env_count = env,
                                .args_offset = (uint32_t)at};
    b->env_offset = strings_copy(b, b->args_offset, r->args);
    (void)strings_copy(b, b->env_offset, r->env);
    return OK;
}

static status_t stack_create(struct spawning *sp)
{
    sp->why = "making its stack";
    size_t wanted = sp->request->stack_bytes == 0 ? STACK_BYTES_DEFAULT : sp->request->stack_bytes;
    sp->stack_bytes = page_up(wanted + sp->block_bytes);
    handle_t region;
    uint64_t low;
    status_t s = sys_vmo_create(sp->stack_bytes, &sp->stack_vmo);
    if (s != OK) {
        return s;
    }
    // The region's first page is never mapped: the guard.
    s = sys_vmar_allocate(sp->vmar, 0, sp->stack_bytes + ABI_PAGE_SIZE, VM_READ | VM_WRITE, &region,
                          &low);
    if (s != OK) {
        return s;
    }
    uint64_t base;
    s = sys_vmar_map(region, sp->stack_vmo, 0, low + ABI_PAGE_SIZE, sp->stack_bytes,
                     VM_READ | VM_WRITE | VM_FIXED, &base);
    (void)sys_handle_close(region);
    sp->stack_top = low + ABI_PAGE_SIZE + sp->stack_bytes;
    return s;
}

// As data, then the first page as code.
static status_t vdso_map(struct spawning *sp)
{
    uint64_t *base = &sp->block->vdso;
    sp->why = "mapping the vDSO";
    status_t s =
        sys_vmar_map(sp->vmar, startup_handle(STARTUP_VDSO), 0, 0, VDSO_BYTES, VM_READ, base);
    return s != OK ? s : sys_vmar_protect(sp->vmar, *base, VDSO_CODE_BYTES, VM_READ | VM_EXECUTE);
}

static status_t handle_give(struct spawning *sp, unsigned slot, const char *name, handle_t h,
                            rights_t rights)
{
    struct startup_handle *out = &sp->block->handles[slot];
    if (strlen(name) >= sizeof(out->name)) {
        return ERR_NAME_TOO_LONG;
    }
    strcpy(out->name, name);
    return sys_handle_grant(sp->process, h, rights, &out->handle);
}

static status_t handles_give(struct spawning *sp)
{
    sp->why = "giving it its handles";
    status_t s = handle_give(sp, 0, STARTUP_PROCESS, sp->process, RIGHTS_SAME);
    s = s != OK ? s : handle_give(sp, 1, STARTUP_THREAD, sp->thread, RIGHTS_SAME);
    s = s != OK ? s : handle_give(sp, 2, STARTUP_VMAR, sp->vmar, RIGHTS_SAME);
    s = s != OK ? s : handle_give(sp, 3, STARTUP_VDSO, startup_handle(STARTUP_VDSO), RIGHTS_SAME);
    for (unsigned i = 0; s == OK && i < sp->request->handle_count; i++) {
        const struct spawn_handle *h = &sp->request->handles[i];
        s = handle_give(sp, SELF_HANDLES + i, h->name, h->handle, h->rights);
    }
    return s;
}

static status_t thread_run(struct spawning *sp)
{
    sp->why = "starting it";
    uint64_t block = sp->stack_top - sp->block_bytes;
    status_t s =
        sys_vmo_write(sp->stack_vmo, sp->stack_bytes - sp->block_bytes, sp->block, sp->block_bytes);
    return s != OK ? s : sys_thread_start(sp->thread, sp->elf.entry, block & ~15ull, block, 0);
}

static status_t process_build(struct spawning *sp)
{
    const struct spawn_request *r = sp->request;
    sp->why = elf_parse(r->image, r->image_bytes, ELF_MACHINE, &sp->elf);
    if (sp->why != NULL) {
        return ERR_CORRUPT;
    }
    sp->why = "creating the process";
    status_t s = sys_process_create(r->job, r->name, strnlen(r->name, NAME_MAX_BYTES - 1),
                                    &sp->process, &sp->vmar);
    if (s != OK) {
        return s;
    }
    s = segments_load(sp);
    s = s != OK ? s : block_create(sp);
    s = s != OK ? s : stack_create(sp);
    s = s != OK ? s : vdso_map(sp);
    if (s == OK) {
        uint64_t buffer;
        sp->why = "creating its thread";
        s = sys_thread_create(sp->process, "main", 4, &sp->thread, &buffer);
    }
    s = s != OK ? s : handles_give(sp);
    return s != OK ? s : thread_run(sp);
}

status_t spawn(const struct spawn_request *request, struct spawn_result *result, const char **why)
{
    struct spawning sp = {.request = request};
    status_t s = process_build(&sp);
    free(sp.block);
    (void)sys_handle_close(sp.stack_vmo);
    (void)sys_handle_close(sp.vmar);
    if (s == OK) {
        result->process = sp.process;
        result->thread = sp.thread;
        return OK;
    }
    if (sp.process != HANDLE_NONE) {
        (void)sys_process_kill(sp.process);
    }
    (void)sys_handle_close(sp.thread);
    (void)sys_handle_close(sp.process);
    if (why != NULL) {
        *why = sp.why;
    }
    return s;
}
