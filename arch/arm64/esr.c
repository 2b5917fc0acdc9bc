// SPDX-License-Identifier: MIT
// ARM64: exception syndromes, decoded.
#include "arch/arm64/esr.h"
#include "kernel/lib/printf.h"

#define BRK_TRAP 0x0001u // __builtin_trap
#define BRK_UBSAN \
    0x5500u // a check of the undefined behaviour sanitizer; its number in the low byte

static const struct class
{
    const char *text;
    enum fault_kind kind; // when user code causes it; aborts are looked at closer
} classes[64] = {
    [0x00] = {"undefined instruction", FAULT_ILLEGAL},
    [0x01] = {"trapped WFI or WFE", FAULT_ILLEGAL},
    [0x03] = {"trapped MCR or MRC of coprocessor 15", FAULT_OTHER},
    [0x04] = {"trapped MCRR or MRRC of coprocessor 15", FAULT_OTHER},
    [0x05] = {"trapped MCR or MRC of coprocessor 14", FAULT_OTHER},
    [0x06] = {"trapped LDC or STC", FAULT_OTHER},
    [EC_FP_ACCESS] = {"floating point while it is off", FAULT_ILLEGAL},
    [0x08] = {"trapped VMRS", FAULT_OTHER},
    [0x09] = {"trapped pointer authentication", FAULT_ILLEGAL},
    [0x0a] = {"trapped LD64B or ST64B", FAULT_ILLEGAL},
    [0x0c] = {"trapped MRRC of coprocessor 14", FAULT_OTHER},
    [0x0d] = {"branch to a place that is no branch target", FAULT_ILLEGAL},
    [0x0e] = {"illegal execution state", FAULT_ILLEGAL},
    [0x11] = {"SVC from AArch32", FAULT_OTHER},
    [0x12] = {"HVC from AArch32", FAULT_OTHER},
    [0x13] = {"SMC from AArch32", FAULT_OTHER},
    [0x14] = {"trapped 128-bit system register access", FAULT_ILLEGAL},
    [0x15] = {"SVC", FAULT_BAD_SYSCALL},
    [0x16] = {"HVC", FAULT_OTHER},
    [0x17] = {"SMC", FAULT_OTHER},
    [0x18] = {"trapped system register access", FAULT_ILLEGAL},
    [0x19] = {"trapped SVE", FAULT_ILLEGAL},
    [0x1a] = {"trapped ERET", FAULT_OTHER},
    [0x1b] = {"transactional memory", FAULT_OTHER},
    [0x1c] = {"pointer authentication failure", FAULT_ILLEGAL},
    [0x1d] = {"trapped SME", FAULT_ILLEGAL},
    [0x1e] = {"granule protection check", FAULT_OTHER},
    [EC_INSTRUCTION_ABORT_EL0] = {"instruction abort from EL0", FAULT_EXECUTE},
    [0x21] = {"instruction abort", FAULT_EXECUTE},
    [EC_PC_ALIGNMENT] = {"misaligned pc", FAULT_ALIGNMENT},
    [EC_DATA_ABORT_EL0] = {"data abort from EL0", FAULT_READ},
    [EC_DATA_ABORT_EL1] = {"data abort", FAULT_READ},
    [EC_SP_ALIGNMENT] = {"misaligned sp", FAULT_ALIGNMENT},
    [0x27] = {"memory copy or set", FAULT_OTHER},
    [0x28] = {"floating point exception of AArch32", FAULT_OTHER},
    [0x2c] = {"floating point exception", FAULT_OTHER},
    [0x2d] = {"guarded control stack", FAULT_OTHER},
    [0x2f] = {"system error", FAULT_BUS},
    [EC_BREAKPOINT_EL0] = {"hardware breakpoint from EL0", FAULT_BREAKPOINT},
    [0x31] = {"hardware breakpoint", FAULT_BREAKPOINT},
    [EC_STEP_EL0] = {"single step from EL0", FAULT_BREAKPOINT},
    [0x33] = {"single step", FAULT_BREAKPOINT},
    [EC_WATCHPOINT_EL0] = {"watchpoint from EL0", FAULT_BREAKPOINT},
    [0x35] = {"watchpoint", FAULT_BREAKPOINT},
    [0x38] = {"BKPT of AArch32", FAULT_OTHER},
    [0x3a] = {"vector catch of AArch32", FAULT_OTHER},
    [EC_BRK] = {"BRK", FAULT_BREAKPOINT},
    [0x3d] = {"profiling", FAULT_OTHER},
};

// Fault status codes. Those of four levels are named once, at the lowest.
static const struct status {
    uint8_t first, last; // the levels 0 to 3, or one code
    const char *text;
} statuses[] = {
    {0x00, 0x03, "address size fault, level"},
    {0x04, 0x07, "translation fault, level"},
    {0x08, 0x0b, "access flag fault, level"},
    {0x0c, 0x0f, "permission fault, level"},
    {0x10, 0x10, "external abort"},
    {0x11, 0x11, "tag check fault"},
    {0x13, 0x13, "external abort on a table walk, level -1"},
    {0x14, 0x17, "external abort on a table walk, level"},
    {0x18, 0x18, "parity or ECC error"},
    {0x1b, 0x1b, "parity or ECC error on a table walk, level -1"},
    {0x1c, 0x1f, "parity or ECC error on a table walk, level"},
    {0x21, 0x21, "alignment fault"},
    {0x23, 0x23, "granule protection fault on a table walk, level -1"},
    {0x24, 0x27, "granule protection fault on a table walk, level"},
    {0x28, 0x28, "granule protection fault"},
    {0x29, 0x29, "address size fault, level -1"},
    {0x2b, 0x2b, "translation fault, level -1"},
    {0x30, 0x30, "TLB conflict"},
    {0x31, 0x31, "unsupported atomic update of a table"},
    {0x34, 0x34, "lockdown"},
    {0x35, 0x35, "exclusive or atomic access to memory that has none"},
};

