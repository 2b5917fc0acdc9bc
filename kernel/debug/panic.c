// SPDX-License-Identifier: MIT
// The end: what happened, where, what led to it, what the other CPUs were doing; then the machine
// stops. Book: chapter 2.
//
// The first CPU to panic owns the report and kicks the others. These come to panic_join, after the
// interrupt or from the loop in which they wait for a lock, and print their part when it is their
// turn. The owner waits for each with a limit, so that a CPU that is stuck costs some seconds and
// its part, no more. No lock is trusted: the log's is broken before the first line and whenever a
// CPU has not finished in its time.
//
// A fault inside the report prints one line and stops; a fault while printing that line just stops.
#include "kernel/debug/log.h"

#include "kernel/debug/trace.h"
#include "kernel/lib/printf.h"
#include <arch/cpu.h>
#include <arch/timer.h>
#include <string.h>

#define FRAMES_MAX   32u
#define EVENTS_SHOWN 8u            // of each CPU's trace ring
#define ARRIVE_NS    2000000000ull // for all CPUs to stop what they do
#define REPORT_NS    5000000000ull // for one to print its part

struct report {
    const char *message;              // NULL: this CPU has not failed itself
    const struct kernel_fault *fault; // NULL: not a fault
    vaddr_t frame_pointer;
};

static uint32_t owner;    // CPU number + 1 of the CPU that panicked first, 0 = none
static uint32_t arrived;  // bit per CPU: waits for its turn
static uint32_t turn;     // CPU number + 1 that may print its part
static uint32_t finished; // bit per CPU: has printed it
static uint32_t depth;    // of panics on the owner; its own
static bool power_off;    // set at boot

uint32_t (*panic_cpus_online)(void);
void (*panic_cpu_describe)(char *buf, size_t size);

void panic_set_power_off(bool on) { power_off = on; }

bool panic_in_progress(void) { return __atomic_load_n(&owner, __ATOMIC_RELAXED) != 0; }

// False if that is not an address in a function.
static bool print_frame(unsigned number, vaddr_t pc)
{
    uint64_t offset;
    const char *name = symbol_find(pc, &offset);
    if (name != NULL) {
        klog("  #%u %016lx %s+0x%lx", number, pc, name, offset);
    } else {
        klog("  #%u %016lx", number, pc);
    }
    return name != NULL;
}

// The start of the function; 0 outside all.
static vaddr_t function_of(vaddr_t pc)
{
    uint64_t offset;
    return symbol_find(pc, &offset) != NULL ? pc - offset : 0;
}

// A function that calls none has no frame record: then only the register tells who called it. In
// others that register may be old, and be in the function itself, or tell what the first record
// does.
static bool has_no_record(const struct kernel_fault *f)
{
    vaddr_t caller = function_of(f->return_address), pc = 0, frame_pointer = f->frame_pointer;
    return caller != 0 && caller != function_of(f->pc) &&
           (!arch_unwind(&pc, &frame_pointer) || caller != function_of(pc));
}

static void backtrace_print(const struct report *r)
{
    unsigned number = 0;
    vaddr_t pc, frame_pointer = r->frame_pointer;
    if (r->fault != NULL && (!print_frame(number++, r->fault->pc) || has_no_record(r->fault))) {
        print_frame(number++, r->fault->return_address); // who called, or jumped to where no code
                                                         // is
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

// What this CPU has to tell.
static void report_print(const struct report *r)
{
    char text[128] = "no thread yet";
    uint32_t cpu = this_cpu();
    if (r->message != NULL) {
        klog("PANIC on CPU %u: %s", cpu, r->message);
    }
    if (r->fault != NULL) {
        r->fault->registers_print(r->fault->frame);
    }
    if (panic_cpu_describe != NULL) {
        panic_cpu_describe(text, sizeof(text));
    }
    klog("CPU %u: %s", cpu, text);
    backtrace_print(r);
    klog("CPU %u: last events:", cpu);
    trace_print(cpu, EVENTS_SHOWN);
}

// --- the other CPUs -----------------------------------------------------------------------------

// Waits for the owner's sign, prints, stops. One that comes here again has failed while it printed,
// and leaves the rest to the owner.
static NORETURN void join(const struct report *r)
{
    uint32_t me = this_cpu(), bit = 1u << me;
    if ((__atomic_fetch_or(&arrived, bit, __ATOMIC_SEQ_CST) & bit) == 0) {
        while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != me + 1) {
            arch_relax();
        }
        report_print(r);
    }
    __atomic_fetch_or(&finished, bit, __ATOMIC_SEQ_CST);
    arch_halt();
}

void panic_join(void)
{
    uint32_t panicking = __atomic_load_n(&owner, __ATOMIC_RELAXED);
    if (panicking != 0 && panicking != this_cpu() + 1) {
        struct report r = {.frame_pointer = arch_frame_pointer()};
        join(&r);
    }
}

static bool wait_for(const uint32_t *mask, uint32_t bits, uint64_t ns)
{
    uint64_t end = arch_clock_ns() + ns;
    while ((__atomic_load_n(mask, __ATOMIC_ACQUIRE) & bits) != bits) {
        if (arch_clock_ns() > end) {
            return false;
        }
        arch_relax();
    }
    return true;
}

static void cpu_collect(uint32_t cpu)
{
    uint32_t bit = 1u << cpu;
    if ((__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) & bit) == 0) {
        klog("CPU %u: does not answer; last events:", cpu);
        trace_print(cpu, EVENTS_SHOWN);
        return;
    }
    __atomic_store_n(&turn, cpu + 1, __ATOMIC_RELEASE);
    if (!wait_for(&finished, bit, REPORT_NS)) {
        klog_panic_begin(); // it may hold the log's lock
        klog("CPU %u: has not finished its report", cpu);
    }
}

static void others_collect(uint32_t me)
{
    uint32_t others = panic_cpus_online != NULL ? panic_cpus_online() & ~(1u << me) : 0;
    (void)wait_for(&arrived, others, ARRIVE_NS);
    for (; others != 0; others &= others - 1) {
        cpu_collect((uint32_t)__builtin_ctz(others));
    }
}

// --- the owner ----------------------------------------------------------------------------------

// The report itself has failed. What failed first is told in one line, if that can be done.
static NORETURN void fail_again(const char *message)
{
    if (depth++ == 0) {
        console_write("panic inside a panic: ", 22);
        console_write(message, strlen(message));
        console_write("\n", 1);
    }
    if (depth > 2) {
        arch_halt(); // stopping fails, too
    }
    stop();
}

static NORETURN void report(const struct report *r)
{
    uint32_t none = 0, me = this_cpu();
    if (!__atomic_compare_exchange_n(&owner, &none, me + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        if (none != me + 1) {
            join(r);
        }
        fail_again(r->message);
    }
    arch_cpu_kick_others();
    klog_panic_begin();
    report_print(r);
    others_collect(me);
    klog("the system has stopped");
    stop();
}

void panic(const char *fmt, ...)
{
    char message[256];
    va_list ap;
    va_start(ap, fmt);
    kvsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    struct report r = {.message = message, .frame_pointer = arch_frame_pointer()};
    report(&r);
}

void panic_fault(const struct kernel_fault *fault, const char *fmt, ...)
{
    char message[256];
    va_list ap;
    va_start(ap, fmt);
    kvsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    struct report r = {.message = message, .fault = fault, .frame_pointer = fault->frame_pointer};
    report(&r);
}
