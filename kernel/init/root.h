// SPDX-License-Identifier: MIT
// The root supervisor: the only process that the kernel makes itself.
#ifndef KERNEL_INIT_ROOT_H
#define KERNEL_INIT_ROOT_H

#include "kernel/init/boot_info.h"

// Creates the root job and process from the boot archive and makes it runnable. Panics naming what
// is wrong with the archive or image.
void root_start(const struct boot_info *boot);

#endif
