// SPDX-License-Identifier: MIT
// Resources, interrupts, physical and contiguous VMOs, the log, statistics.
#include "tests/user/usertests/harness.h"

#define PAGE 4096ull

static bool resources_split_only_downwards(void)
{
    handle_t mmio, inner, bad;
    EXPECT(sys_resource_create(root_resource, RESOURCE_MMIO, 0x9000000, 0x2000, &mmio), OK);
    EXPECT(sys_resource_create(mmio, RESOURCE_MMIO, 0x9001000, 0x1000, &inner), OK);
    EXPECT(sys_resource_create(mmio, RESOURCE_MMIO, 0x9001000, 0x1001, &bad), ERR_OUT_OF_RANGE);
    EXPECT(sys_resource_create(mmio, RESOURCE_MMIO, 0x8fff000, 0x2000, &bad), ERR_OUT_OF_RANGE);
    EXPECT(sys_resource_create(mmio, RESOURCE_MMIO, 0x9001000, UINT64_MAX, &bad), ERR_OUT_OF_RANGE);
    EXPECT(sys_resource_create(mmio, RESOURCE_IRQ, 0, 1, &bad), ERR_ACCESS_DENIED);
    EXPECT(sys_resource_create(mmio, RESOURCE_ROOT, 0, 0, &bad), ERR_ACCESS_DENIED);
    EXPECT(sys_resource_create(root_resource, RESOURCE_KINDS, 0, 0, &bad), ERR_INVALID_ARGS);
    EXPECT(sys_resource_create(root_resource, RESOURCE_MMIO, UINT64_MAX, 2, &bad),
           ERR_OUT_OF_RANGE);
    handle_t all[] = {mmio, inner};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool physical_memory_is_never_ram(void)
{
    handle_t v, mmio;
    // RAM of the two machines' boards starts at 1 GiB and at 2 GiB.
    EXPECT(sys_vmo_create_physical(root_resource, 1ull << 30, 4ull << 30, CACHE_DEVICE, &v),
           ERR_ACCESS_DENIED);
    EXPECT(sys_vmo_create_physical(root_resource, 0, UINT64_MAX & ~(PAGE - 1), CACHE_DEVICE, &v),
           ERR_ACCESS_DENIED);
    EXPECT(sys_vmo_create_physical(root_resource, 1, PAGE, CACHE_DEVICE, &v), ERR_INVALID_ARGS);
    EXPECT(sys_vmo_create_physical(root_resource, PAGE, 0, CACHE_DEVICE, &v), ERR_INVALID_ARGS);
    EXPECT(sys_vmo_create_physical(root_resource, PAGE, PAGE, 3, &v), ERR_INVALID_ARGS);
    EXPECT(sys_resource_create(root_resource, RESOURCE_MMIO, 0x10000000, PAGE, &mmio), OK);
    EXPECT(sys_vmo_create_physical(mmio, 0x10001000, PAGE, CACHE_DEVICE, &v), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_create_physical(mmio, 0x10000000, PAGE, CACHE_DEVICE, &v), OK);
    uint8_t b[4];
    EXPECT(sys_vmo_read(v, 0, b, 4), ERR_NOT_SUPPORTED);
    EXPECT(sys_vmo_write(v, 0, b, 4), ERR_NOT_SUPPORTED);
    uint64_t base;
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, PAGE, VM_READ | VM_EXECUTE, &base), ERR_ACCESS_DENIED);
    handle_t clone;
    CHECK(sys_vmo_clone(v, 0, PAGE, &clone) != OK);
    handle_t all[] = {v, mmio};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool contiguous_memory_is_aligned_zero_and_usable(void)
{
    handle_t v, log;
    uint64_t pa = 0, base;
    EXPECT(sys_resource_create(root_resource, RESOURCE_LOG, 0, 0, &log), OK);
    EXPECT(sys_vmo_create_contiguous(log, PAGE, 0, 0, &v, &pa), ERR_ACCESS_DENIED);
    EXPECT(sys_vmo_create_contiguous(root_resource, 5 * PAGE, 0, 0, &v, &pa), OK);
    CHECK(pa != 0 && pa % PAGE == 0);
    EXPECT(sys_vmar_map(root_vmar, v, 0, 0, 5 * PAGE, VM_READ | VM_WRITE, &base), OK);
    for (unsigned i = 0; i < 5 * PAGE / 8; i += 64) {
        EXPECT(((volatile uint64_t *)base)[i], 0);
    }
    EXPECT(sys_vmar_unmap(root_vmar, base, 5 * PAGE), OK);
    CHECK(sys_vmo_resize(v, PAGE) != OK);
    CHECK(sys_vmo_decommit(v, 0, PAGE) != OK);
    CHECK(sys_vmo_create_contiguous(root_resource, 1ull << 40, 0, 0, &log, &pa) != OK);
    handle_t all[] = {v, log};
    EXPECT(close_all(all, 2), OK);
    return true;
}

