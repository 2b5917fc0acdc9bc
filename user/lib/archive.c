// SPDX-License-Identifier: MIT
// See bullfinch/archive.h. Format: POSIX.1-1988 "ustar": 512-byte headers with octal numbers, data
// padded to 512 bytes, two zero blocks at the end (one, or the end of the data, is accepted:
// loaders cut and pad).

#include <bullfinch/archive.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK_BYTES 512u

struct ustar_header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char target[100];
    char magic[6];
    char version[2];
    char owner[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char pad[12];
};
_Static_assert(sizeof(struct ustar_header) == BLOCK_BYTES, "file layout");

// A number in octal, ended by a blank or zero byte or the field's end. False if there is anything
// else.
static bool octal_read(const char *field, size_t size, uint64_t *value)
{
    size_t i = 0;
    *value = 0;
    while (i < size && field[i] == ' ') {
        i++;
    }
    size_t digits = 0;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++, digits++) {
        *value = *value * 8 + (uint64_t)(field[i] - '0');
    }
    return digits > 0 && digits <= 12 && (i == size || field[i] == ' ' || field[i] == '\0');
}

// Sum of the header's bytes with the checksum field taken as blanks.
static uint64_t checksum(const struct ustar_header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        bool inside =
            i >= offsetof(struct ustar_header, checksum) && i < offsetof(struct ustar_header, type);
        sum += inside ? ' ' : bytes[i];
    }
    return sum;
}

static bool is_zero(const struct ustar_header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static const char *header_check(const struct ustar_header *h, uint64_t *size)
{
    uint64_t sum;
    if (memcmp(h->magic, "ustar", 5) != 0) {
        return "no ustar header where one should be";
    }
    if (!octal_read(h->checksum, sizeof(h->checksum), &sum) || sum != checksum(h)) {
        return "wrong checksum of a header";
    }
    if (!octal_read(h->size, sizeof(h->size), size)) {
        return "a file's size is not a number";
    }
    return NULL;
}

static void path_join(const struct ustar_header *h, char *out)
{
    size_t prefix = strnlen(h->prefix, sizeof(h->prefix));
    size_t name = strnlen(h->name, sizeof(h->name));
    memcpy(out, h->prefix, prefix);
    if (prefix > 0) {
        out[prefix++] = '/';
    }
    memcpy(out + prefix, h->name, name);
    size_t n = prefix + name;
    while (n > 0 && out[n - 1] == '/') {
        n--; // directories end in a slash
    }
    out[n] = '\0';
}

static const char *type_read(const struct ustar_header *h, struct archive_entry *entry)
{
    switch (h->type) {
    case '0':
    case '\0': entry->type = ARCHIVE_FILE; return NULL;
    case '5': entry->type = ARCHIVE_DIRECTORY; return NULL;
    case '2':
        entry->type = ARCHIVE_SYMLINK;
        memcpy(entry->target, h->target, sizeof(h->target));
        entry->target[sizeof(h->target)] = '\0';
        return NULL;
    default: return "an entry is neither file, directory nor symbolic link";
    }
}

int archive_next(struct archive *a, struct archive_entry *entry, const char **why)
{
    struct ustar_header h;
    if (a->at == a->bytes) {
        return 0;
    }
    *why = "truncated: a header is cut off";
    if (a->bytes - a->at < BLOCK_BYTES) {
        return -1;
    }
    memcpy(&h, a->data + a->at, BLOCK_BYTES);
    if (is_zero(&h)) {
        return 0;
    }
    uint64_t size;
    *why = header_check(&h, &size);
    if (*why == NULL) {
        *why = type_read(&h, entry);
    }
    if (*why != NULL) {
        return -1;
    }
    size_t left = a->bytes - a->at - BLOCK_BYTES;
    *why = "truncated: a file is cut off";
    if (size > left) {
        return -1;
    }
    path_join(&h, entry->path);
    entry->data = a->data + a->at + BLOCK_BYTES;
    entry->bytes = (size_t)size;
    size_t padded = ((size_t)size + BLOCK_BYTES - 1) & ~(size_t)(BLOCK_BYTES - 1);
    a->at += BLOCK_BYTES + (padded < left ? padded : left);
    *why = NULL;
    return 1;
}

int archive_find(const struct archive *a, const char *path, struct archive_entry *entry,
                 const char **why)
{
    struct archive walk = {.data = a->data, .bytes = a->bytes};
    int got;
    while ((got = archive_next(&walk, entry, why)) == 1) {
        if (strcmp(entry->path, path) == 0) {
            return 1;
        }
    }
    return got;
}
