// SPDX-License-Identifier: MIT
// A thread's registers on the host port: enough for the kernel's portable code to set and read
// arguments and results. Nothing ever runs with them.
#ifndef ARCH_HOST_FRAME_H
#define ARCH_HOST_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct arch_thread {
    uint64_t args[8]; // arguments and results
    uint64_t number;  // system call
    uint64_t extra;   // deadline, badge
    uint64_t pc, sp;
    bool full; // all registers are to be loaded, not only those a C call keeps
};

#endif
