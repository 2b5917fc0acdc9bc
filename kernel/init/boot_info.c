// SPDX-License-Identifier: MIT
// What the kernel learns from the device tree at boot. The tree is firmware input: the blob is
// checked once as a whole (devicetree_valid), after which libfdt cannot leave it; every value in it
// is then checked where it is used. Damage that leaves a machine to run on is named in the log and
// skipped.
//
// Source: Devicetree Specification 0.4, chapter 3 (memory, reserved-memory, chosen, cpus) and 5.3
// (memory reservation block). linux,initrd-* and rng-seed: the Linux binding of /chosen.
#include "kernel/init/boot_info.h"

#include "kernel/debug/log.h"
#include "kernel/lib/devicetree.h"
#include <arch/mmu.h>
#include <libfdt.h>
#include <string.h>

#define PHYSICAL_LIMIT (1ull << 48) // no address beyond it is taken for memory

struct region_list {
    struct boot_region *regions; // sorted, disjoint, not adjacent
    unsigned *count;
};

static struct region_list ram_list(struct boot_info *info)
{
    return (struct region_list){info->ram, &info->ram_count};
}

static struct region_list reserved_list(struct boot_info *info)
{
    return (struct region_list){info->reserved, &info->reserved_count};
}

// Removes `n` regions from `first` on.
static void regions_delete(struct region_list l, unsigned first, unsigned n)
{
    memmove(&l.regions[first], &l.regions[first + n],
            (*l.count - first - n) * sizeof(l.regions[0]));
    *l.count -= n;
}

// Joins the two neighbours with the smallest gap between them. The list has at least two.
static void regions_close_gap(struct region_list l)
{
    unsigned best = 0;
    uint64_t best_gap = UINT64_MAX;
    for (unsigned i = 0; i + 1 < *l.count; i++) {
        uint64_t gap = l.regions[i + 1].start - l.regions[i].end;
        if (gap < best_gap) {
            best = i;
            best_gap = gap;
        }
    }
    l.regions[best].end = l.regions[best + 1].end;
    regions_delete(l, best + 1, 1);
}

// Inserts [start, end), joined with what it touches. False if that needs a new place and the list
// is full.
static bool regions_add(struct region_list l, paddr_t start, paddr_t end)
{
    unsigned first = 0;
    while (first < *l.count && l.regions[first].end < start) {
        first++;
    }
    unsigned last = first; // [first, last) touch the new region
    while (last < *l.count && l.regions[last].start <= end) {
        start = l.regions[last].start < start ? l.regions[last].start : start;
        end = l.regions[last].end > end ? l.regions[last].end : end;
        last++;
    }
    if (last > first) {
        regions_delete(l, first + 1, last - first - 1);
    } else {
        if (*l.count == BOOT_REGIONS_MAX) {
            return false;
        }
        memmove(&l.regions[first + 1], &l.regions[first],
                (*l.count - first) * sizeof(l.regions[0]));
        ++*l.count;
    }
    l.regions[first] = (struct boot_region){start, end};
    return true;
}

// Clips [start, start + size) to what can be a physical address; false if nothing is left.
static bool clip(paddr_t start, uint64_t size, paddr_t *end)
{
    if (size == 0 || start >= PHYSICAL_LIMIT) {
        return false;
    }
    *end = size < PHYSICAL_LIMIT - start ? start + size : PHYSICAL_LIMIT;
    return true;
}

static void reserve(struct boot_info *info, const char *what, paddr_t start, uint64_t size)
{
    paddr_t end;
    if (!clip(start, size, &end)) {
        klog("boot: %s: reservation of %lu bytes at 0x%lx ignored", what, size, start);
        return;
    }
    start = align_down(start, PAGE_SIZE);
    end = align_up(end, PAGE_SIZE);
    struct region_list l = reserved_list(info);
    if (!regions_add(l, start, end)) {
        klog("boot: %s: more than %u reserved regions; joining neighbours", what, BOOT_REGIONS_MAX);
        regions_close_gap(l);
        (void)regions_add(l, start, end); // there is a place now
    }
}

