// SPDX-License-Identifier: MIT
// See tls.h. Nothing here may use a thread-local variable before tls_begin has returned.

#include "user/lib/tls.h"
#include <stdint.h>
#include <string.h>

// From the linker script: the initial image; sizes and alignment are the symbols' addresses.
extern const char __tls_start[];
extern const char __tls_file_size[];
extern const char __tls_size[];
extern const char __tls_align[];

#if defined(__aarch64__)
#define TLS_HEAD_BYTES 16u
static void thread_pointer_set(uintptr_t value)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(value) : "memory");
}
#elif defined(__riscv)
#define TLS_HEAD_BYTES 0u
static void thread_pointer_set(uintptr_t value)
{
    __asm__ volatile("mv tp, %0" : : "r"(value) : "memory");
}
#else
#error "no thread pointer known for this architecture"
#endif

static size_t tls_align(void)
{
    size_t align = (size_t)__tls_align;
    return align < 16 ? 16 : align;
}

static size_t align_up(size_t n, size_t align) { return (n + align - 1) & ~(align - 1); }

size_t tls_block_bytes(void)
{
    return tls_align() + align_up(TLS_HEAD_BYTES, tls_align()) + align_up((size_t)__tls_size, 16);
}

void tls_begin(void *memory)
{
    char *block = (char *)align_up((uintptr_t)memory, tls_align());
    char *variables = block + align_up(TLS_HEAD_BYTES, tls_align());
    size_t initialised = (size_t)__tls_file_size;
    memset(block, 0, (size_t)(variables - block));
    memcpy(variables, __tls_start, initialised);
    memset(variables + initialised, 0, (size_t)__tls_size - initialised);
    thread_pointer_set((uintptr_t)block);
}
