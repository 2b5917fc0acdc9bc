// SPDX-License-Identifier: MIT
// Streams and waiting reads: see stream.h.
#include "stream.h"

#include <bullfinch/console.h>
#include <string.h>

// Slot 0 is the controlling stream.
static struct stream streams[STREAMS_MAX];

static struct {
    const struct stream *stream;
    handle_t reply;
    size_t max;
} reads[READS_MAX]; // oldest first
static size_t read_count;

void streams_init(uint32_t first_generation)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        streams[i].generation = first_generation;
    }
    streams[0].open = true;
    streams[0].flags = FS_FLAG_READ | FS_FLAG_WRITE;
}

struct stream *stream_control(void) { return &streams[0]; }

uint64_t stream_id(const struct stream *stream) { return (uint64_t)(stream - streams) + 1; }

struct stream *stream_find(uint64_t badge)
{
    if (badge == CONSOLE_BADGE_CONTROL) {
        return &streams[0];
    }
    uint32_t slot = (uint32_t)badge;
    if (slot == 0 || slot >= STREAMS_MAX) {
        return NULL;
    }
    struct stream *stream = &streams[slot];
    return stream->open && stream->generation == badge >> 32 ? stream : NULL;
}

struct stream *stream_create(enum line_mode mode, uint32_t flags, uint64_t *badge)
{
    for (uint32_t slot = 1; slot < STREAMS_MAX; slot++) {
        struct stream *stream = &streams[slot];
        if (!stream->open) {
            stream->open = true;
            stream->mode = mode;
            stream->flags = flags;
            // Generation 0 is left out: badges below 2^32 are the fixed ones.
            stream->generation = stream->generation == UINT32_MAX ? 1 : stream->generation + 1;
            *badge = (uint64_t)stream->generation << 32 | slot;
            return stream;
        }
    }
    return NULL;
}

void stream_destroy(struct stream *stream) { stream->open = false; }

bool reads_add(struct stream *stream, handle_t reply, size_t max)
{
    if (read_count == READS_MAX) {
        return false;
    }
    reads[read_count].stream = stream;
    reads[read_count].reply = reply;
    reads[read_count].max = max;
    read_count++;
    return true;
}

bool reads_take(const struct stream *stream, handle_t *reply, size_t *max)
{
    for (size_t i = 0; i < read_count; i++) {
        if (reads[i].stream == stream) {
            *reply = reads[i].reply;
            *max = reads[i].max;
            read_count--;
            memmove(&reads[i], &reads[i + 1], (read_count - i) * sizeof(reads[0]));
            return true;
        }
    }
    return false;
}
