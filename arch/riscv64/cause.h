// SPDX-License-Identifier: MIT
// RISC-V: scause, decoded (RISC-V privileged specification 1.13, table of section 10.1.8). Pure
// code, also run by the host tests.
#ifndef RISCV64_CAUSE_H
#define RISCV64_CAUSE_H

#include "kernel/lib/types.h"

enum fault_kind cause_kind(uint64_t scause); // of an exception from user mode
bool cause_is_page_fault(uint64_t scause);
// In words: "load page fault". stval tells compiler traps from other illegal instructions. Always
// ends the text with a zero byte.
void cause_describe(uint64_t scause, uint64_t stval, char *buf, size_t size);

#endif
