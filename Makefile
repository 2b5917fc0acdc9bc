# SPDX-License-Identifier: MIT
#
# Bullfinch's build. The commands of the README are the targets at the end of this file; how each
# part is compiled stands in mk/. Everything that is built goes to build/:
#
#   build/config.mk             where this machine keeps the tools (written by tools/setup.sh)
#   build/third_party/vendor/   pinned sources from elsewhere (fetched by tools/fetch.sh)
#   build/gen/                  what tools/gen_abi.py makes of abi/abi.toml
#   build/ARCH/                 user programs and libraries: the same for every kernel build
#   build/ARCH-BUILD/           the kernel and the bootable image
#   build/host/                 host tests, build/wasm/ the programs of apps/
#
# One run of make builds one ARCH and one BUILD; `make test` runs make once for each.

ARCH  ?= arm64
BUILD ?= release
CPUS  ?= 1
MEM   ?= 256M

ifeq ($(filter $(ARCH),arm64 riscv64),)
$(error ARCH=$(ARCH) is unknown: use arm64 or riscv64)
endif
ifeq ($(filter $(BUILD),debug release bench locks),)
$(error BUILD=$(BUILD) is unknown: use debug, release, bench or locks)
endif

.DEFAULT_GOAL := image
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

OUT  := build/$(ARCH)-$(BUILD)
UOUT := build/$(ARCH)
GEN  := build/gen

# V=1 shows the commands themselves.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-7s %s\n' '$(1)' '$(2)')

# Targets that need no tools of their own must work on a machine that has none.
PLAIN_GOALS := clean distclean setup help
ifneq ($(if $(MAKECMDGOALS),$(filter-out $(PLAIN_GOALS),$(MAKECMDGOALS)),image),)
# make sees that this file is missing or out of date, runs the set-up, and starts over.
include build/config.mk
include mk/toolchain.mk
include mk/gen.mk
include mk/third_party.mk
include mk/kernel.mk
include mk/user.mk
include mk/wasm.mk
include mk/image.mk
include mk/host.mk
include wasm/host.mk
include mk/check.mk
endif

build/config.mk: tools/setup.sh tools/fetch.sh third_party/Cargo.toml third_party/Cargo.lock \
                 third_party/checksums.txt
	tools/setup.sh

.PHONY: run test test-all bench debug book setup clean distclean help image kernel user wasm check lint host

# With RUN= the program's output is the only thing on standard output, so make says its steps to
# standard error.
run:
	@$(MAKE) --no-print-directory image >&2
	@tools/run --arch $(ARCH) --build $(BUILD) --cpus $(CPUS) --mem $(MEM) \
		$(OPTIONS) $(if $(RUN),--program $(RUN) -- $(ARGS))

test: setup
	@tools/test.py $(if $(filter command line environment,$(origin ARCH)),--arch $(ARCH)) $(TESTS)

test-all: setup
	@tools/test.py --all $(if $(filter command line environment,$(origin ARCH)),--arch $(ARCH)) $(TESTS)

debug:
	@command -v gdb-multiarch >/dev/null || tools/setup.sh debug
	@$(MAKE) --no-print-directory image BUILD=debug
	@tools/run --arch $(ARCH) --build debug --cpus $(CPUS) --mem $(MEM) --gdb

# Fails when a page names a file, a symbol or a page that is not there.
book: $(GEN_FILES)
	@$(PYTHON) tools/book.py

bench:
	@$(MAKE) --no-print-directory image BUILD=release
	@$(MAKE) --no-print-directory image build/$(ARCH)-bench/boot-bench.tar BUILD=bench
	@$(MAKE) --no-print-directory build/$(ARCH)-locks/kernel.img build/$(ARCH)-locks/boot-scaling.tar BUILD=locks
	@$(PYTHON) tools/bench.py --arch $(ARCH)

# Both architectures, or the one named by ARCH=. A failure names its seed; SEED= repeats it.
SOAK_ARCHS := $(if $(filter command line environment,$(origin ARCH)),$(ARCH),arm64 riscv64)
soak:
	@for arch in $(SOAK_ARCHS); do \
		$(MAKE) --no-print-directory build/$$arch-debug/kernel.img build/$$arch-debug/boot-soak.tar \
			ARCH=$$arch BUILD=debug || exit; done
	@tools/soak.py --time $(TIME) $(if $(SEED),--seed $(SEED)) \
		$(if $(filter command line environment,$(origin ARCH)),--arch $(ARCH))

setup:
	@$(MAKE) -s --no-print-directory build/config.mk

# Keeps the fetched sources and the set-up, which cost a download.
clean:
	rm -rf $(filter-out build/third_party build/config.mk build/.setup,$(wildcard build/*))

distclean:
	rm -rf build

help:
	@sed -n 's/^#: //p' Makefile

#: make run [ARCH=arm64|riscv64] [CPUS=1] [MEM=256M]   build, boot in QEMU, land in the shell
#: make run RUN=file.wasm ARGS="..."                   run one program; its exit code decides
#: make test [ARCH=]                                   every test; last line: N passed, N failed
#: make test-all [ARCH=]                               the target suite on every machine, too
#: make debug                                          a debug kernel in QEMU with gdb attached
#: make check                                          formatting, clang-tidy, include directions
#: make format                                         have clang-format lay out all sources
#: make book                                           the book and the reference as HTML
#: make fuzz [TIME=60]                                the fuzz targets, each for TIME seconds
#: make soak [TIME=60] [ARCH=] [SEED=]                 stress on four CPUs for TIME seconds
#: make setup                                          install what is missing (done by the others)
#: make clean | distclean                              remove what was built | and what was fetched
