# SPDX-License-Identifier: MIT
#
# Machines with little memory and with much: what they say, and that they work.

import re

PROMPT = r"bullfinch> "


def says(machine, line, *patterns):
    """Runs a line in the shell; returns the matches of the patterns, in their order."""
    machine.send(line + "\r")
    found = [machine.expect(p, 60) for p in patterns]
    machine.expect(PROMPT, 60)
    return found


def test_32_mib_are_enough(env):
    with env.machine(mem="32M") as machine:
        machine.expect(PROMPT, 60)
        says(machine, "hello.wasm", r"[Hh]ello")


def test_the_memory_that_is_said_to_be_needed_is_enough(env):
    with env.machine(append="memory=4") as machine:
        machine.expect(PROMPT, 60)
        says(machine, "hello.wasm", r"[Hh]ello")


def test_too_little_memory_is_said_before_anything_fails(env):
    with env.machine(append="panic=off memory=3") as machine:
        machine.expect_off(30)
        text = machine.text()
        assert re.search(r"too little memory: of 262144 KiB of RAM .* leave 3072 KiB free; "
                         r"4096 KiB are needed", text), text


def test_64_gib_are_used_and_cost_nothing_before_they_are(env):
    with env.machine(mem="64G") as machine:
        machine.expect(r"memory: 65536 MiB", 60)
        machine.expect(PROMPT, 60)
        says(machine, "hello.wasm", r"[Hh]ello")
        low, high = says(machine, "mem", r"dma32 +(\d+) +(\d+) +(\d+)", r"normal +(\d+) +(\d+) +(\d+)")
        total, free, untouched = (int(n) for n in high.groups())
        assert total > 60 << 20 and free < total, high[0]
        assert total - untouched < 256 << 10, high[0]  # a few sections of 16 MiB
        # Programs use memory above 4 GiB: below it nearly nothing is touched.
        assert int(low[1]) - int(low[2]) < 256 << 10, low[0]
