// SPDX-License-Identifier: MIT
// The server loop: see bullfinch/server.h.

#include <bullfinch/server.h>
#include <bullfinch/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

static uint64_t status_word(status_t s) { return (uint64_t)(int64_t)s; }

static void handles_close(const handle_t *handles, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)sys_handle_close(handles[i]);
    }
}

static void call_begin(struct server *s, const struct ipc_message *m, struct server_call *call)
{
    struct msg_buffer *buffer = ipc_buffer();
    memset(call, 0, sizeof(*call));
    call->server = s;
    call->badge = m->badge;
    call->label = MSG_LABEL(m->tag);
    call->bytes = MSG_BYTES(m->tag);
    call->handle_count = MSG_HANDLES(m->tag);
    call->data = buffer->data;
    memcpy(call->w, m->w, sizeof(call->w));
    memcpy(call->handles, buffer->received, call->handle_count * sizeof(handle_t));
}

static status_t call_handle(struct server *s, struct server_call *call)
{
    if (s->lookup != NULL) {
        call->object = s->lookup(s, call->badge);
        if (call->object == NULL) {
            return ERR_BAD_STATE;
        }
    }
    for (unsigned i = 0; i < s->op_count; i++) {
        if (s->ops[i].label == call->label) {
            return call->bytes < s->ops[i].bytes_min ? ERR_INVALID_ARGS : s->ops[i].handler(call);
        }
    }
    return ERR_NOT_SUPPORTED;
}

// A reply that moves handles goes out on its own, because ipc_reply_recv does not say whether the
// caller was still there to take them.
static status_t handles_reply_recv(struct server *s, struct server_call *call,
                                   struct ipc_message *m)
{
    memcpy(ipc_buffer()->send, call->send, call->reply_handles * sizeof(handle_t));
    status_t st = ipc_reply(m);
    if (st != OK) {
        handles_close(call->send, call->reply_handles);
        m->tag = MSG_TAG(0, 0, 0);
        m->w[0] = status_word(st);
        (void)ipc_reply(m); // for a caller that has no room for them; one that is gone does not
                            // hear it
    }
    return ipc_recv(s->endpoint, m, DEADLINE_NEVER);
}

static status_t reply_recv(struct server *s, struct server_call *call, status_t result,
                           struct ipc_message *m)
{
    if (result != OK) { // a failed operation has no results
        handles_close(call->send, call->reply_handles);
        call->reply_bytes = call->reply_handles = 0;
    }
    m->tag = MSG_TAG(0, call->reply_bytes, call->reply_handles);
    m->w[0] = status_word(result);
    memcpy(&m->w[1], call->r, sizeof(call->r));
    if (call->reply_handles > 0) {
        return handles_reply_recv(s, call, m);
    }
    status_t st = ipc_reply_recv(s->endpoint, m, DEADLINE_NEVER);
    // ERR_BAD_STATE: the message was sent, not called; nobody waits for an answer.
    return st == ERR_BAD_STATE ? ipc_recv(s->endpoint, m, DEADLINE_NEVER) : st;
}

static status_t message_serve(struct server *s, struct ipc_message *m)
{
    if (MSG_LABEL(m->tag) == MSG_BADGE_CLOSED) {
        if (s->badge_closed != NULL) {
            s->badge_closed(s, m->badge);
        }
        return ipc_recv(s->endpoint, m, DEADLINE_NEVER);
    }
    struct server_call call;
    call_begin(s, m, &call);
    status_t result = call_handle(s, &call);
    handles_close(call.handles, call.handle_count);
    if (result == SERVER_DEFERRED) {
        return ipc_recv(s->endpoint, m, DEADLINE_NEVER);
    }
    return reply_recv(s, &call, result, m);
}

_Noreturn void server_run(struct server *s)
{
    struct ipc_message m;
    memset(&m, 0, sizeof(m));
    status_t st = ipc_recv(s->endpoint, &m, DEADLINE_NEVER);
    for (;;) {
        if (st == RECV_MESSAGE) {
            st = message_serve(s, &m);
        } else if (st == RECV_NOTIFICATION) {
            if (s->notified != NULL) {
                s->notified(s, m.w[0]);
            }
            st = ipc_recv(s->endpoint, &m, DEADLINE_NEVER);
        } else {
            printf("%s: cannot receive: %s\n", s->name, status_text(st));
            exit(1);
        }
    }
}

status_t server_defer(handle_t *reply) { return sys_reply_save(reply); }

status_t server_answer(handle_t reply, status_t status, uint64_t r1, uint64_t r2, uint32_t bytes)
{
    struct ipc_message m = {.tag = MSG_TAG(0, bytes, 0), .w = {status_word(status), r1, r2}};
    status_t s = ipc_reply_send(reply, &m);
    if (s != OK && s != ERR_PEER_CLOSED) {
        (void)sys_handle_close(reply); // else the kernel closed it
    }
    return s;
}
