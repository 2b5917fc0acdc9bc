// SPDX-License-Identifier: MIT
// Finding one file in the boot archive (POSIX ustar). The kernel looks up the root image and
// nothing else.
#ifndef KERNEL_INIT_ARCHIVE_H
#define KERNEL_INIT_ARCHIVE_H

#include "kernel/lib/types.h"

// ERR_NOT_FOUND, or ERR_CORRUPT with *why naming what is wrong. `data` points into the archive.
status_t archive_find(const void *archive, size_t bytes, const char *name, const void **data,
                      size_t *data_bytes, const char **why) MUST_CHECK;

#endif
