// SPDX-License-Identifier: MIT
// The root supervisor: the first program. The kernel gives it all authority there is; it reads the
// manifest of the boot image and hands each service its part, then watches. What the rules decide
// (supervision.c) is carried out here; requests of other programs (bullfinch/supervisor.h) are
// answered in serve.c. Whatever keeps the system from coming up is said in the kernel log, and the
// machine powers off: never a hang. Book: chapters 24 and 25.

#include "user/servers/root/serve.h"
#include <bullfinch/clock.h>
#include <bullfinch/server.h>
#include <bullfinch/startup.h>
#include <bullfinch/status.h>
#include <bullfinch/stdio.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gen/user_syscalls.h>

#define MANIFEST_PATH  "etc/manifest"
#define EVENT_TIMER    (1ull << 63)
#define TIMER_SLACK_NS 10000000ull // restarts and time limits need not be more exact
static_assert(SUP_NODES_MAX < 63, "one event bit a node, and the timer's");

static struct root root;

static _Noreturn void power(uint32_t action)
{
    (void)fflush(stdout);
    (void)sys_system_power(root.resource, action);
    exit(1);
}

// What follows is to be seen even if a driver owns the console, or the boot is quiet.
static void last_words_begin(void)
{
    (void)fflush(stdout);
    (void)sys_system_console_take(root.resource);
}

