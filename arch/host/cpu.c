// SPDX-License-Identifier: MIT
// Host port: the CPU. Each host thread is the CPU that it chose (host_cpu_set), 0 at first.
#include <arch/cpu.h>
#include <host.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static struct arch_percpu cpus[HOST_CPUS];
static _Thread_local struct arch_percpu *current;

_Thread_local jmp_buf *host_panic_target;

void host_stop(const char *why)
{
    if (host_panic_target != NULL) {
        longjmp(*host_panic_target, 1);
    }
    fprintf(stderr, "host: the kernel stopped: %s\n", why);
    abort();
}

void host_cpu_set(uint32_t id)
{
    cpus[id].id = id;
    current = &cpus[id];
}

const char arch_name[] = "host";
void arch_cpu_init(struct arch_percpu *percpu) { current = percpu; }
struct arch_percpu *arch_percpu(void) { return current != NULL ? current : &cpus[0]; }
void arch_cpu_describe(char *buf, size_t size) { snprintf(buf, size, "host"); }

void (*host_interrupts)(void);
void (*host_idle)(void);

void arch_wait_for_interrupt(void)
{
    if (host_idle != NULL) {
        host_idle();
    } else {
        sched_yield();
    }
}

void arch_interrupts_poll(void)
{
    if (host_interrupts != NULL) {
        host_interrupts();
    }
}

bool arch_interrupt_pending(void) { return false; }
const bool arch_has_firmware_console = false;
void arch_firmware_putc(char c) { (void)c; }

void arch_halt(void) { host_stop("halt"); }
void arch_relax(void) { sched_yield(); }

uint64_t arch_cpu_hw_id(void) { return arch_percpu()->id; }
uintptr_t arch_cpu_stack_top(unsigned id) { return id == 0; } // not 0, and used by nobody
status_t arch_cpu_start(struct arch_percpu *percpu)
{
    (void)percpu;
    return ERR_NOT_SUPPORTED;
}
void arch_intc_init_cpu(void) {}
void arch_timer_init_cpu(void) {}
void arch_cpu_kick(const struct arch_percpu *target) { (void)target; }
void arch_cpu_kick_others(void) {}
void arch_fp_release(struct thread *t) { (void)t; }
void arch_cpu_off(void) { host_stop("CPU off"); }
bool arch_cpu_is_off(const struct arch_percpu *percpu)
{
    (void)percpu;
    return true;
}
void arch_power_off(void) { host_stop("power off"); }
void arch_restart(void) { host_stop("restart"); }

// The sanitizers print better backtraces than the kernel could.
bool arch_unwind(vaddr_t *pc, vaddr_t *frame_pointer)
{
    (void)pc;
    (void)frame_pointer;
    return false;
}
vaddr_t arch_frame_pointer(void) { return 0; }
