// SPDX-License-Identifier: MIT
// Memory of the running kernel: what debug builds catch must not be asked of a kernel that goes on
// running, so these look at what is there.
#include "kernel/init/boot_info.h"
#include "kernel/lib/spinlock.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "tests/kernel/selftests.h"
#include <arch/mmu.h>

// No run of slices in between, and interrupts are masked: on one CPU nobody else allocates.
static bool freed_pages_are_poisoned(void)
{
    struct page *p = page_alloc(0, PAGE_KERNEL);
    SELFTEST_CHECK(p != NULL);
    const uint64_t *words = page_to_virt(p);
    *(uint64_t *)page_to_virt(p) = 1;
    page_free(p, 0);
    SELFTEST_CHECK(words[0] == words[1] && words[0] != 0 && words[0] != 1);
    return true;
}

static bool a_page_comes_back_from_this_cpus_cache(void)
{
    struct page *p = page_alloc(0, PAGE_KERNEL);
    SELFTEST_CHECK(p != NULL);
    page_free(p, 0);
    struct page *again = page_alloc(0, PAGE_KERNEL);
    bool same = again == p;
    page_free(again, 0);
    SELFTEST_CHECK(same);
    return true;
}

static void check_cache(struct slab_cache *c, void *arg)
{
    bool *ok = arg;
    struct slab_stats s;
    slab_stats(c, &s);
    if (s.in_use + s.cached > s.slabs * s.per_slab) {
        klog("selftest: slab %s: %lu in use and %lu cached of %lu", c->name, s.in_use, s.cached,
             s.slabs * s.per_slab);
        *ok = false;
    }
}

static bool reclaiming_under_running_threads_loses_nothing(void)
{
    bool ok = true;
    for (unsigned i = 0; i < 10 && ok; i++) {
        slab_reclaim();
        slab_for_each(check_cache, &ok);
    }
    return ok;
}

const struct selftest memory_selftests[] = {
    {"memory.freed_pages_are_poisoned", freed_pages_are_poisoned},
    {"memory.a_page_comes_back_from_this_cpus_cache", a_page_comes_back_from_this_cpus_cache},
    {"memory.reclaiming_under_running_threads_loses_nothing",
     reclaiming_under_running_threads_loses_nothing},
    {NULL, NULL},
};
