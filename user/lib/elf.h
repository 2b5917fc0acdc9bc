// SPDX-License-Identifier: MIT
// Reading a static ELF64 program: every number in the file is checked before anything is done with
// it. Pure: no system calls, so it is tested on the host. Format: ELF-64 Object File Format,
// version 1.5; internal to user/lib.
#ifndef USER_LIB_ELF_H
#define USER_LIB_ELF_H

#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX  8u
#define ELF_ADDRESS_MIN   0x10000ull      // the lowest pages stay unmapped: null pointers fault
#define ELF_ADDRESS_MAX   0x4000000000ull // 2^38: user space of Sv39, the smallest we run on
#define ELF_MACHINE_ARM64 183u
#define ELF_MACHINE_RISCV 243u

struct elf_segment {
    uint64_t address; // page-aligned start of the mapping
    uint64_t bytes;   // of the mapping, whole pages
    uint64_t skip;    // bytes of the mapping before the file's
    uint64_t file_offset;
    uint64_t file_bytes; // the rest of the mapping is zero
    uint32_t flags;      // VM_READ | VM_WRITE | VM_EXECUTE
};

struct elf_image {
    uint64_t entry;
    unsigned count;
    struct elf_segment segments[ELF_SEGMENTS_MAX]; // ascending, disjoint in pages
};

// Returns NULL and fills *image, or says what is wrong.
const char *elf_parse(const void *file, size_t file_bytes, unsigned machine,
                      struct elf_image *image);

#endif
