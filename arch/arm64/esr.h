// SPDX-License-Identifier: MIT
// ARM64: the exception syndrome register, decoded (Arm ARM D24.2.40, ESR_EL1). Pure code, also run
// by the host tests.
#ifndef ARM64_ESR_H
#define ARM64_ESR_H

#include "kernel/lib/types.h"

// Exception classes that the kernel acts on.
#define EC_FP_ACCESS             0x07u
#define EC_INSTRUCTION_ABORT_EL0 0x20u
#define EC_PC_ALIGNMENT          0x22u
#define EC_DATA_ABORT_EL0        0x24u
#define EC_DATA_ABORT_EL1        0x25u
#define EC_SP_ALIGNMENT          0x26u
#define EC_BREAKPOINT_EL0        0x30u
#define EC_STEP_EL0              0x32u
#define EC_WATCHPOINT_EL0        0x34u
#define EC_BRK                   0x3cu

#define ESR_EC(esr)  ((unsigned)((esr) >> 26) & 0x3f)
#define ESR_FSC(esr) ((unsigned)(esr) & 0x3f) // of aborts: the fault status code
#define ESR_WNR      (1u << 6)
#define ESR_CM       (1u << 8) // cache maintenance: WnR is set, but it needs no write permission
#define ESR_FNV      (1u << 10)

bool esr_is_page_fault(uint64_t esr); // an abort that a mapping can resolve
bool esr_is_write(uint64_t esr);
bool esr_has_address(uint64_t esr);           // FAR_EL1 is valid
enum fault_kind esr_fault_kind(uint64_t esr); // of an exception from EL0
// In words: "data abort, read: translation fault, level 2". Always ends the text with a zero byte.
void esr_describe(uint64_t esr, char *buf, size_t size);

#endif
