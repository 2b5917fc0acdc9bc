// SPDX-License-Identifier: MIT
// Host port: user address spaces. Page tables of four levels in the machine's RAM, taken from and
// given back to mm like those of real ports, so that accounting and running out of memory are
// tested too. Stricter than hardware: what the contract forbids panics.
#include "kernel/debug/log.h"
#include "kernel/mm/aspace.h"

#include <arch/mmu.h>
#include <host.h>
#include <string.h>

#define LEVELS  4u
#define ENTRIES 512u
#define SLICE   16u // tables freed in one slice

// An entry: page address, bit 0 valid, bits 1-4 PROT_*, bits 5-6 CACHE_*. Entries of upper levels
// have bit 0 only.
#define ENTRY_VALID   1ull
#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define ENTRY_PROT(e) ((unsigned)((e) >> 1) & 0xfu)

static _Thread_local struct arch_aspace *active;

static unsigned index_of(vaddr_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static uint64_t *table_of(uint64_t entry) { return phys_to_virt(entry & ENTRY_ADDRESS); }

static uint64_t make_entry(paddr_t pa, unsigned prot, unsigned cache)
{
    if ((prot & PROT_WRITE) && (prot & PROT_EXEC)) {
        panic("host: mapping is writable and executable");
    }
    if ((pa & PAGE_MASK) != 0 || (pa & ~ENTRY_ADDRESS) != 0) {
        panic("host: bad physical address 0x%lx", pa);
    }
    return pa | ENTRY_VALID | (uint64_t)(prot | PROT_USER) << 1 | (uint64_t)cache << 5;
}

static void check_va(vaddr_t va)
{
    if ((va & PAGE_MASK) != 0 || va < USER_BASE || va >= arch_user_top()) {
        panic("host: 0x%lx is not a user page", va);
    }
}

// What was unmapped may still be in a TLB: nothing may be built on its being gone.
static void check_flushed(const struct arch_aspace *as)
{
    if (as->unflushed != 0) {
        panic("host: %u pages were unmapped and not flushed", as->unflushed);
    }
}

// The leaf entry for va, or NULL if a table on the way is missing.
static uint64_t *find_entry(struct arch_aspace *as, vaddr_t va)
{
    uint64_t *table = phys_to_virt(as->root);
    for (unsigned level = LEVELS - 1; level > 0; level--) {
        uint64_t e = table[index_of(va, level)];
        if (!(e & ENTRY_VALID)) {
            return NULL;
        }
        table = table_of(e);
    }
    return &table[index_of(va, 0)];
}

static uint64_t *find_mapped(struct arch_aspace *as, vaddr_t va)
{
    uint64_t *e = find_entry(as, va);
    return e != NULL && (*e & ENTRY_VALID) ? e : NULL;
}

status_t arch_aspace_init(struct arch_aspace *as)
{
    *as = (struct arch_aspace){0};
    as->root = aspace_table_alloc(as);
    return as->root != 0 ? OK : ERR_NO_MEMORY;
}

status_t arch_aspace_map(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                         unsigned cache)
{
    check_va(va);
    check_flushed(as);
    uint64_t *table = phys_to_virt(as->root);
    for (unsigned level = LEVELS - 1; level > 0; level--) {
        uint64_t *e = &table[index_of(va, level)];
        if (!(*e & ENTRY_VALID)) {
            paddr_t fresh = aspace_table_alloc(as);
            if (fresh == 0) {
                return ERR_NO_MEMORY;
            }
            *e = fresh | ENTRY_VALID;
        }
        table = table_of(*e);
    }
    uint64_t *leaf = &table[index_of(va, 0)];
    if (*leaf & ENTRY_VALID) {
        panic("host: 0x%lx is mapped already", va);
    }
    *leaf = make_entry(pa, prot, cache);
    return OK;
}

bool arch_aspace_unmap(struct arch_aspace *as, vaddr_t va, paddr_t *pa)
{
    check_va(va);
    uint64_t *e = find_mapped(as, va);
    if (e == NULL) {
        return false;
    }
    *pa = *e & ENTRY_ADDRESS;
    *e = 0;
    as->unflushed++;
    return true;
}

void arch_aspace_flush(struct arch_aspace *as, vaddr_t start, vaddr_t end)
{
    check_va(start);
    if (start >= end) {
        panic("host: empty flush at 0x%lx", start);
    }
    as->unflushed = 0;
}

bool arch_aspace_change(struct arch_aspace *as, vaddr_t va, paddr_t pa, unsigned prot,
                        unsigned cache)
{
    check_va(va);
    check_flushed(as);
    uint64_t *e = find_mapped(as, va);
    if (e == NULL) {
        return false;
    }
    *e = make_entry(pa, prot, cache);
    return true;
}

bool arch_aspace_query(struct arch_aspace *as, vaddr_t va, paddr_t *pa, unsigned *prot)
{
    check_flushed(as);
    const uint64_t *e = find_mapped(as, align_down(va, PAGE_SIZE));
    if (e == NULL) {
        return false;
    }
    *pa = *e & ENTRY_ADDRESS;
    *prot = ENTRY_PROT(*e);
    return true;
}

vaddr_t arch_aspace_next(struct arch_aspace *as, vaddr_t va, vaddr_t end)
{
    while (va < end) {
        uint64_t *table = phys_to_virt(as->root);
        unsigned level = LEVELS - 1;
        while (table[index_of(va, level)] & ENTRY_VALID) {
            if (level == 0) {
                return va;
            }
            table = table_of(table[index_of(va, level)]);
            level--;
        }
        uint64_t span = PAGE_SIZE << (9 * level); // of the missing entry
        va = align_down(va, span) + span;
    }
    return end;
}

void arch_aspace_activate(struct arch_aspace *as) { active = as; }

void arch_icache_sync(const struct arch_aspace *as, const void *kva, size_t bytes)
{
    (void)as;
    (void)kva;
    (void)bytes;
}

// Kernel address of a user byte, brought in by mm if need be; NULL if the access is not allowed.
static char *reach(vaddr_t va, unsigned prot)
{
    vaddr_t page = align_down(va, PAGE_SIZE);
    for (unsigned attempt = 0; active != NULL && attempt < 2; attempt++) {
        const uint64_t *e = find_mapped(active, page);
        if (e != NULL && (ENTRY_PROT(*e) & prot) == prot) {
            return (char *)table_of(*e) + (va - page);
        }
        if (aspace_fault(aspace_current(), va, prot) != OK) {
            return NULL;
        }
    }
    return NULL;
}

static status_t copy(char *kernel, vaddr_t user, size_t len, bool to_user)
{
    if (len > 0 && (user < USER_BASE || !range_within(user, len, arch_user_top()))) {
        return ERR_BAD_ADDRESS;
    }
    while (len > 0) {
        size_t n = PAGE_SIZE - (user & PAGE_MASK);
        n = n < len ? n : len;
        char *p = reach(user, to_user ? PROT_WRITE : PROT_READ);
        if (p == NULL) {
            return ERR_BAD_ADDRESS;
        }
        memcpy(to_user ? p : kernel, to_user ? kernel : p, n);
        kernel += n;
        user += n;
        len -= n;
    }
    return OK;
}

status_t arch_copy_from_user(void *to, uaddr_t from, size_t len)
{
    return copy(to, from.va, len, false);
}

status_t arch_copy_to_user(uaddr_t to, const void *from, size_t len)
{
    return copy((char *)from, to.va, len, true);
}
