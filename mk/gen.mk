# SPDX-License-Identifier: MIT
#
# The ABI: one table, everything else generated from it (design section 1.6).

GEN_NAMES := abi_constants.h syscall_nr.h sys_proto.h sys_dispatch.c user_stubs.c user_syscalls.h \
             sys_negative.h syscalls.md
ABI_TABLE := abi/abi.toml
GEN_FILES := $(if $(wildcard tools/gen_abi.py),$(addprefix $(GEN)/,$(GEN_NAMES)))

ifneq ($(GEN_FILES),)
$(GEN_FILES) &: $(ABI_TABLE) tools/gen_abi.py
	$(call say,GEN,$<)
	$(Q)mkdir -p $(GEN)
	$(Q)$(PYTHON) tools/gen_abi.py --table $(ABI_TABLE) --out $(GEN)
	$(Q)touch $(GEN_FILES)
endif
