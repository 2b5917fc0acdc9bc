# SPDX-License-Identifier: MIT
#
# The boot image: a ustar archive that QEMU hands over as the initial RAM disk (tools/mkbootimg.py
# says what stands where in it). boot.tar boots to the shell, boot-test.tar runs the target tests.

MANIFEST := user/servers/root/manifest.txt
BIN_STRIPPED := $(U_PROGRAMS:%=$(UOUT)/stripped/%)

$(UOUT)/stripped/%: $(UOUT)/bin/%
	$(Q)mkdir -p $(@D)
	$(Q)$(LLVM_STRIP) --strip-all -o $@ $<

BOOT_PARTS := $(UOUT)/root.img $(BIN_STRIPPED) $(APP_WASMS) tools/mkbootimg.py
mkbootimg = $(PYTHON) tools/mkbootimg.py --out $@ --root $(UOUT)/root.img --manifest $(1) \
            --bin $(BIN_STRIPPED) --apps $(APP_WASMS)

$(OUT)/boot.tar: $(BOOT_PARTS) $(MANIFEST)
	$(call say,IMAGE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call mkbootimg,$(MANIFEST))

TEST_MANIFEST := $(wildcard tests/user/manifest.txt)
$(OUT)/boot-test.tar: $(BOOT_PARTS) $(TEST_MANIFEST)
	$(call say,IMAGE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call mkbootimg,$(TEST_MANIFEST))

SOAK_MANIFEST := tests/user/soak.txt
$(OUT)/boot-soak.tar: $(BOOT_PARTS) $(SOAK_MANIFEST)
	$(call say,IMAGE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call mkbootimg,$(SOAK_MANIFEST))

BENCH_MANIFEST := tests/bench/manifest.txt
$(OUT)/boot-bench.tar: $(BOOT_PARTS) $(BENCH_MANIFEST)
	$(call say,IMAGE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call mkbootimg,$(BENCH_MANIFEST))

SCALING_MANIFEST := tests/bench/scaling.txt
$(OUT)/boot-scaling.tar: $(BOOT_PARTS) $(SCALING_MANIFEST)
	$(call say,IMAGE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(call mkbootimg,$(SCALING_MANIFEST))

image: $(OUT)/kernel.img $(OUT)/boot.tar $(if $(TEST_MANIFEST),$(OUT)/boot-test.tar)
