// SPDX-License-Identifier: MIT
// System calls on devices, the log and the machine.
#include "kernel/debug/selftest.h"
#include "kernel/debug/trace.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/random.h"
#include "kernel/lib/version.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/obj/notification.h"
#include "kernel/obj/resource.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"
#include "kernel/vdso/vdso.h"
#include <arch/intc.h>
#include <arch/timer.h>
#include <string.h>

#define LOG_CHUNK 512u

// Whether the handle is a resource of this kind, or the root.
static status_t resource_need(const struct handle_arg *h, enum resource_kind kind)
{
    return resource_check(resource_from_object(h->object), kind, 0, 0);
}

status_t sys_resource_create(struct thread *t, const struct handle_arg *parent, uint32_t kind,
                             uint64_t base, uint64_t size, uint64_t *resource)
{
    struct resource *r;
    status_t s = resource_create(resource_from_object(parent->object), job_of(t),
                                 (enum resource_kind)kind, base, size, &r);
    return s == OK ? handle_to_new(t, &r->object, RIGHTS_DEFAULT_RESOURCE, resource) : s;
}

status_t sys_irq_create(struct thread *t, const struct handle_arg *resource, uint32_t line,
                        uint32_t flags, uint64_t *irq)
{
    if (flags != IRQ_LEVEL && flags != IRQ_EDGE) {
        return ERR_INVALID_ARGS;
    }
    status_t s = resource_check(resource_from_object(resource->object), RESOURCE_IRQ, line, 1);
    if (s != OK) {
        return s;
    }
    struct irq *new;
    s = irq_create(job_of(t), line, flags == IRQ_EDGE, &new);
    return s == OK ? handle_to_new(t, &new->object, RIGHTS_DEFAULT_IRQ, irq) : s;
}

status_t sys_irq_bind(struct thread *t, const struct handle_arg *irq, const struct handle_arg *n,
                      uint64_t bits)
{
    (void)t;
    if (bits == 0) {
        return ERR_INVALID_ARGS;
    }
    irq_bind(irq_from_object(irq->object), notification_from_object(n->object), bits);
    return OK;
}

status_t sys_irq_ack(struct thread *t, const struct handle_arg *irq)
{
    (void)t;
    return irq_ack(irq_from_object(irq->object));
}

status_t sys_random_get(struct thread *t, uaddr_t buf, uint64_t len)
{
    (void)t;
    uint8_t bytes[RANDOM_MAX];
    if (len > sizeof(bytes)) {
        return ERR_OUT_OF_RANGE;
    }
    random_bytes(bytes, len);
    return arch_copy_to_user(buf, bytes, len);
}

status_t sys_log_write(struct thread *t, const struct handle_arg *resource, uaddr_t buf,
                       uint64_t len)
{
    char line[LOG_LINE_MAX];
    status_t s = resource_need(resource, RESOURCE_LOG);
    if (s == OK && len > sizeof(line)) {
        s = ERR_OUT_OF_RANGE;
    }
    if (s == OK) {
        s = arch_copy_from_user(line, buf, len);
    }
    if (s == OK) {
        klog_user(t->process->name, line, len);
    }
    return s;
}

status_t sys_log_read(struct thread *t, const struct handle_arg *resource, uint64_t position,
                      uaddr_t buf, uint64_t len, uint64_t *bytes, uint64_t *next)
{
    (void)t;
    char chunk[LOG_CHUNK];
    status_t s = resource_need(resource, RESOURCE_LOG);
    if (s != OK) {
        return s;
    }
    uint64_t n = klog_read(&position, chunk, len < sizeof(chunk) ? len : sizeof(chunk));
    *bytes = n;
    *next = position;
    return arch_copy_to_user(buf, chunk, n);
}

status_t sys_clock_set_boot_time(struct thread *t, const struct handle_arg *resource, uint64_t ns)
{
    (void)t;
    status_t s = resource_need(resource, RESOURCE_CLOCK);
    if (s != OK) {
        return s;
    }
    if (ns > INT64_MAX) {
        return ERR_OUT_OF_RANGE;
    }
    vdso_set_boot_time(ns);
    return OK;
}

status_t sys_system_info(struct thread *t, const struct handle_arg *resource, uaddr_t info)
{
    (void)t;
    status_t s = resource_need(resource, RESOURCE_LOG);
    if (s != OK) {
        return s;
    }
    struct page_stats pages;
    page_stats(&pages);
    struct system_info out;
    memset(&out, 0, sizeof(out));
    out.ram_bytes = pages.total_pages * PAGE_SIZE;
    out.free_bytes = pages.free_pages * PAGE_SIZE;
    out.kernel_bytes = pages.by_owner[PAGE_KERNEL] * PAGE_SIZE;
    out.slab_bytes = (pages.by_owner[PAGE_SLAB] + pages.by_owner[PAGE_HANDLE]) * PAGE_SIZE;
    out.page_table_bytes = pages.by_owner[PAGE_TABLE] * PAGE_SIZE;
    out.uptime_ns = arch_clock_ns();
    for (unsigned i = 0; i < cpu_count; i++) {
        struct cpu_stats cpu;
        sched_cpu_stats(&cpus[i], &cpu);
        out.idle_ns += cpu.idle_ns; // of all CPUs
        out.context_switches += cpu.switches;
        out.cpus += cpu.online;
    }
    out.processes = process_count();
    out.threads = thread_count();
    out.handles = handle_count();
    out.user_pages = pages.by_owner[PAGE_USER];
    ksnprintf(out.arch, sizeof(out.arch), "%s", arch_name);
    ksnprintf(out.version, sizeof(out.version), "%s", BULLFINCH_VERSION);
    return arch_copy_to_user(info, &out, sizeof(out));
}

