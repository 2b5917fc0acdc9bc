// SPDX-License-Identifier: MIT
// RISC-V: causes of traps, decoded.
#include "arch/riscv64/cause.h"
#include "arch/riscv64/csr.h"
#include "kernel/lib/printf.h"

#define SCAUSE_INTERRUPT ((uint64_t)1 << 63)
#define UNIMP_32         0xc0001073u // csrrw x0, cycle, x0: what clang emits for a trap,
#define UNIMP_16         0u          // or compressed: all zero

static const struct cause {
    const char *text;
    enum fault_kind kind;
} causes[] = {
    [CAUSE_FETCH_MISALIGNED] = {"instruction address misaligned", FAULT_ALIGNMENT},
    [CAUSE_FETCH_ACCESS] = {"instruction access fault", FAULT_BUS},
    [CAUSE_ILLEGAL] = {"illegal instruction", FAULT_ILLEGAL},
    [CAUSE_BREAKPOINT] = {"breakpoint", FAULT_BREAKPOINT},
    [CAUSE_LOAD_MISALIGNED] = {"load address misaligned", FAULT_ALIGNMENT},
    [CAUSE_LOAD_ACCESS] = {"load access fault", FAULT_BUS},
    [CAUSE_STORE_MISALIGNED] = {"store address misaligned", FAULT_ALIGNMENT},
    [CAUSE_STORE_ACCESS] = {"store access fault", FAULT_BUS},
    [CAUSE_ECALL_USER] = {"environment call from user mode", FAULT_BAD_SYSCALL},
    [9] = {"environment call from supervisor mode", FAULT_OTHER},
    [11] = {"environment call from machine mode", FAULT_OTHER},
    [CAUSE_FETCH_PAGE] = {"instruction page fault", FAULT_EXECUTE},
    [CAUSE_LOAD_PAGE] = {"load page fault", FAULT_READ},
    [CAUSE_STORE_PAGE] = {"store page fault", FAULT_WRITE},
    [16] = {"double trap", FAULT_OTHER},
    [18] = {"software check", FAULT_ILLEGAL}, // control flow integrity
    [19] = {"hardware error", FAULT_BUS},
};

static const struct cause *cause_find(uint64_t scause)
{
    return scause < ARRAY_SIZE(causes) && causes[scause].text != NULL ? &causes[scause] : NULL;
}

enum fault_kind cause_kind(uint64_t scause)
{
    const struct cause *c = cause_find(scause);
    return c != NULL ? c->kind : FAULT_OTHER;
}

bool cause_is_page_fault(uint64_t scause)
{
    return scause == CAUSE_FETCH_PAGE || scause == CAUSE_LOAD_PAGE || scause == CAUSE_STORE_PAGE;
}

void cause_describe(uint64_t scause, uint64_t stval, char *buf, size_t size)
{
    const struct cause *c = cause_find(scause);
    if ((scause & SCAUSE_INTERRUPT) != 0) {
        ksnprintf(buf, size, "interrupt %lu", scause & ~SCAUSE_INTERRUPT);
    } else if (scause == CAUSE_ILLEGAL && (stval == UNIMP_32 || stval == UNIMP_16)) {
        ksnprintf(buf, size, "trap of the compiler's: undefined behaviour or unreachable code");
    } else if (c != NULL) {
        ksnprintf(buf, size, "%s", c->text);
    } else {
        bool custom = (scause >= 24 && scause < 32) || (scause >= 48 && scause < 64);
        ksnprintf(buf, size, "%s cause %lu", custom ? "custom" : "reserved", scause);
    }
}
