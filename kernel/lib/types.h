// SPDX-License-Identifier: MIT
// Scalar types of the kernel. Physical and user addresses are types of their own, so that using one
// as a pointer does not compile (uaddr_t) or stands out (paddr_t).
#ifndef KERNEL_LIB_TYPES_H
#define KERNEL_LIB_TYPES_H

#include "abi/types.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;
typedef uint64_t vaddr_t; // kernel or user virtual address as a number
typedef struct {
    uint64_t va;
} uaddr_t; // address given by a user program: only arch_copy_* may follow it

#define PAGE_SHIFT 12u
#define PAGE_SIZE  4096ull
#define PAGE_MASK  (PAGE_SIZE - 1)

// A syscall body may return these two besides the public statuses; they never reach user space.
#define STATUS_BLOCKED \
    ((status_t) - 1000) // the caller's thread is blocked; whoever wakes it sets its results
#define STATUS_RESTART \
    ((status_t) - 1001) // run the same system call again, after pending interrupts

// Every function that returns a status must have it looked at.
#define MUST_CHECK             __attribute__((warn_unused_result))
#define NORETURN               __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

static inline uint64_t align_down(uint64_t v, uint64_t a) { return v & ~(a - 1); }
static inline uint64_t align_up(uint64_t v, uint64_t a) { return (v + a - 1) & ~(a - 1); }

// [start, start + len) inside [0, limit), without overflow.
static inline bool range_within(uint64_t start, uint64_t len, uint64_t limit)
{
    return start <= limit && len <= limit - start;
}

#endif
