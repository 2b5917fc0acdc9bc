// SPDX-License-Identifier: MIT
// Standard streams for picolibc's stdio. Each is a small buffer in front of a node handle
// (bullfinch/fs.h) that the parent gave under the name "stdin", "stdout" or "stderr". A process
// without stdout but with a "log" resource writes whole lines to the kernel log; one with neither
// writes into the void. stdout keeps lines together: it goes out at a newline, when the buffer is
// full, and at exit; stderr goes out with the last byte of each formatted call's line, too.

#include <bullfinch/fs.h>
#include <bullfinch/startup.h>
#include <bullfinch/stdio.h>
#include <stdio.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define STREAM_BYTES 512u
static_assert(STREAM_BYTES <= LOG_LINE_MAX && STREAM_BYTES <= FS_DATA_MAX,
              "a full buffer goes out in one call");

enum stream_kind { STREAM_NEW = 0, STREAM_VOID, STREAM_LOG, STREAM_NODE };

struct stream {
    struct __file_close file; // first: the callbacks get its address
    const char *name;
    enum stream_kind kind;
    handle_t handle;
    size_t used;     // output: bytes waiting; input: bytes in buf
    size_t next;     // input: the next of them to hand out
    uint64_t offset; // for nodes that are files
    char buf[STREAM_BYTES];
};

static int stream_put(char c, FILE *file);
static int stream_get(FILE *file);
static int stream_flush(FILE *file);

#define STREAM(var, label, direction)                                                            \
    static struct stream var = {                                                                 \
        .file = FDEV_SETUP_CLOSE(stream_put, stream_get, stream_flush, stream_flush, direction), \
        .name = (label),                                                                         \
    }
STREAM(stream_in, "stdin", _FDEV_SETUP_READ);
STREAM(stream_out, "stdout", _FDEV_SETUP_WRITE);
STREAM(stream_err, "stderr", _FDEV_SETUP_WRITE);

FILE *const stdin = &stream_in.file.file;
FILE *const stdout = &stream_out.file.file;
FILE *const stderr = &stream_err.file.file;

static void stream_open(struct stream *s)
{
    s->handle = startup_handle(s->name);
    s->kind = STREAM_NODE;
    if (s->handle == HANDLE_NONE) {
        s->handle = startup_handle("log");
        s->kind = s->handle != HANDLE_NONE && s != &stream_in ? STREAM_LOG : STREAM_VOID;
    }
}

static void stream_attach(FILE *file, enum stream_kind kind, handle_t handle)
{
    struct stream *s = (struct stream *)file;
    (void)stream_flush(file);
    s->kind = kind;
    s->handle = handle;
    s->used = s->next = 0;
    s->offset = 0;
}

void stdio_attach(FILE *file, handle_t node) { stream_attach(file, STREAM_NODE, node); }

void stdio_attach_log(handle_t log)
{
    stream_attach(stdout, STREAM_LOG, log);
    stream_attach(stderr, STREAM_LOG, log);
}

static int node_flush(struct stream *s)
{
    size_t done = 0;
    while (done < s->used) {
        size_t n = 0;
        uint64_t end = 0;
        status_t st = fs_write(s->handle, s->offset, s->buf + done, s->used - done, &n, &end);
        if (st != OK || n == 0) {
            s->used = 0; // what cannot be written is lost, as C's error indicator says
            return _FDEV_ERR;
        }
        done += n;
        s->offset = end;
    }
    s->used = 0;
    return 0;
}

static int log_flush(struct stream *s)
{
    size_t n = s->used;
    while (n > 0 && s->buf[n - 1] == '\n') {
        n--; // the log makes lines itself
    }
    s->used = 0;
    return n == 0 || sys_log_write(s->handle, s->buf, n) == OK ? 0 : _FDEV_ERR;
}

static int stream_flush(FILE *file)
{
    struct stream *s = (struct stream *)file;
    if (s == &stream_in || s->used == 0) {
        return 0;
    }
    switch (s->kind) {
    case STREAM_NODE: return node_flush(s);
    case STREAM_LOG: return log_flush(s);
    default: s->used = 0; return 0;
    }
}

static int stream_put(char c, FILE *file)
{
    struct stream *s = (struct stream *)file;
    if (s->kind == STREAM_NEW) {
        stream_open(s);
    }
    s->buf[s->used++] = c;
    if (c == '\n' || s->used == STREAM_BYTES) {
        int result = stream_flush(file);
        return result != 0 ? result : (unsigned char)c;
    }
    return (unsigned char)c;
}

static int stream_get(FILE *file)
{
    struct stream *s = (struct stream *)file;
    if (s->kind == STREAM_NEW) {
        stream_open(s);
    }
    if (s->next < s->used) {
        return (unsigned char)s->buf[s->next++];
    }
    if (s->kind != STREAM_NODE) {
        return _FDEV_EOF;
    }
    (void)stream_flush(stdout); // a prompt without newline is seen before the program waits
    size_t n = 0;
    if (fs_read(s->handle, s->offset, s->buf, STREAM_BYTES, &n) != OK) {
        return _FDEV_ERR;
    }
    if (n == 0) {
        return _FDEV_EOF;
    }
    s->used = n;
    s->next = 1;
    s->offset += n;
    return (unsigned char)s->buf[0];
}

// Runs after the program's own destructors and atexit functions.
__attribute__((destructor)) static void streams_end(void)
{
    (void)stream_flush(stdout);
    (void)stream_flush(stderr);
}
