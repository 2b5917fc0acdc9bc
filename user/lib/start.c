// SPDX-License-Identifier: MIT
// From the first instruction to main: thread-local storage on the stack, then the start-up block's
// arguments and environment as C wants them, then constructors, main, exit. Also the lookup of
// handles by name (bullfinch/startup.h).

#include "user/lib/clock.h"
#include "user/lib/tls.h"
#include <bullfinch/startup.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define ARGS_MAX         256u
#define EXIT_BAD_STARTUP 125

int main(int argc, char **argv, char **envp);
void __libc_init_array(void);
_Noreturn void process_start(const struct startup_block *b, uint64_t unused,
                             struct msg_buffer *buffer);

static const struct startup_block *block;
static char *args[ARGS_MAX + 1];
static char *env[ARGS_MAX + 1];
extern char **environ;
extern uintptr_t __stack_chk_guard;

const struct startup_block *startup_block(void) { return block; }

const struct startup_handle *startup_handle_at(unsigned i)
{
    return i < block->handle_count ? &block->handles[i] : NULL;
}

handle_t startup_handle(const char *name)
{
    for (unsigned i = 0; i < block->handle_count; i++) {
        if (strcmp(block->handles[i].name, name) == 0) {
            return block->handles[i].handle;
        }
    }
    return HANDLE_NONE;
}

// Fills a NULL-terminated vector with the strings that follow each other at an offset of the block.
// Returns how many.
static int strings_split(uint32_t offset, uint32_t count, char **out)
{
    char *at = (char *)(uintptr_t)block + offset;
    if (count > ARGS_MAX) {
        count = ARGS_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = at;
        at += strlen(at) + 1;
    }
    out[count] = NULL;
    return (int)count;
}

// Not inlined: it uses thread-local variables, its caller sets up the thread pointer they hang on.
static _Noreturn __attribute__((noinline)) void program_run(const struct startup_block *b,
                                                            struct msg_buffer *buffer)
{
    ipc_buffer_set(buffer);
    if (b == NULL || b->magic != STARTUP_MAGIC || !clock_attach(b->vdso)) {
        sys_process_exit(EXIT_BAD_STARTUP);
    }
    // Changes under no function that will return. The lowest byte stays zero against strings.
    (void)sys_random_get((char *)&__stack_chk_guard + 1, sizeof(__stack_chk_guard) - 1);
    block = b;
    int argc = strings_split(b->args_offset, b->arg_count, args);
    (void)strings_split(b->env_offset, b->env_count, env);
    environ = env;
    __libc_init_array();
    exit(main(argc, args, env));
}

_Noreturn void process_start(const struct startup_block *b, uint64_t unused,
                             struct msg_buffer *buffer)
{
    (void)unused;
    // The first thread's block lives in this frame, which never returns.
    tls_begin(__builtin_alloca(tls_block_bytes()));
    program_run(b, buffer);
}
