// SPDX-License-Identifier: MIT
// ARM64: layout of the kernel image. Linked at KERNEL_IMAGE_BASE (arch/mmu.h; arch_mmu_init checks
// that they agree), loaded at any 2 MiB-aligned physical address. Text, read-only data and data
// begin on pages of their own, for their permissions.
#include <arch_frame.h>

ENTRY(_start)
SECTIONS
{
    . = 0xffffffff80000000;
    kernel_image_start = .;
    .text : {
        KEEP(*(.head.text))
        head_text_end = .;
        *(.text .text.*)
    }
    . = ALIGN(4096);
    kernel_text_end = .;
    .rodata : { *(.rodata .rodata.*) }
    .ksyms : { KEEP(*(.ksyms)) }
    . = ALIGN(4096);
    kernel_rodata_end = .;
    .data : { *(.data .data.*) }
    . = ALIGN(4096);
    .boot_tables (NOLOAD) : {
        boot_tables_start = .;
        *(.bss.boot_tables)
        . = ALIGN(4096);
        boot_tables_end = .;
    }
    .bss (NOLOAD) : {
        kernel_bss_start = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(16);
        kernel_bss_end = .;
    }
    .stacks (NOLOAD) : { *(.stacks) }
    . = ALIGN(4096);
    kernel_image_end = .;
    kernel_image_bytes = kernel_image_end - kernel_image_start;
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) *(.ARM.*) }
}

ASSERT(head_text_end - kernel_image_start <= 4096, "further CPUs map one page of start code")
