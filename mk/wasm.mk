# SPDX-License-Identifier: MIT
#
# The WebAssembly programs of apps/: apps/NAME.c or all of apps/NAME/*.c becomes build/wasm/NAME.wasm,
# with clang's wasm32-wasi target and wasi-libc. The same files run under Node in the tests.

WASM_OUT := build/wasm
APP_DIRS := $(patsubst %/,%,$(sort $(dir $(wildcard apps/*/*.c))))
APP_NAMES := $(sort $(basename $(notdir $(wildcard apps/*.c))) $(notdir $(APP_DIRS)))
APP_WASMS := $(APP_NAMES:%=$(WASM_OUT)/%.wasm)
APP_WATS := $(wildcard apps/*.wat)
APP_WASMS += $(APP_WATS:apps/%.wat=$(WASM_OUT)/%.wasm)

# The compiler support library is named by path: Debian's clang looks for it elsewhere.
WASM_FLAGS := --target=wasm32-wasi --sysroot=/usr -std=c17 -O2 -D_WASI_EMULATED_PROCESS_CLOCKS \
              -D_WASI_EMULATED_SIGNAL -Wall -Wextra -Werror
WASM_LIBS := -L$(WASI_LIB) -lwasi-emulated-process-clocks -lwasi-emulated-signal -lm

wasm_link = $(CLANG) $(WASM_FLAGS) -nostdlib -isystem $(WASI_INCLUDE) $(WASI_LIB)/crt1-command.o \
            $(1) $(WASM_LIBS) -lc $(WASM_BUILTINS) -Wl,--gc-sections,--strip-debug -o $@

$(WASM_OUT)/%.wasm: apps/%.c mk/wasm.mk build/config.mk
	$(call say,WASM,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call wasm_link,$(filter %.c,$^))

$(WASM_OUT)/%.wasm: apps/%.wat build/config.mk
	$(call say,WAT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)wat2wasm $< -o $@

define app_rule
$(WASM_OUT)/$(notdir $(1)).wasm: $(wildcard $(1)/*.c $(1)/*.h) mk/wasm.mk build/config.mk
	$$(call say,WASM,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(call wasm_link,$$(filter %.c,$$^))
endef
$(foreach dir,$(APP_DIRS),$(eval $(call app_rule,$(dir))))

wasm: $(APP_WASMS)
