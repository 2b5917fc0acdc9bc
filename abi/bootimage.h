// SPDX-License-Identifier: MIT
// What the kernel hands to the first program, and what any parent hands to a child: the root
// image's header in the boot archive, and the start-up block. The kernel has no ELF loader: the
// root supervisor is a flat image.
#ifndef ABI_BOOTIMAGE_H
#define ABI_BOOTIMAGE_H

#include "abi/types.h"

#define ROOT_IMAGE_MAGIC 0x31544f4f52464221ull // "!BFROOT1" in memory order
#define ROOT_IMAGE_NAME  "root"                // entry of the boot archive (ustar)

// First bytes of the image, in its text. The segments follow each other in the file, each a whole
// number of pages: text (R-X, begins with this header), rodata (R--), data (RW-); bss (RW-, zero)
// follows data in memory only.
struct root_image_header {
    uint64_t magic;
    uint64_t base;  // virtual address of the first byte, page-aligned
    uint64_t entry; // virtual address in text
    uint64_t text_bytes;
    uint64_t rodata_bytes;
    uint64_t data_bytes;
    uint64_t bss_bytes;
};
static_assert(sizeof(struct root_image_header) == 56, "image layout");

// The start-up block: arg0 of a process's first thread points at it. Read-only to the child by
// convention, it lies in its own memory. Offsets are from the block's start; strings end with a
// zero byte.
#define STARTUP_MAGIC       0x42465354u // "BFST"
#define STARTUP_HANDLES_MAX 32u
#define STARTUP_BYTES_MAX   65536u

struct startup_handle {
    char name[28]; // what the handle is for: "job.self", "fs.root", ...
    handle_t handle;
};
static_assert(sizeof(struct startup_handle) == 32, "ABI layout");

struct startup_block {
    uint32_t magic;
    uint32_t total_bytes;
    uint32_t handle_count;
    uint32_t arg_count;
    uint32_t env_count;
    uint32_t args_offset; // arg_count strings, one after the other
    uint32_t env_offset;  // env_count strings "NAME=value"
    uint32_t reserved;
    uint64_t vdso;                   // where it is mapped (abi/vdso.h)
    struct startup_handle handles[]; // handle_count of them
};
static_assert(sizeof(struct startup_block) == 40, "ABI layout");

// Names of the handles every process gets from its parent.
#define STARTUP_PROCESS "process.self"
#define STARTUP_THREAD  "thread.self"
#define STARTUP_VMAR    "vmar.root"
#define STARTUP_VDSO    "vmo.vdso" // to map into children
// Names the kernel gives the root supervisor in addition.
#define STARTUP_ROOT_JOB      "job.root"
#define STARTUP_ROOT_RESOURCE "resource.root"
#define STARTUP_BOOT_IMAGE    "vmo.bootimage"  // the archive, bytes as loaded
#define STARTUP_DEVICE_TREE   "vmo.devicetree" // the blob
#define STARTUP_STATE         "vmo.state"      // survives the root supervisor
// Its argument strings: args[0] = "root", args[1] = the kernel command line. Environment: none.

#endif
