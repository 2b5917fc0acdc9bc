// SPDX-License-Identifier: MIT
// See service.h.

#include "user/servers/root/service.h"
#include <bullfinch/clock.h>
#include <bullfinch/spawn.h>
#include <bullfinch/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define CLIENT_RIGHTS (RIGHT_SEND | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_INSPECT)
#define SERVER_RIGHTS \
    (RIGHT_RECEIVE | RIGHT_SEND | RIGHT_MANAGE | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_INSPECT)
#define VMO_RIGHTS  (RIGHT_READ | RIGHT_MAP | RIGHT_INSPECT | RIGHT_DUPLICATE | RIGHT_TRANSFER)
#define STOP_RIGHTS (RIGHT_WAIT | RIGHT_MANAGE | RIGHT_INSPECT)
#define IRQ_LINES   (1ull << 32)

bool boot_arg(const char *command_line, const char *name, char *buf, size_t size)
{
    size_t n = strlen(name);
    buf[0] = '\0';
    for (const char *at = command_line; *at != '\0';) {
        at += strspn(at, " ");
        size_t word = strcspn(at, " ");
        if (word > n && strncmp(at, name, n) == 0 && at[n] == '=') {
            (void)snprintf(buf, size, "%.*s", (int)(word - n - 1), at + n + 1);
            return true;
        }
        at += word;
    }
    return false;
}

// --- what lives as long as root -----------------------------------------------------------------

static status_t resource_get(struct root *root, uint32_t kind)
{
    if (root->resources[kind] != HANDLE_NONE) {
        return OK;
    }
    if (kind == RESOURCE_ROOT) {
        root->resources[kind] = root->resource;
        return OK;
    }
    uint64_t size = kind == RESOURCE_MMIO ? UINT64_MAX : kind == RESOURCE_IRQ ? IRQ_LINES : 0;
    return sys_resource_create(root->resource, kind, 0, size, &root->resources[kind]);
}

// Handles that are made for one service: they carry a badge that says whose they are.
static status_t give_prepare(struct root *root, uint32_t node, unsigned i)
{
    const struct manifest_give *g = &root->units[node].spec->gives[i];
    handle_t *out = &root->units[node].gives[i];
    switch (g->source) {
    case GIVE_ENDPOINT_CLIENT:
        return sys_endpoint_mint(root->endpoints[g->index], g->badge, CLIENT_RIGHTS, out);
    case GIVE_SUPERVISOR:
        return sys_endpoint_mint(root->endpoint, (uint64_t)(node + 1) << 8 | g->permissions,
                                 CLIENT_RIGHTS, out);
    case GIVE_RESOURCE: return resource_get(root, g->kind);
    default: return OK;
    }
}

status_t services_prepare(struct root *root, const char **what)
{
    *what = "an endpoint";
    for (unsigned i = 0; i < root->manifest.endpoint_count; i++) {
        status_t s = sys_endpoint_create(&root->endpoints[i]);
        if (s != OK) {
            return s;
        }
    }
    *what = "a handle for a service";
    for (uint32_t i = 0; i < root->supervision.count; i++) {
        uint32_t node = root->supervision.order[i];
        const struct manifest_service *spec = root->units[node].spec;
        for (unsigned g = 0; spec != NULL && g < spec->give_count; g++) {
            status_t s = give_prepare(root, node, g);
            if (s != OK) {
                return s;
            }
        }
    }
    return OK;
}

static bool is_wanted(const struct root *root, const struct manifest_service *spec)
{
    char nonce[MANIFEST_WORD_BYTES];
    bool run = boot_arg(root->command_line, "run", nonce, sizeof(nonce));
    return spec->when == WHEN_ALWAYS || (spec->when == WHEN_RUN) == run;
}

