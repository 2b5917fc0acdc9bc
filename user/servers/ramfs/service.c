// SPDX-License-Identifier: MIT
// The operations of the file protocol on the table of open nodes: every check of rights stands
// here.
#include "service.h"

#include <string.h>

#define FIXED_SLOTS 2u // the badges of the root
#define NO_SLOT     UINT32_MAX
#define OPEN_FLAGS_KNOWN                                                                    \
    (FS_FLAG_READ | FS_FLAG_WRITE | FS_FLAG_CREATE | FS_FLAG_EXCLUSIVE | FS_FLAG_TRUNCATE | \
     FS_FLAG_DIRECTORY | FS_FLAG_NOFOLLOW)

struct call {
    struct service *service;
    const struct service_request *request;
    struct service_reply *reply;
    const struct open_node *open;
    uint8_t *data;
};

// --- open nodes ---------------------------------------------------------------------------------

static uint64_t badge_make(uint32_t slot, uint32_t generation)
{
    return (uint64_t)generation << 32 | slot;
}

static struct open_node *open_find(struct service *service, uint64_t badge)
{
    if (badge == FS_BADGE_ROOT || badge == FS_BADGE_ROOT_READ_ONLY) {
        return &service->slots[badge - FS_BADGE_ROOT];
    }
    uint32_t slot = (uint32_t)badge;
    if (slot < FIXED_SLOTS || slot >= service->slot_count) {
        return NULL;
    }
    struct open_node *open = &service->slots[slot];
    return open->node != NULL && open->generation == badge >> 32 ? open : NULL;
}

static bool slots_grow(struct service *service)
{
    const struct node_memory *memory = &service->tree.memory;
    uint32_t count = service->slot_count == 0 ? 16 : service->slot_count * 2;
    if (count < service->slot_count) {
        return false;
    }
    struct open_node *slots = memory->alloc(memory->context, count * sizeof(*slots));
    if (slots == NULL) {
        return false;
    }
    if (service->slots != NULL) {
        memcpy(slots, service->slots, service->slot_count * sizeof(*slots));
        memory->free(memory->context, service->slots);
    }
    uint32_t generation = service->slots != NULL ? slots[0].generation : 1;
    for (uint32_t i = service->slot_count; i < count; i++) {
        slots[i] = (struct open_node){.generation = generation,
                                      .next_free = i + 1 < count ? i + 1 : NO_SLOT};
    }
    service->first_free = service->slot_count;
    service->slots = slots;
    service->slot_count = count;
    return true;
}

// Puts an open node in the table, which takes over the caller's reference. 0: no memory.
static uint64_t open_insert(struct service *service, struct node *node, uint32_t flags)
{
    if (service->first_free == NO_SLOT && !slots_grow(service)) {
        return 0;
    }
    uint32_t slot = service->first_free;
    struct open_node *open = &service->slots[slot];
    service->first_free = open->next_free;
    open->node = node;
    open->flags = flags;
    return badge_make(slot, open->generation);
}

void service_close(struct service *service, uint64_t badge)
{
    struct open_node *open = open_find(service, badge);
    if (open == NULL || badge == FS_BADGE_ROOT || badge == FS_BADGE_ROOT_READ_ONLY) {
        return;
    }
    node_put(&service->tree.memory, open->node);
    open->node = NULL;
    // Generation 0 is left out: badges below 2^32 are the fixed ones.
    open->generation = open->generation == UINT32_MAX ? 1 : open->generation + 1;
    open->next_free = service->first_free;
    service->first_free = (uint32_t)badge;
}

status_t service_init(struct service *service, const struct node_memory *memory,
                      uint32_t first_generation)
{
    *service = (struct service){.first_free = NO_SLOT};
    status_t status = tree_init(&service->tree, memory);
    if (status != OK) {
        return status;
    }
    if (!slots_grow(service)) {
        tree_fini(&service->tree);
        return ERR_NO_SPACE;
    }
    for (uint32_t i = 0; i < service->slot_count; i++) {
        service->slots[i].generation = first_generation == 0 ? 1 : first_generation;
    }
    const uint32_t flags[FIXED_SLOTS] = {FS_FLAG_READ | FS_FLAG_WRITE, FS_FLAG_READ};
    for (uint32_t i = 0; i < FIXED_SLOTS; i++) {
        node_get(service->tree.root);
        (void)open_insert(service, service->tree.root, flags[i]);
    }
    return OK;
}

void service_fini(struct service *service)
{
    for (uint32_t i = 0; i < service->slot_count; i++) {
        if (service->slots[i].node != NULL) {
            node_put(&service->tree.memory, service->slots[i].node);
        }
    }
    service->tree.memory.free(service->tree.memory.context, service->slots);
    tree_fini(&service->tree);
}

