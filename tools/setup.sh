#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes this machine able to build and test Bullfinch, on Debian 12 and 13 and Ubuntu 24.04:
# finds what is missing, says what it installs and why, installs it with apt-get (through sudo only
# when not root), fetches the pinned third-party sources, and writes build/config.mk, which tells
# make where everything is. Running it again does nothing. Without network, or when a package does
# not exist, it says exactly what is missing and fails.
#
#     tools/setup.sh           everything for make run and make test
#     tools/setup.sh debug     also what make debug needs

set -eu
cd "$(dirname "$0")/.."
mkdir -p build

# Packages to install, and a sentence for each.
wanted=""
reasons=""

say() { printf '%s\n' "setup: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
first_file() { for file in "$@"; do if [ -e "$file" ]; then echo "$file"; return; fi; done; }

# want PACKAGES WHY: PACKAGES are alternatives split by |; the first that apt knows is taken.
want() {
    wanted="$wanted $1"
    reasons="$reasons    $1: $2
"
}

need_command() { # COMMAND PACKAGES WHY
    have "$1" || want "$2" "$3"
}

need_file() { # PATTERN PACKAGES WHY
    # shellcheck disable=SC2086 # the pattern is meant to expand
    [ -n "$(first_file $1)" ] || want "$2" "$3"
}

# The newest cargo in the path, also where rustup and Debian's versioned packages put it.
cargo_find() {
    for cargo in cargo "$HOME/.cargo/bin/cargo" cargo-web /usr/bin/cargo-1.*; do
        have "$cargo" || continue
        minor=$("$cargo" --version 2>/dev/null | sed -n 's/^cargo 1\.\([0-9]*\).*/\1/p')
        if [ "${minor:-0}" -ge 85 ]; then
            command -v "$cargo"
            return
        fi
    done
}

find_missing() {
    wanted=""
    reasons=""
    need_command clang-19 clang-19 "the one compiler: kernel, user programs, wasm, host tests"
    need_command ld.lld-19 lld-19 "the linker"
    need_command llvm-objcopy-19 llvm-19 "archives, images and symbol tables"
    need_command clang-format-19 clang-format-19 "make test checks the formatting"
    need_command clang-tidy-19 clang-tidy-19 "make test checks the sources"
    need_command python3 python3 "the generators and the test runner"
    need_command qemu-system-aarch64 qemu-system-arm "the arm64 machine"
    need_command qemu-system-riscv64 "qemu-system-riscv|qemu-system-misc" "the riscv64 machine"
    need_file "/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin" opensbi \
        "the firmware of the riscv64 machine"
    need_file "/usr/lib/u-boot/qemu_arm64/u-boot.bin" u-boot-qemu \
        "make test starts the kernel as boards do"
    need_file "/usr/lib/picolibc/aarch64-linux-gnu/include/stdio.h" picolibc-aarch64-linux-gnu \
        "the C library of user programs, arm64"
    need_file "/usr/lib/picolibc/riscv64-unknown-elf/include/stdio.h" \
        picolibc-riscv64-unknown-elf "the C library of user programs, riscv64"
    need_file "/usr/lib/gcc*/aarch64-linux-gnu/*/libgcc.a" gcc-aarch64-linux-gnu \
        "compiler support functions (128-bit floats), arm64"
    need_file "/usr/lib/gcc/riscv64-unknown-elf/*/libgcc.a" gcc-riscv64-unknown-elf \
        "compiler support functions (128-bit floats), riscv64"
    need_file "/usr/lib/wasm32-wasi/libc.a" wasi-libc "the C library of the programs in apps/"
    need_file "/usr/lib/llvm-19/lib/clang/19/lib/*/libclang_rt.builtins*wasm32.a
               /usr/lib/llvm-19/lib/clang/19/lib/wasm32*/libclang_rt.builtins*.a" \
        libclang-rt-19-dev-wasm32 "compiler support functions of the programs in apps/"
    need_file "/usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.asan-*.a" libclang-rt-19-dev \
        "the sanitizers of the host tests"
    need_file "/usr/include/cmocka.h" libcmocka-dev "the host tests"
    need_file "/usr/include/*/gnu/stubs.h /usr/include/gnu/stubs.h" libc6-dev "the host tests"
    need_command wat2wasm wabt "hand-written WebAssembly in the tests"
    need_command node nodejs "make test compares with another WebAssembly engine"
    [ -n "$(cargo_find)" ] || want "cargo-web|cargo|cargo-1.91|cargo-1.89|cargo-1.85" \
        "fetches the pinned third-party sources (1.85 or newer)"
    need_file "/etc/ssl/certs/ca-certificates.crt" ca-certificates "to check whom cargo talks to"
    if [ "${1:-}" = debug ]; then
        need_command gdb-multiarch gdb-multiarch "make debug"
    fi
}

# The first of the alternatives that apt offers (for cargo: new enough).
package_choose() {
    for package in $(echo "$1" | tr '|' ' '); do
        candidate=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/^  Candidate: //p')
        case "$candidate" in '' | '(none)') continue ;; esac
        case "$package" in
        cargo*) dpkg --compare-versions "${candidate#*:}" ge 1.85 || continue ;;
        esac
        echo "$package"
        return
    done
}