__attribute__((format(printf, 1, 2))) static _Noreturn void boot_stop(const char *format, ...)
{
    va_list args;
    last_words_begin();
    printf("the system cannot start: ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    power(POWER_OFF);
}

// --- carrying out the rules ---------------------------------------------------------------------

static void action_start(uint32_t node)
{
    struct unit *unit = &root.units[node];
    if (service_start(&root, node) == OK) {
        if (unit->starts > 1) {
            printf("%s started again\n", unit->name);
        }
        sup_started(&root.supervision, node);
    } else {
        sup_start_failed(&root.supervision, node, clock_monotonic_ns());
    }
}

static void action_carry_out(const struct sup_action *a)
{
    struct unit *unit = &root.units[a->node];
    switch (a->kind) {
    case SUP_ACT_START: action_start(a->node); return;
    case SUP_ACT_ASK: (void)sys_notification_signal(unit->stop, 1); return;
    case SUP_ACT_KILL: (void)sys_job_kill(unit->job); return;
    case SUP_ACT_FORGET: dynamic_free(unit); return;
    case SUP_ACT_STOPPED:
        if (!root.end_asked) { // a significant service ended
            last_words_begin();
            printf("the system ends: %s\n", root.failure);
        }
        power(root.power_action);
    case SUP_ACT_GIVE_UP:
        last_words_begin();
        printf("giving up after: %s\n", root.failure);
        printf("no more restarts within what the manifest allows: powering off\n");
        power(POWER_OFF);
    }
}

void root_pump(struct root *r)
{
    struct sup_action action;
    while (sup_next(&r->supervision, clock_monotonic_ns(), &action)) {
        action_carry_out(&action);
    }
    (void)sys_notification_arm(r->events, sup_deadline(&r->supervision), EVENT_TIMER,
                               TIMER_SLACK_NS);
}

static void process_ended(uint32_t node, uint64_t now)
{
    struct unit *unit = &root.units[node];
    const struct sup_node *n = &root.supervision.nodes[node];
    struct process_info info;
    if (unit->process == HANDLE_NONE || sys_process_info(unit->process, &info) != OK ||
        info.state != PROCESS_DEAD) {
        return; // the bit of an incarnation that is cleared already
    }
    bool normal = info.exit_reason == EXIT_NORMAL && info.exit_code == 0;
    exit_text(&info, unit->last_exit, sizeof(unit->last_exit));
    // Not on our wish. When everything ends, whoever misses another is no news.
    if (n->state == SUP_UP && !root.supervision.ending) {
        printf("%s ended: %s\n", unit->name, unit->last_exit);
        if (!normal || n->restart == SUP_TYPE_PERMANENT || n->significant) {
            (void)snprintf(root.failure, sizeof(root.failure), "%s ended: %s", unit->name,
                           unit->last_exit);
        }
    }
    service_clear(&root, node);
    sup_exited(&root.supervision, node, normal, now);
    if (n->dispensable && n->state == SUP_FINISHED) {
        printf("%s died too often: the system goes on without it\n", unit->name);
    }
}

static void events_handle(struct server *s, uint64_t bits)
{
    uint64_t now = clock_monotonic_ns();
    (void)s;
    for (uint32_t node = 0; node < SUP_NODES_MAX; node++) {
        if ((bits >> node & 1) != 0) {
            process_ended(node, now);
        }
    }
    root_pump(&root);
}

// --- the boot -----------------------------------------------------------------------------------

static void log_open(void)
{
    handle_t *log = &root.resources[RESOURCE_LOG];
    if (sys_resource_create(root.resource, RESOURCE_LOG, 0, 0, log) == OK) {
        stdio_attach_log(*log);
    }
}

static void handles_take(void)
{
    root.job = startup_handle(STARTUP_ROOT_JOB);
    root.resource = startup_handle(STARTUP_ROOT_RESOURCE);
    root.boot_image = startup_handle(STARTUP_BOOT_IMAGE);
    root.device_tree = startup_handle(STARTUP_DEVICE_TREE);
    log_open();
    if (root.job == HANDLE_NONE || root.resource == HANDLE_NONE || root.boot_image == HANDLE_NONE) {
        boot_stop("the kernel gave the root supervisor no job, resource or boot image");
    }
}

static void image_open(void)
{
    struct vmo_info info;
    uint64_t base = 0;
    status_t s = sys_vmo_info(root.boot_image, &info);
    if (s == OK) {
        uint64_t bytes = (info.size + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1);
        s = sys_vmar_map(startup_handle(STARTUP_VMAR), root.boot_image, 0, 0, bytes, VM_READ,
                         &base);
    }
    if (s != OK) {
        boot_stop("the boot image cannot be mapped: %s", status_text(s));
    }
    root.image = (struct archive){.data = (const uint8_t *)(uintptr_t)base, .bytes = info.size};
    struct archive walk = root.image;
    struct archive_entry entry;
    const char *why;
    int got;
    while ((got = archive_next(&walk, &entry, &why)) == 1) {
    }
    if (got < 0) {
        boot_stop("the boot image is damaged at byte %zu: %s", walk.at, why);
    }
}

static void manifest_open(void)
{
    static char message[200];
    struct archive_entry entry;
    const char *why;
    if (archive_find(&root.image, MANIFEST_PATH, &entry, &why) != 1) {
        boot_stop("the boot image has no %s", MANIFEST_PATH);
    }
    if (!manifest_parse((const char *)entry.data, entry.bytes, &root.manifest, message,
                        sizeof(message))) {
        boot_stop("%s, %s", MANIFEST_PATH, message);
    }
}

static void services_open(void)
{
    const char *what = "its own endpoint";
    sup_init(&root.supervision);
    if (!services_add(&root)) {
        boot_stop("%s: more services and groups than %u", MANIFEST_PATH, SUP_NODES_MAX);
    }
    status_t s = sys_endpoint_create(&root.endpoint);
    s = s != OK ? s : sys_notification_create(&root.events);
    s = s != OK ? s : sys_notification_bind(root.events, startup_handle(STARTUP_THREAD));
    s = s != OK ? s : services_prepare(&root, &what);
    if (s != OK) {
        boot_stop("the root supervisor cannot make %s: %s", what, status_text(s));
    }
}

int main(int argc, char **argv)
{
    root.command_line = argc > 1 ? argv[1] : "";
    handles_take();
    image_open();
    manifest_open();
    services_open();
    sup_begin(&root.supervision);
    root_pump(&root);
    struct server server = {
        .name = "root", .endpoint = root.endpoint, .notified = events_handle, .context = &root};
    server.ops = serve_ops(&server.op_count);
    server_run(&server);
}
