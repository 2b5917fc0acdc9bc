// SPDX-License-Identifier: MIT
// The line editor's display: brings the terminal from what it shows to what the line is, with as
// few characters as that takes. Used by edit.c only.
#ifndef SHELL_EDIT_SHOW_H
#define SHELL_EDIT_SHOW_H

#include "edit.h"

void edit_show_text(struct edit *edit, const char *text);
// Prints the prompt at the beginning of a line; behind it nothing is shown then.
void edit_show_prompt(struct edit *edit);
// Makes the terminal show the line and its cursor.
void edit_show(struct edit *edit);

#endif
