// SPDX-License-Identifier: MIT
// Layout of the vDSO's code page: struct vdso_header (abi/vdso.h), then code. The
// linker refuses every other section: there is nobody to relocate or to write them. The data page
// follows.
#include "abi/vdso.h"

ENTRY(vdso_monotonic_ns)
SECTIONS
{
    . = 0;
    .text : {
        QUAD(VDSO_MAGIC)
        LONG(vdso_monotonic_ns)
        LONG(vdso_boot_time_ns)
        *(.text .text.*)
    }
    vdso_data = VDSO_CODE_BYTES;
    .symtab 0 : { *(.symtab) }
    .strtab 0 : { *(.strtab) }
    .shstrtab 0 : { *(.shstrtab) }
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) *(.debug*) *(.riscv.attributes) *(.llvm_addrsig) }
}

ASSERT(SIZEOF(.text) <= VDSO_CODE_BYTES, "the vDSO's code is one page")
