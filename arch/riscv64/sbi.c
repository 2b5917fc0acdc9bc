// SPDX-License-Identifier: MIT
// RISC-V: calls to the firmware. RISC-V Supervisor Binary Interface 1.0: chapter 3 (convention), 4
// (base), 5 (legacy), 6 (timer), 7 (IPI), 8 (RFENCE), 9 (hart state), 10 (system reset).
#include "kernel/debug/log.h"
#include "kernel/lib/printf.h"
#include "port.h"

#define SBI_LEGACY_SET_TIMER 0x0
#define SBI_LEGACY_PUTCHAR   0x1
#define SBI_LEGACY_SHUTDOWN  0x8
#define SBI_DBCN             0x4442434e
#define SBI_BASE             0x10
#define SBI_TIME             0x54494d45
#define SBI_IPI              0x735049
#define SBI_RFENCE           0x52464e43
#define SBI_HSM              0x48534d
#define SBI_SRST             0x53525354

enum {
    BASE_SPEC_VERSION = 0,
    BASE_IMPL_ID = 1,
    BASE_IMPL_VERSION = 2,
    BASE_PROBE = 3,
    BASE_MVENDORID = 4
};
enum { SRST_SHUTDOWN = 0, SRST_COLD_REBOOT = 1 };
enum { DBCN_WRITE_BYTE = 2 };
enum { HSM_START = 0, HSM_STOP = 1, HSM_STATUS = 2 };
enum { HART_STOPPED = 1 };
enum { RFENCE_I = 0, RFENCE_VMA = 1, RFENCE_VMA_ASID = 2 };

#define ALL_HARTS             (~0ul) // as hart_mask_base
#define SBI_NOT_SUPPORTED     (-2)
#define SBI_ALREADY_AVAILABLE (-6)
#define EVERY_ADDRESS         (~0ul)

static struct sbi_result call5(unsigned long extension, unsigned long function,
                               const unsigned long *args)
{
    register unsigned long a0 __asm__("a0") = args[0];
    register unsigned long a1 __asm__("a1") = args[1];
    register unsigned long a2 __asm__("a2") = args[2];
    register unsigned long a3 __asm__("a3") = args[3];
    register unsigned long a4 __asm__("a4") = args[4];
    register unsigned long a6 __asm__("a6") = function;
    register unsigned long a7 __asm__("a7") = extension;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1)
                     : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
                     : "memory");
    return (struct sbi_result){(long)a0, (long)a1};
}

struct sbi_result sbi_call(unsigned long extension, unsigned long function, unsigned long arg0,
                           unsigned long arg1)
{
    const unsigned long args[5] = {arg0, arg1};
    return call5(extension, function, args);
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

const bool arch_has_firmware_console = true;

void arch_firmware_putc(char c)
{
    if (sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)c, 0).error == SBI_NOT_SUPPORTED) {
        (void)sbi_call(SBI_DBCN, DBCN_WRITE_BYTE, (unsigned char)c, 0);
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

bool sbi_has_cpus(void) { return sbi_has(SBI_HSM) && sbi_has(SBI_IPI) && sbi_has(SBI_RFENCE); }

status_t sbi_hart_start(uint64_t hart, paddr_t entry, void *context)
{
    const unsigned long args[5] = {hart, entry, (uintptr_t)context};
    long error = call5(SBI_HSM, HSM_START, args).error;
    if (error == 0 || error == SBI_ALREADY_AVAILABLE) { // it runs: it waits in start.S (hart_waits)
        return OK;
    }
    return error == SBI_NOT_SUPPORTED ? ERR_NOT_SUPPORTED : ERR_IO;
}

void sbi_hart_stop(void)
{
    (void)sbi_call(SBI_HSM, HSM_STOP, 0, 0); // returns only if firmware refuses
    arch_halt();
}

bool sbi_hart_is_stopped(uint64_t hart)
{
    struct sbi_result r = sbi_call(SBI_HSM, HSM_STATUS, hart, 0);
    return r.error == 0 && r.value == HART_STOPPED;
}

void sbi_kick(uint64_t hart) { (void)sbi_call(SBI_IPI, 0, 1, hart); }

void sbi_kick_all(void)
{
    if (cpu_records_count > 1) {
        (void)sbi_call(SBI_IPI, 0, 0, ALL_HARTS);
    }
}

// One call for each 64 hart ids, of which the lowest wanted one is the base: almost always one.
static void fence(uint32_t cpus, unsigned long function, vaddr_t start, uint64_t bytes,
                  uint64_t asid)
{
    while (cpus != 0) {
        uint64_t base = cpu_records[__builtin_ctz(cpus)]->hw_id;
        unsigned long harts = 0;
        for (uint32_t left = cpus; left != 0; left &= left - 1) {
            unsigned cpu = (unsigned)__builtin_ctz(left);
            uint64_t distance = cpu_records[cpu]->hw_id - base; // huge for those below
            if (distance < 64) {
                harts |= 1ul << distance;
                cpus &= ~(1u << cpu);
            }
        }
        const unsigned long args[5] = {harts, base, start, bytes, asid};
        struct sbi_result r = call5(SBI_RFENCE, function, args);
        if (r.error != 0) {
            panic("firmware refuses a remote fence: function %lu, harts 0x%lx from %lu, error %ld",
                  function, harts, base, r.error);
        }
    }
}

void sbi_fence_i(uint32_t cpus) { fence(cpus, RFENCE_I, 0, 0, 0); }

void sbi_fence_all(uint32_t cpus) { fence(cpus, RFENCE_VMA, 0, EVERY_ADDRESS, 0); }

void sbi_fence_range(uint32_t cpus, vaddr_t start, uint64_t bytes, uint64_t asid)
{
    fence(cpus, RFENCE_VMA_ASID, start, bytes, asid);
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
