// SPDX-License-Identifier: MIT
// RISC-V: looking for a word of the command line before the MMU is on. Walks the tokens of the blob
// itself, reads single bytes, holds no address in data, and stays within the first 2 MiB whatever
// they contain. Source: Devicetree Specification 0.4, sections 5.2 and 5.4.
#include "arch/riscv64/tree.h"
#include "kernel/lib/devicetree.h"

enum { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4 };

struct blob {
    const unsigned char *bytes;
    uint32_t total, strings; // all of it; offset of the names
};

static uint32_t be32_at(const struct blob *b, uint32_t at)
{
    const unsigned char *p = b->bytes + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// Whether the string at `at` is `text`, with its end inside the blob.
static bool string_is(const struct blob *b, uint32_t at, const char *text)
{
    for (;; at++, text++) {
        if (at >= b->total || b->bytes[at] != (unsigned char)*text) {
            return false;
        }
        if (*text == '\0') {
            return true;
        }
    }
}

// Whether a word of text[0, len) is `word`. A word "--" ends the kernel's options; blanks in quotes
// do not end a word.
static bool has_word(const unsigned char *text, uint32_t len, const char *word)
{
    for (uint32_t at = 0; at < len && text[at] != '\0';) {
        uint32_t start = at;
        bool quoted = false;
        const char *w = word;
        for (; at < len && text[at] != '\0' && (quoted || text[at] != ' '); at++) {
            quoted ^= text[at] == '"';
            w = w != NULL && *w != '\0' && (unsigned char)*w == text[at] ? w + 1 : NULL;
        }
        if (w != NULL && *w == '\0') {
            return true;
        }
        if (at - start == 2 && text[start] == '-' && text[start + 1] == '-') {
            return false;
        }
        at += at < len && text[at] == ' ';
    }
    return false;
}

static uint32_t name_end(const struct blob *b, uint32_t at)
{
    while (at < b->total && b->bytes[at] != 0) {
        at++;
    }
    return at;
}

bool tree_early_option(const void *fdt, const char *word)
{
    struct blob b = {.bytes = fdt};
    if (be32_at(&b, 0) != 0xd00dfeed || be32_at(&b, 4) > DEVICETREE_BYTES_MAX) {
        return false;
    }
    b.total = be32_at(&b, 4);
    b.strings = be32_at(&b, 12);
    bool in_chosen = false; // of the last node at depth 2, which is a child of the root
    uint32_t depth = 0;
    for (uint32_t at = be32_at(&b, 8); at < b.total && b.total - at >= 12;) {
        uint32_t token = be32_at(&b, at);
        at += 4;
        if (token == BEGIN_NODE) {
            depth++;
            in_chosen = depth == 2 ? string_is(&b, at, "chosen") : in_chosen;
            at = (uint32_t)align_up(name_end(&b, at) + 1, 4);
        } else if (token == END_NODE) {
            depth--;
        } else if (token == PROP) {
            uint32_t bytes = be32_at(&b, at), name = be32_at(&b, at + 4);
            at += 8;
            if (bytes > b.total - at || b.strings > b.total || name > b.total - b.strings) {
                return false;
            }
            if (depth == 2 && in_chosen && string_is(&b, b.strings + name, "bootargs")) {
                return has_word(b.bytes + at, bytes, word);
            }
            at = (uint32_t)align_up(at + bytes, 4);
        } else if (token != NOP) {
            return false;
        }
    }
    return false;
}
