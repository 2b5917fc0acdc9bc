// SPDX-License-Identifier: MIT
// The boot archive: POSIX.1-1988 ustar (IEEE Std 1003.1, pax, "ustar Interchange Format"). Blocks
// of 512 bytes; a header block, then the file's blocks; two zero blocks end the archive. Every
// number is checked against what was loaded.
#include "kernel/init/archive.h"
#include <string.h>

#define BLOCK 512u

struct ustar_header {
    char name[100];
    char mode[8], uid[8], gid[8];
    char size[12]; // octal digits
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6]; // "ustar\0"
    char version[2];
    char owner[32], group[32], devmajor[8], devminor[8];
    char prefix[155];
    char unused[12];
};
static_assert(sizeof(struct ustar_header) == BLOCK, "one block");

static bool octal(const char *field, size_t len, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    while (i < len && field[i] == ' ') {
        i++;
    }
    size_t first = i;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
        v = v * 8 + (uint64_t)(field[i] - '0');
    }
    *out = v;
    return i > first && (i == len || field[i] == '\0' || field[i] == ' ');
}

static bool checksum_good(const struct ustar_header *h)
{
    uint64_t stated, sum = 0;
    const uint8_t *bytes = (const uint8_t *)h;
    for (size_t i = 0; i < BLOCK; i++) {
        bool in_field =
            i >= offsetof(struct ustar_header, checksum) && i < offsetof(struct ustar_header, type);
        sum += in_field ? ' ' : bytes[i];
    }
    return octal(h->checksum, sizeof(h->checksum), &stated) && stated == sum;
}

static bool name_is(const struct ustar_header *h, const char *name)
{
    size_t len = strlen(name);
    return len < sizeof(h->name) && h->prefix[0] == '\0' && memcmp(h->name, name, len + 1) == 0;
}

status_t archive_find(const void *archive, size_t bytes, const char *name, const void **data,
                      size_t *data_bytes, const char **why)
{
    const char *base = archive;
    for (size_t at = 0; bytes - at >= BLOCK;) {
        const struct ustar_header *h = (const struct ustar_header *)(base + at);
        uint64_t size;
        if (h->name[0] == '\0') {
            return ERR_NOT_FOUND;
        }
        if (memcmp(h->magic, "ustar", 5) != 0 || !checksum_good(h)) {
            *why = "a header block has no ustar magic or a wrong checksum";
            return ERR_CORRUPT;
        }
        if (!octal(h->size, sizeof(h->size), &size) || size > bytes - at - BLOCK) {
            *why = "a file is longer than the archive";
            return ERR_CORRUPT;
        }
        if (h->type == '0' && name_is(h, name)) {
            *data = base + at + BLOCK;
            *data_bytes = size;
            return OK;
        }
        uint64_t step = BLOCK + align_up(size, BLOCK);
        if (step > bytes - at) {
            break;
        }
        at += step;
    }
    *why = "it ends without an end mark";
    return ERR_CORRUPT;
}
