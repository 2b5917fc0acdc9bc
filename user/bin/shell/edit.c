// SPDX-License-Identifier: MIT
// The line editor: keys and text. How the line gets on the terminal is in edit_show.c.
#include "edit.h"
#include "edit_show.h"

#include <string.h>

#define CTRL(letter) ((letter) - '@')
#define ESCAPE       0x1b
#define DELETE       0x7f

void edit_init(struct edit *edit, void (*output)(void *context, const char *text, size_t bytes),
               void *context)
{
    memset(edit, 0, sizeof(*edit));
    edit->output = output;
    edit->context = context;
}

void edit_begin(struct edit *edit, const char *prompt)
{
    edit->bytes = 0;
    edit->cursor = 0;
    edit->prompt = prompt;
    edit->state = EDIT_KEY_PLAIN;
    edit->character_bytes = 0;
    edit->history_at = edit->history_count;
    edit_show_prompt(edit);
}

void edit_redraw(struct edit *edit)
{
    edit_show_text(edit, "\n");
    edit_show_prompt(edit);
    edit_show(edit);
}

// --- text ---------------------------------------------------------------------------------------

static bool is_continuation(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

static size_t character_before(const struct edit *edit, size_t at)
{
    at -= at > 0;
    while (at > 0 && is_continuation(edit->text[at])) {
        at--;
    }
    return at;
}

static size_t character_after(const struct edit *edit, size_t at)
{
    at += at < edit->bytes;
    while (at < edit->bytes && is_continuation(edit->text[at])) {
        at++;
    }
    return at;
}

static size_t word_before(const struct edit *edit, size_t at)
{
    while (at > 0 && edit->text[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && edit->text[at - 1] != ' ') {
        at--;
    }
    return at;
}

static size_t word_after(const struct edit *edit, size_t at)
{
    while (at < edit->bytes && edit->text[at] == ' ') {
        at++;
    }
    while (at < edit->bytes && edit->text[at] != ' ') {
        at++;
    }
    return at;
}

static void cursor_move(struct edit *edit, size_t to)
{
    edit->cursor = to;
    edit_show(edit);
}

// Removes [start, end); the cursor goes to start.
static void text_remove(struct edit *edit, size_t start, size_t end)
{
    memmove(edit->text + start, edit->text + end, edit->bytes - end);
    edit->bytes -= end - start;
    cursor_move(edit, start);
}

void edit_insert(struct edit *edit, const char *text, size_t bytes)
{
    if (bytes > EDIT_BYTES_MAX - edit->bytes) {
        edit_show_text(edit, "\a");
        return;
    }
    memmove(edit->text + edit->cursor + bytes, edit->text + edit->cursor,
            edit->bytes - edit->cursor);
    memcpy(edit->text + edit->cursor, text, bytes);
    edit->bytes += bytes;
    cursor_move(edit, edit->cursor + bytes);
}

static void text_replace(struct edit *edit, const char *text)
{
    edit->bytes = strlen(text);
    memcpy(edit->text, text, edit->bytes);
    cursor_move(edit, edit->bytes);
}

// --- history ------------------------------------------------------------------------------------

static void history_go(struct edit *edit, size_t to)
{
    if (edit->history_at == edit->history_count) {
        edit->text[edit->bytes] = 0;
        memcpy(edit->draft, edit->text, edit->bytes + 1);
    }
    edit->history_at = to;
    text_replace(edit, to == edit->history_count ? edit->draft : edit->history[to]);
}

static void history_up(struct edit *edit)
{
    if (edit->history_at > 0) {
        history_go(edit, edit->history_at - 1);
    }
}

static void history_down(struct edit *edit)
{
    if (edit->history_at < edit->history_count) {
        history_go(edit, edit->history_at + 1);
    }
}

// Empty lines and repetitions are not kept.
static void history_add(struct edit *edit)
{
    if (edit->bytes == 0 || (edit->history_count > 0 &&
                             strcmp(edit->history[edit->history_count - 1], edit->text) == 0)) {
        return;
    }
    if (edit->history_count == EDIT_HISTORY_MAX) {
        memmove(edit->history[0], edit->history[1],
                (EDIT_HISTORY_MAX - 1) * sizeof(edit->history[0]));
        edit->history_count--;
    }
    memcpy(edit->history[edit->history_count++], edit->text, edit->bytes + 1);
}

// --- keys ---------------------------------------------------------------------------------------

static enum edit_event line_finish(struct edit *edit)
{
    cursor_move(edit, edit->bytes);
    edit_show_text(edit, "\n");
    edit->text[edit->bytes] = 0;
    history_add(edit);
    return EDIT_LINE;
}

static enum edit_event control_d(struct edit *edit)
{
    if (edit->bytes == 0) {
        edit_show_text(edit, "\n");
        return EDIT_END;
    }
    text_remove(edit, edit->cursor, character_after(edit, edit->cursor));
    return EDIT_MORE;
}

static void screen_clear(struct edit *edit)
{
    edit_show_text(edit, "\x1b[H\x1b[2J");
    edit_show_prompt(edit);
    edit_show(edit);
}

static enum edit_event control_key(struct edit *edit, unsigned char byte)
{
    switch (byte) {
    case '\r':
    case '\n': return line_finish(edit);
    case '\t': return EDIT_COMPLETE;
    case CTRL('C'): edit_show_text(edit, "^C\n"); return EDIT_CANCEL;
    case CTRL('D'): return control_d(edit);
    case CTRL('A'): cursor_move(edit, 0); break;
    case CTRL('E'): cursor_move(edit, edit->bytes); break;
    case CTRL('B'): cursor_move(edit, character_before(edit, edit->cursor)); break;
    case CTRL('F'): cursor_move(edit, character_after(edit, edit->cursor)); break;
    case CTRL('P'): history_up(edit); break;
    case CTRL('N'): history_down(edit); break;
    case CTRL('K'): text_remove(edit, edit->cursor, edit->bytes); break;
    case CTRL('U'): text_remove(edit, 0, edit->cursor); break;
    case CTRL('W'): text_remove(edit, word_before(edit, edit->cursor), edit->cursor); break;
    case CTRL('L'): screen_clear(edit); break;
    case CTRL('H'):
    case DELETE: text_remove(edit, character_before(edit, edit->cursor), edit->cursor); break;
    case ESCAPE:
        edit->state = EDIT_KEY_ESCAPE;
        edit->sequence_bytes = 0;
        break;
    default: break;
    }
    return EDIT_MORE;
}

// The end of "ESC [" or "ESC O": `final` with the parameters in edit->sequence (xterm's and the
// VT220's keys).
static void sequence_key(struct edit *edit, char final)
{
    const char *parameters = edit->sequence;
    bool modified = strchr(parameters, ';') != NULL;
    switch (final) {
    case 'A': history_up(edit); break;
    case 'B': history_down(edit); break;
    case 'C':
        cursor_move(edit, modified ? word_after(edit, edit->cursor)
                                   : character_after(edit, edit->cursor));
        break;
    case 'D':
        cursor_move(edit, modified ? word_before(edit, edit->cursor)
                                   : character_before(edit, edit->cursor));
        break;
    case 'H': cursor_move(edit, 0); break;
    case 'F': cursor_move(edit, edit->bytes); break;
    case '~':
        if (strcmp(parameters, "3") == 0) {
            text_remove(edit, edit->cursor, character_after(edit, edit->cursor));
        } else if (strcmp(parameters, "1") == 0 || strcmp(parameters, "7") == 0) {
            cursor_move(edit, 0);
        } else if (strcmp(parameters, "4") == 0 || strcmp(parameters, "8") == 0) {
            cursor_move(edit, edit->bytes);
        }
        break;
    default: break;
    }
}

static void escape_key(struct edit *edit, unsigned char byte)
{
    if (edit->state == EDIT_KEY_ESCAPE) {
        edit->state = byte == '[' || byte == 'O' ? EDIT_KEY_SEQUENCE : EDIT_KEY_PLAIN;
        if (byte == 'b') {
            cursor_move(edit, word_before(edit, edit->cursor));
        } else if (byte == 'f') {
            cursor_move(edit, word_after(edit, edit->cursor));
        }
        return;
    }
    if (byte >= 0x40 && byte <= 0x7e) {
        edit->state = EDIT_KEY_PLAIN;
        edit->sequence[edit->sequence_bytes] = 0;
        sequence_key(edit, (char)byte);
    } else if (byte < 0x20 || byte > 0x7e) {
        edit->state = EDIT_KEY_PLAIN; // no such sequence
    } else if (edit->sequence_bytes + 1 < sizeof(edit->sequence)) {
        edit->sequence[edit->sequence_bytes++] = (char)byte;
    }
}

// How many bytes the UTF-8 character has that begins so; 0: none does.
static size_t character_length(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first < 0xe0) {
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        return 3;
    }
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

// A byte of text; a character is inserted when it is whole, and bytes that belong to none are
// dropped.
static void text_key(struct edit *edit, unsigned char byte)
{
    if (edit->character_bytes > 0 && (byte & 0xc0) == 0x80) {
        edit->character[edit->character_bytes++] = (char)byte;
    } else {
        edit->character_want = character_length(byte);
        edit->character_bytes = edit->character_want > 0 ? 1 : 0;
        edit->character[0] = (char)byte;
    }
    if (edit->character_bytes > 0 && edit->character_bytes == edit->character_want) {
        edit->character_bytes = 0;
        edit_insert(edit, edit->character, edit->character_want);
    }
}

enum edit_event edit_key(struct edit *edit, unsigned char byte)
{
    if (edit->state != EDIT_KEY_PLAIN) {
        escape_key(edit, byte);
        return EDIT_MORE;
    }
    if (byte < 0x20 || byte == DELETE) {
        edit->character_bytes = 0;
        return control_key(edit, byte);
    }
    text_key(edit, byte);
    return EDIT_MORE;
}