// Numbers of the sanitizer's checks: clang's enum SanitizerHandler (CodeGenFunction.h).
static const char *const checks[] = {
    [0] = "addition overflows",
    [1] = "unreachable code is reached",
    [3] = "division by zero or overflow",
    [5] = "floating point value out of range",
    [8] = "bad argument of a builtin",
    [10] = "value that its type does not have",
    [11] = "missing return",
    [12] = "multiplication overflows",
    [13] = "negation overflows",
    [16] = "null argument",
    [17] = "null returned",
    [18] = "index out of bounds",
    [19] = "pointer arithmetic overflows",
    [20] = "shift out of bounds",
    [21] = "subtraction overflows",
    [22] = "null, misaligned or too small object",
    [23] = "wrong alignment assumption",
    [24] = "array length not positive",
};

bool esr_is_page_fault(uint64_t esr)
{
    unsigned fsc = ESR_FSC(esr); // translation, access flag, permission: levels 0 to 3 of each
    return fsc >= 0x04 && fsc <= 0x0f;
}

bool esr_is_write(uint64_t esr) { return (esr & ESR_WNR) != 0 && (esr & ESR_CM) == 0; }

static bool is_instruction_abort(uint64_t esr) { return (ESR_EC(esr) & ~1u) == 0x20; }
static bool is_data_abort(uint64_t esr) { return (ESR_EC(esr) & ~1u) == 0x24; }

bool esr_has_address(uint64_t esr)
{
    bool abort = is_instruction_abort(esr) || is_data_abort(esr);
    return (abort && (esr & ESR_FNV) == 0) || ESR_EC(esr) == EC_PC_ALIGNMENT ||
           (ESR_EC(esr) & ~1u) == EC_WATCHPOINT_EL0;
}

static enum fault_kind abort_kind(uint64_t esr, enum fault_kind access)
{
    unsigned fsc = ESR_FSC(esr);
    if (esr_is_page_fault(esr)) {
        return access;
    }
    if (fsc == 0x21 || fsc == 0x35) {
        return FAULT_ALIGNMENT;
    }
    // Address size, external abort, parity.
    if (fsc <= 0x03 || fsc == 0x10 || (fsc >= 0x13 && fsc <= 0x1f)) {
        return FAULT_BUS;
    }
    return FAULT_OTHER;
}

enum fault_kind esr_fault_kind(uint64_t esr)
{
    const struct class *c = &classes[ESR_EC(esr)];
    if (is_data_abort(esr)) {
        return abort_kind(esr, esr_is_write(esr) ? FAULT_WRITE : FAULT_READ);
    }
    if (is_instruction_abort(esr)) {
        return abort_kind(esr, FAULT_EXECUTE);
    }
    return c->text != NULL ? c->kind : FAULT_OTHER;
}

static size_t status_describe(unsigned fsc, char *buf, size_t size)
{
    for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
        const struct status *s = &statuses[i];
        if (fsc >= s->first && fsc <= s->last) {
            return s->first == s->last ? ksnprintf(buf, size, "%s", s->text)
                                       : ksnprintf(buf, size, "%s %u", s->text, fsc - s->first);
        }
    }
    return ksnprintf(buf, size, "reserved status 0x%02x", fsc);
}

static void brk_describe(unsigned comment, char *buf, size_t size)
{
    unsigned check = comment & 0xff;
    if (comment == BRK_TRAP) {
        ksnprintf(buf, size, "trap of the compiler's");
    } else if ((comment & 0xff00) != BRK_UBSAN) {
        ksnprintf(buf, size, "BRK %u", comment);
    } else {
        const char *text = check < ARRAY_SIZE(checks) ? checks[check] : NULL;
        ksnprintf(buf, size, "undefined behaviour: %s (check %u)", text != NULL ? text : "?",
                  check);
    }
}

void esr_describe(uint64_t esr, char *buf, size_t size)
{
    const char *text = classes[ESR_EC(esr)].text;
    if (text == NULL) {
        ksnprintf(buf, size, "reserved exception class 0x%02x", ESR_EC(esr));
    } else if (ESR_EC(esr) == EC_BRK) {
        brk_describe((unsigned)esr & 0xffff, buf, size);
    } else if (is_data_abort(esr) || is_instruction_abort(esr)) {
        const char *access = is_instruction_abort(esr) ? ""
                             : esr_is_write(esr)       ? ", write"
                                                       : ", read";
        size_t n = ksnprintf(buf, size, "%s%s: ", text, access);
        if (n < size) {
            status_describe(ESR_FSC(esr), buf + n, size - n);
        }
    } else {
        ksnprintf(buf, size, "%s", text);
    }
}
