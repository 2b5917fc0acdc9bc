// SPDX-License-Identifier: MIT
// RISC-V: layout of the kernel image. One stretch, linked at KERNEL_IMAGE_BASE; each protection
// starts a new page. The image on disk ends with the data; bss is cleared by start.S.

OUTPUT_ARCH(riscv)
ENTRY(kernel_start)

SECTIONS
{
    . = 0xffffffff80000000; /* KERNEL_IMAGE_BASE */
    kernel_image_start = .;

    .text : ALIGN(4096) {
        KEEP(*(.head))
        *(.text.entry)
        *(.text .text.*)
    }
    . = ALIGN(4096);
    kernel_text_end = .;
    .rodata : {
        *(.rodata .rodata.* .srodata .srodata.*)
    }
    .ksyms : {
        KEEP(*(.ksyms .ksyms.*))
    }
    . = ALIGN(4096);
    kernel_rodata_end = .;
    .data : {
        *(.data .data.* .sdata .sdata.*)
        . = ALIGN(8);
    }
    kernel_data_end = .;
    .bss (NOLOAD) : {
        . = ALIGN(8);
        bss_start = .;
        *(.bss .bss.* .sbss .sbss.* COMMON)
        . = ALIGN(4096);
    }
    kernel_image_end = .;
    kernel_image_bytes = kernel_image_end - kernel_image_start;

    /DISCARD/ : {
        *(.comment .note .note.* .eh_frame .eh_frame_hdr .riscv.attributes)
    }
}

ASSERT(kernel_image_end - kernel_image_start < 0x2000000, "the boot tables map 32 MiB of image")
