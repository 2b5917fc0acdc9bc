// SPDX-License-Identifier: MIT
// See serve.h. A caller's badge holds what it may ask for (SUP_MAY_*) in bits 0-7 and its own node
// plus one above.

#include "user/servers/root/serve.h"
#include <bullfinch/startup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

static struct root *root_of(struct server_call *call) { return call->server->context; }

static bool may(const struct server_call *call, uint32_t permission)
{
    return (call->badge & permission) != 0;
}

static uint32_t state_of(const struct sup_node *n)
{
    switch (n->state) {
    case SUP_UP:
    case SUP_ASKED:
    case SUP_DYING: return SUP_RUNNING;
    case SUP_DOWN: return SUP_RESTARTING;
    case SUP_FINISHED: return SUP_STOPPED;
    }
    return SUP_FAILED;
}

static uint64_t own_process_id(void)
{
    struct process_info info;
    return sys_process_info(startup_handle(STARTUP_PROCESS), &info) == OK ? info.id : 0;
}

static status_t serve_list(struct server_call *call)
{
    struct root *root = root_of(call);
    if (!may(call, SUP_MAY_LIST)) {
        return ERR_ACCESS_DENIED;
    }
    if (call->w[0] >= root->supervision.count) {
        return ERR_NOT_FOUND;
    }
    uint32_t node = root->supervision.order[call->w[0]];
    const struct sup_node *n = &root->supervision.nodes[node];
    const struct unit *unit = &root->units[node];
    struct sup_service out = {
        .process_id = node == SUP_ROOT ? own_process_id() : unit->process_id,
        .up_since_ns = unit->up_since_ns,
        .state = n->group ? SUP_RUNNING : state_of(n),
        .restart = n->restart,
        .restarts = unit->starts > 0 ? unit->starts - 1 : 0,
        .depth = sup_depth(&root->supervision, node),
    };
    strcpy(out.name, unit->name);
    strcpy(out.last_exit, unit->last_exit);
    memcpy(call->data, &out, sizeof(out));
    call->reply_bytes = sizeof(out);
    return OK;
}

static uint32_t node_find(const struct root *root, const char *name)
{
    for (uint32_t i = 0; i < root->supervision.count; i++) {
        uint32_t node = root->supervision.order[i];
        if (strcmp(root->units[node].name, name) == 0) {
            return node;
        }
    }
    return SUP_NONE;
}

static status_t serve_kill(struct server_call *call)
{
    char name[NAME_MAX_BYTES];
    struct root *root = root_of(call);
    if (!may(call, SUP_MAY_KILL)) {
        return ERR_ACCESS_DENIED;
    }
    if (call->bytes >= sizeof(name)) {
        return ERR_NOT_FOUND; // no service has so long a name
    }
    memcpy(name, call->data, call->bytes);
    name[call->bytes] = '\0';
    uint32_t node = node_find(root, name);
    if (node == SUP_NONE) {
        return ERR_NOT_FOUND;
    }
    if (root->supervision.nodes[node].group) {
        return ERR_NOT_SUPPORTED;
    }
    // Its end comes back as an event like any other end.
    return root->units[node].process != HANDLE_NONE ? sys_process_kill(root->units[node].process)
                                                    : ERR_NOT_FOUND;
}

static status_t shutdown_begin(struct root *root, uint32_t action)
{
    root->power_action = action;
    root->end_asked = true;
    sup_end(&root->supervision);
    root_pump(root);
    return SERVER_DEFERRED; // the caller is among what stops
}

static status_t serve_shutdown(struct server_call *call)
{
    if (!may(call, SUP_MAY_SHUTDOWN)) {
        return ERR_ACCESS_DENIED;
    }
    if (call->w[0] != POWER_OFF && call->w[0] != POWER_RESTART) {
        return ERR_INVALID_ARGS;
    }
    return shutdown_begin(root_of(call), (uint32_t)call->w[0]);
}

static status_t serve_run_done(struct server_call *call)
{
    if (!may(call, SUP_MAY_DONE)) {
        return ERR_ACCESS_DENIED;
    }
    printf("the program ended with %u: %.*s\n", (unsigned)call->w[0], (int)call->bytes,
           (const char *)call->data);
    return shutdown_begin(root_of(call), POWER_OFF);
}

// --- services that others ask for ---------------------------------------------------------------

static bool text_ends(const char *text, size_t size) { return memchr(text, '\0', size) != NULL; }

static bool child_is_sound(const struct sup_child *c, unsigned handles)
{
    bool sound = text_ends(c->name, sizeof(c->name)) && c->name[0] != '\0' &&
                 text_ends(c->program, sizeof(c->program)) && text_ends(c->arg, sizeof(c->arg));
    for (unsigned i = 0; sound && i < handles; i++) {
        sound = text_ends(c->handles[i], sizeof(c->handles[i])) && c->handles[i][0] != '\0';
    }
    return sound;
}

// Adds the service, takes the handles of the message, starts it.
static status_t child_start(struct root *root, struct server_call *call,
                            const struct sup_child *child, uint32_t group)
{
    struct dynamic_service *d = calloc(1, sizeof(*d));
    uint32_t node = d != NULL
                        ? sup_service_add(&root->supervision, group, SUP_TYPE_PERMANENT, 0, true)
                        : SUP_NONE;
    if (node == SUP_NONE) {
        free(d);
        return ERR_NO_SPACE;
    }
    d->child = *child;
    d->handle_count = call->handle_count;
    memcpy(d->handles, call->handles, sizeof(d->handles));
    struct unit *unit = &root->units[node];
    const struct sup_node *g = &root->supervision.nodes[group];
    if (child->dispensable != 0) {
        sup_service_dispense(&root->supervision, node, g->intensity, g->period_s);
    }
    memset(unit, 0, sizeof(*unit));
    strcpy(unit->name, child->name);
    unit->dynamic = d;
    status_t s = service_start(root, node);
    if (s == OK) {
        memset(call->handles, 0, sizeof(call->handles)); // kept, for its next incarnation too
        sup_started(&root->supervision, node);
    } else {
        d->handle_count = 0; // the loop closes them
        dynamic_free(unit);
        sup_service_remove(&root->supervision, node);
    }
    return s;
}

static status_t serve_start(struct server_call *call)
{
    struct root *root = root_of(call);
    struct sup_child child;
    if (!may(call, SUP_MAY_START)) {
        return ERR_ACCESS_DENIED;
    }
    memcpy(&child, call->data, sizeof(child));
    if (!child_is_sound(&child, call->handle_count)) {
        return ERR_INVALID_ARGS;
    }
    if (node_find(root, child.name) != SUP_NONE) {
        return ERR_EXISTS;
    }
    if (root->supervision.ending) {
        return ERR_BAD_STATE;
    }
    uint32_t caller = (uint32_t)(call->badge >> 8) - 1;
    return child_start(root, call, &child, root->supervision.nodes[caller].parent);
}

const struct server_op *serve_ops(unsigned *count)
{
    static const struct server_op ops[] = {
        {SUP_LIST, 0, serve_list},
        {SUP_KILL, 1, serve_kill},
        {SUP_SHUTDOWN, 0, serve_shutdown},
        {SUP_RUN_DONE, 0, serve_run_done},
        {SUP_START, sizeof(struct sup_child), serve_start},
    };
    *count = sizeof(ops) / sizeof(ops[0]);
    return ops;
}
