// SPDX-License-Identifier: MIT
// Host port: a clock that stands still until the test moves it.
#include "kernel/lib/clock.h"
#include <arch/timer.h>
#include <host.h>

static uint64_t now_ns, deadline_ns = DEADLINE_NEVER;

void arch_timer_init(const void *fdt) { (void)fdt; }
uint64_t arch_clock_ns(void) { return now_ns; }
const struct clock_scale *arch_clock_scale(void)
{
    static const struct clock_scale scale = {.ns = 1, .per = 1};
    return &scale;
}
void arch_timer_set(uint64_t ns) { deadline_ns = ns; }
void host_clock_set(uint64_t ns) { now_ns = ns; }
uint64_t host_timer_deadline(void) { return deadline_ns; }
