// SPDX-License-Identifier: MIT
// The console: makes one UART into as many streams as programs need, with one of them in the
// foreground (bullfinch/console.h). What its parent must give it:
//     console.endpoint   its own endpoint: RECEIVE, MANAGE (to mint), INSPECT
//     uart               the driver's node: SEND
//     log                for messages (LOG, WRITE)
// One thread serves all streams, so that one write's output is never mixed with another's; a second
// one waits for input (uart.c).
#include "line.h"
#include "stream.h"
#include "uart.h"

#include <bullfinch/console.h>
#include <bullfinch/server.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define STREAM_RIGHTS (RIGHT_SEND | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_INSPECT)

static struct {
    handle_t endpoint;
    uint64_t endpoint_id; // object id, to know our own streams by
    struct line line;
    struct stream *foreground;
    handle_t interrupt; // notification for Ctrl-C, or HANDLE_NONE
    uint64_t interrupt_bits;
    // Input that the line has no room for yet; its sender waits for the reply.
    uint8_t held[MSG_BYTES_MAX];
    size_t held_start, held_end;
    handle_t held_reply;
} console;

// --- input --------------------------------------------------------------------------------------

static void echo(void *context, const char *text, size_t bytes)
{
    (void)context;
    uart_write(text, bytes);
}

// Gives readable input to the reads of the stream in the foreground. A reader that is gone loses
// nothing: the next one gets it.
static void reads_serve(void)
{
    handle_t reply;
    size_t max;
    while (line_readable(&console.line) && reads_take(console.foreground, &reply, &max)) {
        size_t used;
        size_t bytes = line_peek(&console.line, ipc_buffer()->data, max, &used);
        struct ipc_message m = {.tag = MSG_TAG(0, bytes, 0), .w = {OK, 1}};
        if (ipc_reply_send(reply, &m) == OK) {
            line_consume(&console.line, used);
        } else {
            (void)sys_handle_close(reply);
        }
    }
}

static void interrupt_signal(void)
{
    if (console.interrupt != HANDLE_NONE) {
        (void)sys_notification_signal(console.interrupt, console.interrupt_bits);
    }
}

// Moves held input into the line as far as there is room, and lets the sender go on when all of it
// is taken.
static void input_pump(void)
{
    reads_serve();
    while (console.held_start < console.held_end && line_room(&console.line) > 0) {
        if (line_input(&console.line, console.held[console.held_start++])) {
            interrupt_signal();
        }
        if (line_room(&console.line) == 0) {
            reads_serve();
        }
    }
    reads_serve();
    if (console.held_start == console.held_end && console.held_reply != HANDLE_NONE) {
        server_answer(console.held_reply, OK, 0, 0, 0);
        console.held_reply = HANDLE_NONE;
    }
}

static status_t op_input(struct server_call *call)
{
    if (call->badge != CONSOLE_BADGE_READER || console.held_reply != HANDLE_NONE) {
        return ERR_NOT_SUPPORTED;
    }
    memcpy(console.held, call->data, call->bytes);
    console.held_start = 0;
    console.held_end = call->bytes;
    status_t status = server_defer(&console.held_reply);
    if (status != OK) {
        return status;
    }
    input_pump();
    return SERVER_DEFERRED;
}

static void foreground_set(struct stream *stream)
{
    console.foreground = stream;
    if (line_set_mode(&console.line, stream->mode)) {
        interrupt_signal(); // Ctrl-C was typed while the program was being started
    }
    input_pump();
}

static void mode_set(struct stream *stream, enum line_mode mode)
{
    stream->mode = mode;
    if (stream == console.foreground) {
        foreground_set(stream);
    }
}

// --- streams ------------------------------------------------------------------------------------

static void stat_put(struct server_call *call, const struct stream *stream)
{
    struct fs_stat stat = {
        .id = stream_id(stream),
        .type = FS_TYPE_STREAM,
        .links = 1,
        .flags = stream->flags,
    };
    memcpy(call->data, &stat, sizeof(stat));
    call->reply_bytes = sizeof(stat);
}

static status_t op_open(struct server_call *call)
{
    const struct stream *parent = call->object;
    uint32_t flags = (uint32_t)call->w[0];
    uint64_t badge;
    if (call->bytes != 0) {
        return ERR_NOT_DIR;
    }
    if ((call->w[0] & ~(uint64_t)(FS_FLAG_READ | FS_FLAG_WRITE)) != 0) {
        return ERR_INVALID_ARGS;
    }
    if ((flags & ~parent->flags) != 0) {
        return ERR_ACCESS_DENIED;
    }
    enum line_mode mode = parent->mode == LINE_VERBATIM ? LINE_VERBATIM : LINE_COOKED;
    struct stream *stream = stream_create(mode, flags, &badge);
    if (stream == NULL) {
        return ERR_NO_SPACE;
    }
    status_t status = sys_endpoint_mint(console.endpoint, badge, STREAM_RIGHTS, &call->send[0]);
    if (status != OK) {
        stream_destroy(stream);
        return status;
    }
    call->reply_handles = 1;
    stat_put(call, stream);
    return OK;
}

static status_t op_read(struct server_call *call)
{
    struct stream *stream = call->object;
    handle_t reply;
    if ((stream->flags & FS_FLAG_READ) == 0) {
        return ERR_ACCESS_DENIED;
    }
    call->r[0] = 1; // a stream
    if (call->w[1] == 0) {
        return OK;
    }
    status_t status = server_defer(&reply);
    if (status != OK) {
        return status;
    }
    if (!reads_add(stream, reply, call->w[1] < FS_DATA_MAX ? (size_t)call->w[1] : FS_DATA_MAX)) {
        server_answer(reply, ERR_NO_SPACE, 0, 0, 0);
    }
    input_pump();
    return SERVER_DEFERRED;
}