bool services_add(struct root *root)
{
    const struct manifest *m = &root->manifest;
    struct supervision *s = &root->supervision;
    uint32_t group_nodes[MANIFEST_GROUPS_MAX] = {SUP_ROOT};
    s->nodes[SUP_ROOT].strategy = m->groups[0].strategy;
    s->nodes[SUP_ROOT].intensity = m->groups[0].intensity;
    s->nodes[SUP_ROOT].period_s = m->groups[0].period_s;
    strcpy(root->units[SUP_ROOT].name, "root");
    for (unsigned i = 0; i < m->order_count; i++) {
        uint32_t index = m->order[i] & ~MANIFEST_SERVICE;
        const char *name;
        uint32_t node;
        if ((m->order[i] & MANIFEST_SERVICE) == 0) {
            const struct manifest_group *g = &m->groups[index];
            node = sup_group_add(s, group_nodes[g->parent], g->strategy, g->intensity, g->period_s);
            group_nodes[index] = node;
            name = g->name;
        } else if (is_wanted(root, &m->services[index])) {
            const struct manifest_service *spec = &m->services[index];
            node = sup_service_add(s, group_nodes[spec->group], spec->restart, spec->shutdown_ms,
                                   false);
            name = spec->name;
        } else {
            continue;
        }
        if (node == SUP_NONE) {
            return false;
        }
        strcpy(root->units[node].name, name);
        s->nodes[node].significant =
            (m->order[i] & MANIFEST_SERVICE) != 0 && m->services[index].significant;
        root->units[node].spec = (m->order[i] & MANIFEST_SERVICE) != 0 ? &m->services[index] : NULL;
    }
    return true;
}

// --- starting -----------------------------------------------------------------------------------

// Everything a start collects for spawn.
struct starting {
    struct unit *unit;
    struct spawn_handle handles[STARTUP_HANDLES_MAX];
    unsigned handle_count;
    const char *args[MANIFEST_WORDS_MAX + 2];
    const char *env[MANIFEST_WORDS_MAX + 1];
    char values[MANIFEST_WORDS_MAX][MANIFEST_WORD_BYTES]; // of $NAME arguments
};

static void handle_add(struct starting *st, const char *name, handle_t h, rights_t rights)
{
    st->handles[st->handle_count++] = (struct spawn_handle){name, h, rights};
}

static void give_add(struct root *root, struct starting *st, unsigned i)
{
    const struct manifest_give *g = &st->unit->spec->gives[i];
    switch (g->source) {
    case GIVE_ENDPOINT_SERVE:
        handle_add(st, g->name, root->endpoints[g->index], SERVER_RIGHTS);
        return;
    case GIVE_ENDPOINT_CLIENT:
    case GIVE_SUPERVISOR: handle_add(st, g->name, st->unit->gives[i], RIGHTS_SAME); return;
    case GIVE_RESOURCE: handle_add(st, g->name, root->resources[g->kind], g->rights); return;
    case GIVE_BOOT_IMAGE: handle_add(st, g->name, root->boot_image, VMO_RIGHTS); return;
    case GIVE_DEVICE_TREE: handle_add(st, g->name, root->device_tree, VMO_RIGHTS); return;
    case GIVE_JOB_SELF: handle_add(st, g->name, st->unit->job, RIGHTS_SAME); return;
    case GIVE_JOB_ROOT: handle_add(st, g->name, root->job, g->rights); return;
    }
}

// $NAME stands for a value of the kernel's command line.
static const char *arg_expand(const struct root *root, struct starting *st, unsigned i)
{
    const char *arg = st->unit->spec->args[i];
    if (arg[0] != '$') {
        return arg;
    }
    (void)boot_arg(root->command_line, arg + 1, st->values[i], sizeof(st->values[i]));
    return st->values[i];
}

static void spec_collect(struct root *root, struct starting *st)
{
    const struct manifest_service *spec = st->unit->spec;
    for (unsigned i = 0; i < spec->give_count; i++) {
        give_add(root, st, i);
    }
    for (unsigned i = 0; i < spec->arg_count; i++) {
        st->args[i + 1] = arg_expand(root, st, i);
    }
    for (unsigned i = 0; i < spec->env_count; i++) {
        st->env[i] = spec->env[i];
    }
    if (st->unit->stop != HANDLE_NONE) {
        handle_add(st, "stop", st->unit->stop, STOP_RIGHTS);
    }
}