static void add_ram(struct boot_info *info, const char *node, paddr_t start, uint64_t size)
{
    paddr_t end;
    if (!clip(start, size, &end)) {
        klog("boot: /%s: reg: %lu bytes at 0x%lx cannot be memory; ignored", node, size, start);
        return;
    }
    start = align_up(start, PAGE_SIZE);
    end = align_down(end, PAGE_SIZE);
    if (start >= end) {
        klog("boot: /%s: reg: less than a page at 0x%lx; ignored", node, start);
    } else if (!regions_add(ram_list(info), start, end)) {
        klog("boot: /%s: reg: more than %u memory regions; 0x%lx-0x%lx not used", node,
             BOOT_REGIONS_MAX, start, end);
    }
}

static void read_memory(const void *fdt, struct boot_info *info)
{
    int node;
    fdt_for_each_subnode(node, fdt, 0) {
        const char *type = devicetree_string(fdt, node, "device_type");
        if (type == NULL || strcmp(type, "memory") != 0 || !devicetree_enabled(fdt, node)) {
            continue;
        }
        paddr_t start;
        uint64_t size;
        unsigned index = 0;
        for (; devicetree_reg_local(fdt, node, 0, index, &start, &size); index++) {
            add_ram(info, fdt_get_name(fdt, node, NULL), start, size);
        }
        if (index == 0) {
            klog("boot: /%s: no usable reg property", fdt_get_name(fdt, node, NULL));
        }
    }
}

static bool overlap(paddr_t start, paddr_t end, paddr_t other_start, paddr_t other_end)
{
    return start < other_end && other_start < end;
}

// Takes [start, end) out of RAM. A piece behind it for which there is no place is lost.
static void ram_remove(struct boot_info *info, const char *node, paddr_t start, paddr_t end)
{
    struct region_list l = ram_list(info);
    for (unsigned i = 0; i < info->ram_count;) {
        struct boot_region old = info->ram[i];
        if (end <= old.start || start >= old.end) {
            i++;
            continue;
        }
        if (start > old.start) {
            info->ram[i++].end = start;
        } else {
            regions_delete(l, i, 1);
        }
        if (end < old.end && !regions_add(l, end, old.end)) {
            klog("boot: %s: more than %u memory regions; 0x%lx-0x%lx not used", node,
                 BOOT_REGIONS_MAX, end, old.end);
        }
    }
}

// What must not be mapped is no RAM to the kernel: even speculative reads of it may fault
// (Devicetree Specification 0.4, section 3.5.4).
static void remove_unmappable(struct boot_info *info, const char *node, paddr_t start,
                              uint64_t size)
{
    paddr_t end;
    if (!clip(start, size, &end)) {
        return; // reserve() has said so
    }
    start = align_down(start, PAGE_SIZE);
    end = align_up(end, PAGE_SIZE);
    if (overlap(start, end, arch_image_to_phys(kernel_image_start),
                arch_image_to_phys(kernel_image_end)) ||
        overlap(start, end, info->fdt_start, info->fdt_end)) {
        klog("boot: %s: no-map: 0x%lx-0x%lx holds the kernel or the device tree; ignored", node,
             start, end);
        return;
    }
    ram_remove(info, node, start, end);
}

static void read_reservations(const void *fdt, struct boot_info *info)
{
    int entries = fdt_num_mem_rsv(fdt);
    for (int i = 0; i < entries; i++) {
        uint64_t start, size;
        if (fdt_get_mem_rsv(fdt, i, &start, &size) == 0) {
            reserve(info, "/memreserve/", start, size);
        }
    }
    int node, parent = fdt_path_offset(fdt, "/reserved-memory");
    if (parent < 0) { // libfdt would take the root for the first child of a node that is not there
        return;
    }
    fdt_for_each_subnode(node, fdt, parent) {
        paddr_t start;
        uint64_t size;
        // A node without reg asks for memory of the kernel's choice: there are no drivers here to
        // give it to.
        for (unsigned i = 0; devicetree_reg_local(fdt, node, parent, i, &start, &size); i++) {
            const char *name = fdt_get_name(fdt, node, NULL);
            reserve(info, name, start, size);
            if (fdt_getprop(fdt, node, "no-map", NULL) != NULL) {
                remove_unmappable(info, name, start, size);
            }
        }
    }
}

