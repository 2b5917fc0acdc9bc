#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Fails on an include against the direction of the layers (design section 10):
#     abi -> kernel/lib -> arch contract -> mm -> sched -> obj -> sys -> init
#     abi -> user/lib -> servers, drivers -> wasm -> apps
# A layer may include itself and what stands before it. Generated headers (gen/) belong to abi, except
# gen/sys_proto.h, the interface of the system call bodies, which is part of sys. Locks stand on the
# contract's atomics and interrupt masking, so kernel/lib and the contract are one layer. All of the
# kernel may log and panic (kernel/debug/log.h) and look at what the firmware handed over
# (kernel/init/boot_info.h).

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

KERNEL = {"lib": 2, "arch": 2, "debug": 2, "mm": 3, "sched": 4, "obj": 5, "vdso": 5, "sys": 6, "init": 7}
KERNEL_EVERYWHERE = ("kernel/debug/log.h", "kernel/init/boot_info.h")
USER = {"lib": 11, "program": 12, "wasm": 13}


def layer_of_file(path):
    """(layer, "kernel", "user" or "both"), or None for files that may include anything."""
    parts = path.split("/")
    if parts[0] == "abi":
        return 0, "both"
    if parts[0] == "kernel" and len(parts) > 2 and parts[1] in KERNEL:
        return KERNEL[parts[1]], "kernel"
    if path.startswith("arch/include/"):
        return KERNEL["arch"], "kernel"
    if parts[0] == "user":
        return USER["lib" if parts[1] == "lib" else "program"], "user"
    if parts[0] == "wasm":
        return USER["wasm"], "user"
    return None


def layer_of_include(name):
    """The layer of an included header, or None for the C library's and third parties'."""
    if name == "gen/sys_proto.h":
        return KERNEL["sys"], "kernel"
    if name in KERNEL_EVERYWHERE:
        return 0, "kernel"
    if name.startswith("gen/"):
        return 0, "both"
    if name.startswith("arch/"):
        return KERNEL["arch"], "kernel"
    if name.startswith("bullfinch/"):
        return USER["lib"], "user"
    return layer_of_file(name)


def file_check(path):
    here = layer_of_file(path)
    if here is None:
        return
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            there = layer_of_include(match[1]) if match else None
            if there is None:
                continue
            if there[1] != "both" and here[1] != there[1]:
                yield f"{path}:{number}: {match[1]}: the kernel and user space share only abi/"
            elif there[0] > here[0]:
                yield f"{path}:{number}: {match[1]} stands in a later layer than this file"


def main():
    mistakes = []
    for top in ("abi", "arch", "kernel", "user", "wasm"):
        for folder, _, files in sorted(os.walk(os.path.join(ROOT, top))):
            for file in sorted(files):
                if file.endswith((".c", ".h", ".S")):
                    path = os.path.relpath(os.path.join(folder, file), ROOT)
                    mistakes += file_check(path)
    print("\n".join(mistakes), file=sys.stderr)
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