// --- operations ---------------------------------------------------------------------------------

static struct tree_at call_path(const struct call *call)
{
    return (struct tree_at){call->open->node, (const char *)call->data, call->request->bytes};
}

static bool call_may(const struct call *call, uint32_t flags)
{
    return (call->open->flags & flags) == flags;
}

static status_t op_open(struct call *call)
{
    uint32_t flags = (uint32_t)call->request->w[0];
    uint32_t rights = flags & (FS_FLAG_READ | FS_FLAG_WRITE);
    if ((call->request->w[0] & ~(uint64_t)OPEN_FLAGS_KNOWN) != 0) {
        return ERR_INVALID_ARGS;
    }
    if (!call_may(call, rights) ||
        ((flags & FS_FLAG_CREATE) != 0 && !call_may(call, FS_FLAG_WRITE))) {
        return ERR_ACCESS_DENIED;
    }
    struct node *node;
    status_t status = tree_open(&call->service->tree, call_path(call), flags, &node);
    if (status != OK) {
        return status;
    }
    uint64_t badge = open_insert(call->service, node, rights);
    if (badge == 0) {
        node_put(&call->service->tree.memory, node);
        return ERR_NO_SPACE;
    }
    struct fs_stat stat;
    node_stat(node, rights, &stat);
    memcpy(call->data, &stat, sizeof(stat));
    call->reply->bytes = sizeof(stat);
    call->reply->open_badge = badge;
    return OK;
}

static status_t op_read(struct call *call)
{
    uint64_t len = call->request->w[1];
    size_t bytes = 0;
    if (!call_may(call, FS_FLAG_READ)) {
        return ERR_ACCESS_DENIED;
    }
    status_t status = node_read(&call->service->tree.memory, call->open->node, call->request->w[0],
                                call->data, len < FS_DATA_MAX ? (size_t)len : FS_DATA_MAX, &bytes);
    call->reply->bytes = (uint32_t)bytes;
    return status;
}

static status_t op_write(struct call *call)
{
    uint64_t offset = call->request->w[0];
    size_t bytes = 0;
    if (!call_may(call, FS_FLAG_WRITE)) {
        return ERR_ACCESS_DENIED;
    }
    if (offset == FS_APPEND_OFFSET) {
        offset = call->open->node->size;
    }
    status_t status = node_write(&call->service->tree.memory, call->open->node, offset, call->data,
                                 call->request->bytes, &bytes);
    call->reply->w[1] = bytes;
    call->reply->w[2] = offset + bytes;
    return status;
}

static status_t op_stat(struct call *call)
{
    struct node *node;
    struct fs_stat stat;
    status_t status =
        tree_lookup(&call->service->tree, call_path(call), (uint32_t)call->request->w[0], &node);
    if (status != OK) {
        return status;
    }
    node_stat(node, call->open->flags, &stat);
    memcpy(call->data, &stat, sizeof(stat));
    call->reply->bytes = sizeof(stat);
    return OK;
}

static status_t op_truncate(struct call *call)
{
    if (!call_may(call, FS_FLAG_WRITE)) {
        return ERR_ACCESS_DENIED;
    }
    return node_truncate(&call->service->tree.memory, call->open->node, call->request->w[0]);
}

static status_t op_set_times(struct call *call)
{
    struct node *node;
    if (!call_may(call, FS_FLAG_WRITE)) {
        return ERR_ACCESS_DENIED;
    }
    status_t status =
        tree_lookup(&call->service->tree, call_path(call), (uint32_t)call->request->w[3], &node);
    if (status != OK) {
        return status;
    }
    return node_set_times(&call->service->tree.memory, node, call->request->w[0],
                          call->request->w[1], (uint32_t)call->request->w[2]);
}

static status_t op_sync(struct call *call)
{
    (void)call; // there is nothing more lasting than this memory
    return OK;
}

static status_t op_readdir(struct call *call)
{
    size_t bytes = 0;
    if (!call_may(call, FS_FLAG_READ)) {
        return ERR_ACCESS_DENIED;
    }
    status_t status = tree_readdir(&call->service->tree, call->open->node, call->request->w[0],
                                   call->data, FS_DATA_MAX, &bytes);
    call->reply->bytes = (uint32_t)bytes;
    return status;
}

static status_t op_mkdir(struct call *call)
{
    return call_may(call, FS_FLAG_WRITE) ? tree_mkdir(&call->service->tree, call_path(call))
                                         : ERR_ACCESS_DENIED;
}

static status_t op_unlink(struct call *call)
{
    return call_may(call, FS_FLAG_WRITE) ? tree_unlink(&call->service->tree, call_path(call))
                                         : ERR_ACCESS_DENIED;
}