static bool region_holds(const struct boot_region *regions, unsigned count, paddr_t start,
                         paddr_t end)
{
    for (unsigned i = 0; i < count; i++) {
        if (regions[i].start <= start && end <= regions[i].end) {
            return true;
        }
    }
    return false;
}

// linux,initrd-start and -end have 4 or 8 bytes, whatever #address-cells says.
static bool read_initrd_bound(const void *fdt, int chosen, const char *name, uint64_t *value)
{
    int bytes;
    const uint32_t *p = fdt_getprop(fdt, chosen, name, &bytes);
    return p != NULL && (bytes == 4 || bytes == 8) &&
           devicetree_number(&p, (unsigned)bytes / 4, value);
}

static void read_initrd(const void *fdt, int chosen, struct boot_info *info)
{
    paddr_t start, end;
    bool has_start = read_initrd_bound(fdt, chosen, "linux,initrd-start", &start);
    bool has_end = read_initrd_bound(fdt, chosen, "linux,initrd-end", &end);
    if (!has_start && !has_end) {
        return;
    }
    const char *why = NULL;
    if (!has_start || !has_end || start >= end) {
        why = "not a range";
    } else if (!region_holds(info->ram, info->ram_count, start, end)) {
        why = "outside RAM";
    } else if (overlap(start, end, arch_image_to_phys(kernel_image_start),
                       arch_image_to_phys(kernel_image_end)) ||
               overlap(start, end, info->fdt_start, info->fdt_end)) {
        why = "overlaps the kernel or the device tree";
    }
    if (why != NULL) {
        klog("boot: /chosen: linux,initrd-start, -end: %s; boot image ignored", why);
        return;
    }
    info->initrd_start = start;
    info->initrd_end = end;
    reserve(info, "/chosen: linux,initrd-start", start, end - start);
}

static void copy_string(char *to, size_t size, const char *from)
{
    size_t n = strnlen(from, size - 1);
    memcpy(to, from, n);
    to[n] = '\0';
}

// Appends a property to the seed, as far as there is room, and wipes it. The image is not moved, so
// kaslr-seed is entropy like the other.
static void take_seed(void *fdt, int chosen, const char *name, struct boot_info *info)
{
    int bytes;
    uint8_t *seed = (uint8_t *)fdt_getprop(fdt, chosen, name, &bytes);
    if (seed != NULL && bytes > 0) {
        unsigned room = sizeof(info->seed) - info->seed_bytes;
        unsigned taken = (unsigned)bytes < room ? (unsigned)bytes : room;
        memcpy(info->seed + info->seed_bytes, seed, taken);
        memset(seed, 0, (size_t)bytes);
        info->seed_bytes += taken;
    }
}

static void read_chosen(void *fdt, struct boot_info *info)
{
    int chosen = fdt_path_offset(fdt, "/chosen");
    if (chosen < 0) {
        klog("boot: the device tree has no /chosen: no boot image, no options");
        return;
    }
    read_initrd(fdt, chosen, info);
    const char *bootargs = devicetree_string(fdt, chosen, "bootargs");
    if (bootargs != NULL) {
        copy_string(info->cmdline, sizeof(info->cmdline), bootargs);
        if (strlen(bootargs) >= sizeof(info->cmdline)) {
            klog("boot: /chosen: bootargs: cut to %zu bytes", strlen(info->cmdline));
        }
    }
    take_seed(fdt, chosen, "kaslr-seed", info);
    take_seed(fdt, chosen, "rng-seed", info);
}

