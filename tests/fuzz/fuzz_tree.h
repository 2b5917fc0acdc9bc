// SPDX-License-Identifier: MIT
// What the fuzz targets of device trees share.
#ifndef TESTS_FUZZ_TREE_H
#define TESTS_FUZZ_TREE_H

#include "kernel/debug/log.h"
#include "kernel/lib/devicetree.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

// The bytes in a block of exactly their size, so that the address sanitizer sees the first read
// past it. totalsize is what bounds the reads of a kernel, which cannot know how much firmware
// really wrote. NULL if there are fewer than a header's: firmware's memory always holds those.
static inline void *fuzz_tree_copy(const uint8_t *data, size_t size)
{
    if (size < sizeof(struct fdt_header)) {
        return NULL;
    }
    void *blob = malloc(size);
    memcpy(blob, data, size);
    if (fdt_totalsize(blob) > size) {
        fdt_set_totalsize(blob, (uint32_t)size);
    }
    return blob;
}

#endif
