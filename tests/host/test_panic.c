// SPDX-License-Identifier: MIT
// Panics and the symbol table. Each panic runs in a process of its own, because a kernel panics
// only once.
//
// sources: kernel/debug/panic.c kernel/debug/trace.c kernel/debug/symbols.c kernel/debug/log.c kernel/lib/printf.c kernel/lib/spinlock.c arch/host/physmap.c
#include "cm.h"

#include "kernel/debug/log.h"
#include "kernel/debug/trace.h"
#include "kernel/lib/spinlock.h"
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The machine: how it stopped is the exit code, the console is standard output.
enum { HALTED = 40, POWERED_OFF = 41 };

static _Thread_local struct arch_percpu cpu;
static _Thread_local bool other; // a CPU that does not panic
static _Thread_local unsigned frames;
static bool nested, console_fails;

struct arch_percpu *arch_percpu(void) { return &cpu; }
void arch_relax(void) {}

uint64_t arch_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void arch_cpu_kick_others(void) {}
void arch_halt(void)
{
    while (other) { // it waits for the end of the process
        pause();
    }
    _exit(HALTED);
}
void arch_power_off(void) { _exit(POWERED_OFF); }
vaddr_t arch_frame_pointer(void) { return 0; }

bool arch_unwind(vaddr_t *pc, vaddr_t *frame_pointer)
{
    (void)frame_pointer;
    if (nested) {
        nested = false;
        panic("while unwinding");
    }
    *pc = (vaddr_t)kernel_image_start + 0x100 * frames + 4;
    return frames++ < 3;
}

void console_write(const char *text, size_t len)
{
    if (console_fails) {
        console_fails = false;
        panic("in the console");
    }
    assert_int_equal(write(STDOUT_FILENO, text, len), (ssize_t)len);
}
bool console_echoes(void) { return true; }
void console_take(void) {}

// Functions at 0x100 (alpha) and 0x200 (beta); nothing is known about what lies below.
__asm__(".section .rodata\n"
        ".balign 8\n"
        ".globl ksyms_start\n"
        "ksyms_start:\n"
        ".4byte 2\n"
        ".4byte 0x100, 0x200\n"
        ".4byte 0, 6\n"
        ".asciz \"alpha\"\n"
        ".asciz \"beta\"\n"
        ".balign 8\n"
        ".globl ksyms_end\n"
        "ksyms_end:\n"
        ".text\n");

// Runs `body` in a child; returns how it stopped and what it printed.
static int run(void (*body)(void), char *printed, size_t size)
{
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDOUT_FILENO);
        alarm(10); // a deadlock is a failure
        body();
        _exit(0);
    }
    close(pipe_ends[1]);
    size_t n = 0;
    ssize_t got;
    while ((got = read(pipe_ends[0], printed + n, size - 1 - n)) > 0) {
        n += (size_t)got;
    }
    printed[n] = '\0';
    close(pipe_ends[0]);
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void plain_panic(void)
{
    cpu.id = 2;
    panic("page %u is free twice", 7u);
}

static void a_panic_prints_message_and_backtrace_and_halts(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run(plain_panic, out, sizeof(out)), HALTED);
    assert_non_null(strstr(out, "PANIC on CPU 2: page 7 is free twice\n"));
    assert_non_null(strstr(out, "alpha+0x4\n"));
    assert_non_null(strstr(out, "beta+0x4\n"));
}

static void power_off_panic(void)
{
    panic_set_power_off(true);
    panic("enough");
}

static void with_panic_off_the_machine_powers_off(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run(power_off_panic, out, sizeof(out)), POWERED_OFF);
}

static void nested_panic(void)
{
    nested = true;
    panic("first");
}

static void a_panic_inside_a_panic_prints_one_line_and_stops(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run(nested_panic, out, sizeof(out)), HALTED);
    assert_non_null(strstr(out, "PANIC on CPU 0: first\n"));
    assert_non_null(strstr(out, "panic inside a panic: while unwinding\n"));
}

static struct spinlock random_lock = SPINLOCK_INIT("any", LOCK_LOG);