static status_t op_rmdir(struct call *call)
{
    return call_may(call, FS_FLAG_WRITE) ? tree_rmdir(&call->service->tree, call_path(call))
                                         : ERR_ACCESS_DENIED;
}

// Two texts in the data, the first w[0] bytes long.
static bool call_split(const struct call *call, const char **second, uint32_t *second_bytes)
{
    if (call->request->w[0] > call->request->bytes) {
        return false;
    }
    *second = (const char *)call->data + call->request->w[0];
    *second_bytes = call->request->bytes - (uint32_t)call->request->w[0];
    return true;
}

// The two places of a rename or link; both directories must be open for writing.
static status_t call_places(struct call *call, struct tree_at *from, struct tree_at *to)
{
    const struct open_node *other = call->open;
    uint32_t second_bytes;
    const char *second;
    if (!call_split(call, &second, &second_bytes)) {
        return ERR_INVALID_ARGS;
    }
    if (call->request->has_directory) {
        other = open_find(call->service, call->request->directory_badge);
        if (other == NULL) {
            return ERR_BAD_STATE;
        }
    }
    if (!call_may(call, FS_FLAG_WRITE) || (other->flags & FS_FLAG_WRITE) == 0) {
        return ERR_ACCESS_DENIED;
    }
    *from =
        (struct tree_at){call->open->node, (const char *)call->data, (size_t)call->request->w[0]};
    *to = (struct tree_at){other->node, second, second_bytes};
    return OK;
}

static status_t op_rename(struct call *call)
{
    struct tree_at from;
    struct tree_at to;
    status_t status = call_places(call, &from, &to);
    return status == OK ? tree_rename(&call->service->tree, from, to) : status;
}

static status_t op_link(struct call *call)
{
    struct tree_at from;
    struct tree_at to;
    status_t status = call_places(call, &from, &to);
    return status == OK ? tree_link(&call->service->tree, from, (uint32_t)call->request->w[1], to)
                        : status;
}

static status_t op_symlink(struct call *call)
{
    uint32_t path_bytes;
    const char *path;
    if (!call_may(call, FS_FLAG_WRITE)) {
        return ERR_ACCESS_DENIED;
    }
    if (!call_split(call, &path, &path_bytes)) {
        return ERR_INVALID_ARGS;
    }
    return tree_symlink(&call->service->tree, (const char *)call->data, (size_t)call->request->w[0],
                        (struct tree_at){call->open->node, path, path_bytes});
}

static status_t op_readlink(struct call *call)
{
    size_t bytes = 0;
    if (!call_may(call, FS_FLAG_READ)) {
        return ERR_ACCESS_DENIED;
    }
    status_t status = tree_readlink(&call->service->tree, call_path(call), (char *)call->data,
                                    FS_DATA_MAX, &bytes);
    call->reply->bytes = (uint32_t)bytes;
    return status;
}

static status_t op_poll(struct call *call)
{
    call->reply->w[1] = call->open->node->size;
    return OK;
}

static status_t op_control(struct call *call)
{
    (void)call;
    return ERR_NOT_SUPPORTED; // for streams only
}

static status_t (*const operations[])(struct call *) = {
    [FS_OPEN] = op_open,     [FS_READ] = op_read,         [FS_WRITE] = op_write,
    [FS_STAT] = op_stat,     [FS_TRUNCATE] = op_truncate, [FS_SET_TIMES] = op_set_times,
    [FS_SYNC] = op_sync,     [FS_READDIR] = op_readdir,   [FS_MKDIR] = op_mkdir,
    [FS_UNLINK] = op_unlink, [FS_RMDIR] = op_rmdir,       [FS_RENAME] = op_rename,
    [FS_LINK] = op_link,     [FS_SYMLINK] = op_symlink,   [FS_READLINK] = op_readlink,
    [FS_POLL] = op_poll,     [FS_CONTROL] = op_control,
};

void service_handle(struct service *service, const struct service_request *request, uint8_t *data,
                    struct service_reply *reply)
{
    *reply = (struct service_reply){0};
    struct call call = {
        .service = service,
        .request = request,
        .reply = reply,
        .open = open_find(service, request->badge),
        .data = data,
    };
    if (call.open == NULL) {
        reply->status = ERR_BAD_STATE;
    } else if (request->op >= sizeof(operations) / sizeof(operations[0]) ||
               operations[request->op] == NULL) {
        reply->status = ERR_NOT_SUPPORTED;
    } else {
        reply->status = operations[request->op](&call);
    }
    if (reply->status != OK) {
        *reply = (struct service_reply){.status = reply->status};
    }
}
