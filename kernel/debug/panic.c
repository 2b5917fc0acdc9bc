// SPDX-License-Identifier: MIT
// The end: message, backtrace, stop. The first CPU to panic reports and kicks the others, which
// halt (panic_join); another one that panics meanwhile halts; the same one panicking again (the
// report itself ran into the fault) prints one line and stops.
#include "kernel/debug/log.h"

#include "kernel/lib/printf.h"
#include <arch/cpu.h>
#include <string.h>

#define FRAMES_MAX 32u

static uint32_t owner; // CPU number + 1 of the panicking CPU, 0 = none; atomic
static bool power_off; // set at boot

void panic_set_power_off(bool on) { power_off = on; }

bool panic_in_progress(void) { return __atomic_load_n(&owner, __ATOMIC_RELAXED) != 0; }

static void print_frame(unsigned number, vaddr_t pc)
{
    uint64_t offset;
    const char *name = symbol_find(pc, &offset);
    if (name != NULL) {
        klog("  #%u %016lx %s+0x%lx", number, pc, name, offset);
    } else {
        klog("  #%u %016lx", number, pc);
    }
}

void backtrace_print(vaddr_t pc, vaddr_t frame_pointer)
{
    unsigned number = 0;
    if (pc != 0) {
        print_frame(number++, pc);
    }
    while (number < FRAMES_MAX && arch_unwind(&pc, &frame_pointer)) {
        print_frame(number++, pc);
    }
}

static NORETURN void stop(void)
{
    if (power_off) {
        arch_power_off();
    }
    arch_halt();
}

static uint32_t this_cpu(void)
{
    const struct arch_percpu *percpu = arch_percpu();
    return percpu != NULL ? percpu->id : 0;
}

void panic_join(void)
{
    uint32_t panicking = __atomic_load_n(&owner, __ATOMIC_RELAXED);
    if (panicking != 0 && panicking != this_cpu() + 1) {
        arch_halt();
    }
}

void panic(const char *fmt, ...)
{
    char message[256];
    va_list ap;
    va_start(ap, fmt);
    kvsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);

    uint32_t none = 0, me = this_cpu() + 1;
    if (!__atomic_compare_exchange_n(&owner, &none, me, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        if (none != me) {
            arch_halt();
        }
        console_write("panic inside a panic: ", 22);
        console_write(message, strlen(message));
        console_write("\n", 1);
        stop();
    }
    arch_cpu_kick_others();
    klog_panic_begin();
    klog("PANIC on CPU %u: %s", me - 1, message);
    backtrace_print(0, arch_frame_pointer());
    stop();
}
