// SPDX-License-Identifier: MIT
// The running side of the manifest: what root keeps for each node of the supervision tree, and
// starting a service with exactly the handles that the manifest gives it. Endpoints and clients'
// handles on them are made once, at the boot, and kept by root: a server that is started again
// serves the same endpoint, so its clients' calls wait instead of failing.
#ifndef ROOT_SERVICE_H
#define ROOT_SERVICE_H

#include "user/servers/root/manifest.h"
#include <bullfinch/archive.h>
#include <bullfinch/supervisor.h>

#define EXIT_TEXT_BYTES 64u
#define FAILURE_BYTES   200u

// A service added while running (SUP_START): its description and handles, which root owns.
struct dynamic_service {
    struct sup_child child;
    handle_t handles[MSG_HANDLES_MAX];
    unsigned handle_count;
};

struct unit {
    char name[NAME_MAX_BYTES];
    const struct manifest_service *spec; // NULL: a group or a dynamic service
    struct dynamic_service *dynamic;     // NULL: a group or a service of the manifest
    handle_t gives[MANIFEST_GIVES_MAX];  // endpoints' client sides and supervisor handles made for
                                         // it
    handle_t job, process;               // of the running incarnation
    handle_t stop; // notification by which it is asked to end, if it has a shutdown time
    uint64_t process_id;
    uint64_t up_since_ns;
    uint32_t starts;
    char last_exit[EXIT_TEXT_BYTES];
};

struct root {
    struct manifest manifest;
    struct supervision supervision;
    struct unit units[SUP_NODES_MAX]; // by node
    struct archive image;
    const char *command_line;
    handle_t job, resource, boot_image, device_tree;
    handle_t endpoint; // the supervisor's own
    handle_t events;   // notification: bit n = the process of node n ended; EVENT_TIMER
    handle_t endpoints[MANIFEST_ENDPOINTS_MAX];
    handle_t resources[RESOURCE_KINDS];
    uint32_t power_action;
    bool end_asked;              // somebody wanted the system to end
    char failure[FAILURE_BYTES]; // what went wrong last, for the last words
};

// Creates what lives as long as root: endpoints, clients' handles. On failure *what names the step.
status_t services_prepare(struct root *root, const char **what);
// Adds the manifest's groups and services to the supervision tree, leaving out what this boot does
// not have. False: table full.
bool services_add(struct root *root);
// Starts a service's process. On failure nothing is left behind and the reason is in the log.
status_t service_start(struct root *root, uint32_t node);
// Frees what an incarnation had; kills what is left in its job.
void service_clear(struct root *root, uint32_t node);
// Frees what belongs to a dynamic service.
void dynamic_free(struct unit *unit);
// The value of NAME=value on the kernel's command line, or "" (copied to buf); false if the name is
// not there.
bool boot_arg(const char *command_line, const char *name, char *buf, size_t size);

#endif
