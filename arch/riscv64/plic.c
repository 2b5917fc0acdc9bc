// SPDX-License-Identifier: MIT
// RISC-V: the platform-level interrupt controller (RISC-V PLIC specification 1.0). Each line has a
// gateway; a context is one hart in one mode, and the boot hart's supervisor context gets
// everything.
//
// The gateway of a claimed line forwards nothing until the line is completed. So claiming masks the
// line for its driver, and unmasking completes it. Completing at once and masking by the
// enable bit would not do: completion of a disabled line is ignored, and of an enabled one makes
// the gateway latch a second interrupt from a level that the driver has had no time to lower.
#include "arch/riscv64/tree.h"
#include "kernel/debug/log.h"
#include "kernel/lib/spinlock.h"
#include "port.h"
#include <arch/intc.h>
#include <arch/mmu.h>

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
    uint32_t lines;
    // plic_lock, because a driver may unmask on any CPU: enable, and
    uint32_t in_service[TREE_LINES_MAX / 32];
} plic;
static struct spinlock plic_lock = SPINLOCK_INIT("plic", LOCK_IRQ);

static void plic_init(const struct tree_controller *node)
{
    uint64_t needed = PLIC_CONTEXT + (node->context + 1ull) * PLIC_CONTEXT_STRIDE;
    if (node->context >= PLIC_CONTEXTS_MAX || node->bytes < needed) {
        panic("device tree: %s: reg is too small for context %u", node->name, node->context);
    }
    volatile char *base = arch_map_device(node->base, needed);
    plic.lines = node->lines;
    plic.priority = (volatile uint32_t *)(base + PLIC_PRIORITY);
    plic.enable = (volatile uint32_t *)(base + PLIC_ENABLE + node->context * PLIC_ENABLE_STRIDE);
    plic.context = (volatile uint32_t *)(base + PLIC_CONTEXT + node->context * PLIC_CONTEXT_STRIDE);
    for (uint32_t line = 1; line < plic.lines; line++) {
        reg_write(&plic.priority[line], 1);
    }
    for (uint32_t word = 0; word <= (plic.lines - 1) / 32; word++) {
        reg_write(&plic.enable[word], 0);
    }
    reg_write(&plic.context[PLIC_THRESHOLD / 4], 0);
}

// The gateways are wired for their device's kind of signal; there is nothing to set.
static void plic_configure(uint32_t line, bool edge)
{
    (void)line;
    (void)edge;
}

static void plic_mask(uint32_t line)
{
    volatile uint32_t *word = &plic.enable[line / 32];
    spin_lock(&plic_lock);
    reg_write(word, reg_read(word) & ~(1u << line % 32));
    spin_unlock(&plic_lock);
}

static void plic_unmask(uint32_t line)
{
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

static uint32_t plic_claim(void)
{
    uint32_t line = reg_read(&plic.context[PLIC_CLAIM / 4]);
    if (line != 0) {
        ASSERT(line < plic.lines); // only lines of ours were enabled
        spin_lock(&plic_lock);
        plic.in_service[line / 32] |= 1u << line % 32;
        spin_unlock(&plic_lock);
    }
    return line;
}

const struct intc_driver plic_driver = {
    .name = "PLIC",
    .init = plic_init,
    .configure = plic_configure,
    .mask = plic_mask,
    .unmask = plic_unmask,
    .claim = plic_claim,
};
