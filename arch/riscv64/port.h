// SPDX-License-Identifier: MIT
// RISC-V: what the files of this port share with each other and nobody else sees.
#ifndef RISCV64_PORT_H
#define RISCV64_PORT_H

#include "csr.h"
#include "kernel/lib/types.h"
#include <arch/cpu.h>
#include <arch/trap.h>

// Found at start-up; constant afterwards.
struct cpu_features {
    bool fp;               // F and D registers
    bool sstc;             // stimecmp may be written
    uint32_t vector_bytes; // of one vector register (vlenb); 0: there are none
    char isa[96];
};
extern struct cpu_features cpu_features;
extern uint64_t boot_hart;
extern void *boot_fdt;      // NULL: damaged
extern uint64_t boot_ticks; // the counter when the kernel was entered

bool cpu_is_alike(const void *fdt, uint64_t hart); // has what the kernel uses of the boot hart

// intc.c: the driver of one kind of controller.
struct tree_controller;
struct intc_driver {
    const char *name;
    void (*init)(const struct tree_controller *node); // every line masked
    void (*configure)(uint32_t line, bool edge);      // the line is masked
    void (*mask)(uint32_t line);                      // has taken effect on return
    void (*unmask)(uint32_t line);
    uint32_t (*claim)(void); // a pending line, which nothing more comes from until unmask; 0: none
};
extern const struct intc_driver plic_driver, aplic_driver;

// The registers of controllers are little-endian words. The fences keep device accesses in order
// with those to memory (o, i = device output, input): what a driver wrote before unmasking is
// visible to the device, what the interrupt announces is read after the claim.
static inline uint32_t reg_read(const volatile uint32_t *reg)
{
    uint32_t v = *reg;
    __asm__ volatile("fence i, iorw" ::: "memory");
    return v;
}
static inline void reg_write(volatile uint32_t *reg, uint32_t v)
{
    __asm__ volatile("fence iorw, o" ::: "memory");
    *reg = v;
}

// SBI (sbi.c). RISC-V SBI specification 1.0, chapters 3 to 10.
struct sbi_result {
    long error;
    long value;
};
struct sbi_result sbi_call(unsigned long extension, unsigned long function, unsigned long a0,
                           unsigned long a1);
bool sbi_has_cpus(void); // HSM, IPI and RFENCE: what more than one CPU takes
status_t sbi_hart_start(uint64_t hart, paddr_t entry, void *context) MUST_CHECK;
NORETURN void sbi_hart_stop(void);
bool sbi_hart_is_stopped(uint64_t hart);
void sbi_kick(uint64_t hart);
void sbi_kick_all(void);
// Fences on a set of CPUs, complete on return.
void sbi_fence_i(uint32_t cpus);
void sbi_fence_all(uint32_t cpus); // every translation of every address space
void sbi_fence_range(uint32_t cpus, vaddr_t start, uint64_t bytes, uint64_t asid);
bool sbi_has(unsigned long extension);
void sbi_timer_set(uint64_t ticks);
NORETURN void sbi_shutdown(bool restart);
void sbi_describe(char *buf, size_t size);

// boot.c, called by start.S.
struct boot_tables {
    uint64_t sv39, sv48; // values for satp; sv48 is 0 when not wanted
};
struct boot_tables boot_tables_build(paddr_t image, paddr_t fdt); // MMU off
paddr_t boot_image_base(void);
NORETURN void boot_no_paging(void);
NORETURN void boot_trap(uint64_t cause, uint64_t pc, uint64_t value); // one before the MMU is on
NORETURN void boot_enter(uint64_t hart, paddr_t fdt_pa, uint64_t ticks);

// mmu.c, for boot.c and aspace.c
#define PTE_V         (1ull << 0)
#define PTE_R         (1ull << 1)
#define PTE_W         (1ull << 2)
#define PTE_X         (1ull << 3)
#define PTE_U         (1ull << 4)
#define PTE_G         (1ull << 5)
#define PTE_A         (1ull << 6)
#define PTE_D         (1ull << 7)
#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK  ((1ull << 44) - 1)
#define PTE_COUNT     512u
struct page_table {
    uint64_t entry[PTE_COUNT];
} __attribute__((aligned(4096)));

// Entries of the table of the highest 512 GiB, and where the kernel's half of a root begins.
#define IMAGE_SLOT   510u
#define DEVICE_SLOT  511u
#define PHYSMAP_SLOT 256u

static inline paddr_t pte_to_phys(uint64_t pte)
{
    return ((pte >> PTE_PPN_SHIFT) & PTE_PPN_MASK) << PAGE_SHIFT;
}
static inline uint64_t pte_make(paddr_t pa, uint64_t bits)
{
    return ((pa >> PAGE_SHIFT) << PTE_PPN_SHIFT) | bits;
}
// Levels count from the leaves: level 0 entries map 4 KiB, level 1 2 MiB, level 2 1 GiB, level 3
// (Sv48 only) 512 GiB.
static inline unsigned pte_shift(unsigned level) { return PAGE_SHIFT + 9 * level; }
static inline unsigned pte_index(vaddr_t va, unsigned level)
{
    return (va >> pte_shift(level)) & (PTE_COUNT - 1);
}

struct mmu {
    uint64_t mode;            // SATP_SV39 or SATP_SV48
    unsigned top_level;       // 2 or 3
    paddr_t root;             // the kernel's own table
    unsigned asid_bits;       // 0 to 16
    unsigned physmap_entries; // used entries of the root from 256 on
};
extern struct mmu mmu;
static inline uint64_t satp_make(paddr_t root, uint64_t asid)
{
    return (mmu.mode << SATP_MODE_SHIFT) | (asid << SATP_ASID_SHIFT) | (root >> PAGE_SHIFT);
}
extern struct page_table device_table;
void mmu_boot_init(void); // mode, ASID bits and physmap base, from satp

// cpus.c: the record of each CPU that was started, by number; the boot CPU's from arch_cpu_init on.
extern struct arch_percpu *cpu_records[KERNEL_STACKS];
extern unsigned cpu_records_count;
extern char secondary_entry[]; // start.S

// entry.S
extern char trap_entry[], kernel_stacks[]; // KERNEL_STACK_BLOCK bytes per CPU
bool csr_probe_stimecmp(void);             // whether writing stimecmp (all ones) traps
// uaccess.S
extern char uaccess_start[], uaccess_end[], uaccess_fail[];
status_t uaccess_copy(void *to, const void *from, size_t len) MUST_CHECK;
// fpu.S
void fpu_save(uint64_t *fcsr_and_registers);
void fpu_load(const uint64_t *fcsr_and_registers);
// fpu.c: resolves the first FP instruction of a thread; false if the trap was for another reason.
bool fpu_first_use(struct arch_thread *t);
// vector.S, vector.c
void vector_save(struct vector_state *state);
void vector_load(const struct vector_state *state);
uint64_t vector_register_bytes(void);
void vector_find(void);
bool vector_is_alike(void);
enum first_use { FIRST_USE_NOT, FIRST_USE_TAKEN, FIRST_USE_NO_MEMORY };
enum first_use vector_first_use(struct arch_thread *t, uint64_t stval);
void vector_release(struct arch_thread *t);
void vector_fini(struct arch_thread *t);

#endif
