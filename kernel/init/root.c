// SPDX-License-Identifier: MIT
// Starting the root supervisor: finds its flat image in the boot archive, maps it, gives it the
// handles that all other authority derives from, and a start-up block. abi/bootimage.h has the
// formats. Book: chapter 24.
#include "kernel/init/root.h"
#include "abi/bootimage.h"
#include "abi/vdso.h"
#include "kernel/debug/log.h"
#include "kernel/init/archive.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/page.h"
#include "kernel/obj/process.h"
#include "kernel/obj/resource.h"
#include "kernel/vdso/vdso.h"
#include <string.h>

#define ROOT_STACK_BYTES (64 * 1024u)
#define ROOT_STATE_BYTES (64 * 1024u)

struct root {
    struct job *job;
    struct process *process;
    struct thread *thread;
    struct startup_block *block; // one page while it is built
};

static uint8_t block_page[PAGE_SIZE] __attribute__((aligned(16)));

static void must(status_t s, const char *what)
{
    if (s != OK) {
        panic("cannot start the root supervisor: %s: status %d", what, s);
    }
}

// --- handles and the start-up block -------------------------------------------------------------

static void give(struct root *r, const char *name, struct object *o, rights_t rights)
{
    struct startup_handle *h = &r->block->handles[r->block->handle_count];
    must(handle_create(&r->process->handles, o, rights, &h->handle), name);
    ksnprintf(h->name, sizeof(h->name), "%s", name);
    r->block->handle_count++;
}

static void give_boot_vmo(struct root *r, const char *name, paddr_t start, paddr_t end)
{
    struct vmo *v;
    if ((start & PAGE_MASK) == 0) {
        must(vmo_create_boot(start, end - start, &r->job->quota, &r->job->object, &v), name);
    } else { // a VMO is whole pages, and what is wanted is to be at its beginning
        must(vmo_create(end - start, &r->job->quota, &r->job->object, &v), name);
        must(vmo_write(v, 0, phys_to_virt(start), end - start), name);
    }
    give(r, name, vmo_object(v), RIGHTS_DEFAULT_VMO & ~(RIGHT_WRITE | RIGHT_EXECUTE));
    object_put(vmo_object(v));
}

static void give_all(struct root *r, const struct boot_info *boot)
{
    struct resource *resource;
    struct vmo *state;
    must(resource_create(NULL, r->job, RESOURCE_ROOT, 0, 0, &resource), "root resource");
    must(vmo_create(ROOT_STATE_BYTES, &r->job->quota, &r->job->object, &state), "state VMO");
    give(r, STARTUP_PROCESS, &r->process->object, RIGHTS_DEFAULT_PROCESS);
    give(r, STARTUP_THREAD, &r->thread->object, RIGHTS_DEFAULT_THREAD);
    give(r, STARTUP_VMAR, vmar_object(r->process->aspace.root), RIGHTS_DEFAULT_VMAR);
    give(r, STARTUP_ROOT_JOB, &r->job->object, RIGHTS_DEFAULT_JOB);
    give(r, STARTUP_ROOT_RESOURCE, &resource->object, RIGHTS_DEFAULT_RESOURCE);
    give_boot_vmo(r, STARTUP_BOOT_IMAGE, boot->initrd_start, boot->initrd_end);
    give_boot_vmo(r, STARTUP_DEVICE_TREE, boot->fdt_start, boot->fdt_end);
    give(r, STARTUP_STATE, vmo_object(state), RIGHTS_DEFAULT_VMO & ~RIGHT_EXECUTE);
    object_put(&resource->object);
    object_put(vmo_object(state));
}

// Appends the arguments after the handles and closes the block.
static void block_finish(struct root *r, const struct boot_info *boot)
{
    struct startup_block *b = r->block;
    char *text = (char *)&b->handles[b->handle_count];
    const char *args[] = {"root", boot->cmdline};
    b->magic = STARTUP_MAGIC;
    b->args_offset = (uint32_t)(text - (char *)b);
    b->arg_count = ARRAY_SIZE(args);
    for (unsigned i = 0; i < ARRAY_SIZE(args); i++) {
        size_t bytes = strlen(args[i]) + 1;
        ASSERT(text + bytes <= (char *)block_page + sizeof(block_page));
        memcpy(text, args[i], bytes);
        text += bytes;
    }
    b->env_offset = (uint32_t)(text - (char *)b);
    b->total_bytes = b->env_offset;
}

// --- memory -------------------------------------------------------------------------------------

// Maps `bytes` (whole pages) at va with the contents of `data` (NULL: zero).
static void map_segment(struct root *r, vaddr_t va, const void *data, uint64_t bytes,
                        unsigned flags, const char *what)
{
    if (bytes == 0) {
        return;
    }
    struct vmo *v;
    vaddr_t base;
    must(vmo_create(bytes, &r->job->quota, &r->job->object, &v), what);
    if (data != NULL) {
        must(vmo_write(v, 0, data, bytes), what);
    }
    must(vmar_map(r->process->aspace.root, v, 0, va, bytes, flags | VM_FIXED, flags, &base), what);
    object_put(vmo_object(v));
}

