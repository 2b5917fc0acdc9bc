// SPDX-License-Identifier: MIT
// The table of the kernel's command-line options and its parser. The line is firmware input.
#include "kernel/lib/options.h"
#include "kernel/debug/log.h"
#include <string.h>

#define VALUE_MAX      64u
#define ASID_BITS_MOST 16u

struct options options;

enum option_kind {
    OPTION_FLAG,   // no value; to: bool
    OPTION_CHOICE, // one of the words of `choices`, its position; to: uint32_t
    OPTION_NUMBER, // decimal or 0x, within [least, most]; to: uint32_t
    OPTION_USER,   // the root supervisor's, which is given the same line
};

static const struct option {
    const char *name;
    enum option_kind kind;
    void *to;
    const char *choices; // separated by '|'
    uint32_t least, most;
} table[] = {
    {.name = "quiet", .kind = OPTION_FLAG, .to = &options.quiet},
    {.name = "panic", .kind = OPTION_CHOICE, .to = &options.panic, .choices = "halt|off"},
    {.name = "memory", .kind = OPTION_NUMBER, .to = &options.memory, .least = 1, .most = 1u << 26},
    {.name = "sv39", .kind = OPTION_FLAG, .to = &options.sv39},
    {.name = "crash",
     .kind = OPTION_CHOICE,
     .to = &options.crash,
     .choices = "none|panic|assert|null|write-text|write-rodata|write-alias|exec-data|exec-alias|"
                "user-read|user-write|user-exec|stack|smash|illegal|ubsan-shift|ubsan-index|"
                "lock-twice|lock-order|double|stuck|all"},
    {.name = "crash_cpu", .kind = OPTION_NUMBER, .to = &options.crash_cpu, .least = 0, .most = 7},
    {.name = "asid_bits",
     .kind = OPTION_NUMBER,
     .to = &options.asid_bits,
     .least = 0,
     .most = ASID_BITS_MOST},
    {.name = "run", .kind = OPTION_USER},
    {.name = "tests", .kind = OPTION_USER},
    {.name = "soak_seconds", .kind = OPTION_USER},
    {.name = "soak_seed", .kind = OPTION_USER},
};

// The next word of the line, [*word, return value); quotes hold blanks together. Empty at the end.
static const char *word_next(const char *p, const char **word)
{
    while (*p == ' ') {
        p++;
    }
    *word = p;
    for (bool quoted = false; *p != '\0' && (quoted || *p != ' '); p++) {
        quoted ^= *p == '"';
    }
    return p;
}

// Copies [from, end) without quotes; false if it does not fit.
static bool value_copy(char value[VALUE_MAX], const char *from, const char *end)
{
    size_t n = 0;
    for (; from < end; from++) {
        if (*from == '"') {
            continue;
        }
        if (n + 1 == VALUE_MAX) {
            return false;
        }
        value[n++] = *from;
    }
    value[n] = '\0';
    return true;
}

static bool choice_parse(const char *choices, const char *value, uint32_t *out)
{
    size_t length = strlen(value);
    uint32_t position = 0;
    for (const char *p = choices; p != NULL; position++) {
        const char *end = strchr(p, '|');
        if ((end != NULL ? (size_t)(end - p) : strlen(p)) == length &&
            strncmp(p, value, length) == 0) {
            *out = position;
            return true;
        }
        p = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static int digit_value(char c, unsigned base)
{
    int digit = c >= '0' && c <= '9'                     ? c - '0'
                : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                         : 99;
    return digit < (int)base ? digit : -1;
}

static bool number_parse(const char *value, uint32_t least, uint32_t most, uint32_t *out)
{
    unsigned base = value[0] == '0' && value[1] == 'x' ? 16 : 10;
    const char *p = base == 16 ? value + 2 : value;
    uint64_t number = 0;
    if (*p == '\0') {
        return false;
    }
    for (; *p != '\0'; p++) {
        int digit = digit_value(*p, base);
        number = number * base + (uint64_t)digit;
        if (digit < 0 || number > most) {
            return false;
        }
    }
    *out = (uint32_t)number;
    return number >= least;
}

// `value` is NULL when the word has no '='. False, with nothing set, if the option does not take
// it.
static bool option_set(const struct option *o, const char *value)
{
    uint32_t number;
    switch (o->kind) {
    case OPTION_FLAG:
        if (value == NULL) {
            *(bool *)o->to = true;
        }
        return value == NULL;
    case OPTION_CHOICE:
        if (value == NULL || !choice_parse(o->choices, value, &number)) {
            return false;
        }
        break;
    case OPTION_NUMBER:
        if (value == NULL || !number_parse(value, o->least, o->most, &number)) {
            return false;
        }
        break;
    default: return true;
    }
    *(uint32_t *)o->to = number;
    return true;
}

static void option_complain(const struct option *o, const char *word, int length)
{
    switch (o->kind) {
    case OPTION_FLAG:
        klog("command line: '%.*s' ignored: %s takes no value", length, word, o->name);
        break;
    case OPTION_CHOICE:
        klog("command line: '%.*s' ignored: %s is one of %s", length, word, o->name, o->choices);
        break;
    default:
        klog("command line: '%.*s' ignored: %s is a number from %u to %u", length, word, o->name,
             o->least, o->most);
        break;
    }
}

static const struct option *option_find(const char *name, size_t length)
{
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static void word_apply(const char *word, const char *end)
{
    char value[VALUE_MAX];
    const char *equals = word;
    while (equals < end && *equals != '=') {
        equals++;
    }
    const struct option *o = option_find(word, (size_t)(equals - word));
    int length = (int)(end - word);
    if (o == NULL) {
        klog("command line: '%.*s' ignored: the kernel has no such option", length, word);
    } else if (o->kind != OPTION_USER && equals < end && !value_copy(value, equals + 1, end)) {
        option_complain(o, word, length);
    } else if (!option_set(o, equals < end ? value : NULL)) {
        option_complain(o, word, length);
    }
}

void options_parse(const char *cmdline)
{
    const char *word, *end;
    options = (struct options){.asid_bits = ASID_BITS_MOST};
    for (end = word_next(cmdline, &word); word < end; end = word_next(end, &word)) {
        if (end - word == 2 && strncmp(word, "--", 2) == 0) {
            return;
        }
        word_apply(word, end);
    }
}
