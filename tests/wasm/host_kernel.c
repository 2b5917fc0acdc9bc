// SPDX-License-Identifier: MIT
// See host_kernel.h. The file server is the real one's core (user/servers/ramfs/service.c) and the
// client is the real client (user/lib/fs.c): only the message between them is a function call here.
#define _GNU_SOURCE
#include "host_kernel.h"

#include "user/servers/ramfs/service.h"

#include <bullfinch/clock.h>
#include <bullfinch/ipc.h>
#include <bullfinch/startup.h>
#include <gen/user_syscalls.h>

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define HANDLES_MAX 4096u
#define GIVEN_MAX   8u

enum kind { KIND_FREE, KIND_NODE, KIND_STREAM, KIND_VMO, KIND_VMAR, KIND_OTHER };

struct entry {
    enum kind kind;
    uint64_t value; // badge, host descriptor, size, or base
    uint64_t size;  // of a region
    uint64_t committed;
};

static struct entry table[HANDLES_MAX];
static struct service files;
static struct msg_buffer buffer;
static struct startup_handle given[GIVEN_MAX];
static unsigned given_count;
static uint64_t commit_left;
static long fail_after;

// --- handles ------------------------------------------------------------------------------------

static handle_t handle_new(enum kind kind, uint64_t value)
{
    for (uint32_t i = 1; i < HANDLES_MAX; i++) {
        if (table[i].kind == KIND_FREE) {
            table[i] = (struct entry){.kind = kind, .value = value};
            return i;
        }
    }
    abort();
}

static struct entry *handle_entry(handle_t h, enum kind kind)
{
    return h > 0 && h < HANDLES_MAX && table[h].kind == kind ? &table[h] : NULL;
}

status_t sys_handle_close(handle_t h)
{
    if (h == HANDLE_NONE) {
        return OK;
    }
    if (h >= HANDLES_MAX || table[h].kind == KIND_FREE) {
        return ERR_BAD_HANDLE;
    }
    struct entry closed = table[h];
    table[h].kind = KIND_FREE;
    for (uint32_t i = 1; i < HANDLES_MAX; i++) {
        if (closed.kind != KIND_NODE ||
            (table[i].kind == KIND_NODE && table[i].value == closed.value)) {
            closed.kind = KIND_FREE; // nothing to tell the server, or not the last copy
        }
    }
    if (closed.kind == KIND_NODE) {
        service_close(&files, closed.value);
    }
    return OK;
}

status_t sys_handle_duplicate(handle_t h, uint32_t rights, handle_t *new_out)
{
    (void)rights;
    if (h == HANDLE_NONE || h >= HANDLES_MAX || table[h].kind == KIND_FREE) {
        return ERR_BAD_HANDLE;
    }
    *new_out = handle_new(table[h].kind, table[h].value);
    return OK;
}

handle_t startup_handle(const char *name)
{
    for (unsigned i = 0; i < given_count; i++) {
        if (strcmp(given[i].name, name) == 0) {
            return given[i].handle;
        }
    }
    return HANDLE_NONE;
}

const struct startup_handle *startup_handle_at(unsigned i)
{
    return i < given_count ? &given[i] : NULL;
}

void host_kernel_give(const char *name, handle_t handle)
{
    struct startup_handle *g = &given[given_count++];
    (void)snprintf(g->name, sizeof g->name, "%s", name);
    g->handle = handle;
}

// --- calls --------------------------------------------------------------------------------------

struct msg_buffer *ipc_buffer(void) { return &buffer; }

