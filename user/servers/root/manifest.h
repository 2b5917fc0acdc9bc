// SPDX-License-Identifier: MIT
// The manifest: which services there are, what each may do, and what happens when one ends. Text,
// described in docs/manifest.md. Pure parser, tested on the host; it checks everything that can be
// known from the text alone.
#ifndef ROOT_MANIFEST_H
#define ROOT_MANIFEST_H

#include "abi/bootimage.h"
#include "user/servers/root/supervision.h"
#include <stdbool.h>
#include <stddef.h>

#define MANIFEST_SERVICES_MAX  32u
#define MANIFEST_GROUPS_MAX    8u
#define MANIFEST_ENDPOINTS_MAX 24u
#define MANIFEST_GIVES_MAX     16u
#define MANIFEST_WORDS_MAX     12u
#define MANIFEST_WORD_BYTES    64u

enum give_source {
    GIVE_ENDPOINT_SERVE,  // index: of the endpoint
    GIVE_ENDPOINT_CLIENT, // index, badge
    GIVE_RESOURCE,        // kind, rights
    GIVE_BOOT_IMAGE,
    GIVE_DEVICE_TREE,
    GIVE_JOB_SELF,
    GIVE_JOB_ROOT,   // rights
    GIVE_SUPERVISOR, // permissions: SUP_MAY_*
};

// What a supervisor handle allows; root puts them in its badge.
#define SUP_MAY_LIST     1u
#define SUP_MAY_KILL     2u
#define SUP_MAY_SHUTDOWN 4u
#define SUP_MAY_START    8u
#define SUP_MAY_DONE     16u

struct manifest_give {
    char name[sizeof(((struct startup_handle *)NULL)->name)];
    enum give_source source;
    uint32_t index;
    uint32_t kind; // enum resource_kind
    uint32_t permissions;
    rights_t rights;
    uint64_t badge;
};

enum manifest_when { WHEN_ALWAYS, WHEN_SHELL, WHEN_RUN };

struct manifest_service {
    char name[NAME_MAX_BYTES];
    char program[MANIFEST_WORD_BYTES];
    char args[MANIFEST_WORDS_MAX][MANIFEST_WORD_BYTES];
    unsigned arg_count;
    char env[MANIFEST_WORDS_MAX][MANIFEST_WORD_BYTES];
    unsigned env_count;
    struct manifest_give gives[MANIFEST_GIVES_MAX];
    unsigned give_count;
    uint64_t limits[LIMIT_KINDS]; // UINT64_MAX: none
    uint32_t group;               // index into groups
    enum sup_restart_type restart;
    uint32_t shutdown_ms;
    bool significant; // the system ends with it
    enum manifest_when when;
    unsigned line; // where it is described
};

struct manifest_group {
    char name[NAME_MAX_BYTES];
    uint32_t parent; // index; of group 0: none
    enum sup_strategy strategy;
    uint32_t intensity;
    uint32_t period_s;
};

struct manifest_endpoint {
    char name[NAME_MAX_BYTES];
    bool served;
    unsigned line; // of its first use
};

// Groups and services in the order they stand in the text; `order` names both: groups as index,
// services as index | MANIFEST_SERVICE.
#define MANIFEST_SERVICE 0x80000000u
struct manifest {
    struct manifest_group groups[MANIFEST_GROUPS_MAX]; // 0: "root"
    struct manifest_service services[MANIFEST_SERVICES_MAX];
    struct manifest_endpoint endpoints[MANIFEST_ENDPOINTS_MAX];
    uint32_t order[MANIFEST_GROUPS_MAX + MANIFEST_SERVICES_MAX];
    unsigned group_count, service_count, endpoint_count, order_count;
};

// False: `message` says line and what. The manifest is then unusable.
bool manifest_parse(const char *text, size_t bytes, struct manifest *m, char *message,
                    size_t message_bytes);

#endif
