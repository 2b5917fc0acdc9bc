// SPDX-License-Identifier: MIT
// From a device's interrupt to the first instruction of its driver in another process. The device
// is the console's UART of QEMU's virt machines, made to interrupt by unmasking a transmitter that
// has nothing to do; the kernel polls it for its log and does not mind.
#include "tests/bench/bench/bench.h"

#if defined(__aarch64__)
// PL011 (Arm DDI 0183, section 3.3): the transmit interrupt stays raised, if masked, once a byte
// has gone.
#define UART_BASE   0x9000000ull
#define UART_LINE   33u
#define UART_MASK   (0x38u / sizeof(uart_register))
#define UART_UNMASK (1u << 5)
typedef volatile uint32_t uart_register;
#else
// 16550 (PC16550D data sheet, section 8.6): enabling the transmit interrupt with an empty holding
// register raises it.
#define UART_BASE   0x10000000ull
#define UART_LINE   10u
#define UART_MASK   1u
#define UART_UNMASK (1u << 1)
typedef volatile uint8_t uart_register;
#endif

#define PAGE 4096ull

// Shared by both sides.
struct shared {
    volatile uint64_t raised, seen; // the cycle counter when
};

static uart_register *uart;
static struct shared *shared;
static handle_t served;
static uint64_t spent;

static void *map_page(handle_t vmo)
{
    uint64_t base = 0;
    return sys_vmar_map(root_vmar, vmo, 0, 0, PAGE, VM_READ | VM_WRITE, &base) == OK
               ? (void *)(uintptr_t)base
               : NULL;
}

int bench_child_driver(void)
{
    handle_t irq = startup_handle("irq"), fired = startup_handle("fired"),
             done = startup_handle("served");
    uart_register *regs = map_page(startup_handle("uart"));
    struct shared *s = map_page(startup_handle("shared"));
    uint64_t bits;
    if (regs == NULL || s == NULL) {
        return 1;
    }
    while (sys_notification_wait(fired, DEADLINE_NEVER, &bits) == OK) {
        s->seen = cycles();
        regs[UART_MASK] = 0;
        if (sys_irq_ack(irq) != OK || sys_notification_signal(done, 1) != OK) {
            return 1;
        }
    }
    return 1;
}

static bool interrupts(unsigned rounds)
{
    uint64_t bits;
    spent = 0;
    for (unsigned i = 0; i < rounds; i++) {
        (void)sys_thread_yield(); // the driver goes to wait, or the interrupt would find it busy
        shared->raised = cycles();
        uart[UART_MASK] = UART_UNMASK;
        if (sys_notification_wait(served, DEADLINE_NEVER, &bits) != OK) {
            return false;
        }
        spent += shared->seen - shared->raised;
    }
    return true;
}

static bool measure(void)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i <= LOOPS; i++) { // the first is for warmth
        if (!interrupts(ROUNDS_OBJECT)) {
            return false;
        }
        best = i != 0 && spent < best ? spent : best;
    }
    bench_report("irq_to_driver", (best + ROUNDS_OBJECT / 2) / ROUNDS_OBJECT);
    return true;
}

static bool run(void)
{
    handle_t vmo, registers, irq, fired;
    struct spawn_result child;
    if (sys_vmo_create(PAGE, &vmo) != OK ||
        sys_vmo_create_physical(root_resource, UART_BASE, PAGE, CACHE_DEVICE, &registers) != OK ||
        sys_irq_create(root_resource, UART_LINE, IRQ_LEVEL, &irq) != OK ||
        sys_notification_create(&fired) != OK || sys_notification_create(&served) != OK ||
        sys_irq_bind(irq, fired, 1) != OK) {
        return false;
    }
    bool good = false;
    uart = map_page(registers);
    shared = map_page(vmo);
    struct child_handle give[] = {
        {"irq", irq}, {"fired", fired}, {"served", served}, {"uart", registers}, {"shared", vmo}};
    if (uart != NULL && shared != NULL && bench_child("driver", give, 5, &child) == OK) {
        good = measure();
        bench_child_end(&child);
    }
    (void)sys_handle_close(irq);
    return good;
}

void bench_irq(void)
{
    if (!run()) {
        bench_fail("irq_to_driver");
    }
}