// Larger than any block, aligned to more than its size, and where 32-bit devices reach.
static bool contiguous_memory_has_any_size_and_alignment(void)
{
    static const struct {
        uint64_t pages, alignment;
    } wanted[] = {{1, 0}, {1, 1 << 21}, {3, 1 << 13}, {129, 1 << 20}, {400, 1}, {300, 1 << 20}};
    uint64_t pa[6], base;
    handle_t v[6];
    for (unsigned i = 0; i < 6; i++) {
        uint64_t size = wanted[i].pages * PAGE, alignment = wanted[i].alignment;
        EXPECT(
            sys_vmo_create_contiguous(root_resource, size, alignment, VMO_BELOW_4G, &v[i], &pa[i]),
            OK);
        EXPECT(pa[i] % (alignment > PAGE ? alignment : PAGE), 0);
        CHECK(pa[i] + size <= 1ull << 32);
        for (unsigned k = 0; k < i; k++) {
            CHECK(pa[i] + size <= pa[k] || pa[k] + wanted[k].pages * PAGE <= pa[i]);
        }
        EXPECT(sys_vmar_map(root_vmar, v[i], 0, 0, size, VM_READ | VM_WRITE, &base), OK);
        for (uint64_t at = 0; at < size; at += PAGE / 2) {
            EXPECT(*(volatile uint64_t *)(base + at), 0);
            *(volatile uint64_t *)(base + at) = ~0ull; // who gets it next finds nothing of it
        }
        EXPECT(sys_vmar_unmap(root_vmar, base, size), OK);
    }
    EXPECT(close_all(v, 6), OK);
    EXPECT(sys_vmo_create_contiguous(root_resource, PAGE, 3, 0, v, pa), ERR_INVALID_ARGS);
    EXPECT(sys_vmo_create_contiguous(root_resource, PAGE, 1ull << 63, 0, v, pa), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_create_contiguous(root_resource, PAGE, 0, 2, v, pa), ERR_INVALID_ARGS);
    EXPECT(sys_vmo_create_contiguous(root_resource, 0, 0, 0, v, pa), ERR_OUT_OF_RANGE);
    EXPECT(sys_vmo_create_contiguous(root_resource, 1ull << 44, 0, VMO_BELOW_4G, v, pa),
           ERR_NO_MEMORY);
    EXPECT(sys_vmo_create_contiguous(root_resource, UINT64_MAX, 0, 0, v, pa), ERR_OUT_OF_RANGE);
    return true;
}

// Longer than the largest block where the machine is large enough.
static bool contiguous_memory_may_be_larger_than_a_block(void)
{
    struct system_info info;
    handle_t v;
    uint64_t pa, size = 40 << 20;
    EXPECT(sys_system_info(root_resource, &info), OK);
    status_t s = sys_vmo_create_contiguous(root_resource, size, 32 << 20, 0, &v, &pa);
    if (info.free_bytes < 4 * size) {
        CHECK(s == OK || s == ERR_NO_MEMORY);
    } else {
        EXPECT(s, OK);
    }
    if (s == OK) {
        EXPECT(pa % (32 << 20), 0);
        EXPECT(sys_handle_close(v), OK);
    }
    return true;
}