// The id that firmware knows the CPU by: one or two cells of its reg, by the #address-cells of
// /cpus.
static bool read_cpu_id(const void *fdt, int node, unsigned cells, uint64_t *id)
{
    int bytes;
    const uint32_t *reg = fdt_getprop(fdt, node, "reg", &bytes);
    return reg != NULL && (unsigned)bytes >= cells * sizeof(uint32_t) &&
           devicetree_number(&reg, cells, id);
}

static void read_cpus(const void *fdt, struct boot_info *info)
{
    unsigned count = 0, address_cells = 1, size_cells = 0;
    int node, cpus = fdt_path_offset(fdt, "/cpus");
    if (cpus >= 0 && devicetree_cells(fdt, cpus, &address_cells, &size_cells)) {
        fdt_for_each_subnode(node, fdt, cpus) {
            const char *type = devicetree_string(fdt, node, "device_type");
            uint64_t id;
            if (type == NULL || strcmp(type, "cpu") != 0 || !devicetree_enabled(fdt, node)) {
                continue;
            }
            if (!read_cpu_id(fdt, node, address_cells, &id)) {
                klog("boot: /cpus: a CPU without a usable reg is left out");
                continue;
            }
            if (count < BOOT_CPUS_MAX) {
                info->cpu_hw_ids[count] = id;
            }
            count++;
        }
    }
    if (count == 0) {
        klog("boot: /cpus: no usable CPU; assuming the one that runs this");
        count = 1;
    }
    if (count > BOOT_CPUS_MAX) {
        klog("boot: /cpus: %u CPUs, of which %u are used", count, BOOT_CPUS_MAX);
        count = BOOT_CPUS_MAX;
    }
    info->cpu_count = count;
}

static void read_model(const void *fdt, struct boot_info *info)
{
    const char *model = devicetree_string(fdt, 0, "model");
    if (model == NULL) {
        model = devicetree_string(fdt, 0, "compatible"); // a list: its first name
    }
    copy_string(info->model, sizeof(info->model), model != NULL ? model : "unknown machine");
}

// Some RAM must remain outside all reservations.
static bool has_free_ram(const struct boot_info *info)
{
    for (unsigned i = 0; i < info->ram_count; i++) {
        if (!region_holds(info->reserved, info->reserved_count, info->ram[i].start,
                          info->ram[i].end)) {
            return true;
        }
    }
    return false;
}

const char *boot_info_parse(void *fdt, paddr_t fdt_pa, struct boot_info *info)
{
    memset(info, 0, sizeof(*info));
    if (fdt == NULL) {
        return "the device tree is damaged: its header or structure is not well-formed";
    }
    uint32_t fdt_bytes = devicetree_used_bytes(fdt);
    fdt_set_totalsize(fdt, fdt_bytes);
    if (fdt_pa > PHYSICAL_LIMIT - fdt_bytes) {
        return "the device tree lies beyond the physical address space";
    }
    info->fdt = fdt;
    info->fdt_start = fdt_pa;
    info->fdt_end = fdt_pa + fdt_bytes;

    read_memory(fdt, info);
    for (unsigned i = 0; i < info->ram_count; i++) {
        info->ram_bytes += info->ram[i].end - info->ram[i].start;
    }
    if (info->ram_count == 0) {
        return "no node with device_type \"memory\" has a usable reg property";
    }
    if (!region_holds(info->ram, info->ram_count, fdt_pa, info->fdt_end)) {
        return "the device tree lies outside the memory that it describes";
    }
    paddr_t image = arch_image_to_phys(kernel_image_start);
    reserve(info, "kernel image", image, arch_image_to_phys(kernel_image_end) - image);
    reserve(info, "device tree", fdt_pa, fdt_bytes);
    read_reservations(fdt, info);
    read_chosen(fdt, info);
    read_cpus(fdt, info);
    read_model(fdt, info);
    return has_free_ram(info) ? NULL : "all memory of the /memory nodes is reserved";
}
