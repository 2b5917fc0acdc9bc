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

const struct test system_tests[] = {
    {"resource.splits_only_downwards", resources_split_only_downwards},
    {"resource.physical_memory_is_never_ram", physical_memory_is_never_ram},
    {"resource.contiguous_memory_is_aligned_zero_and_usable",
     contiguous_memory_is_aligned_zero_and_usable},
    {"irq.a_line_has_one_owner", an_interrupt_line_has_one_owner},
    {"log.keeps_lines_and_cleans_them", the_log_keeps_lines_and_cleans_them},
    {"system.info_adds_up", system_info_adds_up},
    {"system.statistics_name_each_cpu_and_cache_once", statistics_name_each_cpu_and_cache_once},
    {NULL, NULL},
};
