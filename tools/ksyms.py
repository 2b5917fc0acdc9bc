#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Makes the kernel's table of function names from a linked kernel, as an assembly file.
#
# Format of the table, all in section .ksyms, between the symbols ksyms_start and ksyms_end:
#     u32 count
#     u32 offset[count]     function addresses minus kernel_image_start, ascending
#     u32 name[count]       where each name starts, in bytes after the end of this array
#     names                 each ended by a NUL
# An empty table has count 0. kernel/debug/symbols.c reads it.
#
# --verify FINAL compares the functions of --elf with those of the final link: were one moved by
# the table itself, every panic would name the wrong function.

import argparse
import subprocess
import sys


def functions_of(nm, elf):
    """(kernel_image_start, [(address, name)]) of one ELF file."""
    out = subprocess.run([nm, "--defined-only", "--numeric-sort", elf],
                         check=True, capture_output=True, text=True).stdout
    start, found = None, {}
    for line in out.splitlines():
        address, kind, name = line.split(None, 2)
        if name == "kernel_image_start":
            start = int(address, 16)
        if kind in "tTwW" and not name.startswith((".L", "$", "ksyms_")):
            # Of several names for one address the first global one is the most telling.
            old = found.get(int(address, 16))
            if old is None or (old[0].islower() and kind.isupper()):
                found[int(address, 16)] = (kind, name)
    if start is None:
        sys.exit(f"ksyms: {elf} has no symbol kernel_image_start (the linker script sets it)")
    return start, sorted((a, n) for a, (_, n) in found.items() if a >= start)


def table_text(start, functions):
    lines = ['// Made by tools/ksyms.py; the format is described there.',
             '    .section .ksyms, "a"', '    .balign 8', '    .global ksyms_start', 'ksyms_start:',
             f'    .4byte {len(functions)}']
    lines += [f'    .4byte {address - start:#x}' for address, _ in functions]
    position = 0
    for _, name in functions:
        lines.append(f'    .4byte {position}')
        position += len(name) + 1
    lines += [f'    .asciz "{name}"' for _, name in functions]
    lines += ['    .balign 8', '    .global ksyms_end', 'ksyms_end:', '']
    return '\n'.join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nm", default="llvm-nm-19")
    parser.add_argument("--elf")
    parser.add_argument("--out")
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--verify", metavar="FINAL")
    args = parser.parse_args()

    if args.verify:
        if functions_of(args.nm, args.elf) != functions_of(args.nm, args.verify):
            sys.exit("ksyms: adding the symbol table moved the code: .ksyms must stand behind it")
        return
    start, functions = (0, []) if args.empty else functions_of(args.nm, args.elf)
    with open(args.out, "w", encoding="ascii") as file:
        file.write(table_text(start, functions))


if __name__ == "__main__":
    main()