static void stream_call(int fd, struct ipc_message *m)
{
    struct fs_stat stat = {
        .type = FS_TYPE_STREAM, .links = 1, .flags = FS_FLAG_READ | FS_FLAG_WRITE};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t bytes;
    uint32_t op = MSG_LABEL(m->tag);
    uint32_t sent = MSG_BYTES(m->tag);
    uint64_t length = m->w[1];
    *m = (struct ipc_message){0};
    switch (op) {
    case FS_READ:
        bytes = read(fd, buffer.data, length < FS_DATA_MAX ? length : FS_DATA_MAX);
        m->tag = MSG_TAG(0, bytes > 0 ? bytes : 0, 0);
        m->w[1] = 1; // a stream: do not ask on
        break;
    case FS_WRITE:
        bytes = write(fd, buffer.data, sent);
        m->w[0] = bytes < 0 ? (uint64_t)(int64_t)ERR_IO : 0;
        m->w[1] = bytes < 0 ? 0 : (uint64_t)bytes;
        break;
    case FS_STAT:
        memcpy(buffer.data, &stat, sizeof stat);
        m->tag = MSG_TAG(0, sizeof stat, 0);
        break;
    case FS_POLL:
        m->w[1] = poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
        m->w[2] = (p.revents & POLLHUP) != 0 && m->w[1] == 0;
        break;
    default: m->w[0] = (uint64_t)(int64_t)ERR_NOT_SUPPORTED;
    }
}

static void node_call(uint64_t badge, struct ipc_message *m)
{
    struct service_request request = {.badge = badge,
                                      .op = MSG_LABEL(m->tag),
                                      .bytes = MSG_BYTES(m->tag),
                                      .has_directory = MSG_HANDLES(m->tag) > 0};
    struct service_reply reply = {0};
    memcpy(request.w, m->w, sizeof request.w);
    if (request.has_directory) {
        request.directory_badge = table[buffer.send[0]].value;
    }
    service_handle(&files, &request, buffer.data, &reply);
    if (request.has_directory) {
        (void)sys_handle_close(buffer.send[0]); // moved to the server, which is done with it
    }
    memcpy(m->w, reply.w, sizeof m->w);
    m->w[0] = (uint64_t)(int64_t)reply.status;
    unsigned handles = reply.status == OK && reply.open_badge != 0;
    if (handles > 0) {
        buffer.received[0] = handle_new(KIND_NODE, reply.open_badge);
    }
    m->tag = MSG_TAG(0, reply.bytes, handles);
}

status_t ipc_call(handle_t endpoint, struct ipc_message *m, uint64_t deadline)
{
    (void)deadline;
    if (handle_entry(endpoint, KIND_STREAM) != NULL) {
        stream_call((int)table[endpoint].value, m);
        return OK;
    }
    if (handle_entry(endpoint, KIND_NODE) == NULL) {
        return ERR_BAD_HANDLE;
    }
    node_call(table[endpoint].value, m);
    return OK;
}

handle_t host_kernel_root(bool read_only)
{
    return handle_new(KIND_NODE, read_only ? FS_BADGE_ROOT_READ_ONLY : FS_BADGE_ROOT);
}

handle_t host_kernel_stream(int fd) { return handle_new(KIND_STREAM, (uint64_t)fd); }

// --- memory -------------------------------------------------------------------------------------

void host_kernel_limit(uint64_t bytes) { commit_left = bytes; }

status_t sys_vmo_create(uint64_t size, handle_t *vmo_out)
{
    *vmo_out = handle_new(KIND_VMO, size);
    return OK;
}

status_t sys_vmo_resize(handle_t vmo, uint64_t size)
{
    struct entry *e = handle_entry(vmo, KIND_VMO);
    if (e == NULL) {
        return ERR_BAD_HANDLE;
    }
    e->value = size;
    return OK;
}

status_t sys_vmo_commit(handle_t vmo, uint64_t offset, uint64_t len)
{
    struct entry *e = handle_entry(vmo, KIND_VMO);
    if (e == NULL || offset > e->value || len > e->value - offset) {
        return e == NULL ? ERR_BAD_HANDLE : ERR_OUT_OF_RANGE;
    }
    if (len > commit_left) {
        return ERR_QUOTA;
    }
    commit_left -= len;
    return OK;
}

