# SPDX-License-Identifier: MIT
#
# Host tests: portable kernel and library code as a Linux process under the address and undefined
# behaviour sanitizers, with cmocka. tests/host/test_NAME.c states what it links in a comment line
#     // sources: kernel/lib/foo.c kernel/mm/bar.c
# and, where it needs them, further compiler flags in a line `// flags: -DFOO`. The sources of a shared
# header tests/host/NAME_setup.h, stated in it the same way, are linked with every test that includes it.
# arch/host/include stands in for the architecture.

HOST_OUT := build/host
HOST_TESTS := $(patsubst tests/host/%.c,$(HOST_OUT)/%,$(sort $(wildcard tests/host/test_*.c)))
HOST_FLAGS := -std=gnu17 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
              -fno-sanitize-recover=all -Wall -Wextra -Werror -DBF_HOST=1 -DBF_DEBUG=1
HOST_INC := -I. -Iarch/host/include -Iarch/include -Ibuild -I$(GEN) -Iuser/lib/include

host_setups = $(shell sed -n 's|^.include "\(.*_setup\.h\)"|tests/host/\1|p' tests/host/$(1).c)
host_sources = $(sort $(filter %.c,$(shell sed -n 's|^// sources:||p' tests/host/$(1).c $(call host_setups,$(1)))))
host_flags = $(shell sed -n 's|^// flags:||p' tests/host/$(1).c)
# Objects are shared by all tests that have no flags of their own.
host_objects_dir = $(if $(call host_flags,$(1)),$(HOST_OUT)/objects/$(1),$(HOST_OUT)/objects/shared)
host_objects = $(patsubst %.c,$(call host_objects_dir,$(1))/%.o,$(call host_sources,$(1)) tests/host/$(1).c)

define host_object_rule
$(1)/%.o: %.c mk/host.mk | $(GEN_FILES)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(HOST_FLAGS) $(2) $$(HOST_INC) -isystem $$(LIBFDT) -MMD -MP -c $$< -o $$@
endef

define host_rule
$(HOST_OUT)/$(1): $(call host_objects,$(1))
	$$(call say,HOST,$$@)
	$$(Q)$$(CLANG) $$(HOST_FLAGS) $$(filter %.o,$$^) -lcmocka -o $$@
$(if $(call host_flags,$(1)),$(call host_object_rule,$(HOST_OUT)/objects/$(1),$(call host_flags,$(1))))
endef
$(eval $(call host_object_rule,$(HOST_OUT)/objects/shared,))
$(foreach test,$(notdir $(HOST_TESTS)),$(eval $(call host_rule,$(test))))
-include $(shell find $(HOST_OUT)/objects -name '*.d' 2>/dev/null)
.SECONDARY:

host: $(HOST_TESTS)

# Fuzz targets, with libFuzzer: tests/fuzz/fuzz_NAME.c is linked with the sources named in its
# `// sources:` lines and those of tests/host/test_NAME.c. `make fuzz TIME=600` runs each for
# TIME seconds, beginning with the trees of QEMU's machines; what it found interesting stays in
# build/fuzz/NAME.corpus for the next time.
FUZZ_OUT := build/fuzz
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
TIME ?= 60

fuzz_files = $(wildcard tests/fuzz/fuzz_$(1).c) $(wildcard tests/host/test_$(1).c)
fuzz_line = $(shell sed -n 's|^// $(2):||p' $(call fuzz_files,$(1)))

define fuzz_rule
$(FUZZ_OUT)/$(1): tests/fuzz/fuzz_$(1).c $(filter %.c,$(call fuzz_line,$(1),sources)) mk/host.mk | $(GEN_FILES)
	$$(call say,FUZZ,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CLANG) $$(HOST_FLAGS) -fsanitize=fuzzer $(call fuzz_line,$(1),flags) $$(HOST_INC) \
		-isystem $$(LIBFDT) $$(filter %.c,$$^) -o $$@

.PHONY: fuzz-$(1)
fuzz-$(1): $(FUZZ_OUT)/$(1) $(FUZZ_OUT)/seeds
	$$(Q)mkdir -p $(FUZZ_OUT)/$(1).corpus
	$(FUZZ_OUT)/$(1) -max_total_time=$(TIME) -print_final_stats=1 -verbosity=0 \
		-artifact_prefix=$(FUZZ_OUT)/$(1)- $(FUZZ_OUT)/$(1).corpus $(FUZZ_OUT)/seeds
endef
$(foreach name,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(name))))

$(FUZZ_OUT)/seeds: tools/device_trees.py
	$(Q)$(PYTHON) tools/device_trees.py $@

fuzz: $(FUZZ_NAMES:%=fuzz-%)
.PHONY: fuzz
