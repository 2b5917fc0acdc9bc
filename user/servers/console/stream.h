// SPDX-License-Identifier: MIT
// The console's streams and the reads that wait for input. Badges name streams as in the file
// server: slot and generation; the controlling stream has a fixed one.
#ifndef CONSOLE_STREAM_H
#define CONSOLE_STREAM_H

#include "line.h"

#include <abi/types.h>
#include <bullfinch/fs.h>

#define STREAMS_MAX 64u
#define READS_MAX   64u

struct stream {
    bool open;
    enum line_mode mode;
    uint32_t flags; // FS_FLAG_READ|WRITE
    uint32_t generation;
};

void streams_init(uint32_t first_generation);
// NULL: no such stream.
struct stream *stream_find(uint64_t badge);
// A new one; NULL: there are STREAMS_MAX.
struct stream *stream_create(enum line_mode mode, uint32_t flags, uint64_t *badge);
void stream_destroy(struct stream *stream);
struct stream *stream_control(void);
uint64_t stream_id(const struct stream *stream);

// Reads that wait. False: there are READS_MAX.
bool reads_add(struct stream *stream, handle_t reply, size_t max);
// Takes the oldest read of the stream; false: none.
bool reads_take(const struct stream *stream, handle_t *reply, size_t *max);

#endif
