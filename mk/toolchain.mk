# SPDX-License-Identifier: MIT
#
# The compiler and the flags of each kind of code. build/config.mk, written by tools/setup.sh,
# names the tools: CLANG, LLD, LLVM_AR, LLVM_OBJCOPY, LLVM_NM, LLVM_STRIP, PYTHON, and the C
# library and compiler support library of each architecture.

TARGET_arm64   := aarch64-none-elf
TARGET_riscv64 := riscv64-none-elf
TARGET := --target=$(TARGET_$(ARCH))

WARN := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wunused-result \
        -Wvla -Wundef -Wpointer-arith -Wimplicit-fallthrough -Wwrite-strings
COMMON := -std=c17 -g -O2 -ffunction-sections -fdata-sections -fno-common $(WARN)

# The kernel: no C library, no floating point, frame pointers for backtraces. It also runs before
# the MMU is on, where unaligned accesses fault, hence -mstrict-align.
KARCH_arm64   := -mgeneral-regs-only -mstrict-align
KARCH_riscv64 := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -mno-relax
KBUILD_release := -DBF_DEBUG=0
KBUILD_debug   := -DBF_DEBUG=1
# As release, but user mode may read the cycle counter.
KBUILD_bench   := -DBF_DEBUG=0 -DBF_BENCH=1
# As bench, and every lock counts how often it is taken: for the share of locks in what several CPUs do.
KBUILD_locks   := -DBF_DEBUG=0 -DBF_BENCH=1 -DBF_LOCKSTAT=1
KFLAGS := $(TARGET) $(COMMON) -ffreestanding -fno-pic -fstack-protector-strong \
          -fno-omit-frame-pointer -momit-leaf-frame-pointer -nostdlibinc \
          $(KARCH_$(ARCH)) $(KBUILD_$(BUILD))
KSAN_debug := -fsanitize=undefined -fsanitize-trap=undefined -fno-sanitize=function
KINC := -I. -Iarch/include -Iarch/$(ARCH)/include -Ibuild -I$(GEN)

# User programs: picolibc, static, local-exec thread-local storage.
UARCH_arm64   := -march=armv8-a
UARCH_riscv64 := -march=rv64gc -mabi=lp64d -mcmodel=medany
UFLAGS := $(TARGET) $(COMMON) -D_DEFAULT_SOURCE -fno-pic -ftls-model=local-exec -fstack-protector-strong \
          -fno-omit-frame-pointer -nostdlibinc $(UARCH_$(ARCH))
UINC := -Iuser/lib/include -I. -Ibuild -I$(GEN) -isystem $(LIBC_INCLUDE_$(ARCH))

# Third-party code is compiled as it is: its warnings are not ours to mend.
NOWARN := -w

# Objects depend on the flags too: a changed flag rebuilds. The file changes only if its text does.
FLAGS_TEXT = $(KFLAGS) $(KINC) $(KSAN_$(BUILD)) $(UFLAGS) $(UINC)
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_TEXT)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_TEXT)' > $@
.PHONY: FORCE
