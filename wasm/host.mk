# SPDX-License-Identifier: MIT
#
# The runner as a Linux process under the address sanitizer: build/host/runner FILE.wasm [ARGUMENT...]
# It is the runner's own code with the runtime, the real file client and the real file server's core;
# only the kernel is played by tests/wasm/host_kernel.c. tests/wasm/test_host_runner.py uses it.
# The runtime itself is not compiled for undefined behaviour: it accesses memory unaligned by design.

HOST_RUNNER := $(HOST_OUT)/runner
HR_OBJ := $(HOST_OUT)/runner.o
HR_WAMR_OBJS := $(WAMR_SRCS:%.c=$(HR_OBJ)/wamr/%.o)
HR_C := $(wildcard wasm/port/*.c wasm/wasi/*.c wasm/runner/*.c) user/lib/fs.c \
        $(filter-out %/main.c,$(wildcard user/servers/ramfs/*.c)) \
        tests/wasm/host_kernel.c tests/wasm/host_run.c
HR_OBJS := $(HR_C:%.c=$(HR_OBJ)/%.o)
HR_SECTIONS := -ffunction-sections -fdata-sections

$(HR_OBJ)/wamr/%.o: $(WAMR)/%.c wasm/wamr.mk wasm/host.mk
	$(call say,HOST,wamr/$*.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -std=gnu17 -g -O1 -fsanitize=address $(HR_SECTIONS) $(NOWARN) $(WAMR_CFLAGS) -c $< -o $@

$(HR_OBJ)/wasm/runner/main.o: HR_MAIN := -Dmain=runner_main -Wno-missing-prototypes
$(HR_OBJ)/%.o: %.c wasm/wamr.mk wasm/host.mk | $(GEN_FILES)
	$(call say,HOST,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(HOST_FLAGS) $(HR_SECTIONS) $(HR_MAIN) $(WAMR_CFLAGS) $(HOST_INC) -MMD -MP -c $< -o $@

$(HOST_RUNNER): $(HR_OBJS) $(HR_WAMR_OBJS)
	$(call say,LD,$@)
	$(Q)$(CLANG) -fsanitize=address,undefined -fuse-ld=lld -Wl,--gc-sections $^ -lm -o $@

-include $(HR_OBJS:.o=.d)
