// SPDX-License-Identifier: MIT
// See elf.h. Field names follow the specification. The file may lie at any address, so fields are
// copied out, not pointed at.

#include "user/lib/elf.h"
#include "abi/types.h"
#include <stdbool.h>
#include <string.h>

#define ELF_CLASS_64    2
#define ELF_DATA_LITTLE 1
#define ELF_VERSION     1
#define ELF_TYPE_EXEC   2
#define ELF_HEADERS_MAX 32u
#define PT_LOAD         1u
#define PT_DYNAMIC      2u
#define PT_INTERP       3u
#define PF_X            1u
#define PF_W            2u
#define PF_R            4u

struct elf_header {
    uint8_t e_ident[16];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint64_t e_entry;
    uint64_t e_phoff;
    uint64_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
};
static_assert(sizeof(struct elf_header) == 64, "file layout");

struct elf_program_header {
    uint32_t p_type;
    uint32_t p_flags;
    uint64_t p_offset;
    uint64_t p_vaddr;
    uint64_t p_paddr;
    uint64_t p_filesz;
    uint64_t p_memsz;
    uint64_t p_align;
};
static_assert(sizeof(struct elf_program_header) == 56, "file layout");

static const char *header_check(const struct elf_header *h, size_t file_bytes, unsigned machine)
{
    if (memcmp(h->e_ident, "\177ELF", 4) != 0) {
        return "not an ELF file";
    }
    if (h->e_ident[4] != ELF_CLASS_64 || h->e_ident[5] != ELF_DATA_LITTLE ||
        h->e_ident[6] != ELF_VERSION) {
        return "not a 64-bit little-endian ELF file of version 1";
    }
    if (h->e_machine != machine) {
        return "made for another machine";
    }
    if (h->e_type != ELF_TYPE_EXEC) {
        return "not a static executable";
    }
    if (h->e_phentsize != sizeof(struct elf_program_header) || h->e_phnum == 0 ||
        h->e_phnum > ELF_HEADERS_MAX) {
        return "impossible size or number of program headers";
    }
    if (h->e_phoff > file_bytes ||
        (uint64_t)h->e_phnum * h->e_phentsize > file_bytes - h->e_phoff) {
        return "truncated: program headers lie outside the file";
    }
    return NULL;
}

static const char *segment_check(const struct elf_program_header *p, size_t file_bytes)
{
    if (p->p_filesz > p->p_memsz) {
        return "a segment has more bytes in the file than in memory";
    }
    if (p->p_offset > file_bytes || p->p_filesz > file_bytes - p->p_offset) {
        return "truncated: a segment lies outside the file";
    }
    if (p->p_vaddr < ELF_ADDRESS_MIN || p->p_vaddr > ELF_ADDRESS_MAX ||
        p->p_memsz > ELF_ADDRESS_MAX - p->p_vaddr) {
        return "a segment lies outside user space";
    }
    if ((p->p_vaddr - p->p_offset) % ABI_PAGE_SIZE != 0) {
        return "a segment is not aligned to pages";
    }
    if ((p->p_flags & PF_W) != 0 && (p->p_flags & PF_X) != 0) {
        return "a segment is both writable and executable";
    }
    if ((p->p_flags & PF_R) == 0) {
        return "a segment is not readable";
    }
    return NULL;
}

static uint32_t flags_from_elf(uint32_t p_flags)
{
    return VM_READ | ((p_flags & PF_W) != 0 ? VM_WRITE : 0) |
           ((p_flags & PF_X) != 0 ? VM_EXECUTE : 0);
}

static const char *segment_add(const struct elf_program_header *p, struct elf_image *image)
{
    if (image->count == ELF_SEGMENTS_MAX) {
        return "too many segments";
    }
    uint64_t start = p->p_vaddr & ~(uint64_t)(ABI_PAGE_SIZE - 1);
    uint64_t end = (p->p_vaddr + p->p_memsz + ABI_PAGE_SIZE - 1) & ~(uint64_t)(ABI_PAGE_SIZE - 1);
    if (image->count > 0) {
        const struct elf_segment *last = &image->segments[image->count - 1];
        if (start < last->address + last->bytes) {
            return "segments overlap or are out of order";
        }
    }
    image->segments[image->count++] = (struct elf_segment){
        .address = start,
        .bytes = end - start,
        .skip = p->p_vaddr - start,
        .file_offset = p->p_offset,
        .file_bytes = p->p_filesz,
        .flags = flags_from_elf(p->p_flags),
    };
    return NULL;
}

static bool entry_is_code(const struct elf_image *image)
{
    for (unsigned i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        if ((s->flags & VM_EXECUTE) != 0 && image->entry >= s->address &&
            image->entry - s->address < s->bytes) {
            return true;
        }
    }
    return false;
}

const char *elf_parse(const void *file, size_t file_bytes, unsigned machine,
                      struct elf_image *image)
{
    struct elf_header h;
    if (file_bytes < sizeof(h)) {
        return "truncated: shorter than an ELF header";
    }
    memcpy(&h, file, sizeof(h));
    const char *why = header_check(&h, file_bytes, machine);
    memset(image, 0, sizeof(*image));
    image->entry = h.e_entry;
    for (unsigned i = 0; why == NULL && i < h.e_phnum; i++) {
        struct elf_program_header p;
        memcpy(&p, (const char *)file + h.e_phoff + i * sizeof(p), sizeof(p));
        if (p.p_type == PT_INTERP || p.p_type == PT_DYNAMIC) {
            return "needs a dynamic linker";
        }
        if (p.p_type != PT_LOAD || p.p_memsz == 0) {
            continue;
        }
        why = segment_check(&p, file_bytes);
        if (why == NULL) {
            why = segment_add(&p, image);
        }
    }
    if (why == NULL && image->count == 0) {
        return "nothing to load";
    }
    return why != NULL || entry_is_code(image) ? why : "the entry point is not in code";
}
