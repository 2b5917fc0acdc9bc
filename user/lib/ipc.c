// SPDX-License-Identifier: MIT
// The calling thread's message buffer. The calls themselves stand in arch/*/ipc.S.

#include "user/lib/tls.h"
#include <bullfinch/ipc.h>

static _Thread_local struct msg_buffer *buffer;

static_assert(sizeof(struct ipc_message) == 64 && offsetof(struct ipc_message, w) == 8 &&
                  offsetof(struct ipc_message, badge) == 56,
              "arch/*/ipc.S knows these offsets");

struct msg_buffer *ipc_buffer(void) { return buffer; }

void ipc_buffer_set(struct msg_buffer *b) { buffer = b; }
