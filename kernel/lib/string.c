// SPDX-License-Identifier: MIT
// Memory and string functions. Only memcpy, memmove, memset and memcmp work in words: the others
// run over names and paths, where a byte loop is fast enough and cannot read past the end.
//
// The compiler knows these loops and would replace them by calls to the very functions they
// implement; NO_BUILTIN forbids it. Words are read and written only at aligned addresses, because
// these functions also run before the MMU is on, where ARM64 faults on unaligned accesses.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifndef STRING_NAMES_CHANGED // the host test gives all of these other names with macros
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#endif

#define NO_BUILTIN __attribute__((no_builtin))

typedef uint64_t __attribute__((may_alias)) word_t; // may alias anything, as char does
#define WORD  sizeof(word_t)
#define GROUP 8 // words in one round of the fast loops

static inline bool aligned(const void *p) { return ((uintptr_t)p & (WORD - 1)) == 0; }

// Both pointers reach word alignment together.
static inline bool congruent(const void *a, const void *b)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & (WORD - 1)) == 0;
}

// Copies upwards. The ranges may overlap if d < s: a group is read before it is written.
NO_BUILTIN static inline void copy_forwards(unsigned char *d, const unsigned char *s, size_t n)
{
    if (congruent(d, s)) {
        for (; n > 0 && !aligned(d); n--) {
            *d++ = *s++;
        }
        for (; n >= GROUP * WORD; n -= GROUP * WORD, d += GROUP * WORD, s += GROUP * WORD) {
            const word_t *from = (const word_t *)s;
            word_t *to = (word_t *)d;
            word_t w0 = from[0], w1 = from[1], w2 = from[2], w3 = from[3];
            word_t w4 = from[4], w5 = from[5], w6 = from[6], w7 = from[7];
            to[0] = w0;
            to[1] = w1;
            to[2] = w2;
            to[3] = w3;
            to[4] = w4;
            to[5] = w5;
            to[6] = w6;
            to[7] = w7;
        }
        for (; n >= WORD; n -= WORD, d += WORD, s += WORD) {
            *(word_t *)d = *(const word_t *)s;
        }
    }
    while (n-- > 0) {
        *d++ = *s++;
    }
}

// Copies downwards, for ranges that overlap with d > s.
NO_BUILTIN static void copy_backwards(unsigned char *d, const unsigned char *s, size_t n)
{
    d += n;
    s += n;
    if (congruent(d, s)) {
        for (; n > 0 && !aligned(d); n--) {
            *--d = *--s;
        }
        for (; n >= WORD; n -= WORD) {
            d -= WORD;
            s -= WORD;
            *(word_t *)d = *(const word_t *)s;
        }
    }
    while (n-- > 0) {
        *--d = *--s;
    }
}

NO_BUILTIN void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    copy_forwards(to, from, n);
    return to;
}

NO_BUILTIN void *memmove(void *to, const void *from, size_t n)
{
    // The unsigned difference is also large when `to` lies below `from`.
    if ((uintptr_t)to - (uintptr_t)from >= n) {
        copy_forwards(to, from, n);
    } else {
        copy_backwards(to, from, n);
    }
    return to;
}

NO_BUILTIN void *memset(void *to, int c, size_t n)
{
    unsigned char *d = to;
    word_t w = (unsigned char)c * 0x0101010101010101ull;
    for (; n > 0 && !aligned(d); n--) {
        *d++ = (unsigned char)c;
    }
    for (; n >= GROUP * WORD; n -= GROUP * WORD, d += GROUP * WORD) {
        word_t *words = (word_t *)d;
        words[0] = w;
        words[1] = w;
        words[2] = w;
        words[3] = w;
        words[4] = w;
        words[5] = w;
        words[6] = w;
        words[7] = w;
    }
    for (; n >= WORD; n -= WORD, d += WORD) {
        *(word_t *)d = w;
    }
    while (n-- > 0) {
        *d++ = (unsigned char)c;
    }
    return to;
}

NO_BUILTIN int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    if (congruent(x, y)) {
        for (; n > 0 && !aligned(x) && *x == *y; n--) {
            x++;
            y++;
        }
        for (; n >= WORD && aligned(x) && *(const word_t *)x == *(const word_t *)y; n -= WORD) {
            x += WORD;
            y += WORD;
        }
    }
    for (; n > 0; n--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

NO_BUILTIN void *memchr(const void *s, int c, size_t n)
{
    for (const unsigned char *p = s; n > 0; p++, n--) {
        if (*p == (unsigned char)c) {
            return (void *)p;
        }
    }
    return NULL;
}

NO_BUILTIN void *memrchr(const void *s, int c, size_t n)
{
    for (const unsigned char *p = s; n > 0; n--) {
        if (p[n - 1] == (unsigned char)c) {
            return (void *)&p[n - 1];
        }
    }
    return NULL;
}

NO_BUILTIN size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != '\0') {
        n++;
    }
    return n;
}

NO_BUILTIN size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n] != '\0') {
        n++;
    }
    return n;
}

NO_BUILTIN int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

NO_BUILTIN int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        if (*a != *b || *a == '\0') {
            return (unsigned char)*a - (unsigned char)*b;
        }
    }
    return 0;
}

NO_BUILTIN char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) {
            return (char *)s;
        }
        if (*s == '\0') {
            return NULL;
        }
    }
}

NO_BUILTIN char *strrchr(const char *s, int c)
{
    const char *last = NULL;
    for (;; s++) {
        if (*s == (char)c) {
            last = s;
        }
        if (*s == '\0') {
            return (char *)last;
        }
    }
}
