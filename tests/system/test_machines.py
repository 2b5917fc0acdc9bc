# SPDX-License-Identifier: MIT
#
# One image for every machine of its architecture: load addresses, CPU models, firmware levels,
# interrupt controllers. The target suite runs on fewer of them (tools/configurations.py).

import os
import struct
import tempfile

BUILDS = ("release",)
PROMPT = r"bullfinch> "
MIB = 1 << 20
RAM = {"arm64": 0x40000000, "riscv64": 0x80000000}
ELF_BYTES = 64 + 56


def boots(env, shows=(), **options):
    with env.machine(**options) as machine:
        machine.expect(PROMPT, 60)
        text = machine.text()
        for word in shows:
            assert word in text, f"the console does not show {word!r} with {options}; it shows\n" + text
        machine.send("hello.wasm\r")
        machine.expect("Hello from WebAssembly!", 60)


def elf_around(image, address):
    """An ELF file that loads the image at the address and enters it there: what QEMU's riscv64 machine
    loads where it is told to."""
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, 243, 1, address, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, ELF_BYTES, address, address, len(image), len(image), 4096)
    return header + segment + image


def image_for(env, offset):
    """The kernel image in a form that QEMU loads at RAM + offset."""
    with open(os.path.join(env.out, "kernel.img"), "rb") as file:
        image = file.read()
    if env.arch == "riscv64":
        return elf_around(image, RAM[env.arch] + offset)
    return image[:8] + struct.pack("<Q", offset) + image[16:]  # the header's text_offset


def loads_at(env, offset, **options):
    with tempfile.NamedTemporaryFile(suffix=".img") as file:
        file.write(image_for(env, offset))
        file.flush()
        boots(env, [f"image at {RAM[env.arch] + offset:#x}\r"], kernel=file.name, **options)


def test_the_image_runs_at_any_multiple_of_2_mib(env):
    for offset in (4 * MIB, 6 * MIB, 62 * MIB, 126 * MIB):
        loads_at(env, offset, mem="512M")


def test_further_cpus_start_wherever_the_image_is(env):
    loads_at(env, 38 * MIB, mem="512M", cpus=4)


def test_of_more_cpus_than_the_kernel_takes_eight_run(env):
    options = {"gic": "3"} if env.arch == "arm64" else {}
    boots(env, ["10 CPUs, of which 8 are used", "cpus: 8 of 8 in use"], cpus=10, **options)


def test_every_cpu_model(env):
    models = {"arm64": [("cortex-a53", "Cortex-A53"), ("cortex-a57", "Cortex-A57"),
                        ("cortex-a72", "Cortex-A72"), ("cortex-a76", "Cortex-A76"),
                        ("neoverse-n1", "Neoverse-N1"), ("max", "PAuth")],
              "riscv64": [("rv64", "timer: Sstc"), ("rv64,sstc=off", "timer: SBI"),
                          ("rv64,v=on,vlen=256", "rv64imafdcvh")]}
    for model, shows in models[env.arch]:
        boots(env, [shows], cpu=model)


# Not cpu=max with a secure world at EL2: of further CPUs, QEMU 7.2 lets EL3 trap registers that only EL3
# firmware could give to EL2.
def test_every_firmware_and_exception_level(env):
    for shows, options in ((["entered at EL1", "by HVC"], {}),
                           (["entered at EL2", "by SMC"], {"el2": True}),
                           (["entered at EL1", "by HVC"], {"secure": True}),
                           (["entered at EL2", "by SMC"], {"el2": True, "secure": True})):
        boots(env, shows + ["cpus: 2 of 2"], cpus=2, **options)


test_every_firmware_and_exception_level.ARCHS = ("arm64",)


def test_every_interrupt_controller(env):
    for gic, options in (("2", {}), ("3", {}), ("4", {"el2": True})):
        boots(env, [f"interrupts: GICv{min(int(gic), 3)}", "cpus: 4 of 4"], gic=gic, cpus=4, **options)


test_every_interrupt_controller.ARCHS = ("arm64",)


def test_the_aplic_serves_the_machine(env):
    boots(env, ["interrupts: APLIC", "cpus: 4 of 4"], aia="aplic", cpus=4)


def test_an_unknown_interrupt_controller_is_named(env):
    with env.machine(aia="aplic-imsic", append="panic=off") as machine:
        machine.expect(r"PANIC.*aplic@[^\r\n]*IMSIC", 60)
        machine.expect_off(60)


for test in test_the_aplic_serves_the_machine, test_an_unknown_interrupt_controller_is_named:
    test.ARCHS = ("riscv64",)
