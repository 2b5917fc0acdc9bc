// SPDX-License-Identifier: MIT
// The RAM file server: gives the file service (service.h) a heap, a clock, the boot image, and the
// messages and handles of the kernel. What its parent must give it:
//     fs.endpoint     its own endpoint: RECEIVE, MANAGE (to mint), INSPECT
//     vmo.bootimage   the boot archive: READ, MAP, INSPECT
//     log             LOG resource: WRITE for messages, READ to see how much memory there is
// Clients hold badged handles of the endpoint (bullfinch/fs.h). It keeps nothing beyond its life:
// after a restart the tree is that of the boot image again.
#include "archive.h"
#include "pages.h"
#include "service.h"

#include <bullfinch/clock.h>
#include <bullfinch/server.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define NODE_RIGHTS (RIGHT_SEND | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_INSPECT)

static struct service service;
static handle_t endpoint;
static uint64_t endpoint_id; // object id, to know our own node handles by

// --- memory: what the server may use in all, so that full files leave the others room to live ---

static uint64_t budget_bytes = UINT64_MAX;

static bool budget_take(uint64_t bytes)
{
    if (bytes > budget_bytes) {
        return false;
    }
    budget_bytes -= bytes;
    return true;
}

static void *heap_alloc(void *context, size_t bytes)
{
    (void)context;
    void *memory = malloc(bytes);
    if (memory != NULL && !budget_take(malloc_usable_size(memory))) {
        free(memory);
        return NULL;
    }
    return memory;
}

static void heap_free(void *context, void *memory)
{
    (void)context;
    if (memory != NULL) {
        budget_bytes += malloc_usable_size(memory);
        free(memory);
    }
}

static void *page_alloc(void *context)
{
    if (!budget_take(NODE_PAGE_BYTES)) {
        return NULL;
    }
    void *page = page_get(context);
    budget_bytes += page == NULL ? NODE_PAGE_BYTES : 0;
    return page;
}

static void page_free(void *context, void *page)
{
    budget_bytes += NODE_PAGE_BYTES;
    page_put(context, page);
}

// Half of what is free when it starts; its job's limit, if it has one, counts as well.
static void budget_init(void)
{
    struct system_info info;
    if (sys_system_info(startup_handle("log"), &info) == OK) {
        budget_bytes = info.free_bytes / 2;
    }
}

static uint64_t now_ns(void *context)
{
    (void)context;
    return clock_realtime_ns();
}

// --- serving ------------------------------------------------------------------------------------

// The badge of a directory handle that came with a request; it must be one of ours.
static status_t directory_badge(handle_t handle, uint64_t *badge)
{
    struct handle_info info;
    status_t status = sys_handle_info(handle, &info);
    if (status != OK) {
        return status;
    }
    if (info.object_id != endpoint_id) {
        return ERR_NOT_SUPPORTED; // another server's file
    }
    *badge = info.badge;
    return OK;
}

static status_t request_serve(struct server_call *call)
{
    struct service_request request = {
        .badge = call->badge, .op = call->label, .bytes = call->bytes};
    struct service_reply reply;
    memcpy(request.w, call->w, sizeof(request.w));
    if (call->handle_count > 0) {
        status_t status = directory_badge(call->handles[0], &request.directory_badge);
        if (status != OK) {
            return status;
        }
        request.has_directory = true;
    }
    service_handle(&service, &request, call->data, &reply);
    memcpy(call->r, &reply.w[1], sizeof(call->r));
    call->reply_bytes = reply.bytes;
    if (reply.open_badge != 0) {
        status_t status =
            sys_endpoint_mint(endpoint, reply.open_badge, NODE_RIGHTS, &call->send[0]);
        if (status != OK) {
            service_close(&service, reply.open_badge);
            return status;
        }
        call->reply_handles = 1;
    }
    return reply.status;
}

static void badge_closed(struct server *s, uint64_t badge)
{
    (void)s;
    service_close(&service, badge);
}

