// SPDX-License-Identifier: MIT
// The file server's side of the protocol of bullfinch/fs.h, without the kernel: a request (badge,
// operation, words, data) in, a reply out. main.c moves messages and handles; this keeps the table
// of open nodes and says which badge to mint.
//
// A badge names an open node: slot in the low half, generation in the high half. Generations start
// at a random number, so that a handle of an earlier life of the server means nothing to this one
// (ERR_BAD_STATE). Badges FS_BADGE_ROOT and FS_BADGE_ROOT_READ_ONLY are open from the start and for
// ever.
#ifndef RAMFS_SERVICE_H
#define RAMFS_SERVICE_H

#include "tree.h"

struct open_node {
    struct node *node; // holds a reference; NULL: the slot is free
    uint32_t flags;    // FS_FLAG_READ|WRITE
    uint32_t generation;
    uint32_t next_free;
};

struct service {
    struct tree tree;
    struct open_node *slots;
    uint32_t slot_count;
    uint32_t first_free;
};

struct service_request {
    uint64_t badge;
    uint32_t op; // enum fs_op
    uint64_t w[MSG_WORDS];
    uint32_t bytes;     // of data
    bool has_directory; // a handle came with it: FS_RENAME, FS_LINK
    uint64_t directory_badge;
};

struct service_reply {
    status_t status;
    uint64_t w[MSG_WORDS]; // from w[1] on; w[0] is the status's place
    uint32_t bytes;        // of data
    uint64_t open_badge;   // not 0: mint a handle with this badge and send it along
};

// first_generation: any random number.
status_t service_init(struct service *service, const struct node_memory *memory,
                      uint32_t first_generation);
void service_fini(struct service *service);
// Carries out one request. `data` (FS_DATA_MAX bytes) holds the request's data and takes the
// reply's.
void service_handle(struct service *service, const struct service_request *request, uint8_t *data,
                    struct service_reply *reply);
// The last handle with the badge is gone (or could not be given out).
void service_close(struct service *service, uint64_t badge);

#endif
