// SPDX-License-Identifier: MIT
// RISC-V: the platform-level interrupt controller (RISC-V PLIC specification 1.0), and taking
// interrupts. Each line has a gateway; a context is one hart in one mode, and the boot hart's
// S-mode context gets everything: the other harts take no interrupts of devices, only kicks (SBI
// IPIs) and their timers.
//
// The gateway of a claimed line forwards nothing until the line is completed. So claiming masks the
// line for its driver, and arch_irq_unmask completes it. Completing at once and masking by the
// enable bit would not do: completion of a disabled line is ignored, and of an enabled one makes
// the gateway latch a second interrupt from a level that the driver has had no time to lower.
#include "kernel/debug/log.h"
#include "kernel/lib/devicetree.h"
#include "kernel/lib/spinlock.h"
#include "port.h"
#include <arch/intc.h>
#include <arch/mmu.h>
#include <libfdt.h>

#define PLIC_LINES_MAX      1024u
#define PLIC_PRIORITY       0x0u
#define PLIC_ENABLE         0x2000u
#define PLIC_ENABLE_STRIDE  0x80u
#define PLIC_CONTEXT        0x200000u
#define PLIC_CONTEXT_STRIDE 0x1000u
#define PLIC_THRESHOLD      0x0u
#define PLIC_CLAIM          0x4u
#define PLIC_CONTEXTS_MAX   15872u

static struct plic {
    volatile uint32_t *priority; // by line; line 0 does not exist
    volatile uint32_t *enable;   // of our context, a bit per line
    volatile uint32_t *context;
    uint32_t lines; // line numbers are below this
    // plic_lock, because a driver may unmask on any CPU: enable, and
    uint32_t in_service[PLIC_LINES_MAX / 32];
} plic;
static struct spinlock plic_lock = SPINLOCK_INIT("plic", LOCK_IRQ);

// The registers are little-endian words. The fences keep device accesses in order with those to
// memory (o, i = device output, input): what a driver wrote before unmasking is visible to the
// device, what the interrupt announces is read after the claim.
static uint32_t reg_read(const volatile uint32_t *reg)
{
    uint32_t v = *reg;
    __asm__ volatile("fence i, iorw" ::: "memory");
    return v;
}

static void reg_write(volatile uint32_t *reg, uint32_t v)
{
    __asm__ volatile("fence iorw, o" ::: "memory");
    *reg = v;
}

static int plic_node(const void *fdt)
{
    int node = fdt_node_offset_by_compatible(fdt, -1, "riscv,plic0");
    return node >= 0 ? node : fdt_node_offset_by_compatible(fdt, -1, "sifive,plic-1.0.0");
}

// interrupts-extended lists, per context, the hart's interrupt controller and the interrupt it
// raises there.
static uint32_t plic_context(const void *fdt, int node)
{
    int len, hart = cpu_interrupt_node(fdt);
    uint32_t phandle = hart < 0 ? 0 : fdt_get_phandle(fdt, hart);
    const fdt32_t *pairs = fdt_getprop(fdt, node, "interrupts-extended", &len);
    if (phandle == 0 || pairs == NULL) {
        panic("%s: no interrupts-extended, or hart %lu has no interrupt-controller with a phandle",
              fdt_get_name(fdt, node, NULL), boot_hart);
    }
    for (int i = 0; i + 1 < len / 4; i += 2) {
        if (fdt32_ld(&pairs[i]) == phandle && fdt32_ld(&pairs[i + 1]) == INTERRUPT_EXTERNAL) {
            return (uint32_t)i / 2;
        }
    }
    panic("%s: interrupts-extended names no supervisor context of hart %lu",
          fdt_get_name(fdt, node, NULL), boot_hart);
}

static volatile char *plic_map(const void *fdt, int node, uint32_t context)
{
    paddr_t base;
    uint64_t size, needed = PLIC_CONTEXT + (context + 1ull) * PLIC_CONTEXT_STRIDE;
    if (!devicetree_reg(fdt, node, 0, &base, &size)) {
        panic("%s: reg is missing or malformed", fdt_get_name(fdt, node, NULL));
    }
    if (context >= PLIC_CONTEXTS_MAX || size < needed) {
        panic("%s: reg is too small for context %u", fdt_get_name(fdt, node, NULL), context);
    }
    return arch_map_device(base, needed);
}

