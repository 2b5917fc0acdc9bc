// SPDX-License-Identifier: MIT
// What C's stdio has no name for.
#ifndef BULLFINCH_STDIO_H
#define BULLFINCH_STDIO_H

#include "abi/types.h"
#include <stdio.h>

// Points a standard stream (stdin, stdout, stderr; nothing else) at another node. What was buffered
// for output goes to the old one. The handle stays the caller's and must outlive the use of the
// stream.
void stdio_attach(FILE *stream, handle_t node);

// Points stdout and stderr at the kernel log, through a resource of kind RESOURCE_LOG with WRITE.
void stdio_attach_log(handle_t log);

#endif
