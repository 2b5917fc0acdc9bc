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
    """A machine whose kernel gets this tree instead of QEMU's, whatever is in it."""
    with open(os.path.join(folder, "blob"), "wb") as file:
        file.write(blob)
    return machine_with_tree_at(env, folder, RAM[env.arch] + 64 * MIB)


# A few instructions between the firmware and the kernel: they change the register that holds the
# address of the tree. The address and the kernel's follow them.
STUBS = {"arm64": (0x58000080,   # ldr x0, 16 further on
                   0x580000a1,   # ldr x1, 20 further on
                   0xd61f0020,   # br x1
                   0xd503201f),  # nop
         "riscv64": (0x00000297,   # auipc t0, 0
                     0x0102b583,   # ld a1, 16(t0)
                     0x0182b303,   # ld t1, 24(t0)
                     0x00030067)}  # jr t1


def machine_with_tree_at(env, folder, address):
    """A machine that enters the kernel with this address as that of the tree; the file `blob` is loaded
    at 64 MiB."""
    kernel = RAM[env.arch] + 6 * MIB
    stub = os.path.join(folder, "stub")
    with open(stub, "wb") as file:
        file.write(struct.pack("<IIIIQQ", *STUBS[env.arch], address, kernel))
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


def test_a_processor_without_4_kib_pages_is_named(env):
    """No CPU of QEMU's is without: the instruction that reads the feature is replaced."""
    with open(os.path.join(env.out, "kernel.img"), "rb") as file:
        image = bytearray(file.read())
    at = env.symbol("granule_read") - env.symbol("_start")
    assert image[at:at + 4] == struct.pack("<I", 0xd5380700), "mrs x0, id_aa64mmfr0_el1"
    image[at:at + 4] = struct.pack("<I", 0xd2be0000)  # movz x0, #0xf000, lsl #16
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "kernel.img")
        with open(path, "wb") as file:
            file.write(image)
        for el2 in (False, True):
            with env.machine(kernel=path, image="", el2=el2) as machine:
                machine.expect("this CPU has no 4 KiB pages", 60)


test_a_processor_without_4_kib_pages_is_named.ARCHS = ("arm64",)


def test_a_damaged_tree_gets_a_message(env):
    good = device_trees.device_tree(env.arch)
    _, _, structs, strings = struct.unpack(">4I", good[:16])
    cut = good[:4] + struct.pack(">I", 2000) + good[8:]
    unnamed = good[:strings] + b"x" * (len(good) - strings)
    nameless = good[:strings] + bytes(len(good) - strings)  # well formed, but every name is empty
    headless = b"\xff" * structs + good[structs:]
    blobs = [cut, unnamed, headless, nameless]
    if env.arch == "riscv64":  # whose firmware can print, so that not even a UART must be left
        blobs += [bytes(4096), b"\xff" * 4096, os.urandom(4096), good[:64] + b"\xff" * 4096]
    for blob in blobs:
        with tempfile.TemporaryDirectory() as folder, machine_with_tree(env, folder, blob) as machine:
            machine.expect("PANIC.*boot: no node with device_type" if blob is nameless else
                           "PANIC.*the device tree is damaged", 20)


def test_a_tree_where_there_is_no_memory_gets_a_message(env):
    for address in (0x0, 0x7fff_f000, 0x1234_5678_9000, 0xffff_ffff_ffff_f000):
        with tempfile.TemporaryDirectory() as folder:
            open(os.path.join(folder, "blob"), "wb").write(b"-")
            with machine_with_tree_at(env, folder, address) as machine:
                machine.expect(r"boot: trap before the MMU|PANIC", 60)


test_a_tree_where_there_is_no_memory_gets_a_message.ARCHS = ("riscv64",)  # arm64 has nothing to print with
