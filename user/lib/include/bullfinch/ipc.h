// SPDX-License-Identifier: MIT
// IPC for user programs: the raw system calls of abi/ipc.h as functions on a message structure, and
// the thread's message buffer.
#ifndef BULLFINCH_IPC_H
#define BULLFINCH_IPC_H

#include "abi/ipc.h"

struct ipc_message {
    uint64_t tag;          // MSG_TAG(label, bytes, handles)
    uint64_t w[MSG_WORDS]; // register words
    uint64_t badge;        // set by receives
};

// This thread's message buffer: data for tags with bytes > 0, handles to send, handles received.
struct msg_buffer *ipc_buffer(void);

// *m is the message to send and becomes the message received (call, recv, reply_recv). Deadlines:
// absolute ns.
status_t ipc_send(handle_t endpoint, const struct ipc_message *m, uint64_t deadline);
status_t ipc_call(handle_t endpoint, struct ipc_message *m, uint64_t deadline);
status_t ipc_recv(handle_t endpoint, struct ipc_message *m, uint64_t deadline); // RECV_MESSAGE,
                                                                                // RECV_NOTIFICATION
                                                                                // or ERR_*
status_t ipc_reply(const struct ipc_message *m);
status_t ipc_reply_recv(handle_t endpoint, struct ipc_message *m, uint64_t deadline); // as ipc_recv
status_t ipc_reply_send(handle_t reply, const struct ipc_message *m);

#endif
