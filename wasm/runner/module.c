// SPDX-License-Identifier: MIT
// The outer form of a WebAssembly module: magic, version, and a sequence of sections that ends
// where the file does. The runtime validates everything inside; it does not say where it stopped,
// and for the common accidents (a cut-off download, a file of another kind) the place is what
// helps. Source: WebAssembly core specification 5.5.
#include "module.h"

#include <string.h>

#define SECTION_LAST 13 // tag

// An unsigned LEB128 number of at most 32 bits at *at, which moves behind it; false if it does not
// end.
static int leb_u32(const uint8_t *bytes, size_t size, size_t *at, uint32_t *value)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 35 && *at < size; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        result |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = (uint32_t)result;
            return result <= UINT32_MAX;
        }
    }
    return 0;
}

const char *module_check(const uint8_t *bytes, size_t size, size_t *offset)
{
    static const uint8_t magic[4] = {0, 'a', 's', 'm'};
    static const uint8_t version[4] = {1, 0, 0, 0};
    size_t shown = size < sizeof magic ? size : sizeof magic;
    *offset = 0;
    if (size == 0) {
        return "the file is empty";
    }
    if (memcmp(bytes, magic, shown) != 0) {
        return "it does not begin with \\0asm";
    }
    *offset = size;
    if (size < sizeof magic + sizeof version) {
        return "unexpected end";
    }
    *offset = sizeof magic;
    if (memcmp(bytes + sizeof magic, version, sizeof version) != 0) {
        return "a version other than 1";
    }
    size_t at = sizeof magic + sizeof version;
    while (at < size) {
        uint32_t length;
        *offset = at;
        if (bytes[at++] > SECTION_LAST) {
            return "unknown section";
        }
        if (!leb_u32(bytes, size, &at, &length)) {
            return "bad section length";
        }
        if (length > size - at) {
            *offset = size;
            return "unexpected end";
        }
        at += length;
    }
    return NULL;
}
