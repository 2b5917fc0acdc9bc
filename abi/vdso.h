// SPDX-License-Identifier: MIT
// The vDSO: code of the kernel that programs call in user mode, to read the clocks without a system
// call. A VMO of two pages, which every parent maps into its child, the first as code, the second,
// behind it, to read only; startup_block.vdso is its address. Programs are linked against nothing
// of it but this header, so that the kernel can change how a clock is read.
#ifndef ABI_VDSO_H
#define ABI_VDSO_H

#define VDSO_MAGIC      0x314f534456464221 // "!BFVDSO1" in memory order
#define VDSO_CODE_BYTES 4096
#define VDSO_DATA_BYTES 4096
#define VDSO_BYTES      (VDSO_CODE_BYTES + VDSO_DATA_BYTES)

#ifndef __ASSEMBLER__
#include "abi/types.h"

// At the beginning of the code. The functions are named by their offsets; they are called as C
// functions, by any thread, use less than 128 bytes of stack and cannot fail.
struct vdso_header {
    uint64_t magic;
    uint32_t monotonic_ns; // uint64_t (*)(void): nanoseconds since boot, as clock_get gives them
    uint32_t boot_time_ns; // uint64_t (*)(void): realtime at boot, nanoseconds since 1970-01-01
                           // 00:00 UTC without leap seconds; 0: the clock was never set
};
static_assert(sizeof(struct vdso_header) == 16, "ABI layout");

typedef uint64_t vdso_function(void);
#endif

#endif
