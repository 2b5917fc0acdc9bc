// SPDX-License-Identifier: MIT
// The freestanding <string.h>: what the kernel and libfdt use of it, implemented in
// kernel/lib/string.c.
//
// The macros let the compiler turn copies of a small constant size into a few loads and stores
// although the kernel is compiled with -ffreestanding, which otherwise makes every one a call.
#ifndef KERNEL_LIB_INCLUDE_STRING_H
#define KERNEL_LIB_INCLUDE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
void *memrchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

#define memcpy(to, from, n)  __builtin_memcpy(to, from, n)
#define memmove(to, from, n) __builtin_memmove(to, from, n)
#define memset(to, c, n)     __builtin_memset(to, c, n)
#define memcmp(a, b, n)      __builtin_memcmp(a, b, n)
#define strlen(s)            __builtin_strlen(s)

#endif
