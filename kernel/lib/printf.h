// SPDX-License-Identifier: MIT
// Formatted output of the kernel. Conversions: %d %i %u %x %X %p %s %c %% with -, 0, width,
// precision and the lengths hh h l ll z; no floating point. The compiler checks every call.
#ifndef KERNEL_LIB_PRINTF_H
#define KERNEL_LIB_PRINTF_H

#include "kernel/lib/types.h"
#include <stdarg.h>

// Like C's vsnprintf: writes at most size bytes with the terminating zero, returns the full length.
size_t kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
size_t ksnprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