// Output is written in one go; \n becomes \r\n unless the stream is verbatim.
static status_t op_write(struct server_call *call)
{
    static uint8_t out[2 * FS_DATA_MAX];
    const struct stream *stream = call->object;
    uint32_t bytes = call->bytes;
    size_t used = 0;
    if ((stream->flags & FS_FLAG_WRITE) == 0) {
        return ERR_ACCESS_DENIED;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        if (call->data[i] == '\n' && stream->mode != LINE_VERBATIM) {
            out[used++] = '\r';
        }
        out[used++] = call->data[i];
    }
    uart_write(out, used);
    call->r[0] = bytes;
    return OK;
}

static status_t op_stat(struct server_call *call)
{
    if (call->bytes != 0) {
        return ERR_NOT_DIR;
    }
    stat_put(call, call->object);
    return OK;
}

static status_t op_sync(struct server_call *call)
{
    (void)call; // a write returns when the driver has everything
    return OK;
}

static status_t op_poll(struct server_call *call)
{
    const struct stream *stream = call->object;
    size_t used;
    if (stream == console.foreground && line_readable(&console.line)) {
        call->r[0] = line_peek(&console.line, call->data, FS_DATA_MAX, &used);
        call->r[1] = call->r[0] == 0;
    }
    return OK;
}

// --- control ------------------------------------------------------------------------------------

static status_t foreground_choose(struct server_call *call)
{
    struct handle_info info;
    if (call->handle_count == 0) {
        foreground_set(stream_control());
        return OK;
    }
    status_t status = sys_handle_info(call->handles[0], &info);
    if (status != OK) {
        return status;
    }
    struct stream *stream = info.object_id == console.endpoint_id ? stream_find(info.badge) : NULL;
    if (stream == NULL) {
        return ERR_INVALID_ARGS;
    }
    foreground_set(stream);
    return OK;
}

static status_t interrupt_choose(struct server_call *call)
{
    if (call->handle_count != 1) {
        return ERR_INVALID_ARGS;
    }
    (void)sys_handle_close(console.interrupt);
    console.interrupt = call->handles[0];
    console.interrupt_bits = call->w[1];
    call->handles[0] = HANDLE_NONE; // kept
    return OK;
}

static status_t op_control(struct server_call *call)
{
    struct stream *stream = call->object;
    bool control = stream == stream_control();
    switch (call->w[0]) {
    case CONSOLE_RAW: mode_set(stream, call->w[1] != 0 ? LINE_RAW : LINE_COOKED); return OK;
    case CONSOLE_VERBATIM:
        mode_set(stream, call->w[1] != 0 ? LINE_VERBATIM : LINE_COOKED);
        return OK;
    case CONSOLE_FOREGROUND: return control ? foreground_choose(call) : ERR_ACCESS_DENIED;
    case CONSOLE_INTERRUPT: return control ? interrupt_choose(call) : ERR_ACCESS_DENIED;
    default: return ERR_NOT_SUPPORTED;
    }
}

static void badge_closed(struct server *s, uint64_t badge)
{
    (void)s;
    handle_t reply;
    size_t max;
    struct stream *stream = stream_find(badge);
    if (stream == NULL || stream == stream_control()) {
        return;
    }
    while (reads_take(stream, &reply, &max)) {
        (void)sys_handle_close(reply);
    }
    stream_destroy(stream);
    if (stream == console.foreground) {
        foreground_set(stream_control());
    }
}

// The reader thread is no stream, but its messages must get through; op_input looks at the badge
// itself.
static void *stream_lookup(struct server *s, uint64_t badge)
{
    (void)s;
    return badge == CONSOLE_BADGE_READER ? &console : (void *)stream_find(badge);
}

static const struct server_op operations[] = {
    {FS_OPEN, 0, op_open},       {FS_READ, 0, op_read},        {FS_WRITE, 0, op_write},
    {FS_STAT, 0, op_stat},       {FS_SYNC, 0, op_sync},        {FS_POLL, 0, op_poll},
    {FS_CONTROL, 0, op_control}, {CONSOLE_INPUT, 0, op_input},
};

static status_t console_start(void)
{
    struct handle_info info;
    handle_t reader;
    uint32_t generation = 1;
    (void)sys_random_get(&generation, sizeof(generation));
    streams_init(generation);
    line_init(&console.line, echo, NULL);
    console.foreground = stream_control();
    console.endpoint = startup_handle("console.endpoint");
    status_t status = sys_handle_info(console.endpoint, &info);
    if (status == OK) {
        console.endpoint_id = info.object_id;
        status = sys_endpoint_mint(console.endpoint, CONSOLE_BADGE_READER, RIGHT_SEND, &reader);
    }
    return status == OK ? uart_start(startup_handle("uart"), reader) : status;
}

int main(void)
{
    status_t status = console_start();
    if (status != OK) {
        printf("console: cannot start: %s\n", status_text(status));
        return 1;
    }
    struct server server = {
        .name = "console",
        .endpoint = console.endpoint,
        .ops = operations,
        .op_count = sizeof(operations) / sizeof(operations[0]),
        .lookup = stream_lookup,
        .badge_closed = badge_closed,
    };
    server_run(&server);
}
