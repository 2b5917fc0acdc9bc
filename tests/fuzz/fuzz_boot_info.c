// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as the device tree that firmware hands over. Parsing must end without a
// crash, and what it accepts must keep the promises of kernel/init/boot_info.h.
//
// libFuzzer drives it (built with -fsanitize=fuzzer and the sources that
// tests/host/test_boot_info.c names); that host test also runs a short deterministic slice.
#include "kernel/init/boot_info.h"
#include "kernel/lib/options.h"

#include "tests/fuzz/fuzz_tree.h"

#define TREE_PA 0x48000000ull

static void check_regions(const struct boot_region *r, unsigned count)
{
    require(count <= BOOT_REGIONS_MAX);
    for (unsigned i = 0; i < count; i++) {
        require(r[i].start < r[i].end);
        require(((r[i].start | r[i].end) & PAGE_MASK) == 0);
        require(i == 0 || r[i - 1].end < r[i].start);
    }
}

static void check_info(const struct boot_info *info)
{
    require(info->ram_count > 0 && info->ram_bytes > 0);
    check_regions(info->ram, info->ram_count);
    check_regions(info->reserved, info->reserved_count);
    require(info->initrd_start <= info->initrd_end);
    require(memchr(info->cmdline, '\0', sizeof(info->cmdline)) != NULL);
    require(memchr(info->model, '\0', sizeof(info->model)) != NULL);
    require(info->seed_bytes <= sizeof(info->seed));
    require(info->cpu_count >= 1 && info->cpu_count <= BOOT_CPUS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *blob = fuzz_tree_copy(data, size);
    if (blob == NULL) {
        return 0;
    }
    static struct boot_info info;
    if (boot_info_parse(devicetree_valid(blob) ? blob : NULL, TREE_PA, &info) == NULL) {
        check_info(&info);
        options_parse(info.cmdline);
    }
    free(blob);
    return 0;
}
