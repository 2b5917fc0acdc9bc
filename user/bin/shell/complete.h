// SPDX-License-Identifier: MIT
// Tab in the shell: completes the word before the cursor, the first one of a line to a command or
// program, others to a path. Text that has several continuations is completed as far as they agree;
// where they do not, they are printed.
#ifndef SHELL_COMPLETE_H
#define SHELL_COMPLETE_H

#include "edit.h"

// command_name: the i-th command's name, NULL past the end.
void complete(struct edit *edit, const char *(*command_name)(size_t i));

#endif
