// SPDX-License-Identifier: MIT
// kernel_main: the boot sequence, to be read as a table of contents. The port has set up boot page
// tables and a stack and passes the device tree. Runs once, on the boot CPU, with interrupts
// masked; ends in the first user thread. Book: chapter 1.
#include "kernel/init/main.h"
#include "kernel/debug/log.h"
#include "kernel/debug/selftest.h"
#include "kernel/init/boot_info.h"
#include "kernel/init/root.h"
#include "kernel/lib/options.h"
#include "kernel/lib/random.h"
#include "kernel/lib/version.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/page.h"
#include "kernel/obj/endpoint.h"
#include "kernel/obj/notification.h"
#include "kernel/obj/process.h"
#include "kernel/obj/resource.h"
#include "kernel/sched/sched.h"
#include <arch/intc.h>
#include <arch/timer.h>

static struct boot_info boot;

static void banner(void)
{
    char text[256];
    klog("Bullfinch %s (%s) on %s: %s", BULLFINCH_VERSION, BF_DEBUG ? "debug" : "release",
         arch_name, boot.model);
    arch_cpu_describe(text, sizeof(text));
    klog("cpu: %s", text);
    klog("memory: %lu MiB in %u regions", boot.ram_bytes >> 20, boot.ram_count);
    klog("console: %s", console_description);
    klog("command line: %s", boot.cmdline);
}

static void options_apply(void)
{
    options_parse(boot.cmdline);
    if (options.quiet) {
        console_quiet();
    }
    panic_set_power_off(options.panic == PANIC_POWER_OFF);
}

static void memory_init(void)
{
    boot.free_limit = (uint64_t)options.memory << 20;
    boot_alloc_init(&boot);
    arch_mmu_init(&boot);
    page_init(&boot);
    vmo_init_caches();
    aspace_init_caches();
}

static void objects_init(void)
{
    handle_init_caches();
    job_init_caches();
    process_init_caches();
    thread_init_caches();
    endpoint_init_caches();
    reply_init_caches();
    notification_init_caches();
    resource_init_caches();
}

void kernel_main(void *fdt, paddr_t fdt_pa)
{
    sched_init_boot_cpu();
    (void)console_init(fdt);
    const char *why = boot_info_parse(fdt, fdt_pa, &boot);
    if (why != NULL) {
        console_salvage(phys_to_virt(fdt_pa));
        panic("boot: %s (device tree at 0x%lx)", why, fdt_pa);
    }
    random_seed(boot.seed, boot.seed_bytes, 0);
    stack_guard_init();
    options_apply();
    banner();
    memory_init();
    arch_intc_init(fdt);
    arch_timer_init(fdt);
    random_seed(NULL, 0, arch_clock_ns());
    objects_init();
    reaper_start();
    sched_start_cpus(boot.cpu_hw_ids, boot.cpu_count);
    klog("cpus: %u of %u in use", sched_cpus_online(), boot.cpu_count);
    root_start(&boot);
    if (options.crash != CRASH_NONE && crash_start != NULL) {
        crash_start();
    }
    arch_thread_enter(sched_exit());
}

void kernel_secondary(struct arch_percpu *percpu)
{
    arch_cpu_init(percpu);
    arch_intc_init_cpu();
    arch_timer_init_cpu();
    sched_enter_secondary(percpu);
}
