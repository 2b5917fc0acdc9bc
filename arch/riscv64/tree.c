// SPDX-License-Identifier: MIT
// RISC-V: reading the device tree. Described in the header.
#include "arch/riscv64/tree.h"

#include "kernel/lib/devicetree.h"
#include <libfdt.h>
#include <string.h>

#define SUPERVISOR_EXTERNAL 9 // interrupt number at the hart (privileged specification, table 4.2)

int tree_hart(const void *fdt, uint64_t wanted)
{
    int node, cpus = fdt_path_offset(fdt, "/cpus");
    if (cpus < 0) {
        return cpus;
    }
    fdt_for_each_subnode(node, fdt, cpus) {
        int bytes;
        uint64_t hart;
        const uint32_t *reg = fdt_getprop(fdt, node, "reg", &bytes);
        if (reg != NULL && (bytes == 4 || bytes == 8) &&
            devicetree_number(&reg, (unsigned)bytes / 4, &hart) && hart == wanted) {
            return node;
        }
    }
    return -FDT_ERR_NOTFOUND;
}

// Whether an ISA string such as rv64imafdc_zicsr_sstc names an extension: a single letter before
// the first '_', or a word.
static bool isa_string_has(const char *isa, const char *name)
{
    size_t len = strlen(name);
    const char *at = isa + (strncmp(isa, "rv64", 4) == 0 ? 4 : 0);
    if (len == 1) {
        for (; *at != '\0' && *at != '_'; at++) {
            if (*at == *name || (*at == 'g' && strchr("imafd", *name) != NULL)) {
                return true;
            }
        }
        return false;
    }
    while ((at = strchr(at, '_')) != NULL) {
        at++;
        if (strncmp(at, name, len) == 0 && (at[len] == '_' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

// Device trees have either riscv,isa-extensions, a list of names, or the older riscv,isa.
bool tree_hart_has(const void *fdt, int node, const char *extension, bool otherwise)
{
    if (fdt_getprop(fdt, node, "riscv,isa-extensions", NULL) != NULL) {
        return fdt_stringlist_search(fdt, node, "riscv,isa-extensions", extension) >= 0;
    }
    const char *isa = devicetree_string(fdt, node, "riscv,isa");
    return isa != NULL ? isa_string_has(isa, extension) : otherwise;
}

// The phandle of the hart's own controller, which others raise interrupts at; 0 if there is none.
static uint32_t hart_phandle(const void *fdt, uint64_t hart)
{
    int node, cpu = tree_hart(fdt, hart);
    if (cpu < 0) {
        return 0;
    }
    fdt_for_each_subnode(node, fdt, cpu) {
        if (fdt_node_check_compatible(fdt, node, "riscv,cpu-intc") == 0) {
            return fdt_get_phandle(fdt, node);
        }
    }
    return 0;
}

// interrupts-extended lists, per context, the hart's controller and the interrupt raised there.
static bool find_context(const void *fdt, int node, uint32_t phandle, uint32_t *context)
{
    int bytes;
    const fdt32_t *pairs = fdt_getprop(fdt, node, "interrupts-extended", &bytes);
    for (int i = 0; pairs != NULL && i + 1 < bytes / 4; i += 2) {
        if (fdt32_ld(&pairs[i]) == phandle && fdt32_ld(&pairs[i + 1]) == SUPERVISOR_EXTERNAL) {
            *context = (uint32_t)i / 2;
            return true;
        }
    }
    return false;
}

// Of the controllers with that name, the one that serves the hart's supervisor mode; an APLIC has a
// node for each privilege level.
static const char *find_controller(const void *fdt, const char *compatible, uint32_t phandle,
                                   int *found, struct tree_controller *out)
{
    const char *why = NULL; // there is none
    for (int node = fdt_node_offset_by_compatible(fdt, -1, compatible); node >= 0;
         node = fdt_node_offset_by_compatible(fdt, node, compatible)) {
        if (!devicetree_enabled(fdt, node)) {
            continue;
        }
        out->name = fdt_get_name(fdt, node, NULL);
        if (find_context(fdt, node, phandle, &out->context)) {
            *found = node;
            return NULL;
        }
        why = "interrupts-extended names no supervisor context of the boot hart";
        if (fdt_getprop(fdt, node, "msi-parent", NULL) != NULL) {
            why = "it delivers messages to an IMSIC, which the kernel does not know";
        }
    }
    return why;
}

const char *tree_controller(const void *fdt, uint64_t hart, struct tree_controller *out)
{
    static const struct {
        const char *compatible;
        enum tree_controller_kind kind;
    } known[] = {
        {"riscv,plic0", TREE_PLIC}, {"sifive,plic-1.0.0", TREE_PLIC}, {"riscv,aplic", TREE_APLIC}};
    memset(out, 0, sizeof(*out));
    uint32_t phandle = hart_phandle(fdt, hart);
    if (phandle == 0) {
        return "/cpus: the boot hart has no riscv,cpu-intc node with a phandle";
    }
    int node = -1;
    const char *why = NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(known) && node < 0 && why == NULL; i++) {
        out->kind = known[i].kind;
        why = find_controller(fdt, known[i].compatible, phandle, &node, out);
    }
    if (node < 0) {
        if (why == NULL) {
            out->name = devicetree_controller_name(fdt);
            why = "no interrupt controller that the kernel knows: those are PLIC and APLIC";
        }
        return why;
    }
    uint32_t last =
        devicetree_u32(fdt, node, out->kind == TREE_PLIC ? "riscv,ndev" : "riscv,num-sources", 0);
    if (last == 0 || last >= TREE_LINES_MAX) {
        return "the number of its sources is missing or out of range";
    }
    out->lines = last + 1;
    return devicetree_reg(fdt, node, 0, &out->base, &out->bytes) ? NULL
                                                                 : "reg is missing or malformed";
}

const char *tree_timebase(const void *fdt, uint64_t hart, uint64_t *hz)
{
    static const char name[] = "timebase-frequency";
    int bytes, node = fdt_path_offset(fdt, "/cpus");
    const uint32_t *value = node < 0 ? NULL : fdt_getprop(fdt, node, name, &bytes);
    if (value == NULL) {
        node = tree_hart(fdt, hart);
        value = node < 0 ? NULL : fdt_getprop(fdt, node, name, &bytes);
    }
    if (value == NULL || (bytes != 4 && bytes != 8)) {
        return "/cpus: timebase-frequency is missing or malformed";
    }
    (void)devicetree_number(&value, (unsigned)bytes / 4, hz); // at most 64 bits
    return NULL;
}
