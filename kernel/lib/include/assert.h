// SPDX-License-Identifier: MIT
// The freestanding <assert.h>: static assertions only. Checks at run time are ASSERT and DEBUG_ASSERT (kernel/debug/log.h).
#ifndef KERNEL_LIB_INCLUDE_ASSERT_H
#define KERNEL_LIB_INCLUDE_ASSERT_H

#define static_assert _Static_assert

#endif
