// SPDX-License-Identifier: MIT
// The kernel log (a ring of text that dmesg shows), the early console behind it, panic and
// assertions.
#ifndef KERNEL_DEBUG_LOG_H
#define KERNEL_DEBUG_LOG_H

#include "kernel/lib/types.h"

// Appends "[seconds.micros] text\n" to the ring and, until the console is released, to the early
// console. Any context.
void klog(const char *fmt, ...) PRINTF_LIKE(1, 2);
// A line in the name of a user process: "[seconds.micros] name: text\n". Control characters other
// than tab are shown as '?'.
void klog_user(const char *name, const char *text, size_t len);
// Copies log bytes from *position (moved up to the oldest kept byte) and advances it; returns bytes
// copied. buf is kernel memory.
size_t klog_read(uint64_t *position, char *buf, size_t len);
// Panic only: the log works from here on although this or another CPU may have stopped in the
// middle of a line.
void klog_panic_begin(void);

// Early console: finds the UART of /chosen stdout-path (PL011 or NS16550) in the device tree and
// maps it. Returns false if it knows no such device; console_write then does nothing.
bool console_init(const void *fdt);
extern char console_description[];                // which device it is, or why there is none
void console_write(const char *text, size_t len); // polled; for klog and panic
void console_release(void);                       // klog stops echoing; panic takes the device back
void console_quiet(void);  // bootarg "quiet": klog does not echo from the start
void console_take(void);   // panics, last words: echo again, whoever owns the device
bool console_echoes(void); // whether klog writes to it

// Prints the message and a symbolised backtrace, then stops the machine (power off with bootarg
// panic=off, else halt). A panic inside a panic prints one line and stops.
NORETURN void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);
bool panic_in_progress(void);
// Stops this CPU for good if another one panics. The port calls it after every interrupt, and so
// does who waits for a lock.
void panic_join(void);
void panic_set_power_off(bool on); // bootarg panic=off

// Release builds keep ASSERT; DEBUG_ASSERT is compiled only when BF_DEBUG is 1.
#define ASSERT(cond)                                                         \
    do {                                                                     \
        if (__builtin_expect(!(cond), 0)) {                                  \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
        }                                                                    \
    } while (0)
#define DEBUG_ASSERT(cond) \
    do {                   \
        if (BF_DEBUG) {    \
            ASSERT(cond);  \
        }                  \
    } while (0)

// Symbol names from the table that the build puts into the image.
const char *symbol_find(vaddr_t pc, uint64_t *offset); // NULL if unknown
// Logs pc (0: none), then the callers found from the frame pointer.
void backtrace_print(vaddr_t pc, vaddr_t frame_pointer);

#endif
