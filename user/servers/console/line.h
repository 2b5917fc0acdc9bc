// SPDX-License-Identifier: MIT
// The console's input side as pure code: bytes from the keyboard go in, what programs read comes
// out. In line mode a line is edited and echoed here and becomes readable when it is finished; in
// raw and verbatim mode every byte is readable at once.
#ifndef CONSOLE_LINE_H
#define CONSOLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_READY_MAX 4096u // readable bytes kept; a power of two
#define LINE_EDIT_MAX  1024u // bytes of a line being edited

enum line_mode { LINE_COOKED, LINE_RAW, LINE_VERBATIM };

struct line {
    enum line_mode mode;
    bool quoted; // verbatim: the byte before was 0x10
    // What can be read: bytes, and LINE_END marks for end of file.
    uint16_t ready[LINE_READY_MAX];
    size_t ready_start, ready_count;
    uint8_t edit[LINE_EDIT_MAX];
    size_t edit_count;
    void (*echo)(void *context, const char *text, size_t bytes);
    void *context;
};

void line_init(struct line *line, void (*echo)(void *context, const char *text, size_t bytes),
               void *context);
// Typed-ahead input is kept: turned into bytes for raw mode, edited and echoed for line mode. True:
// there was a Ctrl-C in it for line mode, as with line_input.
bool line_set_mode(struct line *line, enum line_mode mode);
// How many bytes line_input may be given now without losing any. Line mode takes all there are,
// because Ctrl-C must always come through: what does not fit is dropped with a bell.
size_t line_room(const struct line *line);
// One byte from the keyboard. True: it was Ctrl-C in line mode, and everything not yet read is
// gone.
bool line_input(struct line *line, uint8_t byte);

// Whether a read would return now.
bool line_readable(const struct line *line);
// Copies what a read of `max` bytes gives, without taking it: at most one line in line mode; 0
// bytes is end of file. *used is what line_consume must be told once the reader has it. Only when
// line_readable.
size_t line_peek(const struct line *line, uint8_t *buf, size_t max, size_t *used);
void line_consume(struct line *line, size_t used);

#endif
