// SPDX-License-Identifier: MIT
// ARM64: what the files of the port share among themselves; nothing outside arch/arm64 includes it.
#ifndef ARM64_PORT_H
#define ARM64_PORT_H

#include "kernel/lib/types.h"
#include <arch/cpu.h>
#include <arch/trap.h>

#define sysreg_read(name)                                 \
    ({                                                    \
        uint64_t value_;                                  \
        __asm__ volatile("mrs %0, " name : "=r"(value_)); \
        value_;                                           \
    })
#define sysreg_write(name, value) \
    __asm__ volatile("msr " name ", %x0" : : "rZ"((uint64_t)(value)) : "memory")

static inline void isb(void) { __asm__ volatile("isb" : : : "memory"); }
static inline void dsb_ish(void) { __asm__ volatile("dsb ish" : : : "memory"); }
static inline void dsb_ishst(void) { __asm__ volatile("dsb ishst" : : : "memory"); }

// Four-bit field of an ID register.
static inline unsigned id_field(uint64_t value, unsigned shift)
{
    return (unsigned)(value >> shift) & 0xf;
}

// start.S, boot_tables.c
#define DEVICE_WINDOW_TABLES 2u // of 2 MiB each
extern uint64_t boot_device_l2[512];
extern uint64_t boot_device_l3[DEVICE_WINDOW_TABLES][512];
extern uint64_t boot_image_pa;
extern uint64_t boot_ticks;  // the counter when the kernel was entered
extern char kernel_stacks[]; // KERNEL_STACK_BLOCK bytes per CPU
void mmu_replace_tables(paddr_t root, paddr_t empty, uint64_t image_delta);
extern uint64_t mmu_empty_table[512];
extern paddr_t mmu_root;        // of TTBR1, once arch_mmu_init is done
void secondary_map_build(void); // boot_tables.c: what secondary_entry turns its MMU on with
extern char secondary_entry[];

// Registers of kernel code that took an exception, on its stack. vectors.S knows the offsets.
struct kernel_frame {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc, pstate;
    uint64_t esr, far;
    uint64_t record[2]; // frame record that leads the backtrace to the interrupted function
};
static_assert(offsetof(struct kernel_frame, esr) == 272, "vectors.S");
static_assert(sizeof(struct kernel_frame) == 304, "vectors.S");

// trap.c, called by vectors.S
struct thread *arm64_user_fault(struct arch_thread *t);
struct thread *arm64_user_interrupt(struct arch_thread *t);
struct thread *arm64_user_serror(struct arch_thread *t);
struct thread *arm64_user_aarch32(struct arch_thread *t);
void arm64_kernel_sync(struct kernel_frame *f);
NORETURN void arm64_kernel_unexpected(struct kernel_frame *f, uint64_t vector);
NORETURN void arm64_stack_overflow(struct kernel_frame *f);
extern char arm64_vectors[], arm64_uaccess_start[], arm64_uaccess_end[], arm64_uaccess_fail[];

// fpu.c, fpu.S
#define CPACR_FP_ON (3ull << 20)
bool fpu_present(void);
void fpu_take(struct arch_thread *t); // t used FP while it was off: makes it the owner
void fpu_save(struct arch_thread *t);
void fpu_load(const struct arch_thread *t);

// intc.c: the driver of one kind of controller.
struct tree_controller;
struct intc_driver {
    const char *name;
    void (*init)(const struct tree_controller *node,
                 uint32_t *lines);              // every line masked; sets the number of lines
    void (*set_edge)(uint32_t line, bool edge); // the line is masked
    void (*mask)(uint32_t line);                // has taken effect on return
    void (*unmask)(uint32_t line);
    uint32_t (*acknowledge)(void); // >= INTC_SPURIOUS: none pending
    void (*end)(uint32_t acknowledged);
    // Several CPUs. cpu_find runs on the boot CPU, before that CPU starts: whether the controller
    // serves it. cpu_init runs on the CPU itself.
    bool (*cpu_find)(const struct arch_percpu *cpu);
    void (*cpu_init)(void);
    void (*kick)(const struct arch_percpu *cpu); // INTC_KICK_LINE becomes pending there
    void (*kick_others)(void);
};
#define INTC_SPURIOUS           1020u
#define INTC_PPI_FIRST          16u
#define INTC_SPI_FIRST          32u
#define INTC_KICK_LINE          0u // a software-generated interrupt
#define INTC_LINE(acknowledged) ((acknowledged) & 0x3ffu)
extern const struct intc_driver gicv2_driver, gicv3_driver;
bool intc_cpu_find(const struct arch_percpu *cpu);
void intc_enable_timer(uint32_t line); // now, or as soon as the controller is there

// timer.c: stops the timer so that its line drops, before the interrupt is finished.
void timer_quiesce(void);

// psci.c
void psci_init(const void *fdt);
void psci_describe(char *buf, size_t size);
// ERR_NOT_SUPPORTED without PSCI, ERR_IO if it refuses. `entry` gets context in x0, with the MMU
// off.
status_t psci_cpu_on(uint64_t hw_id, paddr_t entry, void *context) MUST_CHECK;

#endif
