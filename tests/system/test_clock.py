# SPDX-License-Identifier: MIT
#
# The realtime clock, from QEMU's real-time clock device through the driver to the shell and to
# WebAssembly programs. The device is set to a date of its own and follows the machine's time, not the
# host's.

import datetime
import os
import re
import struct
import subprocess
import tempfile

BUILDS = ("release",)
PROMPT = r"bullfinch(:[^>\n]*)?> "
BASE = datetime.datetime(2031, 5, 6, 7, 8, 9)
RTC = ("-rtc", "base=2031-05-06T07:08:09,clock=vm")
DEVICE = {"arm64": b"arm,pl031", "riscv64": b"google,goldfish-rtc"}


def shell(machine):
    machine.expect(PROMPT, 60)


def run(machine, line):
    """Types a line and returns what it said."""
    machine.send(line + "\r")
    match = machine.expect(r"\r\n((?s:.*?))\r" + PROMPT, 60)
    return match.group(1).decode(errors="replace").replace("\r", "")


def time_in(text):
    """The one date and time in a text."""
    found = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)
    assert len(found) == 1, f"no date and time, or several: {text!r}"
    return datetime.datetime.fromisoformat(found[0])


def uptime_of(machine):
    h, m, s = re.search(r"up (\d+):(\d\d):(\d\d)", run(machine, "uptime")).groups()
    return datetime.timedelta(hours=int(h), minutes=int(m), seconds=int(s))


def check_right(machine, text):
    """The text tells the device's time now: BASE and as much as the machine is up, and a little, because
    the firmware ran before the kernel."""
    ahead = time_in(text) - BASE - uptime_of(machine)
    assert datetime.timedelta(seconds=-2) <= ahead <= datetime.timedelta(seconds=30), text


def test_date_and_programs_show_the_devices_time(env):
    with env.machine(extra=RTC) as machine:
        shell(machine)
        text = run(machine, "date")
        assert "UTC" in text and "nobody" not in text, text
        check_right(machine, text)
        check_right(machine, run(machine, "datetime.wasm"))
        lines = run(machine, "datetime.wasm /tmp/stamp").splitlines()
        check_right(machine, lines[-1])
        assert lines[-1].startswith("written "), lines
        check_right(machine, run(machine, "ls -l /tmp"))
        booted = time_in(run(machine, "uptime"))
        assert abs(booted - BASE) < datetime.timedelta(seconds=30), booted


def test_the_clock_outlives_its_driver(env):
    with env.machine(extra=RTC) as machine:
        shell(machine)
        last = time_in(run(machine, "date"))
        for restarts in range(1, 4):
            run(machine, "kill rtc")
            text = run(machine, "date")
            check_right(machine, text)
            assert time_in(text) >= last
            last = time_in(text)
            while not re.search(rf"rtc +running +restarts {restarts} ", run(machine, "tree")):
                pass
        text = run(machine, "date")
        check_right(machine, text)
        assert time_in(text) >= last
        assert re.search(r"uart +running +restarts 0", run(machine, "tree"))


def test_a_driver_that_dies_too_often_is_given_up_alone(env):
    with env.machine(extra=RTC) as machine:
        shell(machine)
        while "goes on without it" not in run(machine, "dmesg"):
            run(machine, "kill rtc")
        check_right(machine, run(machine, "date"))
        tree = run(machine, "tree")
        assert re.search(r"uart +running +restarts 0", tree) and "rtc" not in tree, tree


def test_a_program_that_is_run_alone_finds_the_clock_set(env):
    done = env.run_program(env.path("build", "wasm", "datetime.wasm"),
                           options=[f"--qemu={word}" for word in RTC])
    assert done.code == 0, done.stderr
    ahead = time_in(done.stdout.decode()) - BASE
    assert datetime.timedelta(0) <= ahead < datetime.timedelta(minutes=5), done.stdout


def test_a_device_that_was_never_set_is_not_believed(env):
    with env.machine(extra=("-rtc", "base=1970-01-02,clock=vm")) as machine:
        shell(machine)
        text = run(machine, "date")
        assert "nobody has set the clock" in text, text
        assert time_in(text).year == 1970, text
        assert "the device was never set" in run(machine, "dmesg")
        assert "booted at" not in run(machine, "uptime")


def device_hidden(env, path):
    """Writes the device tree of the machine with its clock called something else, because QEMU's boards
    always have one. Without the empty space behind it: QEMU doubles what it is given."""
    command = env.machine().command
    command[command.index("-M") + 1] += f",dumpdtb={path}"
    subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(path, "rb") as file:
        tree = file.read()
    strings, size = struct.unpack_from(">I", tree, 12)[0], struct.unpack_from(">I", tree, 32)[0]
    tree = tree[:4] + struct.pack(">I", strings + size) + tree[8:strings + size]
    assert DEVICE[env.arch] in tree
    with open(path, "wb") as file:
        file.write(tree.replace(DEVICE[env.arch], DEVICE[env.arch][::-1]))


def test_a_machine_without_a_device_counts_from_boot(env):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "machine.dtb")
        device_hidden(env, path)
        with env.machine(extra=("-dtb", path)) as machine:
            shell(machine)
            text = run(machine, "date")
            assert "nobody has set the clock" in text and time_in(text).year == 1970, text
            assert "rtc" not in run(machine, "tree")
            lines = run(machine, "datetime.wasm /tmp/stamp").splitlines()
            assert [time_in(line).year for line in lines] == [1970, 1970], lines
