# SPDX-License-Identifier: MIT
#
# The kernel: kernel/, arch/ARCH/, the generated dispatcher, libfdt. Linked twice: the first link
# gives the addresses of the functions, from which tools/ksyms.py makes the table that lets a panic
# name them; the second link adds the table. The linker script puts .ksyms behind all code, so that
# the code does not move, and tools/ksyms.py --verify makes sure.

KOBJ := $(OUT)/kernel-obj
# Debug builds have the kernel's own tests in them.
K_DIRS := kernel arch/$(ARCH) $(if $(filter debug,$(BUILD)),tests/kernel)
K_C := $(filter-out kernel/vdso/code.c,$(sort $(shell find $(K_DIRS) -name '*.c' 2>/dev/null)))
K_S := $(sort $(shell find kernel arch/$(ARCH) -name '*.S' -not -name '*.lds.S' 2>/dev/null))
K_GEN := $(filter %/sys_dispatch.c,$(GEN_FILES))
K_OBJS := $(K_C:%.c=$(KOBJ)/%.o) $(K_S:%.S=$(KOBJ)/%.S.o) $(K_GEN:$(GEN)/%.c=$(KOBJ)/gen/%.o) \
          $(LIBFDT_SRCS:%.c=$(KOBJ)/libfdt/%.o)

K_LDS_S := $(wildcard arch/$(ARCH)/kernel.lds.S)
K_LDS := $(if $(K_LDS_S),$(OUT)/kernel.lds,arch/$(ARCH)/kernel.lds)
K_LDFLAGS := -static --gc-sections --no-dynamic-linker --build-id=none -z max-page-size=4096 \
             -z noexecstack --fatal-warnings --no-relax

$(KOBJ)/%.o: %.c $(OUT)/flags | $(GEN_FILES)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KFLAGS) $(KSAN_$(BUILD)) $(KINC) -isystem $(LIBFDT) \
		-isystem kernel/lib/include -MMD -MP -c $< -o $@

$(KOBJ)/%.S.o: %.S $(OUT)/flags | $(GEN_FILES)
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KFLAGS) $(KINC) -D__ASSEMBLER__ -Wno-macro-redefined -MMD -MP -c $< -o $@

# What is generated has no arrays that could overflow.
$(KOBJ)/gen/%.o: $(GEN)/%.c $(OUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KFLAGS) -fno-stack-protector $(KSAN_$(BUILD)) $(KINC) -MMD -MP -c $< -o $@

$(KOBJ)/libfdt/%.o: $(LIBFDT)/%.c $(OUT)/flags
	$(call say,CC,libfdt/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(KFLAGS) $(NOWARN) -I$(LIBFDT) -isystem kernel/lib/include -MMD -MP -c $< -o $@

$(OUT)/kernel.lds: $(K_LDS_S) $(OUT)/flags
$(OUT)/vdso.lds: kernel/vdso/vdso.lds.S $(OUT)/flags
$(OUT)/kernel.lds $(OUT)/vdso.lds:
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(TARGET) -E -P -x c -D__ASSEMBLER__ -DLINKER_SCRIPT $(KINC) -MMD -MP -MT $@ \
		$< -o $@

# The vDSO: code for user mode that the kernel carries in its image (kernel/vdso/).
VDSO_FLAGS = $(TARGET) $(COMMON) -ffreestanding -fPIC -fvisibility=hidden -fno-stack-protector \
             -nostdlibinc $(UARCH_$(ARCH)) $(KINC)

$(KOBJ)/kernel/vdso/code.o: kernel/vdso/code.c $(OUT)/flags | $(GEN_FILES)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(VDSO_FLAGS) -MMD -MP -c $< -o $@

$(OUT)/vdso.bin: $(KOBJ)/kernel/vdso/code.o $(OUT)/vdso.lds
	$(call say,LD,$@)
	$(Q)$(LLD) -static --no-dynamic-linker --build-id=none -z noexecstack --fatal-warnings --no-relax \
		--orphan-handling=error -T $(OUT)/vdso.lds $< -o $(@:.bin=.elf)
	$(Q)$(LLVM_OBJCOPY) -O binary $(@:.bin=.elf) $@

$(KOBJ)/kernel/vdso/image.S.o: $(OUT)/vdso.bin
$(KOBJ)/kernel/vdso/image.S.o: KINC += -I$(OUT)

# $(1) = the ELF file, $(2) = the assembly file with its symbol table
kernel_link = $(CLANG) $(KFLAGS) -c $(2) -o $(2:.S=.o) && \
	$(LLD) $(K_LDFLAGS) -T $(K_LDS) $(K_OBJS) $(2:.S=.o) -o $(1)

$(OUT)/kernel.elf: $(K_OBJS) $(K_LDS) tools/ksyms.py
	$(call say,LD,$@)
	$(Q)$(PYTHON) tools/ksyms.py --empty --out $(OUT)/ksyms0.S
	$(Q)$(call kernel_link,$(OUT)/kernel-pass1.elf,$(OUT)/ksyms0.S)
	$(Q)$(PYTHON) tools/ksyms.py --nm $(LLVM_NM) --elf $(OUT)/kernel-pass1.elf --out $(OUT)/ksyms.S
	$(Q)$(call kernel_link,$@,$(OUT)/ksyms.S)
	$(Q)$(PYTHON) tools/ksyms.py --nm $(LLVM_NM) --elf $(OUT)/kernel-pass1.elf --verify $@

$(OUT)/kernel.img: $(OUT)/kernel.elf
	$(call say,OBJCOPY,$@)
	$(Q)$(LLVM_OBJCOPY) -O binary $< $@

kernel: $(OUT)/kernel.img

-include $(K_OBJS:.o=.d) $(KOBJ)/kernel/vdso/code.d $(OUT)/kernel.d $(OUT)/vdso.d
