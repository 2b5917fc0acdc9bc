// SPDX-License-Identifier: MIT
// Writes a file of a quarter of a megabyte, copies it in pieces of odd sizes, reads both back and
// compares; then looks at appending, seeking, truncating, renaming and removing. Says what it
// checked; exits with 1 at the first difference.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES 262157u // not a multiple of anything
#define SOURCE     "/source.bin"
#define COPY       "/copy.bin"
#define MOVED      "/moved.bin"

static void check(int good, const char *what)
{
    if (!good) {
        printf("FAILED: %s (%s)\n", what, strerror(errno));
        exit(1);
    }
    printf("ok: %s\n", what);
}

static uint8_t byte_at(uint32_t i) { return (uint8_t)(i * 2654435761u >> 24); }

// The bytes of the file from offset on, as many as fit the buffer.
static size_t fill(uint8_t *buf, size_t size, uint32_t offset)
{
    size_t count = 0;
    while (count < size && offset + count < FILE_BYTES) {
        buf[count] = byte_at((uint32_t)(offset + count));
        count++;
    }
    return count;
}

static int write_source(void)
{
    uint8_t buf[1000];
    size_t count;
    FILE *out = fopen(SOURCE, "wb");
    if (out == NULL) {
        return 0;
    }
    for (uint32_t at = 0; (count = fill(buf, sizeof buf, at)) > 0; at += (uint32_t)count) {
        if (fwrite(buf, 1, count, out) != count) {
            return 0;
        }
    }
    return fclose(out) == 0;
}

static int copy_file(void)
{
    static uint8_t buf[20000];
    size_t piece = 1;
    size_t got;
    FILE *in = fopen(SOURCE, "rb");
    FILE *out = fopen(COPY, "wb");
    if (in == NULL || out == NULL) {
        return 0;
    }
    while ((got = fread(buf, 1, piece, in)) > 0) {
        if (fwrite(buf, 1, got, out) != got) {
            return 0;
        }
        piece = piece * 3 % (sizeof buf) + 1;
    }
    return fclose(in) == 0 && fclose(out) == 0;
}

static int same_contents(const char *path)
{
    uint8_t expected[777];
    uint8_t buf[sizeof expected];
    uint32_t at = 0;
    size_t count;
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        return 0;
    }
    while ((count = fill(expected, sizeof expected, at)) > 0) {
        if (fread(buf, 1, count, in) != count || memcmp(buf, expected, count) != 0) {
            return 0;
        }
        at += (uint32_t)count;
    }
    int at_end = getc(in) == EOF;
    return fclose(in) == 0 && at_end;
}

static int size_is(const char *path, off_t size)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size == size && S_ISREG(st.st_mode);
}

static int append_line(const char *path, const char *line)
{
    FILE *out = fopen(path, "ab");
    return out != NULL && fputs(line, out) >= 0 && fclose(out) == 0;
}

static int reads_at(const char *path, long offset, const char *expected)
{
    char buf[64] = {0};
    FILE *in = fopen(path, "rb");
    return in != NULL && fseek(in, offset, SEEK_END) == 0 &&
           fread(buf, 1, strlen(expected), in) == strlen(expected) && fclose(in) == 0 &&
           strcmp(buf, expected) == 0;
}

int main(void)
{
    check(write_source(), "wrote the source");
    check(size_is(SOURCE, FILE_BYTES), "the source has its size");
    check(copy_file(), "copied it");
    check(size_is(COPY, FILE_BYTES), "the copy has the same size");
    check(same_contents(SOURCE), "the source reads back as written");
    check(same_contents(COPY), "the copy reads back the same");
    check(append_line(COPY, "one\n") && append_line(COPY, "two\n"), "appended two lines");
    check(size_is(COPY, FILE_BYTES + 8), "the copy grew by them");
    check(reads_at(COPY, -8, "one\ntwo\n"), "they are at its end");
    check(truncate(COPY, FILE_BYTES) == 0 && same_contents(COPY), "cut the copy back");
    check(rename(COPY, MOVED) == 0 && same_contents(MOVED), "renamed it");
    check(access(COPY, F_OK) != 0 && errno == ENOENT, "the old name is gone");
    check(fopen("/no/such/file", "r") == NULL && errno == ENOENT, "a missing file is said to be");
    check(unlink(SOURCE) == 0 && unlink(MOVED) == 0, "removed both");
    printf("copied and compared %u bytes\n", FILE_BYTES);
    return 0;
}
