// SPDX-License-Identifier: MIT
// kvsnprintf: the kernel's formatted output (the conversions are listed in the header). Output that
// does not fit is counted but not stored, so the length returned is always that of the full text.
#include "kernel/lib/printf.h"

#include <string.h>

struct output {
    char *buf;
    size_t size, length; // length: of the full text so far
};

enum length_modifier { LENGTH_INT, LENGTH_CHAR, LENGTH_SHORT, LENGTH_LONG };

struct conversion {
    bool left, zero, has_precision;
    size_t width, precision;
    enum length_modifier length; // l, ll and z are all 64 bits wide on our machines
};
static_assert(sizeof(long) == 8 && sizeof(long long) == 8 && sizeof(size_t) == 8, "LP64");

static void put_char(struct output *o, char c)
{
    if (o->length + 1 < o->size) {
        o->buf[o->length] = c;
    }
    o->length++;
}

static void put_repeated(struct output *o, char c, size_t n)
{
    while (n-- > 0) {
        put_char(o, c);
    }
}

static void put_bytes(struct output *o, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_char(o, s[i]);
    }
}

static void put_padded(struct output *o, const struct conversion *c, const char *s, size_t n)
{
    size_t pad = c->width > n ? c->width - n : 0;
    put_repeated(o, ' ', c->left ? 0 : pad);
    put_bytes(o, s, n);
    put_repeated(o, ' ', c->left ? pad : 0);
}

// prefix is a sign, "0x" or nothing; it stands before padding zeros and behind padding blanks.
static void put_number(struct output *o, const struct conversion *c, uint64_t value, unsigned base,
                       bool upper, const char *prefix)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[20]; // UINT64_MAX has 20 decimal digits
    size_t count = 0;
    for (; value != 0; value /= base) {
        digits[count++] = set[value % base];
    }
    size_t least = c->has_precision ? c->precision : 1;
    size_t zeros = least > count ? least - count : 0;
    size_t length = strlen(prefix) + zeros + count;
    size_t pad = c->width > length ? c->width - length : 0;
    if (c->zero && !c->left && !c->has_precision) {
        zeros += pad;
        pad = 0;
    }
    put_repeated(o, ' ', c->left ? 0 : pad);
    put_bytes(o, prefix, strlen(prefix));
    put_repeated(o, '0', zeros);
    while (count > 0) {
        put_char(o, digits[--count]);
    }
    put_repeated(o, ' ', c->left ? pad : 0);
}

static uint64_t next_unsigned(enum length_modifier length, va_list *ap)
{
    if (length == LENGTH_LONG) {
        return va_arg(*ap, unsigned long);
    }
    unsigned v = va_arg(*ap, unsigned);
    return length == LENGTH_CHAR    ? (unsigned char)v
           : length == LENGTH_SHORT ? (unsigned short)v
                                    : v;
}

static int64_t next_signed(enum length_modifier length, va_list *ap)
{
    if (length == LENGTH_LONG) {
        return va_arg(*ap, long);
    }
    int v = va_arg(*ap, int);
    return length == LENGTH_CHAR ? (signed char)v : length == LENGTH_SHORT ? (short)v : v;
}

static size_t parse_count(const char **fmt, va_list *ap)
{
    if (**fmt == '*') {
        (*fmt)++;
        int v = va_arg(*ap, int);
        return v < 0 ? 0 : (size_t)v;
    }
    size_t n = 0;
    for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++) {
        n = n < 100000 ? n * 10 + (size_t)(**fmt - '0') : n;
    }
    return n;
}

// Reads flags, width, precision and length; *fmt then points at the conversion's letter.
static struct conversion parse_conversion(const char **fmt, va_list *ap)
{
    struct conversion c = {0};
    for (; **fmt == '-' || **fmt == '0'; (*fmt)++) {
        c.left |= **fmt == '-';
        c.zero |= **fmt == '0';
    }
    c.width = parse_count(fmt, ap);
    if (**fmt == '.') {
        (*fmt)++;
        c.has_precision = true;
        c.precision = parse_count(fmt, ap);
    }
    for (; **fmt == 'h' || **fmt == 'l' || **fmt == 'z'; (*fmt)++) {
        c.length = **fmt != 'h'               ? LENGTH_LONG
                   : c.length == LENGTH_SHORT ? LENGTH_CHAR
                                              : LENGTH_SHORT;
    }
    return c;
}

static void put_signed(struct output *o, const struct conversion *c, int64_t v)
{
    put_number(o, c, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, false, v < 0 ? "-" : "");
}

static void put_string(struct output *o, const struct conversion *c, const char *s)
{
    s = s != NULL ? s : "(null)";
    put_padded(o, c, s, c->has_precision ? strnlen(s, c->precision) : strlen(s));
}

static void put_conversion(struct output *o, const char **fmt, va_list *ap)
{
    struct conversion c = parse_conversion(fmt, ap);
    char letter = **fmt;
    switch (letter) {
    case 'd':
    case 'i': put_signed(o, &c, next_signed(c.length, ap)); break;
    case 'u': put_number(o, &c, next_unsigned(c.length, ap), 10, false, ""); break;
    case 'x':
    case 'X': put_number(o, &c, next_unsigned(c.length, ap), 16, letter == 'X', ""); break;
    case 'p': put_number(o, &c, (uintptr_t)va_arg(*ap, void *), 16, false, "0x"); break;
    case 's': put_string(o, &c, va_arg(*ap, const char *)); break;
    case 'c': put_padded(o, &c, &(char){(char)va_arg(*ap, int)}, 1); break;
    case '%': put_char(o, '%'); break;
    case '\0': return; // the format ends inside a conversion: leave the end for the caller to find
    default:           // the compiler refuses these; show it rather than guess an argument
        put_char(o, '%');
        put_char(o, letter);
        break;
    }
    (*fmt)++;
}

size_t kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct output o = {.buf = buf, .size = size};
    va_list args;
    va_copy(args, ap);
    while (*fmt != '\0') {
        if (*fmt != '%') {
            put_char(&o, *fmt++);
            continue;
        }
        fmt++;
        put_conversion(&o, &fmt, &args);
    }
    va_end(args);
    if (size > 0) {
        buf[o.length < size ? o.length : size - 1] = '\0';
    }
    return o.length;
}

size_t ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t n = kvsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