// --- statistics: each fills one entry, false past the end

static bool query_cpu(uint64_t index, void *out)
{
    if (index >= cpu_count) {
        return false;
    }
    sched_cpu_stats(&cpus[index], out);
    return true;
}

struct slab_search {
    uint64_t index;
    struct slab_stats *out;
    bool found;
};

static void slab_visit(struct slab_cache *c, void *arg)
{
    struct slab_search *search = arg;
    if (search->index-- != 0) {
        return;
    }
    search->found = true;
    slab_stats(c, search->out);
}

static bool query_slab(uint64_t index, void *out)
{
    struct slab_search search = {.index = index, .out = out};
    slab_for_each(slab_visit, &search);
    return search.found;
}

static bool query_zone(uint64_t index, void *out)
{
    if (index >= PAGE_ZONES) {
        return false;
    }
    page_zone_stats((enum page_zone)index, out);
    return true;
}

static bool query_page_owner(uint64_t index, void *out)
{
    if (index >= PAGE_OWNERS) {
        return false;
    }
    struct page_owner_stats *s = out;
    struct page_stats pages;
    page_stats(&pages);
    s->pages = pages.by_owner[index];
    ksnprintf(s->name, sizeof(s->name), "%s", page_owner_name((enum page_owner)index));
    return true;
}

static bool query_page_cache(uint64_t index, void *out)
{
    if (index >= cpu_count) {
        return false;
    }
    page_cache_stats((unsigned)index, out);
    return true;
}

static bool query_lock(uint64_t index, void *out)
{
    struct lock_stats *s = out;
    if (!BF_LOCKSTAT || index >= (uint64_t)cpu_count * LOCK_RANKS) {
        return false;
    }
    struct lock_counts counts =
        spin_counts((uint32_t)(index / LOCK_RANKS), (uint32_t)(index % LOCK_RANKS));
    s->taken = counts.taken;
    s->spins = counts.spins;
    spin_cost(&s->take_cost, &s->spin_cost);
    return true;
}

static bool query_trace(uint64_t index, void *out)
{
    return trace_read((uint32_t)(index >> 32), (uint32_t)index, out);
}

static const struct {
    bool (*fill)(uint64_t index, void *out);
    size_t bytes;
} queries[] = {
    [QUERY_CPU] = {query_cpu, sizeof(struct cpu_stats)},
    [QUERY_SLAB] = {query_slab, sizeof(struct slab_stats)},
    [QUERY_ZONE] = {query_zone, sizeof(struct zone_stats)},
    [QUERY_PAGE_OWNER] = {query_page_owner, sizeof(struct page_owner_stats)},
    [QUERY_PAGE_CACHE] = {query_page_cache, sizeof(struct page_cache_stats)},
    [QUERY_LOCK] = {query_lock, sizeof(struct lock_stats)},
    [QUERY_TRACE] = {query_trace, sizeof(struct trace_record)},
};
static_assert(ARRAY_SIZE(queries) == QUERY_KINDS, "a row for each kind");

status_t sys_system_query(struct thread *t, const struct handle_arg *resource, uint32_t kind,
                          uint64_t index, uaddr_t buf)
{
    (void)t;
    union {
        struct cpu_stats cpu;
        struct slab_stats slab;
        struct zone_stats zone;
        struct page_owner_stats owner;
        struct page_cache_stats cache;
        struct lock_stats lock;
        struct trace_record trace;
    } entry;
    status_t s = resource_need(resource, RESOURCE_LOG);
    if (s != OK) {
        return s;
    }
    if (kind >= QUERY_KINDS) {
        return ERR_INVALID_ARGS;
    }
    memset(&entry, 0, sizeof(entry));
    return queries[kind].fill(index, &entry) ? arch_copy_to_user(buf, &entry, queries[kind].bytes)
                                             : ERR_NOT_FOUND;
}

status_t sys_system_selftest(struct thread *t, const struct handle_arg *resource, uint64_t index,
                             uaddr_t name)
{
    (void)t;
    char text[SELFTEST_NAME_BYTES] = {0};
    status_t s = resource_need(resource, RESOURCE_ROOT);
    if (s != OK) {
        return s;
    }
    const struct selftest *test = selftest_find(index);
    if (test == NULL) {
        return selftest_find(0) != NULL ? ERR_NOT_FOUND : ERR_NOT_SUPPORTED;
    }
    ksnprintf(text, sizeof(text), "%s", test->name);
    s = arch_copy_to_user(name, text, sizeof(text));
    return s != OK ? s : test->run() ? OK : ERR_BAD_STATE;
}

status_t sys_system_power(struct thread *t, const struct handle_arg *resource, uint32_t action)
{
    (void)t;
    status_t s = resource_need(resource, RESOURCE_POWER);
    if (s != OK) {
        return s;
    }
    if (action != POWER_OFF && action != POWER_RESTART) {
        return ERR_INVALID_ARGS;
    }
    sched_stop_cpus();
    klog("%s", action == POWER_OFF ? "power off" : "restart");
    if (action == POWER_RESTART) {
        arch_restart();
    }
    arch_power_off();
}

status_t sys_system_console_release(struct thread *t, const struct handle_arg *resource)
{
    (void)t;
    status_t s = resource_need(resource, RESOURCE_LOG);
    if (s == OK) {
        console_release();
    }
    return s;
}

status_t sys_system_console_take(struct thread *t, const struct handle_arg *resource)
{
    (void)t;
    status_t s = resource_need(resource, RESOURCE_LOG);
    if (s == OK) {
        console_take();
    }
    return s;
}