static const struct server_op operations[] = {
    {FS_OPEN, 0, request_serve},     {FS_READ, 0, request_serve},
    {FS_WRITE, 0, request_serve},    {FS_STAT, 0, request_serve},
    {FS_TRUNCATE, 0, request_serve}, {FS_SET_TIMES, 0, request_serve},
    {FS_SYNC, 0, request_serve},     {FS_READDIR, 0, request_serve},
    {FS_MKDIR, 0, request_serve},    {FS_UNLINK, 0, request_serve},
    {FS_RMDIR, 0, request_serve},    {FS_RENAME, 0, request_serve},
    {FS_LINK, 0, request_serve},     {FS_SYMLINK, 0, request_serve},
    {FS_READLINK, 0, request_serve}, {FS_POLL, 0, request_serve},
    {FS_CONTROL, 0, request_serve},
};

// --- starting -----------------------------------------------------------------------------------

static _Noreturn void die(const char *what, const char *which, status_t status)
{
    printf("ramfs: %s%s: %s\n", what, which, status_text(status));
    exit(1);
}

static void image_map(struct node_memory *memory)
{
    struct vmo_info info;
    uint64_t base = 0;
    handle_t vmo = startup_handle(STARTUP_BOOT_IMAGE);
    status_t status = sys_vmo_info(vmo, &info);
    if (status == OK) {
        status = sys_vmar_map(startup_handle(STARTUP_VMAR), vmo, 0, 0,
                              (info.size + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1),
                              VM_READ, &base);
    }
    if (status != OK) {
        die("the boot image", "", status);
    }
    memory->image = (const uint8_t *)(uintptr_t)base;
    memory->image_bytes = (size_t)info.size;
}

static struct tree_at root_at(const char *path)
{
    return (struct tree_at){service.tree.root, path, strlen(path)};
}

// What the boot image leaves to be done: room for programs to write in, and a lid on what the
// system itself runs from.
static void tree_furnish(void)
{
    static const char *const writable[] = {"tmp", "home"};
    static const char *const sealed[] = {"bin", "etc"};
    for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
        status_t status = tree_mkdir(&service.tree, root_at(writable[i]));
        if (status != OK && status != ERR_EXISTS) {
            die("cannot make /", writable[i], status);
        }
    }
    for (size_t i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++) {
        struct node *node;
        if (tree_lookup(&service.tree, root_at(sealed[i]), 0, &node) == OK) {
            tree_seal(&service.tree, node);
        }
    }
    (void)tree_unlink(&service.tree, root_at(ROOT_IMAGE_NAME)); // not a program anyone could run
}

static void tree_fill(void)
{
    char where[FS_NAME_MAX + 1];
    struct node_memory memory = {
        .page_alloc = page_alloc,
        .page_free = page_free,
        .alloc = heap_alloc,
        .free = heap_free,
        .now_ns = now_ns,
    };
    uint32_t generation = 1;
    budget_init();
    image_map(&memory);
    (void)sys_random_get(&generation, sizeof(generation));
    status_t status = service_init(&service, &memory, generation);
    if (status != OK) {
        die("start", "", status);
    }
    status = archive_load(&service.tree, where);
    if (status != OK) {
        die("the boot image: ", where, status);
    }
    tree_furnish();
}

int main(void)
{
    struct handle_info info;
    endpoint = startup_handle("fs.endpoint");
    status_t status = sys_handle_info(endpoint, &info);
    if (status == OK) {
        endpoint_id = info.object_id;
        status = pages_init(startup_handle(STARTUP_VMAR));
    }
    if (status != OK) {
        die("start", "", status);
    }
    tree_fill();
    struct server server = {
        .name = "ramfs",
        .endpoint = endpoint,
        .ops = operations,
        .op_count = sizeof(operations) / sizeof(operations[0]),
        .badge_closed = badge_closed,
    };
    server_run(&server);
}
