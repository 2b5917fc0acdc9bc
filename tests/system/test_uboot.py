# SPDX-License-Identifier: MIT
#
# Booting as on a board: U-Boot (Debian's u-boot-qemu) runs first, finds the kernel and the boot archive
# in memory, where QEMU's loader put them, and starts the kernel with `booti`.
#
# U-Boot leaves an arm64 image whose header says "anywhere" where it is. A riscv64 image it moves to the
# start of RAM plus the header's text_offset, so the tests change that field.

import os
import struct
import tempfile

U_BOOT = {"arm64": "/usr/lib/u-boot/qemu_arm64/u-boot.bin",
          "riscv64": "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"}
RAM = {"arm64": 0x40000000, "riscv64": 0x80000000}
MIB = 1 << 20
GIB = 1 << 30
ARCHIVE = 96 * MIB  # where the archive is loaded, from the start of RAM
STAGE = 160 * MIB   # where a riscv64 image waits to be moved

BUILDS = ("release",)


def loader(path, address):
    return ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]


def booti(env, offset, archive_at=ARCHIVE, words="", **options):
    """A machine whose U-Boot starts the kernel at RAM + offset; returns it at the shell's prompt."""
    ram = RAM[env.arch]
    archive = os.path.join(env.out, "boot.tar")
    with open(os.path.join(env.out, "kernel.img"), "rb") as file:
        image = bytearray(file.read())
    if env.arch == "riscv64":
        struct.pack_into("<Q", image, 8, offset)
    staged = ram + (STAGE if env.arch == "riscv64" else offset)
    with tempfile.NamedTemporaryFile(suffix=".img") as kernel:
        kernel.write(image)
        kernel.flush()
        extra = loader(kernel.name, staged) + loader(archive, ram + archive_at)
        firmware = {"kernel": U_BOOT[env.arch]}
        if env.arch == "arm64":
            firmware = {"kernel": ""}
            extra += ["-bios", U_BOOT[env.arch]]
        machine = env.machine(image="", extra=extra, **firmware, **options)
        try:
            machine.start()
            machine.expect("stop autoboot", 60)
            machine.send("\r")
            machine.expect("=> ", 60)
            size = os.path.getsize(archive)
            machine.send(f"setenv bootargs {words}; "
                         f"booti {staged:#x} {ram + archive_at:#x}:{size:x} ${{fdtcontroladdr}}\r")
            machine.expect(f"image at {ram + offset:#x}\r", 60)
            machine.expect("bullfinch> ", 60)
        except BaseException:
            machine.kill()
            raise
    return machine


def runs_programs(machine):
    try:
        machine.send("hello.wasm\r")
        machine.expect(r"Hello from WebAssembly![^>]*bullfinch> ", 60)
        machine.send("shutdown\r")
        machine.expect_off(60)
    finally:
        machine.kill()


def test_booti_starts_the_image_at_2_mib(env):
    runs_programs(booti(env, 2 * MIB))


def test_booti_starts_the_image_at_an_odd_multiple_of_2_mib(env):
    runs_programs(booti(env, 54 * MIB))


def test_booti_starts_the_image_above_the_archive(env):
    runs_programs(booti(env, 126 * MIB))


def test_booti_starts_the_image_above_4_gib(env):
    runs_programs(booti(env, 5 * GIB + 14 * MIB, mem="8G", cpus=4))


def test_an_archive_that_does_not_begin_on_a_page_is_found(env):
    runs_programs(booti(env, 10 * MIB, archive_at=ARCHIVE + 0x234))


def test_booti_hands_over_the_command_line(env):
    machine = booti(env, 22 * MIB, words="panic=off no-such-word")
    try:
        assert "command line: panic=off no-such-word" in machine.text(), machine.tail()
        assert "'no-such-word' ignored" in machine.text(), machine.tail()
    finally:
        machine.kill()


def test_booti_starts_the_kernel_on_four_cpus(env):
    options = {"el2": True, "gic": "3"} if env.arch == "arm64" else {}
    machine = booti(env, 38 * MIB, cpus=4, **options)
    try:
        assert "cpus: 4 of 4 in use" in machine.text(), machine.tail()
        assert env.arch != "arm64" or "entered at EL2" in machine.text(), machine.tail()
    finally:
        machine.kill()
