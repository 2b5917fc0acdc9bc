// SPDX-License-Identifier: MIT
// What host tests may ask of the host port, which runs portable kernel code as a Linux process:
// memory that plays the machine's RAM, a clock that stands still until it is moved, a choice of
// CPU, and panics that can be expected.
//
// The port is split so that a test links only what it needs (its line `// sources:`):
//     arch/host/debug.c    panic and klog, unless the test links kernel/debug/
//     arch/host/cpu.c      current CPU, halt
//     arch/host/timer.c    the clock
//     arch/host/physmap.c  RAM, kernel image, device registers
//     arch/host/aspace.c   page tables and user copies (needs kernel/mm/aspace.c or the test's own
//     callbacks) arch/host/trap.c     thread registers arch/host/intc.c     interrupt lines
#ifndef ARCH_HOST_HOST_H
#define ARCH_HOST_HOST_H

#include "kernel/lib/types.h"
#include <setjmp.h>

// --- RAM (physmap.c). Physical addresses start at HOST_RAM_BASE, and the kernel image is the first
// HOST_IMAGE_BYTES of it.
#define HOST_RAM_BASE    0x40000000ull
#define HOST_IMAGE_BYTES 0x10000ull

struct boot_info;

// Gives the machine RAM, zeroed; whole pages. Replaces RAM given before.
void host_ram_init(size_t bytes);
// The same at another address. More than 1 GiB is memory that exists where it is touched, and the
// address sanitizer does not guard its ends.
void host_ram_init_at(paddr_t base, size_t bytes);
// Describes that RAM as one region, with the kernel image reserved.
void host_boot_info(struct boot_info *boot);
// Registers of the next arch_map_device calls: `regs` stands for physical address pa.
void host_device_set(paddr_t pa, volatile void *regs, size_t bytes);

// --- CPU (cpu.c): which CPU the calling host thread is, 0 at first.
#define HOST_CPUS 8u
void host_cpu_set(uint32_t id);
// What happens when the kernel looks for interrupts, and when it has nothing to do (which may leave
// with longjmp: no lock is held then). NULL: nothing.
extern void (*host_interrupts)(void);
extern void (*host_idle)(void);

// --- Clock (timer.c)
void host_clock_set(uint64_t ns);
uint64_t host_timer_deadline(void); // last arch_timer_set

// --- Interrupt lines (intc.c)
bool host_irq_masked(uint32_t line);

// --- Panics: HOST_PANICS(statement) is whether the statement panics (or halts). The message is
// then in host_panic_message.
extern _Thread_local jmp_buf *host_panic_target;
extern char host_panic_message[256];
NORETURN void host_stop(const char *why); // what arch_halt, arch_power_off and the host's panic do

#define HOST_PANICS(statement)          \
    __extension__({                     \
        jmp_buf target_;                \
        volatile bool panicked_ = true; \
        host_panic_target = &target_;   \
        if (setjmp(target_) == 0) {     \
            statement;                  \
            panicked_ = false;          \
        }                               \
        host_panic_target = NULL;       \
        panicked_;                      \
    })

// Lines logged so far through the klog of debug.c, and the last of them.
extern unsigned host_log_lines;
extern char host_log_last[512];

#endif
