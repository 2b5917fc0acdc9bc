// SPDX-License-Identifier: MIT
// The version that the banner and system_info show.
#ifndef KERNEL_LIB_VERSION_H
#define KERNEL_LIB_VERSION_H

#define BULLFINCH_VERSION "0.1"

#endif
