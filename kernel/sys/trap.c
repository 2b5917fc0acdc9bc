// SPDX-License-Identifier: MIT
// Where traps from user mode arrive: system calls, faults, interrupts. Each returns the thread to
// run next. Book: chapters 2 and 20.
#include "kernel/debug/trace.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"

static const char *fault_text(enum fault_kind kind)
{
    static const char *const text[] = {
        [FAULT_NONE] = "no fault",
        [FAULT_READ] = "read of an address that is not readable",
        [FAULT_WRITE] = "write to an address that is not writable",
        [FAULT_EXECUTE] = "execution of an address that is not executable",
        [FAULT_ILLEGAL] = "illegal instruction",
        [FAULT_BREAKPOINT] = "breakpoint",
        [FAULT_ALIGNMENT] = "unaligned access",
        [FAULT_MEMORY] = "out of memory on first touch",
        [FAULT_BUS] = "bus error",
        [FAULT_OTHER] = "unknown exception",
        [FAULT_BAD_SYSCALL] = "unknown system call",
    };
    return (unsigned)kind < ARRAY_SIZE(text) ? text[kind] : "?";
}

static void fault_kill(struct thread *t, const struct fault_info *fault)
{
    trace(TRACE_FAULT, fault->address, fault->pc);
    klog("%s/%s: killed: %s: address 0x%lx, pc 0x%lx, cause 0x%lx", t->process->name, t->name,
         fault_text(fault->kind), fault->address, fault->pc, fault->cause);
    arch_thread_dump(&t->arch);
    process_die(t->process, EXIT_FAULT, 0, fault);
}

bool trap_syscall(struct thread *t)
{
    uint64_t number = arch_thread_syscall(&t->arch);
    uint64_t *args = thread_args(t);
    if (BF_DEBUG) {
        cpu_this()->syscalls++;
        trace(TRACE_SYSCALL, number, arch_thread_pc(&t->arch));
    }
    status_t s = syscall_table[number].dispatch(t, args);
    if (s == STATUS_RESTART) {
        arch_thread_restart_syscall(&t->arch);
        arch_interrupts_poll();
        return true;
    }
    if (s != STATUS_BLOCKED) {
        args[0] = (uint64_t)(int64_t)s;
    }
    return sched_due();
}

static unsigned fault_prot(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_READ: return PROT_READ;
    case FAULT_WRITE: return PROT_WRITE;
    case FAULT_EXECUTE: return PROT_EXEC;
    default: return 0;
    }
}

struct thread *trap_fault(struct thread *t, const struct fault_info *fault)
{
    struct fault_info f = *fault;
    if (f.kind == FAULT_BAD_SYSCALL) {
        f.address = f.cause = arch_thread_syscall(&t->arch);
    }
    unsigned prot = fault_prot(f.kind);
    status_t s = prot != 0 ? aspace_fault(&t->process->aspace, f.address, prot) : ERR_BAD_ADDRESS;
    if (s == OK) {
        t->memory_until_ns = 0;
    } else if (s != ERR_NO_MEMORY || !reaper_wait(t)) { // else the instruction runs again
        if (s == ERR_NO_MEMORY || s == ERR_QUOTA) {
            f.kind = FAULT_MEMORY;
        }
        fault_kill(t, &f);
    }
    return sched_due() ? sched_exit() : t;
}

struct thread *trap_interrupt(struct thread *t) { return sched_due() ? sched_exit() : t; }
