# SPDX-License-Identifier: MIT
#
# Checks of the sources themselves: formatting, clang-tidy, the direction of includes.

CHECK_DIRS := $(wildcard abi arch kernel user wasm apps tests)
CHECK_FILES = $(sort $(shell find $(CHECK_DIRS) -name '*.[ch]'))

check: check-format check-includes check-book check-tidy
.PHONY: format check-format check-includes check-book check-tidy

check-format:
	$(Q)$(if $(CHECK_FILES),$(CLANG_FORMAT) --dry-run -Werror $(CHECK_FILES))

format:
	$(Q)$(if $(CHECK_FILES),$(CLANG_FORMAT) -i $(CHECK_FILES))

check-includes:
	$(Q)$(PYTHON) tools/check_includes.py

check-book: $(GEN_FILES)
	$(Q)$(PYTHON) tools/book.py --check

# TIDY=arch looks only at what is compiled for this architecture alone, when another run has looked at
# the rest.
TIDY_K = $(if $(filter arch,$(TIDY)),$(filter arch/%,$(K_C)),$(K_C))
TIDY_U_ALL = $(filter %.c,$(UL_C) $(RUNNER_C) \
               $(foreach d,$(filter-out tests/%,$(U_DIRS)) user/servers/root,$(call dir_sources,$(d))))
TIDY_U = $(foreach f,$(TIDY_U_ALL),$(if $(filter-out arch,$(TIDY))$(findstring /$(ARCH)/,$(f)),$(f)))

check-tidy: TIDY ?= all
check-tidy: $(GEN_FILES)
	$(Q)mkdir -p $(UOUT)
	$(Q)printf '%s\n' $(TIDY_K:%='K %') $(TIDY_U:%='U %') > $(UOUT)/tidy-files
	$(Q)$(PYTHON) tools/tidy.py --files $(UOUT)/tidy-files --out $(UOUT) --tidy $(CLANG_TIDY) \
		--clang $(CLANG) \
		--kernel-flags '$(KFLAGS) $(KINC) -isystem $(LIBFDT) -isystem kernel/lib/include' \
		--user-flags '$(UFLAGS) $(UINC) $(WAMR_CFLAGS) -isystem $(LIBFDT)'
