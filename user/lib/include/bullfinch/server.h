// SPDX-License-Identifier: MIT
// The loop every server runs: receive, find the handler by label and the object by badge, answer. A
// server fills in a struct server and its main ends in server_run. Handlers run one at a time on
// the thread that called server_run.
//
// The protocol convention (that of bullfinch/fs.h and bullfinch/supervisor.h): the reply's word 0
// is a status_t, sign-extended; results stand in words 1 to 5, data in the message buffer, handles
// with it.
#ifndef BULLFINCH_SERVER_H
#define BULLFINCH_SERVER_H

#include <bullfinch/ipc.h>
#include <stdbool.h>

// A handler's result when it has taken the caller's reply with server_defer, or when the message
// was no call.
#define SERVER_DEFERRED 1

struct server;

// One message. The loop frees what the handler leaves: received handles that are not set to
// HANDLE_NONE are closed.
struct server_call {
    struct server *server;
    void *object; // what `lookup` found for the badge; NULL without `lookup`
    uint64_t badge;
    uint32_t label;
    uint64_t w[MSG_WORDS];
    uint8_t *data; // MSG_BYTES_MAX of the message buffer: the request's `bytes`, and room for the
                   // reply's. Any IPC by the handler overwrites it
    uint32_t bytes;
    uint32_t handle_count;
    handle_t handles[MSG_HANDLES_MAX]; // set to HANDLE_NONE to keep

    // The reply. Starts as all zero.
    uint64_t r[MSG_WORDS - 1]; // words 1 to 5
    uint32_t reply_bytes;      // in data
    uint32_t reply_handles;    // in send; they move to the caller, or are closed if it is gone
    handle_t send[MSG_HANDLES_MAX];
};

struct server_op {
    uint32_t label;
    uint32_t bytes_min; // shorter requests are refused with ERR_INVALID_ARGS before the handler
                        // runs
    // Returns the reply's status, or SERVER_DEFERRED.
    status_t (*handler)(struct server_call *call);
};

struct server {
    const char *name;
    handle_t endpoint; // RECEIVE
    const struct server_op *ops;
    unsigned op_count;
    // All may be NULL.
    void *(*lookup)(struct server *s, uint64_t badge); // NULL result: the caller gets ERR_BAD_STATE
    void (*badge_closed)(struct server *s, uint64_t badge);
    void (*notified)(struct server *s, uint64_t bits); // of the notification bound to the thread
    void *context;
};

// Serves until the endpoint is unusable, then ends the process with code 1.
_Noreturn void server_run(struct server *s);

// Takes the right to answer the current call. The owner must end it with server_answer or
// sys_handle_close.
status_t server_defer(handle_t *reply);
// Answers a deferred call: status in word 0, r1 and r2 behind it, `bytes` of ipc_buffer()->data.
// Ends the reply handle in any case. ERR_PEER_CLOSED: the caller is gone and has received nothing.
status_t server_answer(handle_t reply, status_t status, uint64_t r1, uint64_t r2, uint32_t bytes);

#endif
