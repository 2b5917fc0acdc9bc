// SPDX-License-Identifier: MIT
// A server and a client with an endpoint between them, and their messages; for tests that include
// obj_setup.h first.
#ifndef TESTS_HOST_IPC_WORLD_H
#define TESTS_HOST_IPC_WORLD_H

#include <gen/syscall_nr.h>

struct world {
    struct thread *server, *client; // each in its own process
    struct endpoint *e;
    handle_t receive, send; // the server's handle with all rights; the client's with SEND, badge 0
};

static inline struct process *process_of(struct thread *t) { return t->process; }

static inline struct world world_make(void)
{
    struct world w = {.server = actor(), .client = actor()};
    w.receive = kernel_make(w.server, SYS_ENDPOINT_CREATE);
    w.e = endpoint_from_object(named(process_of(w.server), w.receive));
    w.send = share(process_of(w.server), w.receive, process_of(w.client), RIGHT_SEND);
    return w;
}

// A further client of the server, in a process of its own.
static inline struct thread *client_add(struct world *w, handle_t *send)
{
    struct thread *t = actor();
    *send = share(process_of(w->server), w->receive, process_of(t), RIGHT_SEND);
    return t;
}

// A SEND handle with the badge, for process p.
static inline handle_t badged(struct world *w, struct process *p, uint64_t badge)
{
    handle_t out, minted = kernel_make(w->server, SYS_ENDPOINT_MINT, w->receive, badge,
                                       RIGHT_SEND | RIGHT_TRANSFER | RIGHT_DUPLICATE);
    assert_int_equal(handle_move(&process_of(w->server)->handles, &minted, 1, &p->handles, &out),
                     OK);
    return out;
}

#define ipc(t, number, handle, tag, deadline, ...) \
    call_registers(t, number, (const uint64_t[8]){handle, tag, __VA_ARGS__}, deadline)

static inline status_t ipc_send(struct thread *t, handle_t h, uint64_t label)
{
    return ipc(t, SYS_IPC_SEND, h, MSG_TAG(label, 0, 0), DEADLINE_NEVER, label + 1, label + 2);
}

static inline status_t ipc_call(struct thread *t, handle_t h, uint64_t label)
{
    return ipc(t, SYS_IPC_CALL, h, MSG_TAG(label, 0, 0), DEADLINE_NEVER, label + 1, label + 2);
}

static inline status_t ipc_receive(struct thread *t, handle_t h)
{
    return ipc(t, SYS_IPC_RECV, h, 0, DEADLINE_NEVER);
}

static inline status_t ipc_reply(struct thread *t, uint64_t label)
{
    return ipc(t, SYS_IPC_REPLY, HANDLE_NONE, MSG_TAG(label, 0, 0), 0, label + 1, label + 2);
}

static inline status_t ipc_reply_receive(struct thread *t, handle_t h, uint64_t label)
{
    return ipc(t, SYS_IPC_REPLY_RECV, h, MSG_TAG(label, 0, 0), DEADLINE_NEVER, label + 1,
               label + 2);
}

// t holds the message that ipc_send, ipc_call or a reply with this label carried.
static inline void message_expect(struct thread *t, uint64_t label)
{
    assert_int_equal(thread_status(t), RECV_MESSAGE);
    assert_int_equal(t->arch.args[1], MSG_TAG(label, 0, 0));
    assert_int_equal(t->arch.args[2], label + 1);
    assert_int_equal(t->arch.args[3], label + 2);
}

static inline bool is_badge_closed(struct thread *t, uint64_t badge)
{
    return thread_status(t) == RECV_MESSAGE && t->arch.args[1] == MSG_TAG(MSG_BADGE_CLOSED, 0, 0) &&
           t->arch.extra == badge;
}

#endif
