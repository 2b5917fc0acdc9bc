# SPDX-License-Identifier: MIT
#
# Sources from elsewhere: fetched by tools/fetch.sh during the set-up, compiled here for our targets.
#   LIBFDT  device trees; linked by the kernel and, as an archive, by user programs
#   WAMR    the WebAssembly runtime; its sources and defines are chosen in wasm/wamr.mk

VENDOR := build/third_party/vendor
LIBFDT := $(VENDOR)/libfdt-sys/libfdt/libfdt
WAMR   := $(VENDOR)/wamrx-sys/wasm-micro-runtime

# Reading only: the kernel and the device manager never write a tree.
LIBFDT_SRCS := fdt.c fdt_ro.c fdt_check.c fdt_addresses.c fdt_strerror.c

-include wasm/wamr.mk