static void image_check(const struct root_image_header *h, size_t bytes)
{
    if (bytes < sizeof(*h) || h->magic != ROOT_IMAGE_MAGIC) {
        panic("boot archive: '%s' is not a root image (no magic)", ROOT_IMAGE_NAME);
    }
    const uint64_t sizes[] = {h->base, h->text_bytes, h->rodata_bytes, h->data_bytes, h->bss_bytes};
    const uint64_t limit = 1ull << 32;
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (sizes[i] % PAGE_SIZE != 0 || sizes[i] >= limit) {
            panic("boot archive: '%s': header field %u is 0x%lx: not whole pages below 4 GiB",
                  ROOT_IMAGE_NAME, i + 1, sizes[i]);
        }
    }
    if (h->base < USER_BASE || h->text_bytes + h->rodata_bytes + h->data_bytes > bytes ||
        h->entry - h->base >= h->text_bytes) {
        panic("boot archive: '%s': segments or entry 0x%lx lie outside the %zu bytes of the image",
              ROOT_IMAGE_NAME, h->entry, bytes);
    }
}

static void map_image(struct root *r, const struct root_image_header *h)
{
    const char *file = (const char *)h;
    vaddr_t va = h->base;
    map_segment(r, va, file, h->text_bytes, VM_READ | VM_EXECUTE, "root text");
    va += h->text_bytes;
    map_segment(r, va, file + h->text_bytes, h->rodata_bytes, VM_READ, "root rodata");
    va += h->rodata_bytes;
    map_segment(r, va, file + h->text_bytes + h->rodata_bytes, h->data_bytes, VM_READ | VM_WRITE,
                "root data");
    map_segment(r, va + h->data_bytes, NULL, h->bss_bytes, VM_READ | VM_WRITE, "root bss");
}

static void map_vdso(struct root *r)
{
    const unsigned access = VM_READ | VM_EXECUTE;
    struct vmar *vmar = r->process->aspace.root;
    struct vmo *v;
    must(vdso_create(&r->job->quota, &r->job->object, &v), "vDSO");
    give(r, STARTUP_VDSO, vmo_object(v), RIGHTS_DEFAULT_VMO & ~RIGHT_WRITE);
    must(vmar_map(vmar, v, 0, 0, VDSO_BYTES, VM_READ, access, &r->block->vdso), "vDSO");
    must(vmar_protect(vmar, r->block->vdso, VDSO_CODE_BYTES, access), "vDSO");
    object_put(vmo_object(v));
}

static const struct root_image_header *image_find(const struct boot_info *boot)
{
    if (boot->initrd_end <= boot->initrd_start) {
        panic(
            "no boot archive: /chosen has no linux,initrd-start and -end (QEMU: -initrd boot.tar)");
    }
    const void *data = NULL;
    size_t bytes = 0;
    const char *why = "it has no file of that name";
    status_t s =
        archive_find(phys_to_virt(boot->initrd_start), boot->initrd_end - boot->initrd_start,
                     ROOT_IMAGE_NAME, &data, &bytes, &why);
    if (s != OK) {
        panic("boot archive at 0x%lx: cannot find '%s': %s", boot->initrd_start, ROOT_IMAGE_NAME,
              why);
    }
    image_check(data, bytes);
    return data;
}

void root_start(const struct boot_info *boot)
{
    struct root r = {.block = (struct startup_block *)block_page};
    const struct root_image_header *image = image_find(boot);
    must(job_create(NULL, "root", &r.job), "root job");
    must(process_create(r.job, "root", &r.process), "process");
    r.process->vital = true;
    must(thread_create(r.process, "main", &r.thread), "thread");
    map_image(&r, image);
    give_all(&r, boot);
    map_vdso(&r);
    block_finish(&r, boot);

    struct vmo *stack;
    vaddr_t base;
    must(vmo_create(ROOT_STACK_BYTES + PAGE_SIZE, &r.job->quota, &r.job->object, &stack), "stack");
    must(vmo_write(stack, ROOT_STACK_BYTES, block_page, r.block->total_bytes), "start-up block");
    must(vmar_map(r.process->aspace.root, stack, 0, 0, ROOT_STACK_BYTES + PAGE_SIZE,
                  VM_READ | VM_WRITE, VM_READ | VM_WRITE, &base),
         "stack");
    object_put(vmo_object(stack));
    vaddr_t block = base + ROOT_STACK_BYTES;
    must(thread_start(r.thread, image->entry, block, block, 0), "thread start");
    object_put(&r.thread->object);
    object_put(&r.process->object);
}