static bool an_interrupt_line_has_one_owner(void)
{
    handle_t irq, again, n, few;
    EXPECT(sys_irq_create(root_resource, 0xffffff, IRQ_LEVEL, &irq), ERR_OUT_OF_RANGE);
    EXPECT(sys_irq_create(root_resource, 40, 2, &irq), ERR_INVALID_ARGS);
    EXPECT(sys_irq_create(root_resource, 0, IRQ_LEVEL, &irq), ERR_OUT_OF_RANGE); // an IPI, or no
                                                                                 // source at all
    EXPECT(sys_irq_create(root_resource, 40, IRQ_LEVEL, &irq), OK);
    EXPECT(sys_irq_create(root_resource, 40, IRQ_LEVEL, &again), ERR_BUSY);
    EXPECT(sys_irq_ack(irq), ERR_BAD_STATE);
    EXPECT(sys_notification_create(&n), OK);
    EXPECT(sys_irq_bind(irq, n, 0), ERR_INVALID_ARGS);
    EXPECT(sys_irq_bind(irq, n, 1), OK);
    EXPECT(sys_irq_ack(irq), OK);
    EXPECT(sys_handle_close(irq), OK);
    EXPECT(sys_resource_create(root_resource, RESOURCE_IRQ, 41, 2, &few), OK);
    EXPECT(sys_irq_create(few, 40, IRQ_EDGE, &irq), ERR_OUT_OF_RANGE);
    EXPECT(sys_irq_create(few, 43, IRQ_EDGE, &irq), ERR_OUT_OF_RANGE);
    EXPECT(sys_irq_create(few, 42, IRQ_EDGE, &irq), OK);
    handle_t all[] = {irq, n, few};
    EXPECT(close_all(all, 3), OK);
    return true;
}

static bool the_log_keeps_lines_and_cleans_them(void)
{
    char text[512];
    uint64_t position = 0, bytes = 1, next;
    handle_t log, mmio;
    EXPECT(sys_resource_create(root_resource, RESOURCE_LOG, 0, 0, &log), OK);
    EXPECT(sys_resource_create(root_resource, RESOURCE_MMIO, 0, PAGE, &mmio), OK);
    EXPECT(sys_log_write(mmio, "x", 1), ERR_ACCESS_DENIED);
    EXPECT(sys_log_write(log, "needle \x1b[31m end", 16), OK);
    bool found = false, escaped = false;
    char tail[1100] = "";
    size_t kept = 0;
    while (bytes > 0) {
        EXPECT(sys_log_read(log, position, text, sizeof(text), &bytes, &next), OK);
        CHECK(next >= position + bytes);
        position = next;
        if (kept > 512) {
            memmove(tail, tail + kept - 512, 512);
            kept = 512;
        }
        memcpy(tail + kept, text, bytes);
        kept += bytes;
        tail[kept] = '\0';
        found |= strstr(tail, "usertests: needle ") != NULL;
        escaped |= strchr(tail, 0x1b) != NULL;
    }
    CHECK(found && !escaped);
    EXPECT(sys_log_read(log, UINT64_MAX, text, sizeof(text), &bytes, &next), OK);
    EXPECT(bytes, 0);
    EXPECT(sys_log_write(log, text, LOG_LINE_MAX + 1), ERR_OUT_OF_RANGE);
    EXPECT(sys_system_power(log, POWER_OFF), ERR_ACCESS_DENIED);
    EXPECT(sys_system_power(root_resource, 99), ERR_INVALID_ARGS);
    handle_t all[] = {log, mmio};
    EXPECT(close_all(all, 2), OK);
    return true;
}

