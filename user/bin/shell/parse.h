// SPDX-License-Identifier: MIT
// The shell's command line as pure code: words, quotes, redirections. No variables but $? (the last
// exit code) and those of the environment, no patterns, no pipes.
//
//     word 'as it stands' "with $? and \" in it" \x
//     > file    < file    ; next command    & in the background    # comment
#ifndef SHELL_PARSE_H
#define SHELL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#define PARSE_ARGS_MAX 64u
#define PARSE_TEXT_MAX 4096u

struct parsed {
    char *args[PARSE_ARGS_MAX + 1]; // NULL-terminated, in text
    unsigned arg_count;
    const char *input;  // file of "<", or NULL
    const char *output; // file of ">", or NULL
    bool background;
    char text[PARSE_TEXT_MAX];
    size_t used;
};

// What a variable stands for; NULL: nothing. `name` is "?" or a name.
typedef const char *(*parse_variable)(void *context, const char *name, size_t bytes);

// Takes the next command from *line and moves it on. Returns NULL when that worked (with arg_count
// 0 for an empty command), else what is wrong. At the end of the line *line points at the zero
// byte.
const char *parse_next(const char **line, struct parsed *parsed, parse_variable variable,
                       void *context);

#endif
