# SPDX-License-Identifier: MIT
#
# What firmware, loader or user hand to the kernel and should not: the machine says what is wrong, and
# goes on or stops; it never hangs without a word. Damaged boot archives are in test_boot.py, damage
# of every kind to the parsers in tests/host.

import os
import struct
import tempfile

import device_trees

BUILDS = ("release",)
PROMPT = r"bullfinch> "
RAM = {"arm64": 0x40000000, "riscv64": 0x80000000}
MIB = 1 << 20


def changed_tree(env, changes):
    """The machine's tree with strings in it replaced by others of the same length."""
    blob = device_trees.device_tree(env.arch, append="panic=off")
    for old, new in changes:
        assert old in blob and len(old) == len(new), f"{old} is not in the tree"
        blob = blob.replace(old, new)
    return blob


def machine_with_tree(env, folder, blob):
    """A machine whose kernel gets this tree; on riscv64 OpenSBI before it gets QEMU's own."""
    path = os.path.join(folder, "blob")
    with open(path, "wb") as file:
        file.write(blob)
    if env.arch == "arm64":
        return env.machine(extra=["-dtb", path], append="panic=off")
    return machine_with_tree_at(env, folder, RAM[env.arch] + 64 * MIB)


def machine_with_tree_at(env, folder, address):
    """A machine that enters the kernel with a1 = address; the file `blob` is loaded at 64 MiB. A few
    instructions between OpenSBI and the kernel change the register."""
    kernel = RAM[env.arch] + 6 * MIB
    stub = os.path.join(folder, "stub")
    with open(stub, "wb") as file:
        file.write(struct.pack("<IIIIQQ", 0x00000297,  # auipc t0, 0
                               0x0102b583,             # ld a1, 16(t0)
                               0x0182b303,             # ld t1, 24(t0)
                               0x00030067,             # jr t1
                               address, kernel))
    extra = ["-device", f"loader,file={env.out}/kernel.img,addr={kernel:#x},force-raw=on",
             "-device", f"loader,file={folder}/blob,addr={RAM[env.arch] + 64 * MIB:#x},force-raw=on"]
    return env.machine(kernel=stub, image="", extra=extra)


def says(env, changes, words):
    """With these strings of its device tree changed the machine says the words."""
    tree = changed_tree(env, changes)
    with tempfile.TemporaryDirectory() as folder, machine_with_tree(env, folder, tree) as machine:
        machine.expect(words, 60)
        machine.expect_off(60)


def test_options_that_do_not_exist_are_named_and_ignored(env):
    with env.machine(append="panicky panic=maybe quiet=1 x=\"a b\" -- not-the-kernels") as machine:
        machine.expect(PROMPT, 60)
        text = machine.text()
        for words in ("'panicky' ignored: the kernel has no such option",
                      "'panic=maybe' ignored: panic is one of halt|off",
                      "'quiet=1' ignored: quiet takes no value", "'x=\"a b\"' ignored"):
            assert words in text, f"the console does not show {words!r}:\n{text}"
        assert "'not-the-kernels' ignored" not in text, text


def test_a_missing_boot_archive_is_named(env):
    with env.machine(image="", append="panic=off") as machine:
        machine.expect(r"PANIC.*no boot archive: /chosen has no linux,initrd-start", 60)
        machine.expect_off(60)


def test_an_interrupt_controller_that_is_not_known_is_named(env):
    changes = {"arm64": [(b"arm,cortex-a15-gic\0", b"acme,interrupts-1\0\0")],
               "riscv64": [(b"sifive,plic-1.0.0\0riscv,plic0\0", b"acme,interrupts-1\0riscv,plicX\0")]}
    says(env, changes[env.arch], r"PANIC.*acme,interrupts-1: no interrupt controller that the kernel knows")


def test_a_machine_without_a_timer_says_so(env):
    changes = {"arm64": [(b"arm,armv8-timer\0arm,armv7-timer", b"arm,armv9-timer\0arm,armvX-timer")],
               "riscv64": [(b"timebase-frequency", b"timebase-freqXency")]}
    says(env, changes[env.arch], r"PANIC.*device tree: [^\r\n]*time")


def test_a_console_that_is_not_known_leaves_the_firmwares(env):
    says(env, [(b"ns16550a\0", b"acme550a\0")], r"console: the firmware's: /chosen stdout-path")


test_a_console_that_is_not_known_leaves_the_firmwares.ARCHS = ("riscv64",)


def test_a_processor_without_paging_is_named(env):
    with env.machine(cpu="rv64,mmu=off") as machine:
        machine.expect("this hart has neither Sv48 nor Sv39 paging", 60)


test_a_processor_without_paging_is_named.ARCHS = ("riscv64",)


def test_a_damaged_tree_gets_a_message(env):
    good = device_trees.device_tree(env.arch)
    cut = good[:4] + struct.pack(">I", 2000) + good[8:]
    for blob in (bytes(4096), b"\xff" * 4096, os.urandom(4096), cut, good[:64] + b"\xff" * 4096):
        with tempfile.TemporaryDirectory() as folder, machine_with_tree(env, folder, blob) as machine:
            machine.expect(r"PANIC.*the device tree is damaged", 60)


def test_a_tree_where_there_is_no_memory_gets_a_message(env):
    for address in (0x0, 0x7fff_f000, 0x1234_5678_9000, 0xffff_ffff_ffff_f000):
        with tempfile.TemporaryDirectory() as folder:
            open(os.path.join(folder, "blob"), "wb").write(b"-")
            with machine_with_tree_at(env, folder, address) as machine:
                machine.expect(r"boot: trap before the MMU|PANIC", 60)


# On arm64 nothing can print without a sound tree.
for test in test_a_damaged_tree_gets_a_message, test_a_tree_where_there_is_no_memory_gets_a_message:
    test.ARCHS = ("riscv64",)
