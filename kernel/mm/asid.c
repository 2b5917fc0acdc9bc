// SPDX-License-Identifier: MIT
// ASIDs and shootdown targets. Lock: asid_lock, for numbers; the rest is atomic. Book: chapter 9.
//
// Numbers belong to a generation. Entering an address space whose generation is past gives it the
// next number. When they run out a new generation begins and every TLB is flushed, so that no
// number ever means two address spaces between two flushes. No CPU stops for that: the number it
// runs on stays reserved for its address space. Number 0 is nobody's. Nothing is done when an
// address space dies: its number does not come again in this generation.
//
// as->cpus has a bit for every CPU whose TLB may hold something of the address space. Those of them
// that run on it now are told of an invalidation; the others only lose their bit, and a CPU that
// finds its bit clear when it enters flushes that number. Four sequentially consistent accesses
// decide the race of one with the other:
//
//   enter:       (1) tell that this CPU runs on it    (2) look for the bit; clear: set it, flush
//   invalidate:  (3) clear the bit                    (4) does that CPU run on it? set, and tell it
//
// If (4) does not see (1), then (3) was before (2), which sees the bit clear, and walks that come
// after its flush see the new entry.
#include "kernel/mm/asid.h"

#include "kernel/debug/log.h"
#include "kernel/init/boot_info.h"
#include "kernel/lib/options.h"
#include "kernel/lib/spinlock.h"

#define GENERATION_SHIFT 16

unsigned asid_bits;

static struct spinlock asid_lock = SPINLOCK_INIT("asid", LOCK_SCHED);
static uint64_t generation = 1;              // grows under asid_lock
static uint32_t number_next = 1, number_end; // asid_lock

static struct running {
    const struct arch_aspace *as; // atomic; written by its CPU
    uint64_t context;  // of the address space it last ran on, in this generation; else 0. Atomic
    uint64_t reserved; // asid_lock: context when the last generation ended
} __attribute__((aligned(32))) running[BOOT_CPUS_MAX];

void asid_init(unsigned bits)
{
    asid_bits = bits < options.asid_bits ? bits : options.asid_bits;
    if (asid_bits < ASID_BITS_LEAST) {
        asid_bits = 0;
    }
    if (asid_bits != bits) {
        klog("mmu: %u of %u ASID bits in use", asid_bits, bits);
    }
    number_end = 1u << asid_bits;
}

static bool is_reserved(uint64_t number)
{
    for (unsigned cpu = 0; cpu < BOOT_CPUS_MAX; cpu++) {
        if (running[cpu].reserved != 0 && (running[cpu].reserved & ASID_MASK) == number) {
            return true;
        }
    }
    return false;
}

static void generation_begin_locked(void)
{
    __atomic_store_n(&generation, generation + 1, __ATOMIC_RELAXED);
    number_next = 1;
    for (unsigned cpu = 0; cpu < BOOT_CPUS_MAX; cpu++) {
        uint64_t context = __atomic_exchange_n(&running[cpu].context, 0, __ATOMIC_SEQ_CST);
        if (context != 0) {
            running[cpu].reserved = context;
        } // else it still runs on what it did at the change before this one
    }
    arch_tlb_flush_all();
}

// A context of the present generation: with the old number if some CPU kept that through the
// change.
static uint64_t context_new_locked(uint64_t old)
{
    uint64_t kept = generation << GENERATION_SHIFT | (old & ASID_MASK);
    bool found = false;
    for (unsigned cpu = 0; old != 0 && cpu < BOOT_CPUS_MAX; cpu++) {
        if (running[cpu].reserved == old) {
            running[cpu].reserved = kept;
            found = true;
        }
    }
    if (found) {
        return kept;
    }
    do {
        if (number_next == number_end) {
            generation_begin_locked();
        }
    } while (is_reserved(number_next++));
    return generation << GENERATION_SHIFT | (number_next - 1);
}

// The generation changed, or this CPU has run on nothing in it. What was noted of this CPU is of an
// older number. Out of line: the way past it is part of every switch between processes.
static __attribute__((noinline)) void context_renew(struct arch_aspace *as, unsigned cpu)
{
    if (asid_bits == 0) {
        return;
    }
    spin_lock(&asid_lock);
    uint64_t context = as->context;
    if (context >> GENERATION_SHIFT != generation) {
        context = context_new_locked(context);
        __atomic_store_n(&as->context, context, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&running[cpu].context, context, __ATOMIC_RELAXED);
    spin_unlock(&asid_lock);
    __atomic_fetch_and(&as->cpus, ~(1u << cpu), __ATOMIC_SEQ_CST);
}

// A change of generation on another CPU zeroes the context: then the exchange fails. If the
// exchange comes first, the change sees and reserves this number.
static bool context_take(const struct arch_aspace *as, unsigned cpu)
{
    uint64_t before = __atomic_load_n(&running[cpu].context, __ATOMIC_RELAXED);
    uint64_t wanted = __atomic_load_n(&as->context, __ATOMIC_ACQUIRE);
    return before != 0 &&
           (before == wanted ||
            (wanted >> GENERATION_SHIFT == __atomic_load_n(&generation, __ATOMIC_RELAXED) &&
             __atomic_compare_exchange_n(&running[cpu].context, &before, wanted, false,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)));
}

bool asid_enter(struct arch_aspace *as)
{
    unsigned cpu = arch_percpu()->id;
    if (as != NULL && !context_take(as, cpu)) {
        context_renew(as, cpu);
    }
    __atomic_store_n(&running[cpu].as, as, __ATOMIC_SEQ_CST);                           // (1)
    if (as == NULL || (__atomic_load_n(&as->cpus, __ATOMIC_SEQ_CST) >> cpu & 1) != 0) { // (2)
        return false;
    }
    __atomic_fetch_or(&as->cpus, 1u << cpu, __ATOMIC_SEQ_CST);
    return true;
}

static bool runs_on(unsigned cpu, const struct arch_aspace *as)
{
    return __atomic_load_n(&running[cpu].as, __ATOMIC_SEQ_CST) == as;
}

uint32_t asid_others_running(struct arch_aspace *as, uint32_t others)
{
    uint32_t told = 0;
    for (; others != 0; others &= others - 1) {
        unsigned cpu = (unsigned)__builtin_ctz(others);
        uint32_t bit = 1u << cpu;
        if (!runs_on(cpu, as)) {
            __atomic_fetch_and(&as->cpus, ~bit, __ATOMIC_SEQ_CST); // (3)
            if (!runs_on(cpu, as)) {                               // (4)
                continue;
            }
            __atomic_fetch_or(&as->cpus, bit, __ATOMIC_SEQ_CST);
        }
        told |= bit;
    }
    return told;
}

uint32_t asid_running(const struct arch_aspace *as)
{
    uint32_t cpus = 0;
    for (unsigned cpu = 0; cpu < BOOT_CPUS_MAX; cpu++) {
        cpus |= (uint32_t)runs_on(cpu, as) << cpu;
    }
    return cpus;
}
