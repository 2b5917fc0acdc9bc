// SPDX-License-Identifier: MIT
// The freestanding <stdlib.h>. libfdt includes it, but the parts of libfdt that the kernel links
// (reading only) use nothing of it; a call to malloc or strtoul must not compile.
#ifndef KERNEL_LIB_INCLUDE_STDLIB_H
#define KERNEL_LIB_INCLUDE_STDLIB_H

#include <stddef.h>

#endif
