#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# The device trees of QEMU's machines: for tests that change them, and as seeds of the fuzz targets.
#
#     tools/device_trees.py FOLDER    writes one file for each kind of machine

import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402

KINDS = {"arm64-gicv2": ("arm64", {"gic": "2"}), "arm64-gicv3": ("arm64", {"gic": "3", "el2": True}),
         "riscv64-plic": ("riscv64", {}), "riscv64-aplic": ("riscv64", {"aia": "aplic"})}


def trimmed(blob):
    """The tree without the padding behind its last block."""
    _, _, structs, strings, _, _, _, _, strings_bytes, structs_bytes = struct.unpack(">10I", blob[:40])
    end = max(structs + structs_bytes, strings + strings_bytes)
    return blob[:4] + struct.pack(">I", end) + blob[8:end]


def device_tree(arch, **options):
    """The tree that QEMU makes for a machine; options as of qemu.qemu_command."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "machine.dtb")
        command = qemu.qemu_command(arch, "release", **options)
        command[command.index("-M") + 1] += f",dumpdtb={path}"
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
        with open(path, "rb") as file:
            return trimmed(file.read())


def main():
    trees = {kind: device_tree(arch, cpus=2, kernel="", image="", **options)
             for kind, (arch, options) in KINDS.items()}
    os.makedirs(sys.argv[1], exist_ok=True)
    for kind, blob in trees.items():
        with open(os.path.join(sys.argv[1], kind + ".dtb"), "wb") as file:
            file.write(blob)


if __name__ == "__main__":
    main()
