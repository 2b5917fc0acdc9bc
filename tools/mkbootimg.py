#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Packs a boot image: a ustar archive, equal bit for bit for equal input.
#     root              the root supervisor, a flat image (abi/bootimage.h)
#     etc/manifest      what the root supervisor starts
#     bin/NAME          programs, ELF
#     apps/NAME.wasm    WebAssembly programs
#     run/program.wasm  with --program: the program to run instead of the shell,
#     run/args          its arguments, each ended by a NUL
#     run/stdin         and, with --stdin, what it reads from its standard input
# --base takes an existing image and adds to it.

import argparse
import io
import os
import sys
import tarfile


def entry_add(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = mode
    tar.addfile(info, io.BytesIO(data))


def file_read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        sys.exit(f"mkbootimg: cannot read {path}: {error.strerror}")


def base_copy(tar, path):
    with tarfile.open(path) as base:
        for info in base.getmembers():
            entry_add(tar, info.name, base.extractfile(info).read(), info.mode)


def image_write(out, base=None, root=None, manifest=None, bins=(), apps=(), program=None,
                args=(), stdin=None):
    """Writes the image to the path `out`; for callers in Python too."""
    temporary = out + ".new"
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
        if base:
            base_copy(tar, base)
        if root:
            entry_add(tar, "root", file_read(root), 0o755)
        if manifest:
            entry_add(tar, "etc/manifest", file_read(manifest))
        for path in bins:
            entry_add(tar, "bin/" + os.path.basename(path), file_read(path), 0o755)
        for path in apps:
            entry_add(tar, "apps/" + os.path.basename(path), file_read(path))
        if program:
            entry_add(tar, "run/program.wasm", file_read(program))
            entry_add(tar, "run/args", b"".join(os.fsencode(a) + b"\0" for a in args))
        if stdin is not None:
            entry_add(tar, "run/stdin", stdin)
    os.replace(temporary, out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--base")
    parser.add_argument("--root")
    parser.add_argument("--manifest")
    parser.add_argument("--bin", nargs="*", default=[])
    parser.add_argument("--apps", nargs="*", default=[])
    parser.add_argument("--program")
    parser.add_argument("--args", nargs="*", default=[])
    args = parser.parse_args()
    image_write(args.out, args.base, args.root, args.manifest, args.bin, args.apps,
                args.program, args.args)


if __name__ == "__main__":
    main()
