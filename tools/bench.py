#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Runs the benchmark image in QEMU and counts instructions; prints a table and writes
# build/bench-ARCH.json, one flat object: instructions per operation, and sizes in bytes.
#
#     tools/bench.py --arch arm64|riscv64        after make image BUILD=bench and boot-bench.tar
#
# With -icount shift=0,sleep=off every guest instruction advances the guest's virtual time by 1 ns and
# the cycle counters count instructions, so the numbers are the same on every host and in every run.

import argparse
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402

CPUS = {"arm64": "cortex-a53", "riscv64": "rv64"}
SECONDS = 300
SCALING_WORKERS = (1, 2, 4)
# The guest's clock must be virtual time too, or an idle machine waits for the host; and the seed of the
# kernel's random generator, which places mappings, is the same in every run.
ICOUNT = ("-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed", "1")


def counts(arch, build="bench", archive="boot-bench.tar", cpus=1):
    """{name: value} of the BENCH lines of one boot."""
    image = os.path.join(qemu.output_dir(arch, build), archive)
    with qemu.Machine(arch, build, image=image, append="panic=off", cpu=CPUS[arch], cpus=cpus,
                      extra=ICOUNT) as machine:
        machine.expect(r"BENCH DONE", SECONDS)
        text = machine.text()
    failed = re.findall(r"BENCH (\w+) failed", text)
    if failed:
        sys.exit(f"bench: {', '.join(failed)} failed on {arch}")
    return {name: int(value) for name, value in re.findall(r"BENCH (\w+) (\d+)", text)}


def shell_costs(arch):
    """What the ordinary image has spent when its shell prompts: instructions, to the thousand, and RAM."""
    with qemu.Machine(arch, "release", append="panic=off", cpu=CPUS[arch], extra=ICOUNT) as machine:
        booted = machine.expect(r"([0-9]+)\.([0-9]{3}) ms after start[^>]*bullfinch> ", SECONDS)
        machine.send("mem\n")
        memory = machine.expect(r"(\d+) KiB  RAM[^\d]*(\d+) KiB  free", SECONDS)
    return {
        "boot_to_shell": int(booted[1] + booted[2]) * 1000,
        "ram_used_at_shell_bytes": (int(memory[1]) - int(memory[2])) * 1024,
    }


def lines(folder):
    """Lines of code below the folder: neither blank nor only a comment."""
    count = 0
    for path, _, files in os.walk(os.path.join(qemu.ROOT, folder)):
        for name in files:
            if name.endswith((".c", ".h", ".S")):
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
                count += sum(1 for line in text.splitlines() if line.split("//")[0].strip())
    return count


def sizes(arch):
    """Sizes of the kernel, from its ELF file."""
    out = qemu.output_dir(arch, "release")
    build = out if os.path.isfile(os.path.join(out, "kernel.elf")) else qemu.output_dir(arch, "bench")
    elf = os.path.join(build, "kernel.elf")
    listing = subprocess.run(["llvm-size-19", "-A", elf], stdout=subprocess.PIPE, check=True,
                             text=True).stdout
    sections = dict(re.findall(r"^(\.\S+)\s+(\d+)", listing, re.MULTILINE))
    return {
        "kernel_text_bytes": int(sections.get(".text", 0)),
        "kernel_image_bytes": os.path.getsize(os.path.join(build, "kernel.img")),
        "kernel_lines": lines("kernel"),
        "kernel_arch_lines": lines(os.path.join("arch", arch)),
    }


def main():
    parser = argparse.ArgumentParser(description="Counts instructions per operation.")
    parser.add_argument("--arch", choices=sorted(CPUS), required=True)
    arch = parser.parse_args().arch
    result = counts(arch)
    result.update(shell_costs(arch))
    for workers in SCALING_WORKERS:  # and one CPU for the program that counts
        result.update(counts(arch, "locks", "boot-scaling.tar", workers + 1))
    result.update(sizes(arch))
    path = os.path.join(qemu.ROOT, "build", f"bench-{arch}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    width = max(map(len, result))
    for name, value in result.items():
        print(f"{name:{width}}  {value:>10,}")
    print(f"written to {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
