// SPDX-License-Identifier: MIT
// Mappings and page faults.
#include "tests/bench/bench/bench.h"

#define PAGE       4096ull
#define AREA_PAGES 2000u

static handle_t one_page, area;
static uint64_t area_base;

static bool map_touch_unmap(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t base;
        if (sys_vmar_map(root_vmar, one_page, 0, 0, PAGE, VM_READ | VM_WRITE, &base) != OK) {
            return false;
        }
        *(volatile char *)(uintptr_t)base = 1;
        if (sys_vmar_unmap(root_vmar, base, PAGE) != OK) {
            return false;
        }
    }
    return true;
}

// Writes one byte of each page and returns the instructions that took.
static uint64_t touch_all(void)
{
    uint64_t start = cycles();
    for (unsigned i = 0; i < AREA_PAGES; i++) {
        *(volatile char *)(uintptr_t)(area_base + i * PAGE) = 1;
    }
    return cycles() - start;
}

static void measure_zero(void)
{
    uint64_t best = UINT64_MAX, warm;
    for (unsigned loop = 0; loop < LOOPS; loop++) {
        if (sys_vmo_decommit(area, 0, AREA_PAGES * PAGE) != OK) {
            return;
        }
        uint64_t spent = touch_all();
        best = spent < best ? spent : best;
    }
    warm = touch_all();
    bench_report("page_fault_zero", (best - warm) / AREA_PAGES);
}

// Each loop clones the area, so that every page is shared, and writes to each.
static void measure_cow(void)
{
    uint64_t best = UINT64_MAX, warm = touch_all();
    for (unsigned loop = 0; loop < LOOPS; loop++) {
        handle_t clone;
        if (sys_vmo_clone(area, 0, AREA_PAGES * PAGE, &clone) != OK) {
            return;
        }
        uint64_t spent = touch_all();
        best = spent < best ? spent : best;
        (void)sys_handle_close(clone);
    }
    bench_report("page_fault_cow", (best - warm) / AREA_PAGES);
}

void bench_memory(void)
{
    if (sys_vmo_create(PAGE, &one_page) != OK || sys_vmo_create(AREA_PAGES * PAGE, &area) != OK ||
        sys_vmar_map(root_vmar, area, 0, 0, AREA_PAGES * PAGE, VM_READ | VM_WRITE, &area_base) !=
            OK) {
        return;
    }
    bench_measure("vmo_map_touch_unmap", map_touch_unmap, ROUNDS, 1);
    measure_zero();
    measure_cow();
}
