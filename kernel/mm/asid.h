// SPDX-License-Identifier: MIT
// Address space identifiers, and which CPUs' TLBs may hold translations of an address space; for
// the ports, which switch tables and invalidate. Book: chapter 9.
#ifndef KERNEL_MM_ASID_H
#define KERNEL_MM_ASID_H

#include <arch/cpu.h>
#include <arch/mmu.h>

#define ASID_MASK       0xffffu // of arch_aspace.context
#define ASID_BITS_LEAST 5u      // more numbers than CPUs that may reserve one

extern unsigned asid_bits; // in use; 0: every address space has number 0, and the port flushes all
                           // user translations at each change of address space

// Boot CPU, once. The CPU has `bits` of them (at most 16); the option asid_bits may make it fewer.
void asid_init(unsigned bits);

static inline uint64_t asid_of(const struct arch_aspace *as)
{
    return __atomic_load_n(&as->context, __ATOMIC_RELAXED) & ASID_MASK;
}

// This CPU is about to load the tables (NULL: it leaves the one it was on). Gives the address space
// a number of the present generation. True: the caller first drops what its TLB holds under it.
bool asid_enter(struct arch_aspace *as) MUST_CHECK;
// Whether this CPU's TLB may hold something of the address space.
static inline bool asid_is_here(const struct arch_aspace *as)
{
    return (__atomic_load_n(&as->cpus, __ATOMIC_RELAXED) >> arch_percpu()->id & 1) != 0;
}

uint32_t asid_others_running(struct arch_aspace *as, uint32_t others);
// The other CPUs that must be told of an invalidation now: those that run on it. The entries have
// been written, and are visible to the walks of all CPUs (the port's barrier). Of the rest it is
// noted that they flush before they run on it again. asid_of is read only after it.
static inline uint32_t asid_others(struct arch_aspace *as)
{
    uint32_t others = __atomic_load_n(&as->cpus, __ATOMIC_SEQ_CST) & ~(1u << arch_percpu()->id);
    return others == 0 ? 0 : asid_others_running(as, others);
}

uint32_t asid_running(const struct arch_aspace *as); // the CPUs that run on it

#endif
