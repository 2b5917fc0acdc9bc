# SPDX-License-Identifier: MIT
#
# Supervision as a person at the shell sees it: services are killed, come back, and the system goes
# on; one that cannot be kept running ends the system with a reason.

import io
import os
import tarfile
import tempfile

PROMPT = r"bullfinch(:[^>\n]*)?> "


def shell(machine):
    machine.expect(PROMPT, 60)


def says(machine, line, regex):
    machine.send(line + "\r")
    match = machine.expect(regex, 30)
    machine.expect(PROMPT, 30)
    return match


def test_every_service_comes_back_when_it_is_killed(env):
    with env.machine() as machine:
        shell(machine)
        for name in ("uart", "ramfs", "console"):
            machine.send(f"kill {name}\r")
            machine.expect(PROMPT, 30)
            # The first command after it may meet the old life's end: one more try reaches the new one.
            machine.send("\recho alive\r")
            machine.expect(r"\nalive", 30)
            machine.expect(PROMPT, 30)
            says(machine, "tree", name + r" +running +restarts 1 .*last: killed")


def test_the_shell_comes_back_when_it_is_killed(env):
    with env.machine() as machine:
        shell(machine)
        machine.send("kill shell\r")
        machine.expect("Type help", 30)
        shell(machine)
        says(machine, "echo alive", r"\nalive")


def test_a_driver_that_dies_again_and_again_takes_its_group_along(env):
    with env.machine() as machine:
        shell(machine)
        for _ in range(11):
            machine.send("kill uart\r")
            machine.expect(PROMPT, 30)
        says(machine, "dmesg", "devmgr started again")
        says(machine, "tree", r"uart +running +restarts 0")


def test_services_that_do_not_run_or_exist_cannot_be_killed(env):
    with env.machine() as machine:
        shell(machine)
        # The device manager ends when its work is done, about when the first prompt comes.
        while says(machine, "tree", r"devmgr +(\w+)").group(1) != b"stopped":
            pass
        says(machine, "kill devmgr", "no service")
        says(machine, "kill devices", "cannot do this")
        says(machine, "kill nobody", "nobody")


def image_with(env, file, old, new):
    """Writes the build's boot image to the file, with a text of its manifest replaced."""
    with tarfile.open(os.path.join(env.out, "boot.tar")) as tar:
        entries = [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in entries:
            if name == "etc/manifest":
                assert old in data, f"the manifest does not say {old!r}"
                data = data.replace(old, new)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    file.flush()


def test_a_system_that_cannot_be_kept_running_says_why_and_powers_off(env):
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        # A program that ends at once in the shell's place.
        image_with(env, file, b"program bin/shell", b"program bin/devmgr")
        with env.machine(image=file.name, append="quiet") as machine:
            machine.expect("giving up after: shell ended: exit 1", 60)
            machine.expect_off(30)


def test_a_system_ends_with_a_significant_service(env):
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        image_with(env, file, b"program bin/runonce", b"program bin/devmgr")
        with env.machine(image=file.name, append="quiet run=x") as machine:
            machine.expect("the system ends: runonce ended: exit 1", 60)
            machine.expect_off(30)


def test_a_service_with_a_shutdown_time_that_does_not_end_is_killed(env):
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        image_with(env, file, b"program bin/ramfs", b"program bin/ramfs\n    shutdown 300")
        with env.machine(image=file.name) as machine:
            shell(machine)
            machine.send("shutdown\r")
            machine.expect_off(30)


def test_the_device_manager_gives_a_driver_only_its_device(env):
    with env.machine() as machine:
        shell(machine)
        says(machine, "dmesg", r"devmgr: [a-z0-9@]+: registers at 0x[0-9a-f]+, interrupt \d+: bin/")
