// SPDX-License-Identifier: MIT
// The kernel log: a ring of whole lines. A position is the number of bytes ever written before it,
// so it names the same byte for ever; the ring holds [oldest, head), and `oldest` always starts a
// line.
#include "kernel/debug/log.h"

#include "kernel/lib/printf.h"
#include "kernel/lib/spinlock.h"
#include <arch/timer.h>
#include <string.h>

#define RING_BYTES 65536u
#define PREFIX_MAX 64u // time and name

static struct spinlock log_lock = SPINLOCK_INIT("log", LOCK_LOG); // also the echo to the console
static char ring[RING_BYTES];                                     // log_lock
static uint64_t head, oldest;                                     // log_lock

struct line {
    char text[PREFIX_MAX + LOG_LINE_MAX + 2];
    size_t length;
};

static void line_start(struct line *l)
{
    uint64_t us = arch_clock_ns() / 1000;
    l->length = ksnprintf(l->text, PREFIX_MAX, "[%5lu.%06lu] ", us / 1000000, us % 1000000);
}

static void drop_oldest_line_locked(void)
{
    while (oldest < head && ring[oldest % RING_BYTES] != '\n') {
        oldest++;
    }
    oldest += oldest < head;
}

static void line_append(struct line *l)
{
    l->text[l->length++] = '\n';
    spin_lock(&log_lock);
    while (head + l->length - oldest > RING_BYTES) {
        drop_oldest_line_locked();
    }
    for (size_t i = 0; i < l->length; i++) {
        ring[head++ % RING_BYTES] = l->text[i];
    }
    if (console_echoes()) {
        console_write(l->text, l->length);
    }
    spin_unlock(&log_lock);
}

void klog(const char *fmt, ...)
{
    struct line l;
    line_start(&l);
    va_list ap;
    va_start(ap, fmt);
    size_t n = kvsnprintf(l.text + l.length, LOG_LINE_MAX + 1, fmt, ap);
    va_end(ap);
    l.length += n < LOG_LINE_MAX ? n : LOG_LINE_MAX;
    while (l.length > 0 && l.text[l.length - 1] == '\n') {
        l.length--;
    }
    line_append(&l);
}

// A program must not be able to forge log lines or steer the terminal that shows them.
static void append_shown(struct line *l, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool control = (c < ' ' && c != '\t') || c == 0x7f;
        l->text[l->length++] = control ? '?' : (char)c;
    }
}

void klog_user(const char *name, const char *text, size_t len)
{
    struct line l;
    line_start(&l);
    append_shown(&l, name, strnlen(name, NAME_MAX_BYTES));
    append_shown(&l, ": ", 2);
    while (len > 0 && text[len - 1] == '\n') {
        len--;
    }
    append_shown(&l, text, len < LOG_LINE_MAX ? len : LOG_LINE_MAX);
    line_append(&l);
}

size_t klog_read(uint64_t *position, char *buf, size_t len)
{
    spin_lock(&log_lock);
    uint64_t at = *position > oldest ? *position : oldest;
    at = at < head ? at : head;
    size_t n = 0;
    while (n < len && at < head) {
        buf[n++] = ring[at++ % RING_BYTES];
    }
    *position = at;
    spin_unlock(&log_lock);
    return n;
}

void klog_panic_begin(void)
{
    console_take();
    spin_break(&log_lock);
}
