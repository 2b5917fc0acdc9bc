// SPDX-License-Identifier: MIT
// The shell's line editor as pure code: keys go in byte by byte, text for the terminal comes out
// through a callback. It needs nothing of the terminal but printing, carriage return, newline and
// backspace; only Ctrl-L sends an escape sequence. Text is UTF-8, each character is taken to be one
// column wide. A line longer than the terminal scrolls sideways.
//
//     left right home end, Ctrl-B F A E     move
//     Ctrl-left, Ctrl-right, Alt-B F        move by words
//     backspace delete, Ctrl-U K W          remove
//     up down, Ctrl-P N                     history
#ifndef SHELL_EDIT_H
#define SHELL_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#define EDIT_BYTES_MAX   1024u
#define EDIT_HISTORY_MAX 64u
#define EDIT_COLUMNS     80u

enum edit_event {
    EDIT_MORE,     // the line goes on
    EDIT_LINE,     // Enter: the line is in edit->text, ended by a zero byte, and in the history
    EDIT_CANCEL,   // Ctrl-C
    EDIT_END,      // Ctrl-D on an empty line
    EDIT_COMPLETE, // Tab: the caller may insert text and go on
};

enum edit_key_state { EDIT_KEY_PLAIN, EDIT_KEY_ESCAPE, EDIT_KEY_SEQUENCE };

struct edit {
    char text[EDIT_BYTES_MAX + 1];
    size_t bytes, cursor; // cursor: byte offset, at the beginning of a character
    const char *prompt;   // the caller's
    size_t prompt_columns;
    // What the terminal shows behind the prompt, and the column of its cursor there.
    char shown[EDIT_BYTES_MAX];
    size_t shown_bytes, shown_cursor;
    size_t window; // first byte of the text that is shown
    // Keys that take several bytes.
    enum edit_key_state state;
    char sequence[8];
    size_t sequence_bytes;
    char character[4]; // a UTF-8 character on its way
    size_t character_bytes, character_want;
    // Oldest first; the line being typed waits in `draft` while older ones are shown.
    char history[EDIT_HISTORY_MAX][EDIT_BYTES_MAX + 1];
    size_t history_count, history_at; // history_at == history_count: the draft
    char draft[EDIT_BYTES_MAX + 1];
    void (*output)(void *context, const char *text, size_t bytes);
    void *context;
};

void edit_init(struct edit *edit, void (*output)(void *context, const char *text, size_t bytes),
               void *context);
// Starts a new line and prints the prompt, which must live until the line is finished.
void edit_begin(struct edit *edit, const char *prompt);
enum edit_event edit_key(struct edit *edit, unsigned char byte);
// Inserts text at the cursor, as if it was typed; what does not fit is left out (with a bell).
void edit_insert(struct edit *edit, const char *text, size_t bytes);
// Prints prompt and line again, at the beginning of the terminal's line, after something else was
// printed.
void edit_redraw(struct edit *edit);

#endif
