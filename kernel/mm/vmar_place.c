// SPDX-License-Identifier: MIT
// Where the kernel puts what user programs leave to it.
//
// Spreading mappings over all of user space would cost each its own three levels of page tables, so
// the placements of a region gather in a window of it, whose start was chosen at random with the
// region, and are random within the window. A window that seems full is widened, at last to the
// whole region. Only when that is crowded too is every gap looked at.
#include "kernel/lib/random.h"
#include "kernel/mm/vmar_place.h"

#define GUARD            PAGE_SIZE
#define WINDOW_MIN       (16ull << 20)
#define HINT_ALIGN       (2ull << 20) // windows begin where a last-level page table does
#define TRIES_PER_WINDOW 4u
#define TRIES_MAX        32u

vaddr_t vmar_choose_hint(vaddr_t base, vaddr_t end)
{
    vaddr_t hint = align_down(base + random_u64() % (end - base), HINT_ALIGN);
    return hint > base ? hint : base;
}

static bool is_free(const struct vmar *r, vaddr_t start, vaddr_t end)
{
    const struct region *g = region_find(r, start);
    return g == NULL || g->base >= end;
}

static vaddr_t random_page(vaddr_t lowest, uint64_t pages)
{
    return lowest + random_u64() % pages * PAGE_SIZE;
}

// Every gap in turn; a random place in the first that is large enough.
static status_t choose_first_gap(const struct vmar *r, uint64_t need, vaddr_t *base)
{
    vaddr_t start = r->region.base;
    for (const struct rb_node *n = rb_first(&r->children);; n = rb_next(n)) {
        const struct region *g = n != NULL ? container_of(n, const struct region, node) : NULL;
        vaddr_t end = g != NULL ? g->base : r->region.end;
        if (end - start >= need) {
            *base = random_page(start + GUARD, (end - start - need) / PAGE_SIZE + 1);
            return OK;
        }
        if (g == NULL) {
            return ERR_NO_SPACE;
        }
        start = g->end;
    }
}

status_t vmar_choose(struct vmar *r, uint64_t len, vaddr_t *base)
{
    uint64_t space = r->region.end - r->region.base;
    if (len > space || space - len < 2 * GUARD) {
        return ERR_NO_SPACE;
    }
    uint64_t starts = (space - len - 2 * GUARD) / PAGE_SIZE + 1; // possible places
    uint64_t window = (len > WINDOW_MIN / 4 ? 4 * len : WINDOW_MIN) / PAGE_SIZE;
    uint64_t hint = (r->hint - r->region.base) / PAGE_SIZE;
    for (unsigned i = 1; i <= TRIES_MAX; i++) {
        window = window < starts ? window : starts;
        uint64_t place = (hint + random_u64() % window) % starts;
        vaddr_t at = r->region.base + GUARD + place * PAGE_SIZE;
        if (is_free(r, at - GUARD, at + len + GUARD)) {
            *base = at;
            return OK;
        }
        if (i % TRIES_PER_WINDOW == 0) {
            window *= 8;
        }
    }
    return choose_first_gap(r, len + 2 * GUARD, base);
}
