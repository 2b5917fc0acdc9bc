// SPDX-License-Identifier: MIT
// Host port: thread registers, which nothing runs with.
#include <arch/trap.h>
#include <host.h>

#define SYSCALL_BYTES 4u // length of the system call instruction

uint64_t *arch_thread_args(struct arch_thread *t) { return t->args; }
uint64_t arch_thread_syscall(const struct arch_thread *t) { return t->number; }
uint64_t arch_thread_extra(const struct arch_thread *t) { return t->extra; }
void arch_thread_set_extra(struct arch_thread *t, uint64_t v) { t->extra = v; }
uint64_t arch_thread_pc(const struct arch_thread *t) { return t->pc; }
void arch_thread_restart_syscall(struct arch_thread *t) { t->pc -= SYSCALL_BYTES; }

void arch_thread_init(struct arch_thread *t, uint64_t pc, uint64_t sp, uint64_t a0, uint64_t a1,
                      uint64_t a2)
{
    *t = (struct arch_thread){.args = {a0, a1, a2}, .pc = pc, .sp = sp, .full = true};
}

void arch_thread_fini(struct arch_thread *t) { (void)t; }
void arch_thread_dump(const struct arch_thread *t) { (void)t; }

void arch_thread_enter(struct thread *t)
{
    (void)t;
    host_stop("entered user mode");
}
