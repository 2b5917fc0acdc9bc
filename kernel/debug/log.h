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

// Early console: finds the UART of /chosen stdout-path (PL011 or NS16550) in the device tree (NULL
// if it is damaged) and maps it. Returns false if it knows no such device; console_write then uses
// the firmware's console, if it has one.
bool console_init(const void *fdt);
// For the boot CPU's last message, about a tree that cannot be used: if no console was found and
// the firmware has none, takes the PL011 that can still be made out in the tree
// (devicetree_salvage). DEVICETREE_BYTES_MAX bytes at `fdt` must be mapped.
void console_salvage(const void *fdt);
extern char console_description[];                // which device it is, or why there is none
void console_write(const char *text, size_t len); // polled; for klog and panic
void console_release(void);                       // klog stops echoing; panic takes the device back
void console_quiet(void);  // bootarg "quiet": klog does not echo from the start
void console_take(void);   // panics, last words: echo again, whoever owns the device
bool console_echoes(void); // whether klog writes to it

// Prints the message, a symbolised backtrace, the last events of the trace ring, and the same for
// every other CPU; then stops the machine (power off with bootarg panic=off, else halt). A panic
// inside a panic prints one line and stops. Any context.
NORETURN void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);
// The same for a fault of the kernel's own, with its registers; the backtrace begins at its pc.
struct kernel_fault {
    vaddr_t pc, frame_pointer;
    vaddr_t return_address; // register; names the caller where no frame record does
    const void *frame;      // for registers_print, the port's, which logs a few lines
    void (*registers_print)(const void *frame);
};
NORETURN void panic_fault(const struct kernel_fault *fault, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool panic_in_progress(void);
// If another CPU panics: tells what this one was doing, when it is its turn, and stops it for good.
// The port calls it after every kick, and so does who waits for a lock.
void panic_join(void);
// Set by the layers that know: a bit for every CPU that runs, and what this CPU is doing ("idle",
// the thread). Neither takes a lock.
extern uint32_t (*panic_cpus_online)(void);
extern void (*panic_cpu_describe)(char *buf, size_t size);
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

// The stack protector's guard becomes random: by a function that never returns and calls this right
// after random_seed, before other CPUs run.
void stack_guard_init(void) __attribute__((no_stack_protector));

// The function that holds an address, from the table that the build puts into the image; NULL if it
// is not in the kernel's text.
const char *symbol_find(vaddr_t pc, uint64_t *offset);

#endif