static bool system_info_adds_up(void)
{
    struct system_info info;
    EXPECT(sys_system_info(root_resource, &info), OK);
    CHECK(info.ram_bytes > 16ull << 20 && info.free_bytes < info.ram_bytes);
    CHECK(info.cpus >= 1 && info.processes >= 2 && info.threads >= 2);
    CHECK(info.uptime_ns > 0 && info.kernel_bytes > 0 && info.slab_bytes > 0 &&
          info.page_table_bytes > 0);
    return true;
}

static bool statistics_name_each_cpu_and_cache_once(void)
{
    struct system_info info;
    struct cpu_stats cpu;
    struct slab_stats slab;
    EXPECT(sys_system_info(root_resource, &info), OK);
    for (uint32_t i = 0; i < info.cpus; i++) {
        EXPECT(sys_system_query(root_resource, QUERY_CPU, i, &cpu), OK);
        EXPECT(cpu.id, i);
    }
    EXPECT(sys_system_query(root_resource, QUERY_CPU, UINT64_MAX, &cpu), ERR_NOT_FOUND);
    uint64_t caches = 0, bytes = 0;
    for (; sys_system_query(root_resource, QUERY_SLAB, caches, &slab) == OK; caches++) {
        CHECK(slab.name[0] != '\0' && slab.in_use <= slab.slabs * slab.per_slab);
        bytes += slab.slabs * slab.slab_bytes;
    }
    CHECK(caches > 5 && bytes > 0);
    EXPECT(sys_system_query(root_resource, QUERY_KINDS, 0, &cpu), ERR_INVALID_ARGS);
    EXPECT(sys_system_query(root_resource, QUERY_CPU, 0, (void *)16), ERR_BAD_ADDRESS);
    return true;
}

// Free pages are in zones or in CPUs' caches, and every page has one owner. True when nobody else
// allocates meanwhile, and so sooner or later.
static bool memory_is_accounted_for(void)
{
    struct system_info info;
    uint64_t free, found, owned, end = after_ms(10000);
    do {
        struct zone_stats zone;
        struct page_owner_stats owner;
        struct page_cache_stats cache;
        uint64_t pages = 0;
        free = found = owned = 0;
        EXPECT(sys_system_info(root_resource, &info), OK);
        for (uint64_t i = 0; sys_system_query(root_resource, QUERY_ZONE, i, &zone) == OK; i++) {
            pages += zone.pages;
            found += zone.free_pages;
        }
        EXPECT(pages * PAGE, info.ram_bytes);
        for (uint64_t i = 0; sys_system_query(root_resource, QUERY_PAGE_OWNER, i, &owner) == OK;
             i++) {
            owned += owner.pages;
            free = i == 0 ? owner.pages : free;
        }
        for (uint64_t i = 0; sys_system_query(root_resource, QUERY_PAGE_CACHE, i, &cache) == OK;
             i++) {
            found += cache.pages;
        }
    } while ((found != free || owned * PAGE != info.ram_bytes) && now_ns() < end);
    EXPECT(found, free);
    EXPECT(owned * PAGE, info.ram_bytes);
    return true;
}

const struct test system_tests[] = {
    {"resource.splits_only_downwards", resources_split_only_downwards},
    {"resource.physical_memory_is_never_ram", physical_memory_is_never_ram},
    {"resource.contiguous_memory_is_aligned_zero_and_usable",
     contiguous_memory_is_aligned_zero_and_usable},
    {"resource.contiguous_memory_has_any_size_and_alignment",
     contiguous_memory_has_any_size_and_alignment},
    {"resource.contiguous_memory_may_be_larger_than_a_block",
     contiguous_memory_may_be_larger_than_a_block},
    {"irq.a_line_has_one_owner", an_interrupt_line_has_one_owner},
    {"log.keeps_lines_and_cleans_them", the_log_keeps_lines_and_cleans_them},
    {"system.info_adds_up", system_info_adds_up},
    {"system.memory_is_accounted_for", memory_is_accounted_for},
    {"system.statistics_name_each_cpu_and_cache_once", statistics_name_each_cpu_and_cache_once},
    {NULL, NULL},
};