static void panic_with_a_lock(void)
{
    spin_lock(&random_lock); // of the log's rank: logging now breaks the order
    panic("locked");
}

static void a_panic_reports_whatever_locks_are_held(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run(panic_with_a_lock, out, sizeof(out)), HALTED);
    assert_non_null(strstr(out, "PANIC on CPU 0: locked\n"));
}

static void panic_while_logging(void)
{
    console_fails = true;
    klog("a line that the console does not survive");
}

static void a_panic_while_logging_still_reports(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run(panic_while_logging, out, sizeof(out)), HALTED);
    assert_non_null(strstr(out, "PANIC on CPU 0: in the console\n"));
}

// --- the other CPUs, played by threads

static atomic_uint answering; // bit per CPU

static uint32_t four_cpus(void) { return 0xf; }

static void describe(char *buf, size_t size) { snprintf(buf, size, "busy with %u", cpu.id); }

static void *other_cpu(void *id)
{
    cpu.id = (uint32_t)(uintptr_t)id;
    other = true;
    atomic_fetch_or(&answering, 1u << cpu.id);
    for (;;) {
        panic_join();
    }
}

static void panic_among_four(void)
{
    panic_cpus_online = four_cpus;
    panic_cpu_describe = describe;
    pthread_t thread;
    cpu.id = 1;
    for (uintptr_t id = 0; id < 3; id++) { // CPU 3 never answers
        if (id != 1) {
            assert_int_equal(pthread_create(&thread, NULL, other_cpu, (void *)id), 0);
        }
    }
    while (atomic_load(&answering) != 5) {
    }
    trace(TRACE_IRQ, 33, 0);
    panic("enough");
}

static void every_cpu_that_answers_tells_what_it_did(void **state)
{
    (void)state;
    char out[4096];
    assert_int_equal(run(panic_among_four, out, sizeof(out)), HALTED);
    const char *at = out;
    const char *const parts[] = {
        "PANIC on CPU 1: enough\n", "CPU 1: busy with 1\n",   "CPU 1: last events:\n",
        "interrupt line 33\n",      "CPU 0: busy with 0\n",   "CPU 0: last events:\n",
        "CPU 2: busy with 2\n",     "CPU 3: does not answer", "the system has stopped\n"};
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        at = strstr(at, parts[i]);
        assert_non_null(at);
    }
}

static void failed_assertion(void) { ASSERT(1 + 1 == 3); }

static void an_assertion_names_itself(void **state)
{
    (void)state;
    char out[2048];
    assert_int_equal(run(failed_assertion, out, sizeof(out)), HALTED);
    assert_non_null(strstr(out, "assertion failed: 1 + 1 == 3"));
}

static void symbols_are_found_from_their_first_to_their_last_byte(void **state)
{
    (void)state;
    vaddr_t start = (vaddr_t)kernel_image_start;
    uint64_t offset = 99;
    assert_null(symbol_find(start + 0xff, &offset));
    assert_null(symbol_find(start - 1, &offset));
    assert_null(symbol_find((vaddr_t)kernel_text_end, &offset));
    assert_int_equal(offset, 99);
    assert_string_equal(symbol_find(start + 0x100, &offset), "alpha");
    assert_int_equal(offset, 0);
    assert_string_equal(symbol_find(start + 0x1ff, &offset), "alpha");
    assert_int_equal(offset, 0xff);
    assert_string_equal(symbol_find(start + 0x200, &offset), "beta");
    assert_string_equal(symbol_find((vaddr_t)kernel_text_end - 1, &offset), "beta");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_panic_prints_message_and_backtrace_and_halts),
        cmocka_unit_test(with_panic_off_the_machine_powers_off),
        cmocka_unit_test(a_panic_inside_a_panic_prints_one_line_and_stops),
        cmocka_unit_test(a_panic_reports_whatever_locks_are_held),
        cmocka_unit_test(a_panic_while_logging_still_reports),
        cmocka_unit_test(every_cpu_that_answers_tells_what_it_did),
        cmocka_unit_test(an_assertion_names_itself),
        cmocka_unit_test(symbols_are_found_from_their_first_to_their_last_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
