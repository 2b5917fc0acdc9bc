// SPDX-License-Identifier: MIT
// Clocks and poll_oneoff. A wait for several things is done in short sleeps between looks, because
// the file protocol has "how much can be read now" (FS_POLL) but no wake-up; a wait for a clock
// alone sleeps exactly as long as asked.
#include "internal.h"

#include <string.h>

#define LOOK_FIRST_NS       1000000ull // then twice as long each time
#define LOOK_LAST_NS        16000000ull
#define CLOCK_RESOLUTION_NS 1000ull

static uint16_t clock_now(uint32_t clock, uint64_t *ns)
{
    switch (clock) {
    case WASI_REALTIME: *ns = system_realtime_ns(); return WASI_SUCCESS;
    case WASI_MONOTONIC: *ns = system_monotonic_ns(); return WASI_SUCCESS;
    case WASI_CPU_PROCESS:
    case WASI_CPU_THREAD: // a program has one thread
        *ns = system_cpu_ns();
        return WASI_SUCCESS;
    default: return WASI_INVAL;
    }
}

uint16_t wasi_clock_res_get(struct wasi *w, uint32_t clock, uint32_t out)
{
    return clock > WASI_CPU_THREAD ? WASI_INVAL : guest_put_u64(w, out, CLOCK_RESOLUTION_NS);
}

uint16_t wasi_clock_time_get(struct wasi *w, uint32_t clock, uint64_t precision, uint32_t out)
{
    uint64_t ns;
    (void)precision;
    uint16_t error = clock_now(clock, &ns);
    return error != WASI_SUCCESS ? error : guest_put_u64(w, out, ns);
}

struct event {
    bool ready;
    uint16_t error;
    uint16_t flags;
    uint64_t nbytes;
};

struct poll {
    struct wasi *w;
    const uint8_t *subscriptions;
    uint8_t *events;
    uint32_t count;
    uint64_t start; // monotonic: relative timeouts count from here
};

// When the subscription's clock runs out, in monotonic time. CPU clocks cannot be waited for: they
// stand still while one waits.
static uint16_t clock_deadline(const struct poll *p, const uint8_t *sub, uint64_t *deadline)
{
    uint32_t clock = field_get_u32(sub + 16);
    uint64_t timeout = field_get_u64(sub + 24);
    bool absolute = (field_get_u16(sub + 40) & WASI_SUBCLOCK_ABSTIME) != 0;
    uint64_t now = 0;
    if (clock > WASI_MONOTONIC) {
        return clock > WASI_CPU_THREAD ? WASI_INVAL : WASI_NOTSUP;
    }
    if (absolute) {
        (void)clock_now(clock, &now);
        timeout = timeout > now ? timeout - now : 0;
    }
    uint64_t from = absolute ? system_monotonic_ns() : p->start;
    if (__builtin_add_overflow(from, timeout, deadline)) {
        *deadline = UINT64_MAX;
    }
    return WASI_SUCCESS;
}

static void fd_event(const struct poll *p, const uint8_t *sub, uint64_t right, struct event *e)
{
    struct wasi_fd *entry;
    struct fs_stat stat;
    bool at_end = false;
    size_t readable = 0;
    e->ready = true;
    e->error = fd_get(p->w, field_get_u32(sub + 16), right | RIGHT_POLL_FD_READWRITE, &entry);
    if (e->error != WASI_SUCCESS) {
        return;
    }
    if (right == RIGHT_FD_WRITE) {
        e->nbytes = FS_DATA_MAX; // files and streams take that much at any time
        return;
    }
    if (entry->filetype != WASI_FILETYPE_CHARACTER_DEVICE) {
        status_t status = fs_stat(entry->node, "", 0, &stat);
        e->error = wasi_from_status(status);
        e->nbytes = status == OK && stat.size > entry->offset ? stat.size - entry->offset : 0;
        return;
    }
    e->error = wasi_from_status(fs_poll(entry->node, &readable, &at_end));
    e->nbytes = readable;
    e->flags = at_end ? WASI_EVENT_HANGUP : 0;
    e->ready = e->error != WASI_SUCCESS || readable > 0 || at_end;
}

// Looks at one subscription now; *wake falls to the time when looking again is certain to help.
static void look(const struct poll *p, const uint8_t *sub, struct event *e, uint64_t *wake)
{
    uint64_t deadline;
    *e = (struct event){0};
    if (sub[8] != WASI_EVENT_CLOCK) {
        fd_event(p, sub, sub[8] == WASI_EVENT_FD_READ ? RIGHT_FD_READ : RIGHT_FD_WRITE, e);
        return;
    }
    e->error = clock_deadline(p, sub, &deadline);
    e->ready = e->error != WASI_SUCCESS || deadline <= system_monotonic_ns();
    if (!e->ready && deadline < *wake) {
        *wake = deadline;
    }
}

static void event_put(uint8_t *at, const uint8_t *sub, const struct event *e)
{
    uint8_t event[WASI_EVENT_BYTES] = {0};
    memcpy(event, sub, 8); // userdata
    field_put_u16(event + 8, e->error);
    event[10] = sub[8];
    field_put_u64(event + 16, e->nbytes);
    field_put_u16(event + 24, e->flags);
    memcpy(at, event, sizeof event);
}

// One round over all subscriptions; returns the number of events written. At most one event per
// subscription, so they fit where the caller has checked count of them.
static uint32_t look_at_all(const struct poll *p, uint64_t *wake, bool *streams)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        // A copy: events may be laid over subscriptions by a careless program.
        uint8_t sub[WASI_SUBSCRIPTION_BYTES];
        struct event e;
        memcpy(sub, p->subscriptions + (size_t)i * sizeof sub, sizeof sub);
        look(p, sub, &e, wake);
        *streams = *streams || (sub[8] != WASI_EVENT_CLOCK && !e.ready);
        if (e.ready) {
            event_put(p->events + (size_t)done * WASI_EVENT_BYTES, sub, &e);
            done++;
        }
    }
    return done;
}

static bool types_known(const struct poll *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->subscriptions[(size_t)i * WASI_SUBSCRIPTION_BYTES + 8] > WASI_EVENT_FD_WRITE) {
            return false;
        }
    }
    return true;
}

uint16_t wasi_poll_oneoff(struct wasi *w, uint32_t in, uint32_t out, uint32_t count, uint32_t done)
{
    struct poll p = {.w = w,
                     .subscriptions = guest_span(w, in, (uint64_t)count * WASI_SUBSCRIPTION_BYTES),
                     .events = guest_span(w, out, (uint64_t)count * WASI_EVENT_BYTES),
                     .count = count,
                     .start = system_monotonic_ns()};
    if (count == 0) {
        return WASI_INVAL;
    }
    if (p.subscriptions == NULL || p.events == NULL || guest_span(w, done, 4) == NULL) {
        return WASI_FAULT;
    }
    if (!types_known(&p)) {
        return WASI_INVAL;
    }
    for (uint64_t pause = LOOK_FIRST_NS;;) {
        uint64_t wake = UINT64_MAX;
        bool streams = false;
        uint32_t ready = look_at_all(&p, &wake, &streams);
        if (ready > 0) {
            return guest_put_u32(w, done, ready);
        }
        uint64_t next = system_monotonic_ns() + pause;
        system_sleep_until(streams && next < wake ? next : wake);
        pause = pause < LOOK_LAST_NS ? pause * 2 : pause;
    }
}
