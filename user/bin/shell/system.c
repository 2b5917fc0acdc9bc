// SPDX-License-Identifier: MIT
// The shell's commands about the machine and its services: mem, slab, cpus, tree, shutdown, reboot,
// dmesg, uptime, date.
#include "shell.h"

#include <bullfinch/clock.h>
#include <bullfinch/ipc.h>
#include <bullfinch/supervisor.h>
#include <gen/user_syscalls.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SERVICES_MAX 64u
#define PAGE_KIB     (ABI_PAGE_SIZE / 1024u)

static void duration_print(uint64_t ns)
{
    uint64_t s = ns / 1000000000u;
    if (s >= 86400) {
        printf("%" PRIu64 " d ", s / 86400);
    }
    printf("%02u:%02u:%02u", (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60),
           (unsigned)(s % 60));
}

const char *utc_text(uint64_t ns, char text[UTC_BYTES])
{
    static_assert(sizeof(time_t) == 8, "times past 2038");
    time_t seconds = (time_t)(ns / 1000000000u);
    struct tm tm;
    (void)strftime(text, UTC_BYTES, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
    return text;
}

static void zones_print(void)
{
    struct zone_stats z;
    printf("%-8s %10s %10s %12s %14s\n", "zone", "KiB", "free", "untouched", "largest block");
    for (uint64_t i = 0; sys_system_query(shell.log, QUERY_ZONE, i, &z) == OK; i++) {
        if (z.pages != 0) {
            printf("%-8s %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %14" PRIu64 "\n", z.name,
                   z.pages * PAGE_KIB, z.free_pages * PAGE_KIB, z.untouched_pages * PAGE_KIB,
                   z.largest_block_pages * PAGE_KIB);
        }
    }
}

static void page_caches_print(void)
{
    struct page_cache_stats c;
    printf("%-8s %10s %10s %12s\n", "cache", "KiB", "hits", "misses");
    for (uint64_t i = 0; sys_system_query(shell.log, QUERY_PAGE_CACHE, i, &c) == OK; i++) {
        printf("cpu %-4" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 "\n", i,
               c.pages * PAGE_KIB, c.hits, c.misses);
    }
}

int command_mem(char **args, unsigned count)
{
    struct system_info info;
    (void)args;
    (void)count;
    status_t status = sys_system_info(shell.log, &info);
    if (status != OK) {
        return error_say("mem", "the system's numbers", status);
    }
    printf("%10" PRIu64 " KiB  RAM, of which are\n", info.ram_bytes / 1024);
    struct page_owner_stats owner;
    for (uint64_t i = 0; sys_system_query(shell.log, QUERY_PAGE_OWNER, i, &owner) == OK; i++) {
        printf("%10" PRIu64 " KiB  %s\n", owner.pages * PAGE_KIB, owner.name);
    }
    zones_print();
    page_caches_print();
    printf("%" PRIu32 " processes, %" PRIu32 " threads, %" PRIu32 " handles\n", info.processes,
           info.threads, info.handles);
    return 0;
}

int command_slab(char **args, unsigned count)
{
    struct slab_stats s;
    (void)args;
    (void)count;
    printf("%-16s %6s %8s %8s %6s %8s %10s %8s\n", "objects", "bytes", "in use", "room", "slabs",
           "KiB", "hits", "misses");
    for (uint64_t i = 0; sys_system_query(shell.log, QUERY_SLAB, i, &s) == OK; i++) {
        printf("%-16s %6" PRIu32 " %8" PRIu64 " %8" PRIu64 " %6" PRIu64 " %8" PRIu64 " %10" PRIu64
               " %8" PRIu64 "\n",
               s.name, s.object_bytes, s.in_use, s.slabs * s.per_slab, s.slabs,
               s.slabs * s.slab_bytes / 1024, s.hits, s.misses);
    }
    return 0;
}

// --- CPUs ---------------------------------------------------------------------------------------

#define CPUS_SHOWN     64u
#define CPUS_MOMENT_NS 500000000ull

static unsigned cpu_stats_read(struct cpu_stats *stats)
{
    unsigned n = 0;
    while (n < CPUS_SHOWN && sys_system_query(shell.log, QUERY_CPU, n, &stats[n]) == OK) {
        n++;
    }
    return n;
}

// What has come about in so many ns.
static void cpu_print(const struct cpu_stats *then, const struct cpu_stats *now, uint64_t ns)
{
    uint64_t idle = (now->idle_ns - then->idle_ns) / (ns / 100 + 1);
    printf("%3" PRIu32 " %6" PRIu64 " %9" PRIu64 " %11" PRIu64 " %6" PRIu64 " %8" PRIu64
           " %6" PRIu64 " %7" PRIu64 "\n",
           now->id, idle, now->switches - then->switches,
           now->timer_interrupts - then->timer_interrupts, now->timer_void - then->timer_void,
           now->kicks - then->kicks, now->kicks_void - then->kicks_void,
           now->steals - then->steals);
}

int command_cpus(char **args, unsigned count)
{
    static const struct cpu_stats boot;
    static struct cpu_stats then[CPUS_SHOWN], now[CPUS_SHOWN];
    uint64_t start = 0, end = 0, bits;
    handle_t n;
    (void)args;
    (void)count;
    status_t status = sys_notification_create(&n);
    if (status != OK) {
        return error_say("cpus", "a moment's wait", status);
    }
    (void)sys_clock_get(&start);
    unsigned cpus = cpu_stats_read(then);
    (void)sys_notification_wait(n, start + CPUS_MOMENT_NS, &bits);
    (void)sys_clock_get(&end);
    (void)cpu_stats_read(now);
    (void)sys_handle_close(n);
    printf("CPU idle %%  switches timer intr.   void    kicks   void  steals\nin half a second\n");
    for (unsigned i = 0; i < cpus; i++) {
        cpu_print(&then[i], &now[i], end - start);
    }
    printf("since boot\n");
    for (unsigned i = 0; i < cpus; i++) {
        cpu_print(&boot, &now[i], end);
    }
    return 0;
}

// --- the supervision tree -----------------------------------------------------------------------

// The index-th service; ERR_NOT_FOUND past the end.
static status_t service_get(uint64_t index, struct sup_service *service)
{
    struct ipc_message m = {.tag = MSG_TAG(SUP_LIST, 0, 0), .w = {index}};
    status_t status = ipc_call(shell.supervisor, &m, DEADLINE_NEVER);
    if (status == OK) {
        status = (status_t)m.w[0];
    }
    if (status == OK && MSG_BYTES(m.tag) < sizeof(*service)) {
        status = ERR_CORRUPT;
    }
    if (status == OK) {
        memcpy(service, ipc_buffer()->data, sizeof(*service));
        service->name[sizeof(service->name) - 1] = 0;
        service->last_exit[sizeof(service->last_exit) - 1] = 0;
    }
    return status;
}

static const char *state_text(uint32_t state)
{
    static const char *const texts[] = {
        [SUP_STOPPED] = "stopped",
        [SUP_RUNNING] = "running",
        [SUP_RESTARTING] = "restarting",
        [SUP_FAILED] = "failed",
    };
    return state < sizeof(texts) / sizeof(texts[0]) ? texts[state] : "?";
}

// Whether the service is the last one below its parent.
static bool service_is_last(const struct sup_service *services, size_t count, size_t i)
{
    for (size_t j = i + 1; j < count; j++) {
        if (services[j].depth <= services[i].depth) {
            return services[j].depth < services[i].depth;
        }
    }
    return true;
}

static void service_print(const struct sup_service *services, size_t count, size_t i, uint64_t now)
{
    const struct sup_service *service = &services[i];
    char label[64];
    int used = 0;
    for (uint32_t d = 1; d < service->depth && d < 8; d++) {
        used += snprintf(label + used, sizeof(label) - (size_t)used, "|   ");
    }
    const char *branch = "";
    if (service->depth > 0) {
        branch = service_is_last(services, count, i) ? "`-- " : "|-- ";
    }
    (void)snprintf(label + used, sizeof(label) - (size_t)used, "%s%s", branch, service->name);
    printf("%-28s %-10s restarts %-3" PRIu32, label, state_text(service->state), service->restarts);
    if (service->state == SUP_RUNNING) {
        printf(" up ");
        duration_print(now - service->up_since_ns);
    }
    if (service->last_exit[0] != 0) {
        printf("  last: %s", service->last_exit);
    }
    printf("\n");
}

int command_tree(char **args, unsigned count)
{
    static struct sup_service services[SERVICES_MAX];
    size_t found = 0;
    status_t status = OK;
    (void)args;
    (void)count;
    while (found < SERVICES_MAX && status == OK) {
        status = service_get(found, &services[found]);
        found += status == OK;
    }
    if (status != OK && status != ERR_NOT_FOUND) {
        return error_say("tree", "the supervisor", status);
    }
    uint64_t now = clock_monotonic_ns();
    for (size_t i = 0; i < found; i++) {
        service_print(services, found, i, now);
    }
    return 0;
}

status_t service_kill(const char *name)
{
    size_t bytes = strlen(name);
    if (bytes >= NAME_MAX_BYTES) {
        return ERR_NOT_FOUND;
    }
    memcpy(ipc_buffer()->data, name, bytes);
    struct ipc_message m = {.tag = MSG_TAG(SUP_KILL, bytes, 0)};
    status_t status = ipc_call(shell.supervisor, &m, DEADLINE_NEVER);
    return status == OK ? (status_t)m.w[0] : status;
}

static int power(const char *command, uint64_t action)
{
    printf("%s: stopping the services\n", command);
    (void)fflush(stdout);
    struct ipc_message m = {.tag = MSG_TAG(SUP_SHUTDOWN, 0, 0), .w = {action}};
    status_t status = ipc_call(shell.supervisor, &m, DEADLINE_NEVER);
    return error_say(command, "the supervisor", status == OK ? (status_t)m.w[0] : status);
}

int command_shutdown(char **args, unsigned count)
{
    (void)args;
    (void)count;
    return power("shutdown", POWER_OFF);
}

int command_reboot(char **args, unsigned count)
{
    (void)args;
    (void)count;
    return power("reboot", POWER_RESTART);
}

// --- log and time -------------------------------------------------------------------------------

int command_dmesg(char **args, unsigned count)
{
    static char text[2048];
    uint64_t position = 0;
    (void)args;
    (void)count;
    for (;;) {
        uint64_t bytes = 0;
        status_t status = sys_log_read(shell.log, position, text, sizeof(text), &bytes, &position);
        if (status != OK) {
            return error_say("dmesg", "the kernel's log", status);
        }
        if (bytes == 0) {
            return 0;
        }
        (void)fwrite(text, 1, (size_t)bytes, stdout);
    }
}

int command_uptime(char **args, unsigned count)
{
    struct system_info info;
    (void)args;
    (void)count;
    status_t status = sys_system_info(shell.log, &info);
    if (status != OK) {
        return error_say("uptime", "the system's numbers", status);
    }
    uint64_t all_ns = info.uptime_ns * (info.cpus > 0 ? info.cpus : 1);
    printf("up ");
    duration_print(info.uptime_ns);
    printf(", %" PRIu32 " CPU%s, %u %% idle, %" PRIu64 " context switches\n", info.cpus,
           info.cpus == 1 ? "" : "s",
           (unsigned)(all_ns > 0 ? info.idle_ns / (all_ns / 100 + 1) : 0), info.context_switches);
    if (clock_boot_time_ns() != 0) {
        char text[UTC_BYTES];
        printf("booted at %s UTC\n", utc_text(clock_boot_time_ns(), text));
    }
    return 0;
}

int command_date(char **args, unsigned count)
{
    char text[UTC_BYTES];
    (void)args;
    (void)count;
    printf("%s UTC%s\n", utc_text(clock_realtime_ns(), text),
           clock_boot_time_ns() != 0 ? ""
                                     : " (nobody has set the clock: this is the time since boot)");
    return 0;
}
