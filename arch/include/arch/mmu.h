// SPDX-License-Identifier: MIT
// Port contract: page tables and the physical map. All tables use 4 KiB pages.
//
// Kernel layout (both architectures): all RAM is mapped readable and writable, never executable, at
// arch_physmap_base; the kernel image is mapped at KERNEL_IMAGE_BASE with text R-X, rodata R--,
// data RW-; devices of the kernel in a window of their own. User space is [USER_BASE,
// arch_user_top()).
#ifndef ARCH_MMU_H
#define ARCH_MMU_H

#include "kernel/lib/types.h"

#define KERNEL_IMAGE_BASE 0xffffffff80000000ull
#define DEVICE_WINDOW     0xffffffffc0000000ull // up to the highest address
#define USER_BASE         0x10000ull // below it nothing can be mapped: NULL dereferences fault

#define PROT_READ  1u
#define PROT_WRITE 2u
#define PROT_EXEC  4u
#define PROT_USER  8u

struct boot_info;

extern vaddr_t arch_physmap_base; // set before kernel_main
static inline void *phys_to_virt(paddr_t pa) { return (void *)(arch_physmap_base + pa); }
static inline paddr_t virt_to_phys(const void *p)
{
    return (paddr_t)((vaddr_t)p - arch_physmap_base);
} // physical map only
vaddr_t arch_user_top(void);

// Linker-defined; arch_image_to_phys turns an address inside the kernel image into a physical one.
extern char kernel_image_start[], kernel_text_end[], kernel_rodata_end[], kernel_image_end[];
paddr_t arch_image_to_phys(const void *p);

// Replaces the boot tables by the final ones: all RAM in the physical map, W^X image, no identity
// map. Takes table pages from boot_alloc_page (kernel/mm/page.h), which at this time hands out
// memory within the boot tables' reach.
void arch_mmu_init(const struct boot_info *boot);
// Maps device registers for the kernel's own use (interrupt controller, early console); works right
// after kernel_main begins. Never fails for a sane device tree; panics when the window is full.
// Returns a kernel virtual address.
volatile void *arch_map_device(paddr_t pa, size_t bytes);

// One user address space. The caller serialises all calls on one (aspace lock).
struct arch_aspace {
    paddr_t root;
    uint64_t context;   // kernel/mm/asid.c: generation << 16 | ASID, 0 before the first; atomic
    uint32_t cpus;      // whose TLBs may hold translations; atomic
    uint32_t unflushed; // host port: pages unmapped since the last flush
};

// mm gives page-table pages: zeroed, charged to the address space's job. 0 when there is none. It
// takes them all back in the end, when all user pages are unmapped and no CPU uses the address
// space; the port frees none.
paddr_t aspace_table_alloc(struct arch_aspace *as);

status_t arch_aspace_init(struct arch_aspace *as) MUST_CHECK; // ERR_NO_MEMORY
// Maps one page (not mapped before). prot without PROT_USER is implied user here. cache: CACHE_*.
// ERR_NO_MEMORY if a table is needed.
status_t arch_aspace_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                         unsigned cache) MUST_CHECK;
// Unmaps one page if mapped. Returns whether it was, its address in *pa. TLBs may hold it until
// arch_aspace_flush: before that its frame must not be used again, nor anything else be done with
// the address space but further unmaps and arch_aspace_next.
bool arch_aspace_unmap(struct arch_aspace *as, vaddr_t va, paddr_t *pa);
// Completes the unmaps in [start, end): on return no CPU uses their translations any more. One call
// for a whole stretch of pages, because it waits for other CPUs. The stretch may have holes.
void arch_aspace_flush(struct arch_aspace *as, vaddr_t start, vaddr_t end);
// Changes protection (or frame, for copy-on-write: break-before-make) of a mapped page, with TLB
// invalidation. false if not mapped.
bool arch_aspace_change(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                        unsigned cache);
bool arch_aspace_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, unsigned *prot);
// First mapped or table-covered address >= va and < end that may hold a mapping; end if none. Lets
// long unmaps skip holes.
vaddr_t arch_aspace_next(struct arch_aspace *as, vaddr_t va, vaddr_t end);
void arch_aspace_activate(struct arch_aspace *as); // on this CPU; NULL: kernel only (no user
                                                   // mappings)
// Drops every user translation of every CPU, for a new generation of ASIDs; complete on return.
void arch_tlb_flush_all(void);
// Makes instructions written through the physical map visible to instruction fetch by whoever runs
// on the address space, now or later; called before a page is mapped executable in it.
void arch_icache_sync(const struct arch_aspace *as, const void *kva, size_t bytes);

// --- Looking at live tables, for the kernel's own tests (tests/kernel/test_mmu.c) only

enum mmu_bits { // what an entry that maps memory lets happen, in the words of no architecture
    MMU_KERNEL_READ = 1u << 0,
    MMU_KERNEL_WRITE = 1u << 1,
    MMU_KERNEL_EXEC = 1u << 2,
    MMU_USER_READ = 1u << 3,
    MMU_USER_WRITE = 1u << 4,
    MMU_USER_EXEC = 1u << 5,
    MMU_GLOBAL = 1u << 6,   // in every address space
    MMU_ACCESSED = 1u << 7, // no access will fault or write to the table to note itself
    MMU_DEVICE = 1u << 8,
    MMU_UNCACHED = 1u << 9,
    MMU_ODD = 1u << 10, // anything that the kernel never sets, here or in a table on the way
};
struct mmu_leaf {
    vaddr_t va;
    paddr_t pa;
    uint64_t bytes;
    unsigned bits;
    uint64_t *entry;
};
unsigned arch_mmu_bits(uint64_t entry); // of one that maps memory
extern const bool arch_mmu_has_types;   // the format has memory types: MMU_DEVICE, MMU_UNCACHED
// The bits of an entry that are neither its kind nor its address: each must be right.
uint64_t arch_mmu_attributes(bool device);
// Calls visit for every valid entry that maps memory: of an address space's own half, or (NULL) of
// the kernel's tables, whole. Stops, and is false, when visit returns false. The tables do not
// change meanwhile: the address space's lock is held.
bool arch_mmu_walk(const struct arch_aspace *as,
                   bool (*visit)(const struct mmu_leaf *leaf, void *arg), void *arg);
// Whether this CPU's registers are as they must be between boot and power-off: the kernel's tables
// (and for user addresses those of `as`, or none for NULL), write and execute apart, a plain access
// to user memory a fault. Says in the log what is not.
bool arch_mmu_registers_hold(const struct arch_aspace *as);

// Copies between kernel and user memory of the active address space. Never follows an address
// outside user space. A fault that aspace_fault() cannot resolve ends the copy: ERR_BAD_ADDRESS. No
// lock may be held. len 0 succeeds.
status_t arch_copy_from_user(void *to, uaddr_t from, size_t len) MUST_CHECK;
status_t arch_copy_to_user(uaddr_t to, const void *from, size_t len) MUST_CHECK;

#endif