status_t sys_vmar_allocate(handle_t vmar, uint64_t addr, uint64_t size, uint32_t flags,
                           handle_t *child_out, uint64_t *base_out)
{
    (void)vmar;
    (void)addr;
    (void)flags;
    void *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        return ERR_NO_SPACE;
    }
    *base_out = (uintptr_t)at;
    *child_out = handle_new(KIND_VMAR, *base_out);
    table[*child_out].size = size;
    return OK;
}

status_t sys_vmar_map(handle_t vmar, handle_t vmo, uint64_t offset, uint64_t addr, uint64_t len,
                      uint32_t flags, uint64_t *base_out)
{
    (void)vmo;
    (void)flags;
    struct entry *e = handle_entry(vmar, KIND_VMAR);
    if (e == NULL || addr != e->value + offset || len > e->size - offset) {
        return ERR_INVALID_ARGS;
    }
    *base_out = addr;
    return mprotect((void *)(uintptr_t)addr, len, PROT_READ | PROT_WRITE) == 0 ? OK : ERR_NO_MEMORY;
}

status_t sys_vmar_destroy(handle_t vmar)
{
    struct entry *e = handle_entry(vmar, KIND_VMAR);
    return e != NULL && munmap((void *)(uintptr_t)e->value, e->size) == 0 ? OK : ERR_BAD_HANDLE;
}

// --- time and the rest --------------------------------------------------------------------------

static uint64_t host_clock_ns(clockid_t clock)
{
    struct timespec ts;
    (void)clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_monotonic_ns(void) { return host_clock_ns(CLOCK_MONOTONIC); }
uint64_t clock_realtime_ns(void) { return host_clock_ns(CLOCK_REALTIME); }

status_t sys_notification_create(handle_t *notification_out)
{
    *notification_out = handle_new(KIND_OTHER, 0);
    return OK;
}

status_t sys_notification_wait(handle_t n, uint64_t deadline_ns, uint64_t *bits_out)
{
    (void)n;
    struct timespec ts = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
                          .tv_nsec = (long)(deadline_ns % 1000000000u)};
    *bits_out = 0;
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
    return ERR_TIMED_OUT;
}

status_t sys_thread_yield(void)
{
    (void)sched_yield();
    return OK;
}

status_t sys_random_get(void *buf, uint64_t len)
{
    return len <= RANDOM_MAX && getrandom(buf, len, 0) == (ssize_t)len ? OK : ERR_INVALID_ARGS;
}

status_t sys_process_info(handle_t process, void *info)
{
    (void)process;
    struct process_info i = {.run_time_ns = (uint64_t)clock() * 1000u};
    memcpy(info, &i, sizeof i);
    return OK;
}

// --- the file server's memory -------------------------------------------------------------------

static bool allocation_fails(void) { return fail_after >= 0 && fail_after-- == 0; }

static void *page_alloc(void *context)
{
    (void)context;
    return allocation_fails() ? NULL : calloc(1, NODE_PAGE_BYTES);
}

static void *block_alloc(void *context, size_t bytes)
{
    (void)context;
    return allocation_fails() ? NULL : malloc(bytes);
}

static void any_free(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static uint64_t now(void *context)
{
    (void)context;
    return clock_realtime_ns();
}

void host_kernel_fail_after(long allocations) { fail_after = allocations; }

void host_kernel_start(void)
{
    static const struct node_memory memory = {.page_alloc = page_alloc,
                                              .page_free = any_free,
                                              .alloc = block_alloc,
                                              .free = any_free,
                                              .now_ns = now};
    memset(table, 0, sizeof table);
    given_count = 0;
    fail_after = -1;
    commit_left = 1ull << 32;
    if (service_init(&files, &memory, 1) != OK) {
        abort();
    }
    host_kernel_give(STARTUP_PROCESS, handle_new(KIND_OTHER, 0));
    host_kernel_give(STARTUP_VMAR, handle_new(KIND_OTHER, 0));
}

unsigned host_kernel_stop(void)
{
    unsigned open = 0;
    for (uint32_t i = 1; i < HANDLES_MAX; i++) {
        open += table[i].kind == KIND_NODE || table[i].kind == KIND_STREAM;
    }
    service_fini(&files);
    return open;
}
