// SPDX-License-Identifier: MIT
// The WebAssembly runner's exit code, for whoever started it. Bits 0-7 are the code as a shell or a
// host sees it; bits 16-19 say what kind of end it was, so that a program's own exit(134) is not
// taken for a trap. The words of the reason are on the program's stderr ("name: reason").
#ifndef BULLFINCH_RUNNER_H
#define BULLFINCH_RUNNER_H

#include <stdint.h>

enum runner_end {
    RUNNER_EXITED = 0,     // the program returned or called exit: bits 0-7 are its own code
    RUNNER_NOT_LOADED = 1, // not a module, an import that does not exist, no _start: 126
    RUNNER_NOT_FOUND = 2,  // no "program" handle, or it cannot be read: 127
    RUNNER_TRAPPED = 3,    // unreachable, division by zero, out of bounds...: 134
    RUNNER_STACK = 4,      // recursion deeper than the call stack: 134
    RUNNER_NO_MEMORY = 5,  // its memory does not fit its job or the machine: 137
};

#define RUNNER_CODE_NOT_LOADED 126u
#define RUNNER_CODE_NOT_FOUND  127u
#define RUNNER_CODE_TRAPPED    134u
#define RUNNER_CODE_NO_MEMORY  137u

#define RUNNER_EXIT(end, code) ((uint32_t)(end) << 16 | ((uint32_t)(code) & 0xffu))
#define RUNNER_CODE(exit_code) ((uint32_t)(exit_code) & 0xffu)

static inline enum runner_end runner_end_of(uint32_t exit_code)
{
    return (enum runner_end)(exit_code >> 16 & 0xfu);
}

// The kind of end in words, for messages and for the reason of a `run=` boot.
static inline const char *runner_end_text(uint32_t exit_code)
{
    static const char *const texts[16] = {
        "exit", "could not be loaded", "not found", "trap", "call stack exhausted", "out of memory",
    };
    const char *text = texts[exit_code >> 16 & 0xfu];
    return text != 0 ? text : "unknown end";
}

#endif
