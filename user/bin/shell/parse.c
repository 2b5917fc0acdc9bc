// SPDX-License-Identifier: MIT
// Splitting a command line: see parse.h.
#include "parse.h"

#include <string.h>

struct reader {
    const char *at;
    struct parsed *parsed;
    parse_variable variable;
    void *context;
    bool full;
};

static void text_put(struct reader *r, char c)
{
    if (r->parsed->used == PARSE_TEXT_MAX) {
        r->full = true;
        return;
    }
    r->parsed->text[r->parsed->used++] = c;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool is_name(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static bool ends_word(char c) { return c == 0 || is_blank(c) || strchr(";&<>", c) != NULL; }

// At a '$'.
static void variable_read(struct reader *r)
{
    const char *name = ++r->at;
    if (*name == '?') {
        r->at++;
    } else {
        while (is_name(*r->at, r->at == name)) {
            r->at++;
        }
    }
    if (r->at == name) {
        text_put(r, '$');
        return;
    }
    const char *value = r->variable(r->context, name, (size_t)(r->at - name));
    for (; value != NULL && *value != 0; value++) {
        text_put(r, *value);
    }
}

static const char *quoted_read(struct reader *r, char quote)
{
    r->at++;
    while (*r->at != quote) {
        if (*r->at == 0) {
            return quote == '"' ? "a \" without its end" : "a ' without its end";
        }
        if (quote == '"' && *r->at == '$') {
            variable_read(r);
            continue;
        }
        if (quote == '"' && *r->at == '\\' && r->at[1] != 0 && strchr("\"\\$", r->at[1]) != NULL) {
            r->at++;
        }
        text_put(r, *r->at++);
    }
    r->at++;
    return NULL;
}

// Reads one word; *word points at it.
static const char *word_read(struct reader *r, char **word)
{
    const char *wrong = NULL;
    *word = r->parsed->text + r->parsed->used;
    while (wrong == NULL && !ends_word(*r->at)) {
        if (*r->at == '\'' || *r->at == '"') {
            wrong = quoted_read(r, *r->at);
        } else if (*r->at == '$') {
            variable_read(r);
        } else if (*r->at == '\\') {
            if (*++r->at == 0) {
                wrong = "a \\ with nothing behind it";
            } else {
                text_put(r, *r->at++);
            }
        } else {
            text_put(r, *r->at++);
        }
    }
    text_put(r, 0);
    return r->full ? "the line is too long" : wrong;
}

static const char *redirection_read(struct reader *r)
{
    const char **file = *r->at == '<' ? &r->parsed->input : &r->parsed->output;
    char *word;
    if (*file != NULL) {
        return "two redirections of the same kind";
    }
    r->at++;
    while (is_blank(*r->at)) {
        r->at++;
    }
    if (ends_word(*r->at)) {
        return "a redirection without a file";
    }
    const char *wrong = word_read(r, &word);
    *file = word;
    return wrong;
}

static const char *argument_read(struct reader *r)
{
    if (r->parsed->arg_count == PARSE_ARGS_MAX) {
        return "too many words";
    }
    return word_read(r, &r->parsed->args[r->parsed->arg_count++]);
}

static const char *command_read(struct reader *r)
{
    const char *wrong = NULL;
    while (wrong == NULL) {
        if (is_blank(*r->at)) {
            r->at++;
        } else if (*r->at == 0) {
            break;
        } else if (*r->at == '#') {
            r->at += strlen(r->at);
        } else if (*r->at == ';' || *r->at == '&') {
            r->parsed->background = *r->at++ == '&';
            break;
        } else if (*r->at == '<' || *r->at == '>') {
            wrong = redirection_read(r);
        } else {
            wrong = argument_read(r);
        }
    }
    return wrong;
}

const char *parse_next(const char **line, struct parsed *parsed, parse_variable variable,
                       void *context)
{
    struct reader r = {.at = *line, .parsed = parsed, .variable = variable, .context = context};
    parsed->arg_count = 0;
    parsed->used = 0;
    parsed->input = NULL;
    parsed->output = NULL;
    parsed->background = false;
    const char *wrong = command_read(&r);
    if (wrong == NULL && parsed->arg_count == 0 &&
        (parsed->background || parsed->input != NULL || parsed->output != NULL)) {
        wrong = "a command is missing";
    }
    parsed->args[wrong == NULL ? parsed->arg_count : 0] = NULL;
    *line = r.at;
    return wrong;
}