packages_install() {
    root=""
    if [ "$(id -u)" != 0 ]; then
        root=sudo
        have sudo || { say "not root and no sudo: install the packages above as root"; exit 1; }
    fi
    have apt-get || { say "no apt-get here: install the packages above by hand"; exit 1; }
    $root apt-get update -qq >&2 || say "apt-get update failed (no network?); trying what it has"
    packages=""
    for alternatives in $wanted; do
        package=$(package_choose "$alternatives")
        if [ -z "$package" ]; then
            say "no such package in this machine's sources: $alternatives"
            absent="${absent:-} $alternatives"
        fi
        packages="$packages $package"
    done
    if [ -n "${absent:-}" ]; then
        say "missing:$absent"
        say "on Ubuntu the universe component must be on; on Debian 12, bookworm-updates and security"
        exit 1
    fi
    say "installing:$packages"
    # shellcheck disable=SC2086 # a list of words
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 -qq $packages >build/setup.log 2>&1 || {
        tail -n 20 build/setup.log >&2
        say "apt-get could not install the packages above (its words: build/setup.log)"
        exit 1
    }
}

# Debian's picolibc has a build for speed (release) beside the one for size, and the variant that is
# the compiler's default may stand in a folder of its own or at the top.
libc_of() { # FOLDER, VARIANT
    base=/usr/lib/picolibc/$1/lib
    found=$(first_file "$base/release/$2/libc.a" "$base/$2/libc.a" "$base/release/libc.a" \
        "$base/libc.a")
    [ -n "$found" ] && echo "$found $(first_file "${found%libc.a}libm.a")"
}

libc_headers_of() { # FOLDER: those of the same build as libc_of's
    base=/usr/lib/picolibc/$1/include
    if [ -e "$base/release/stdio.h" ]; then echo "$base/release"; else echo "$base"; fi
}

config_write() {
    cat >build/config.mk.new <<END
# Written by tools/setup.sh: where this machine keeps its tools.
CLANG := clang-19
LLD := ld.lld-19
LLVM_AR := llvm-ar-19
LLVM_NM := llvm-nm-19
LLVM_OBJCOPY := llvm-objcopy-19
LLVM_STRIP := llvm-strip-19
CLANG_FORMAT := clang-format-19
CLANG_TIDY := clang-tidy-19
PYTHON := python3
LIBC_INCLUDE_arm64 := $(libc_headers_of aarch64-linux-gnu)
LIBC_arm64 := $(libc_of aarch64-linux-gnu "")
LIBGCC_arm64 := $(first_file /usr/lib/gcc*/aarch64-linux-gnu/*/libgcc.a)
LIBC_INCLUDE_riscv64 := $(libc_headers_of riscv64-unknown-elf)
LIBC_riscv64 := $(libc_of riscv64-unknown-elf rv64imafdc/lp64d)
LIBGCC_riscv64 := $(first_file /usr/lib/gcc/riscv64-unknown-elf/*/rv64imafdc/lp64d/libgcc.a \
    /usr/lib/gcc/riscv64-unknown-elf/*/libgcc.a)
WASI_INCLUDE := /usr/include/wasm32-wasi
WASI_LIB := /usr/lib/wasm32-wasi
WASM_BUILTINS := $(first_file /usr/lib/llvm-19/lib/clang/19/lib/*/libclang_rt.builtins*wasm32.a \
    /usr/lib/llvm-19/lib/clang/19/lib/wasm32*/libclang_rt.builtins*.a)
END
    empty=$(sed -n 's/ := *$//p' build/config.mk.new)
    if [ -n "$empty" ]; then
        say "found no file for" $empty "(build/config.mk.new; tools/setup.sh says where it looks)"
        exit 1
    fi
    mv build/config.mk.new build/config.mk
}

find_missing "${1:-}"
if [ -n "$wanted" ]; then
    say "missing on this machine:"
    printf '%s' "$reasons" >&2
    packages_install
    find_missing "${1:-}"
    if [ -n "$wanted" ]; then
        say "installed, but still not found (package: what it is for):"
        printf '%s' "$reasons" >&2
        exit 1
    fi
fi
CARGO=$(cargo_find) tools/fetch.sh
config_write
