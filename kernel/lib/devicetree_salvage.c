// SPDX-License-Identifier: MIT
// Finding one device in a device tree that cannot be believed. Described in devicetree.h. ARM64
// calls it before the MMU is on, too: no pointer in initialised data, aligned accesses only.
#include "kernel/lib/devicetree.h"

#include <libfdt.h>
#include <string.h>

#define NAME_BYTES_MAX  31u // of a node
#define PROPERTIES_MAX  16u // of a device
#define VALUE_BYTES_MAX 256u

struct scan {
    const char *at, *end; // 4-byte aligned
};

static bool next_word(struct scan *s, uint32_t *value)
{
    if (s->end - s->at < 4) {
        return false;
    }
    *value = fdt32_ld((const fdt32_t *)(const void *)s->at);
    s->at += 4;
    return true;
}

// A node's name with a unit address ("serial@9000000"), and the padding behind it.
static bool next_unit_address(struct scan *s, uint64_t *address)
{
    bool digits = false;
    *address = 0;
    for (unsigned i = 0; i <= NAME_BYTES_MAX && s->at + i < s->end; i++) {
        char c = s->at[i];
        bool decimal = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
        if (c == '\0') {
            s->at += align_up(i + 1, 4);
            return digits && *address != 0 && s->at < s->end;
        }
        if (c == '@') {
            digits = true;
        } else if (digits && ((!decimal && !letter) || *address >> 44 != 0)) {
            return false; // no number, or one beyond 2^48
        } else if (digits) {
            *address = *address << 4 | (unsigned)(decimal ? c - '0' : c - 'a' + 10);
        }
    }
    return false;
}

// Whether the properties that follow are those of a device at this address. Which property is which
// cannot be told without the block of strings: reg is what holds the address, and so on.
static bool describes(struct scan s, const char *compatible, uint64_t address)
{
    bool same_kind = false, same_address = false;
    uint32_t tag, bytes, name;
    for (unsigned i = 0; i < PROPERTIES_MAX && next_word(&s, &tag) && tag == FDT_PROP; i++) {
        if (!next_word(&s, &bytes) || !next_word(&s, &name) || bytes > VALUE_BYTES_MAX ||
            align_up(bytes, 4) > (size_t)(s.end - s.at)) {
            return false;
        }
        const fdt32_t *cells = (const fdt32_t *)(const void *)s.at;
        size_t length = strlen(compatible) + 1;
        same_kind |= bytes >= length && memcmp(s.at, compatible, length) == 0;
        if (bytes == 8) { // address and size of one cell each
            same_address |= fdt32_ld(cells) == address;
        } else if (bytes == 12 || bytes == 16) {
            same_address |= ((uint64_t)fdt32_ld(cells) << 32 | fdt32_ld(cells + 1)) == address;
        }
        if (bytes == sizeof("disabled") && memcmp(s.at, "disabled", bytes) == 0) {
            return false;
        }
        s.at += align_up(bytes, 4);
    }
    return same_kind && same_address;
}

paddr_t devicetree_salvage(const void *memory, size_t bytes, const char *compatible)
{
    struct scan s = {memory, (const char *)memory + bytes};
    uint32_t tag;
    if (((uintptr_t)memory & 3) != 0) {
        return 0;
    }
    while (next_word(&s, &tag)) {
        struct scan node = s;
        uint64_t address;
        if (tag == FDT_BEGIN_NODE && next_unit_address(&node, &address) &&
            describes(node, compatible, address)) {
            return address;
        }
    }
    return 0;
}
