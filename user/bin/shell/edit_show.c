// SPDX-License-Identifier: MIT
// The line editor's display: see edit_show.h. Moving left is printing backspaces, moving right is
// printing again what is there.
#include "edit_show.h"

#include <string.h>

void edit_show_text(struct edit *edit, const char *text)
{
    edit->output(edit->context, text, strlen(text));
}

static size_t columns_of(const char *text, size_t bytes)
{
    size_t columns = 0;
    for (size_t i = 0; i < bytes; i++) {
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return columns;
}

static size_t bytes_of(const char *text, size_t bytes, size_t columns)
{
    size_t i = 0;
    while (i < bytes && (columns > 0 || ((unsigned char)text[i] & 0xc0) == 0x80)) {
        columns -= ((unsigned char)text[i] & 0xc0) != 0x80;
        i++;
    }
    return i;
}

void edit_show_prompt(struct edit *edit)
{
    edit->prompt_columns = columns_of(edit->prompt, strlen(edit->prompt));
    edit->shown_bytes = 0;
    edit->shown_cursor = 0;
    edit->window = 0;
    edit_show_text(edit, "\r");
    edit_show_text(edit, edit->prompt);
}

static void columns_repeat(struct edit *edit, const char *text, size_t count)
{
    for (; count > 0; count--) {
        edit_show_text(edit, text);
    }
}

// Moves the terminal's cursor to a column of what it shows.
static void shown_move(struct edit *edit, size_t column)
{
    if (column < edit->shown_cursor) {
        columns_repeat(edit, "\b", edit->shown_cursor - column);
    } else {
        size_t start = bytes_of(edit->shown, edit->shown_bytes, edit->shown_cursor);
        size_t end = bytes_of(edit->shown, edit->shown_bytes, column);
        edit->output(edit->context, edit->shown + start, end - start);
    }
    edit->shown_cursor = column;
}

// Chooses the part of the text to show, so that the cursor is in it. Returns its length in bytes.
static size_t window_place(struct edit *edit)
{
    size_t room =
        edit->prompt_columns + 20 < EDIT_COLUMNS ? EDIT_COLUMNS - 1 - edit->prompt_columns : 20;
    if (columns_of(edit->text, edit->bytes) < room) {
        edit->window = 0;
    } else if (edit->cursor < edit->window || edit->window > edit->bytes ||
               columns_of(edit->text + edit->window, edit->cursor - edit->window) >= room) {
        // The cursor in the middle, so that typing on does not scroll at every key.
        size_t before = columns_of(edit->text, edit->cursor);
        edit->window = bytes_of(edit->text, edit->bytes, before > room / 2 ? before - room / 2 : 0);
    }
    return bytes_of(edit->text + edit->window, edit->bytes - edit->window, room);
}

void edit_show(struct edit *edit)
{
    size_t bytes = window_place(edit);
    const char *text = edit->text + edit->window;
    size_t same = 0;
    while (same < bytes && same < edit->shown_bytes && text[same] == edit->shown[same]) {
        same++;
    }
    while (same > 0 && same < bytes && ((unsigned char)text[same] & 0xc0) == 0x80) {
        same--; // not in the middle of a character
    }
    if (same < bytes || same < edit->shown_bytes) {
        size_t shown_columns = columns_of(edit->shown, edit->shown_bytes);
        size_t columns = columns_of(text, bytes);
        shown_move(edit, columns_of(text, same));
        edit->output(edit->context, text + same, bytes - same);
        if (shown_columns > columns) {
            columns_repeat(edit, " ", shown_columns - columns);
            columns_repeat(edit, "\b", shown_columns - columns);
        }
        memcpy(edit->shown, text, bytes);
        edit->shown_bytes = bytes;
        edit->shown_cursor = columns;
    }
    shown_move(edit, columns_of(text, edit->cursor - edit->window));
}