static void dynamic_collect(struct starting *st)
{
    const struct dynamic_service *d = st->unit->dynamic;
    for (unsigned i = 0; i < d->handle_count; i++) {
        handle_add(st, d->child.handles[i], d->handles[i], RIGHTS_SAME);
    }
    st->args[1] = d->child.arg[0] != '\0' ? d->child.arg : NULL;
}

static status_t limits_set(const struct manifest_service *spec, handle_t job)
{
    status_t s = OK;
    for (uint32_t kind = 0; s == OK && kind < LIMIT_KINDS; kind++) {
        if (spec->limits[kind] != UINT64_MAX) {
            s = sys_job_set_limit(job, kind, spec->limits[kind]);
        }
    }
    return s;
}

static status_t job_prepare(struct root *root, struct unit *unit, const char **why)
{
    *why = "its job";
    status_t s = sys_job_create(root->job, unit->name, strlen(unit->name), &unit->job);
    if (s == OK && unit->spec != NULL) {
        s = limits_set(unit->spec, unit->job);
    }
    if (s == OK && unit->spec != NULL && unit->spec->shutdown_ms > 0) {
        *why = "its stop notification";
        s = sys_notification_create(&unit->stop);
    }
    return s;
}

static const char *program_of(const struct unit *unit)
{
    return unit->spec != NULL ? unit->spec->program : unit->dynamic->child.program;
}

static status_t process_start(struct root *root, uint32_t node, const struct archive_entry *file,
                              const char **why)
{
    struct unit *unit = &root->units[node];
    struct starting st = {.unit = unit, .args = {unit->name}};
    if (unit->spec != NULL) {
        spec_collect(root, &st);
    } else {
        dynamic_collect(&st);
    }
    struct spawn_request request = {.name = unit->name,
                                    .job = unit->job,
                                    .image = file->data,
                                    .image_bytes = file->bytes,
                                    .args = st.args,
                                    .env = st.env,
                                    .handles = st.handles,
                                    .handle_count = st.handle_count};
    struct spawn_result result;
    status_t s = spawn(&request, &result, why);
    if (s != OK) {
        return s;
    }
    unit->process = result.process;
    (void)sys_handle_close(result.thread);
    *why = "watching it";
    s = sys_process_watch(unit->process, root->events, 1ull << node);
    struct process_info info;
    if (s == OK && sys_process_info(unit->process, &info) == OK) {
        unit->process_id = info.id;
    }
    return s;
}

status_t service_start(struct root *root, uint32_t node)
{
    struct unit *unit = &root->units[node];
    struct archive_entry file;
    const char *why = NULL;
    int found = archive_find(&root->image, program_of(unit), &file, &why);
    status_t s = found == 1 ? OK : found == 0 ? ERR_NOT_FOUND : ERR_CORRUPT;
    why = found == 0 ? "not in the boot image" : why;
    s = s != OK ? s : job_prepare(root, unit, &why);
    s = s != OK ? s : process_start(root, node, &file, &why);
    if (s != OK) {
        (void)snprintf(root->failure, sizeof(root->failure), "cannot start %s: %s: %s (%s)",
                       unit->name, program_of(unit), why, status_text(s));
        printf("%s\n", root->failure);
        service_clear(root, node);
        return s;
    }
    unit->up_since_ns = clock_monotonic_ns();
    unit->starts++;
    return OK;
}

static void handle_drop(handle_t *h)
{
    (void)sys_handle_close(*h);
    *h = HANDLE_NONE;
}

void service_clear(struct root *root, uint32_t node)
{
    struct unit *unit = &root->units[node];
    if (unit->job != HANDLE_NONE) {
        (void)sys_job_kill(unit->job);
    }
    handle_drop(&unit->job);
    handle_drop(&unit->process);
    handle_drop(&unit->stop);
    unit->process_id = 0;
}

void dynamic_free(struct unit *unit)
{
    for (unsigned i = 0; i < unit->dynamic->handle_count; i++) {
        (void)sys_handle_close(unit->dynamic->handles[i]);
    }
    free(unit->dynamic);
    memset(unit, 0, sizeof(*unit));
}
