// SPDX-License-Identifier: MIT
// RISC-V: calls to the firmware. RISC-V Supervisor Binary Interface 1.0: chapter 3 (convention), 4
// (base), 5 (legacy), 6 (timer), 10 (system reset).
#include "kernel/lib/printf.h"
#include "port.h"

#define SBI_LEGACY_SET_TIMER 0x0
#define SBI_LEGACY_SHUTDOWN  0x8
#define SBI_BASE             0x10
#define SBI_TIME             0x54494d45
#define SBI_SRST             0x53525354

enum {
    BASE_SPEC_VERSION = 0,
    BASE_IMPL_ID = 1,
    BASE_IMPL_VERSION = 2,
    BASE_PROBE = 3,
    BASE_MVENDORID = 4
};
enum { SRST_SHUTDOWN = 0, SRST_COLD_REBOOT = 1 };

struct sbi_result sbi_call(unsigned long extension, unsigned long function, unsigned long arg0,
                           unsigned long arg1)
{
    register unsigned long a0 __asm__("a0") = arg0;
    register unsigned long a1 __asm__("a1") = arg1;
    register unsigned long a6 __asm__("a6") = function;
    register unsigned long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a6), "r"(a7) : "memory");
    return (struct sbi_result){(long)a0, (long)a1};
}

bool sbi_has(unsigned long extension)
{
    struct sbi_result r = sbi_call(SBI_BASE, BASE_PROBE, extension, 0);
    return r.error == 0 && r.value != 0;
}

void sbi_timer_set(uint64_t ticks)
{
    static enum { UNKNOWN, TIME, LEGACY } way;
    if (way == UNKNOWN) {
        way = sbi_has(SBI_TIME) ? TIME : LEGACY;
    }
    if (way == TIME) {
        (void)sbi_call(SBI_TIME, 0, ticks, 0);
    } else {
        (void)sbi_call(SBI_LEGACY_SET_TIMER, 0, ticks, 0);
    }
}

void sbi_shutdown(bool restart)
{
    if (sbi_has(SBI_SRST)) {
        (void)sbi_call(SBI_SRST, 0, restart ? SRST_COLD_REBOOT : SRST_SHUTDOWN, 0);
    }
    (void)sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0);
    arch_halt(); // firmware that can do neither
}

static unsigned long base_get(unsigned long function)
{
    struct sbi_result r = sbi_call(SBI_BASE, function, 0, 0);
    return r.error == 0 ? (unsigned long)r.value : 0;
}

void sbi_describe(char *buf, size_t size)
{
    unsigned long version = base_get(BASE_SPEC_VERSION);
    unsigned long impl = base_get(BASE_IMPL_ID);
    ksnprintf(buf, size, "SBI %lu.%lu (%s %lu.%lu), vendor 0x%lx", version >> 24 & 0x7f,
              version & 0xffffff, impl == 1 ? "OpenSBI" : "firmware",
              base_get(BASE_IMPL_VERSION) >> 16, base_get(BASE_IMPL_VERSION) & 0xffff,
              base_get(BASE_MVENDORID));
}
