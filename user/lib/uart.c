// SPDX-License-Identifier: MIT
// See bullfinch/uart.h. One thread: the server loop, woken by messages and by the interrupt's
// notification bits. Received bytes go to a ring; reads and writes that cannot be finished at once
// are queued with their replies saved.

#include <bullfinch/clock.h>
#include <bullfinch/fs.h>
#include <bullfinch/server.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <bullfinch/uart.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define RING_BYTES  4096u // a power of two
#define WAITING_MAX 8u
#define EVENT_IRQ   1ull
#define EVENT_RETRY 2ull
#define RETRY_NS    10000000ull // how often an unfinished FS_SYNC looks again

static_assert((RING_BYTES & (RING_BYTES - 1)) == 0, "indices wrap by masking");

struct waiting_write {
    handle_t reply;
    uint32_t bytes, done;
    uint8_t data[FS_DATA_MAX];
};

struct waiting_read {
    handle_t reply;
    uint32_t bytes;
};

// Queues are rings of WAITING_MAX; head and tail count for ever.
static struct {
    struct registers uart;
    const struct uart_ops *ops;
    handle_t irq, events;
    uint8_t ring[RING_BYTES];
    uint32_t ring_head, ring_tail; // oldest byte, next free place
    struct waiting_write writes[WAITING_MAX];
    uint32_t write_head, write_tail;
    struct waiting_read reads[WAITING_MAX];
    uint32_t read_head, read_tail;
    handle_t syncs[WAITING_MAX];
    uint32_t sync_head, sync_tail;
} driver;

// --- moving bytes -------------------------------------------------------------------------------

static uint32_t ring_used(void) { return driver.ring_tail - driver.ring_head; }

static void device_drain(void)
{
    uint8_t byte;
    while (ring_used() < RING_BYTES && driver.ops->receive(&driver.uart, &byte)) {
        driver.ring[driver.ring_tail++ & (RING_BYTES - 1)] = byte;
    }
}

// Copies the oldest bytes without taking them out of the ring.
static uint32_t ring_peek(uint8_t *out, uint32_t max)
{
    uint32_t n = ring_used() < max ? ring_used() : max;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = driver.ring[(driver.ring_head + i) & (RING_BYTES - 1)];
    }
    return n;
}

static void reads_finish(void)
{
    while (driver.read_head != driver.read_tail && ring_used() > 0) {
        struct waiting_read *r = &driver.reads[driver.read_head++ % WAITING_MAX];
        uint32_t n = ring_peek(ipc_buffer()->data, r->bytes);
        if (server_answer(r->reply, OK, n, 0, n) == OK) {
            driver.ring_head += n; // a reader that died meanwhile has taken nothing
        }
    }
}

static void writes_go_on(void)
{
    while (driver.write_head != driver.write_tail) {
        struct waiting_write *w = &driver.writes[driver.write_head % WAITING_MAX];
        while (w->done < w->bytes && driver.ops->transmit(&driver.uart, w->data[w->done])) {
            w->done++;
        }
        if (w->done < w->bytes) {
            return;
        }
        driver.write_head++;
        (void)server_answer(w->reply, OK, w->bytes, 0, 0);
    }
}

static void syncs_finish(void)
{
    if (driver.sync_head == driver.sync_tail) {
        return;
    }
    if (driver.write_head != driver.write_tail || !driver.ops->idle(&driver.uart)) {
        (void)sys_notification_arm(driver.events, clock_monotonic_ns() + RETRY_NS, EVENT_RETRY,
                                   RETRY_NS);
        return;
    }
    while (driver.sync_head != driver.sync_tail) {
        (void)server_answer(driver.syncs[driver.sync_head++ % WAITING_MAX], OK, 0, 0, 0);
    }
}

// Does all that can be done now, then has the device interrupt for what is left.
static void device_serve(void)
{
    bool unread;
    do {
        device_drain();
        unread = ring_used() == RING_BYTES;
        reads_finish();
    } while (unread && ring_used() < RING_BYTES);
    writes_go_on();
    syncs_finish();
    driver.ops->irq_enable(&driver.uart, ring_used() < RING_BYTES,
                           driver.write_head != driver.write_tail);
}

static void events_handle(struct server *s, uint64_t bits)
{
    (void)s;
    if ((bits & EVENT_IRQ) != 0) {
        driver.ops->irq_clear(&driver.uart);
    }
    device_serve();
    if ((bits & EVENT_IRQ) != 0) {
        (void)sys_irq_ack(driver.irq);
    }
}

