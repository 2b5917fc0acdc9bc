// SPDX-License-Identifier: MIT
// The line discipline: see line.h. Characters are UTF-8; each but control characters is taken to be
// one column wide.
#include "line.h"

#include <string.h>

#define LINE_END 0x100u // end of file, or the end of a read that Ctrl-D forced
#define QUOTE    0x10

#define CTRL(letter) ((letter) - '@')
#define DELETE       0x7f

void line_init(struct line *line, void (*echo)(void *context, const char *text, size_t bytes),
               void *context)
{
    memset(line, 0, sizeof(*line));
    line->echo = echo;
    line->context = context;
}

static void echo_text(struct line *line, const char *text)
{
    line->echo(line->context, text, strlen(text));
}

static bool ready_put(struct line *line, uint16_t value)
{
    if (line->ready_count == LINE_READY_MAX) {
        return false;
    }
    line->ready[(line->ready_start + line->ready_count) % LINE_READY_MAX] = value;
    line->ready_count++;
    return true;
}

static uint16_t ready_at(const struct line *line, size_t i)
{
    return line->ready[(line->ready_start + i) % LINE_READY_MAX];
}

size_t line_room(const struct line *line)
{
    // In verbatim mode two bytes may become one, never more.
    return line->mode == LINE_COOKED ? SIZE_MAX : LINE_READY_MAX - line->ready_count;
}

// --- editing ------------------------------------------------------------------------------------

static bool is_control(uint8_t byte) { return byte < 0x20 || byte == DELETE; }

static void byte_echo(struct line *line, uint8_t byte)
{
    char text[2] = {'^', (char)(byte ^ 0x40)};
    if (is_control(byte)) {
        line->echo(line->context, text, 2);
    } else {
        line->echo(line->context, (const char *)&byte, 1);
    }
}

static void character_erase(struct line *line)
{
    uint8_t byte;
    do {
        byte = line->edit[--line->edit_count];
    } while ((byte & 0xc0) == 0x80 && line->edit_count > 0); // a UTF-8 continuation
    echo_text(line, is_control(byte) ? "\b\b  \b\b" : "\b \b");
}

static void word_erase(struct line *line)
{
    while (line->edit_count > 0 && line->edit[line->edit_count - 1] == ' ') {
        character_erase(line);
    }
    while (line->edit_count > 0 && line->edit[line->edit_count - 1] != ' ') {
        character_erase(line);
    }
}

// Makes the edited line readable, with `end` behind it.
static void edit_finish(struct line *line, uint16_t end)
{
    if (line->edit_count + 1 > LINE_READY_MAX - line->ready_count) {
        echo_text(line, "\a"); // nobody reads: the line stays as it is
        return;
    }
    for (size_t i = 0; i < line->edit_count; i++) {
        (void)ready_put(line, line->edit[i]);
    }
    (void)ready_put(line, end);
    line->edit_count = 0;
    if (end == '\n') {
        echo_text(line, "\r\n");
    }
}

static void edit_insert(struct line *line, uint8_t byte)
{
    if (line->edit_count == LINE_EDIT_MAX) {
        echo_text(line, "\a");
        return;
    }
    line->edit[line->edit_count++] = byte;
    byte_echo(line, byte);
}

static bool cooked_input(struct line *line, uint8_t byte)
{
    switch (byte) {
    case CTRL('C'):
        echo_text(line, "^C\r\n");
        line->edit_count = 0;
        line->ready_count = 0;
        return true;
    case '\r':
    case '\n': edit_finish(line, '\n'); break;
    case CTRL('D'): edit_finish(line, LINE_END); break;
    case '\b':
    case DELETE:
        if (line->edit_count > 0) {
            character_erase(line);
        }
        break;
    case CTRL('U'):
        while (line->edit_count > 0) {
            character_erase(line);
        }
        break;
    case CTRL('W'): word_erase(line); break;
    default: edit_insert(line, byte); break;
    }
    return false;
}

static void verbatim_input(struct line *line, uint8_t byte)
{
    if (!line->quoted && byte == QUOTE) {
        line->quoted = true;
        return;
    }
    (void)ready_put(line, line->quoted && byte == CTRL('D') ? LINE_END : byte);
    line->quoted = false;
}

bool line_input(struct line *line, uint8_t byte)
{
    switch (line->mode) {
    case LINE_COOKED: return cooked_input(line, byte);
    case LINE_VERBATIM: verbatim_input(line, byte); return false;
    case LINE_RAW: (void)ready_put(line, byte); return false;
    }
    return false;
}

// --- modes and reading --------------------------------------------------------------------------

static void edit_to_ready(struct line *line)
{
    for (size_t i = 0; i < line->edit_count; i++) {
        (void)ready_put(line, line->edit[i]);
    }
    line->edit_count = 0;
}

// What was typed ahead is edited now: taken out, and put in again as if it came now.
static bool ready_edit(struct line *line)
{
    uint16_t typed[LINE_READY_MAX];
    size_t count = line->ready_count;
    bool interrupted = false;
    for (size_t i = 0; i < count; i++) {
        typed[i] = ready_at(line, i);
    }
    line->ready_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (typed[i] == LINE_END) {
            (void)ready_put(line, LINE_END);
        } else {
            interrupted |= cooked_input(line, (uint8_t)typed[i]);
        }
    }
    return interrupted;
}

bool line_set_mode(struct line *line, enum line_mode mode)
{
    if (mode == line->mode) {
        return false;
    }
    enum line_mode before = line->mode;
    line->mode = mode;
    line->quoted = false;
    if (before == LINE_COOKED) {
        edit_to_ready(line);
    }
    return mode == LINE_COOKED && ready_edit(line);
}

bool line_readable(const struct line *line)
{
    for (size_t i = 0; i < line->ready_count; i++) {
        if (line->mode != LINE_RAW || ready_at(line, i) != LINE_END) {
            return true;
        }
    }
    return false;
}

size_t line_peek(const struct line *line, uint8_t *buf, size_t max, size_t *used)
{
    size_t bytes = 0;
    size_t i = 0;
    while (i < line->ready_count && bytes < max) {
        uint16_t value = ready_at(line, i++);
        if (value == LINE_END && line->mode == LINE_RAW) {
            continue;
        }
        if (value == LINE_END) {
            // Alone it is end of file; behind bytes it only ends this read, as in line mode, and in
            // verbatim mode it must still be seen by the next one.
            if (line->mode == LINE_VERBATIM && bytes > 0) {
                i--;
            }
            break;
        }
        buf[bytes++] = (uint8_t)value;
        if (value == '\n' && line->mode == LINE_COOKED) {
            break;
        }
    }
    // A line that just fitted: take the mark that Ctrl-D left, or the next read would be an end of
    // file.
    if (line->mode == LINE_COOKED && bytes == max && max > 0 && i < line->ready_count &&
        buf[bytes - 1] != '\n' && ready_at(line, i) == LINE_END) {
        i++;
    }
    *used = i;
    return bytes;
}

void line_consume(struct line *line, size_t used)
{
    line->ready_start = (line->ready_start + used) % LINE_READY_MAX;
    line->ready_count -= used;
}
