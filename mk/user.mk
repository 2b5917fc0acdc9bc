# SPDX-License-Identifier: MIT
#
# User space, the same for every kernel build of an architecture. Every folder named below is one
# static ELF program, made of all its sources, libbullfinch.a and picolibc. The root supervisor
# is linked as a flat image instead, because the kernel has no ELF loader.

UOBJ := $(UOUT)/obj

UL_C := $(sort $(shell find user/lib -name '*.c' -not -name 'test_*.c' -not -path 'user/lib/arch/*' \
          2>/dev/null) $(wildcard user/lib/arch/$(ARCH)/*.c))
UL_S := $(filter-out %/crt0.S,$(wildcard user/lib/arch/$(ARCH)/*.S))
UL_GEN := $(filter %/user_stubs.c,$(GEN_FILES))
UL_OBJS := $(UL_C:%.c=$(UOBJ)/%.o) $(UL_S:%.S=$(UOBJ)/%.o) $(UL_GEN:$(GEN)/%.c=$(UOBJ)/gen/%.o)
UFDT_OBJS := $(LIBFDT_SRCS:%.c=$(UOBJ)/libfdt/%.o)
CRT0 := $(UOBJ)/user/lib/arch/$(ARCH)/crt0.o
LIBBULLFINCH := $(UOUT)/libbullfinch.a
U_LIBS := $(LIBBULLFINCH) $(UOUT)/libfdt.a

# Folders that hold sources; `common` holds what several programs include.
U_DIRS := $(patsubst %/,%,$(sort $(dir $(wildcard user/servers/*/*.c user/drivers/*/*.c \
            user/bin/*/*.c tests/user/*/*.c tests/bench/*/*.c))))
U_DIRS := $(filter-out user/servers/root %/common %/lib,$(U_DIRS)) \
          $(if $(wildcard wasm/runner/*.c),wasm/runner)
U_PROGRAMS := $(notdir $(U_DIRS))
U_ELFS := $(U_PROGRAMS:%=$(UOUT)/bin/%)

# Sources of one program folder: its own, and its part for this architecture.
dir_sources = $(wildcard $(1)/*.c $(1)/*.S $(1)/arch/$(ARCH)/*.c $(1)/arch/$(ARCH)/*.S)
dir_objs = $(addprefix $(UOBJ)/,$(addsuffix .o,$(basename $(call dir_sources,$(1)))))

RUNNER_C := $(if $(wildcard wasm/runner/*.c),$(sort $(shell find wasm/port wasm/wasi -name '*.c' \
              -not -name 'test_*.c' 2>/dev/null)))
WAMR_OBJS := $(if $(RUNNER_C),$(addprefix $(UOBJ)/wamr/,$(addsuffix .o,$(basename $(WAMR_SRCS)))))

U_LDFLAGS := -static --gc-sections --build-id=none -z max-page-size=4096 -z noexecstack \
             --fatal-warnings --no-dynamic-linker

$(UOUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(UFLAGS) $(UINC) $(WAMR_CFLAGS)' | cmp -s - $@ || \
		printf '%s\n' '$(UFLAGS) $(UINC) $(WAMR_CFLAGS)' > $@

$(UOBJ)/%.o: %.c $(UOUT)/flags | $(GEN_FILES)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(UFLAGS) $(EXTRA_CFLAGS) $(UINC) -I$(dir $<) -isystem $(LIBFDT) -MMD -MP -c $< -o $@

$(UOBJ)/%.o: %.S $(UOUT)/flags | $(GEN_FILES)
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(UFLAGS) $(UINC) -Wno-macro-redefined -D__ASSEMBLER__ -MMD -MP -c $< -o $@

$(UOBJ)/gen/%.o: $(GEN)/%.c $(UOUT)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(UFLAGS) $(UINC) -MMD -MP -c $< -o $@

$(UOBJ)/libfdt/%.o: $(LIBFDT)/%.c $(UOUT)/flags
	$(call say,CC,libfdt/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(UFLAGS) $(NOWARN) $(UINC) -I$(LIBFDT) -MMD -MP -c $< -o $@

# WAMR_CFLAGS choose its features and include paths; our port of it sees the same.
$(WAMR_OBJS): $(UOBJ)/wamr/%.o: $(WAMR)/%.c $(UOUT)/flags
	$(call say,CC,wamr/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -std=c17,$(UFLAGS)) -std=gnu17 $(NOWARN) $(WAMR_CFLAGS) $(UINC) \
		-MMD -MP -c $< -o $@

$(UOBJ)/wasm/%.o: EXTRA_CFLAGS = $(WAMR_CFLAGS)

$(LIBBULLFINCH): $(UL_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(LLVM_AR) rcsD $@ $^

$(UOUT)/libfdt.a: $(UFDT_OBJS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(LLVM_AR) rcsD $@ $^

# $(1) = the linker script, $(2) = objects
user_link = $(LLD) $(U_LDFLAGS) -T $(1) $(2) --start-group $(U_LIBS) $(LIBC_$(ARCH)) \
            $(LIBGCC_$(ARCH)) --end-group -o $@

# One rule per program folder, because each lists its own objects.
define program_rule
$(UOUT)/bin/$(notdir $(1)): $(CRT0) $(call dir_objs,$(1)) $(2) $(U_LIBS) user/lib/user.lds
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call user_link,user/lib/user.lds,$$(filter %.o,$$^))
-include $(patsubst %.o,%.d,$(call dir_objs,$(1)) $(2))
endef
$(foreach dir,$(filter-out wasm/runner,$(U_DIRS)),$(eval $(call program_rule,$(dir))))
$(if $(filter wasm/runner,$(U_DIRS)),$(eval $(call program_rule,wasm/runner,\
    $(RUNNER_C:%.c=$(UOBJ)/%.o) $(WAMR_OBJS))))

# root.lds decides the entry point and puts the header in front (abi/bootimage.h).
ROOT_OBJS := $(call dir_objs,user/servers/root)
$(UOUT)/root.elf: $(CRT0) $(ROOT_OBJS) $(U_LIBS) user/servers/root/root.lds
	$(call say,LD,$@)
	$(Q)$(call user_link,user/servers/root/root.lds,$(filter %.o,$^))

$(UOUT)/root.img: $(UOUT)/root.elf
	$(call say,OBJCOPY,$@)
	$(Q)$(LLVM_OBJCOPY) -O binary $< $@

user: $(U_LIBS) $(U_ELFS) $(if $(ROOT_OBJS),$(UOUT)/root.img)

-include $(UL_OBJS:.o=.d) $(UFDT_OBJS:.o=.d) $(ROOT_OBJS:.o=.d)