void arch_intc_init(const void *fdt)
{
    int node = plic_node(fdt);
    if (node < 0) {
        panic("no interrupt controller: the device tree has no riscv,plic0 or sifive,plic-1.0.0");
    }
    uint32_t last = devicetree_u32(fdt, node, "riscv,ndev", 0);
    if (last == 0 || last >= PLIC_LINES_MAX) {
        panic("%s: riscv,ndev is missing or out of range", fdt_get_name(fdt, node, NULL));
    }
    uint32_t context = plic_context(fdt, node);
    volatile char *base = plic_map(fdt, node, context);
    plic.lines = last + 1;
    plic.priority = (volatile uint32_t *)(base + PLIC_PRIORITY);
    plic.enable = (volatile uint32_t *)(base + PLIC_ENABLE + context * PLIC_ENABLE_STRIDE);
    plic.context = (volatile uint32_t *)(base + PLIC_CONTEXT + context * PLIC_CONTEXT_STRIDE);
    for (uint32_t line = 1; line < plic.lines; line++) {
        reg_write(&plic.priority[line], 1);
    }
    for (uint32_t word = 0; word <= plic.lines / 32; word++) {
        reg_write(&plic.enable[word], 0);
    }
    reg_write(&plic.context[PLIC_THRESHOLD / 4], 0);
    csr_set(sie, SIE_SEIE | SIE_SSIE);
    klog("interrupts: PLIC, %u lines, context %u", plic.lines, context);
}

void arch_intc_init_cpu(void) { csr_set(sie, SIE_SSIE); }

// What was written before is seen by who takes the interrupt (sbi_kick goes through device memory).
void arch_cpu_kick(const struct arch_percpu *target)
{
    __asm__ volatile("fence rw, iorw" ::: "memory");
    sbi_kick(target->hw_id);
}

void arch_cpu_kick_others(void)
{
    __asm__ volatile("fence rw, iorw" ::: "memory");
    sbi_kick_all(); // this one too, which then sees nothing to do
}

uint32_t arch_irq_count(void) { return plic.lines; }

bool arch_irq_valid(uint32_t line) { return line != 0 && line < plic.lines; }

// The PLIC's gateways are wired for their device's kind of signal; there is nothing to set.
void arch_irq_configure(uint32_t line, bool edge)
{
    (void)line;
    (void)edge;
}

void arch_irq_mask(uint32_t line)
{
    ASSERT(arch_irq_valid(line));
    volatile uint32_t *word = &plic.enable[line / 32];
    spin_lock(&plic_lock);
    reg_write(word, reg_read(word) & ~(1u << line % 32));
    spin_unlock(&plic_lock);
}

void arch_irq_unmask(uint32_t line)
{
    ASSERT(arch_irq_valid(line));
    volatile uint32_t *word = &plic.enable[line / 32];
    uint32_t bit = 1u << line % 32;
    spin_lock(&plic_lock);
    uint32_t enabled = reg_read(word);
    if ((enabled & bit) == 0) {
        reg_write(word, enabled | bit); // first: completion of a disabled line is ignored
    }
    if ((plic.in_service[line / 32] & bit) != 0) {
        plic.in_service[line / 32] &= ~bit;
        reg_write(&plic.context[PLIC_CLAIM / 4], line);
    }
    spin_unlock(&plic_lock);
}

static void external_poll(void)
{
    uint32_t line;
    while ((line = reg_read(&plic.context[PLIC_CLAIM / 4])) != 0) {
        ASSERT(line < plic.lines); // only lines of ours were enabled
        spin_lock(&plic_lock);
        plic.in_service[line / 32] |= 1u << line % 32;
        spin_unlock(&plic_lock);
        irq_fire(line);
    }
}

void arch_interrupts_poll(void)
{
    uint64_t pending;
    while ((pending = csr_read(sip) & csr_read(sie)) != 0) {
        if ((pending & SIE_SSIE) != 0) {
            csr_clear(sip, SIE_SSIE); // a kick: to have come here is all that it is for
            arch_percpu()->kicks++;
            panic_join();
        }
        if ((pending & SIE_STIE) != 0) {
            csr_clear(sie, SIE_STIE); // until arch_timer_set
            timer_interrupt();
        }
        if ((pending & SIE_SEIE) != 0) {
            external_poll();
        }
    }
}