// --- requests -----------------------------------------------------------------------------------

static status_t serve_read(struct server_call *call)
{
    if (call->w[1] == 0) {
        return ERR_INVALID_ARGS;
    }
    uint32_t bytes = call->w[1] < FS_DATA_MAX ? (uint32_t)call->w[1] : FS_DATA_MAX;
    if (driver.read_head == driver.read_tail && ring_used() > 0) {
        call->reply_bytes = ring_peek(call->data, bytes);
        call->r[0] = call->reply_bytes;
        driver.ring_head += call->reply_bytes;
        device_serve(); // the ring may have been full
        return OK;
    }
    if (driver.read_tail - driver.read_head == WAITING_MAX) {
        // Most likely left by readers that died; a living one gets ERR_PEER_CLOSED and asks again.
        (void)sys_handle_close(driver.reads[driver.read_head++ % WAITING_MAX].reply);
    }
    handle_t reply;
    status_t s = server_defer(&reply);
    if (s != OK) {
        return s;
    }
    driver.reads[driver.read_tail++ % WAITING_MAX] = (struct waiting_read){reply, bytes};
    return SERVER_DEFERRED;
}

static status_t serve_write(struct server_call *call)
{
    uint32_t done = 0;
    if (driver.write_head == driver.write_tail) {
        while (done < call->bytes && driver.ops->transmit(&driver.uart, call->data[done])) {
            done++;
        }
    }
    if (done == call->bytes) {
        call->r[0] = call->bytes;
        return OK;
    }
    if (driver.write_tail - driver.write_head == WAITING_MAX) {
        return ERR_BUSY;
    }
    struct waiting_write *w = &driver.writes[driver.write_tail % WAITING_MAX];
    status_t s = server_defer(&w->reply);
    if (s != OK) {
        return s;
    }
    memcpy(w->data, call->data, call->bytes);
    w->bytes = call->bytes;
    w->done = done;
    driver.write_tail++;
    device_serve();
    return SERVER_DEFERRED;
}

static status_t serve_sync(struct server_call *call)
{
    (void)call;
    if (driver.sync_tail - driver.sync_head == WAITING_MAX) {
        return ERR_BUSY;
    }
    handle_t reply;
    status_t s = server_defer(&reply);
    if (s != OK) {
        return s;
    }
    driver.syncs[driver.sync_tail++ % WAITING_MAX] = reply;
    device_serve();
    return SERVER_DEFERRED;
}

static status_t serve_poll(struct server_call *call)
{
    call->r[0] = ring_used();
    call->r[1] = 0;
    return OK;
}

static status_t serve_stat(struct server_call *call)
{
    struct fs_stat stat = {
        .id = 1, .type = FS_TYPE_STREAM, .links = 1, .flags = FS_FLAG_READ | FS_FLAG_WRITE};
    memcpy(call->data, &stat, sizeof(stat));
    call->reply_bytes = sizeof(stat);
    return OK;
}

static const struct server_op operations[] = {
    {FS_READ, 0, serve_read}, {FS_WRITE, 0, serve_write}, {FS_SYNC, 0, serve_sync},
    {FS_POLL, 0, serve_poll}, {FS_STAT, 0, serve_stat},
};

// --- starting -----------------------------------------------------------------------------------

static _Noreturn void die(const char *what, status_t s)
{
    printf("%s: %s: %s\n", driver.ops->name, what, status_text(s));
    exit(1);
}

static void irq_begin(void)
{
    status_t s = sys_notification_create(&driver.events);
    s = s != OK ? s : sys_notification_bind(driver.events, startup_handle(STARTUP_THREAD));
    s = s != OK ? s : sys_irq_bind(driver.irq, driver.events, EVENT_IRQ);
    if (s != OK) {
        die("interrupt", s);
    }
}

_Noreturn void uart_run(const struct uart_ops *ops, int argc, char **argv)
{
    driver.ops = ops;
    driver.irq = startup_handle("irq");
    status_t s = registers_map(argc, argv, &driver.uart);
    if (s != OK) {
        die("registers", s);
    }
    device_drain(); // what came before: turning FIFOs on may empty them
    ops->take_over(&driver.uart);
    irq_begin();
    device_serve();
    struct server server = {
        .name = ops->name,
        .endpoint = startup_handle("endpoint"),
        .ops = operations,
        .op_count = sizeof(operations) / sizeof(operations[0]),
        .notified = events_handle,
    };
    server_run(&server);
}
