# SPDX-License-Identifier: MIT
#
# CPUs come and go: as many as the machine has are started, one that firmware does not start is named
# and done without, and before power goes all others are off.

import os
import struct
import subprocess
import tempfile

import qemu

PROMPT = r"bullfinch> "
FDT_BEGIN_NODE, FDT_PROP = 1, 3
NO_CPU = 77


def runs_and_shuts_down(machine, cpus):
    machine.expect(cpus, 20)
    machine.expect(PROMPT, 20)
    machine.send("hello.wasm\r")
    machine.expect("Hello from WebAssembly!", 20)
    machine.send("shutdown\r")
    machine.expect_off(20)


def test_one_to_eight_cpus_start_and_stop(env):
    for cpus in (1, 2, 3, 8):
        with env.machine(cpus=cpus) as machine:
            runs_and_shuts_down(machine, rf"cpus: {cpus} of {cpus} in use")


def device_tree(env, path, cpus):
    """Has QEMU write the device tree of the machine to `path`."""
    command = qemu.qemu_command(env.arch, env.build, cpus=cpus)
    command[command.index("-M") + 1] += f",dumpdtb={path}"
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60 * qemu.SLOW, check=True)


def cpu_rename(tree, cpu, hw_id):
    """The flattened tree, without the room that QEMU leaves in it, with another `reg` in node cpu@N
    (Devicetree Specification, chapter 5)."""
    header = list(struct.unpack(">10I", tree[:40]))
    struct_at, strings_at = header[2], header[3]
    header[1] = max(struct_at + header[9], strings_at + header[8])
    tree = struct.pack(">10I", *header) + tree[40:header[1]]
    node = tree.index(struct.pack(">I", FDT_BEGIN_NODE) + b"cpu@%d\0" % cpu, struct_at)
    at = node + 4 + (len(b"cpu@%d\0" % cpu) + 3) // 4 * 4
    while struct.unpack(">I", tree[at:at + 4])[0] == FDT_PROP:
        size, name = struct.unpack(">2I", tree[at + 4:at + 12])
        if tree[strings_at + name:].startswith(b"reg\0"):
            return tree[:at + 12] + hw_id.to_bytes(size, "big") + tree[at + 12 + size:]
        at += 12 + (size + 3) // 4 * 4
    raise AssertionError(f"cpu@{cpu} has no reg")


def test_a_cpu_that_does_not_start_is_named_and_done_without(env):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "machine.dtb")
        device_tree(env, path, 4)
        with open(path, "rb") as file:
            tree = file.read()
        with open(path, "wb") as file:
            file.write(cpu_rename(tree, 2, NO_CPU))
        with env.machine(cpus=4, extra=("-dtb", path)) as machine:
            machine.expect(rf"cpu with id {NO_CPU:#x}: firmware does not start it", 20)
            runs_and_shuts_down(machine, "cpus: 3 of 4 in use")
