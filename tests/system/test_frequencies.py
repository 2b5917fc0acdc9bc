# SPDX-License-Identifier: MIT
#
# The clocks and timers at frequencies at which a tick is no whole number of nanoseconds. QEMU lets the
# frequency be chosen on ARM64; on both architectures tests/host/test_clock.c tries the arithmetic.

import re

ARCHS = ("arm64",)
BUILDS = ("release",)


def clocks_hold(env, hertz, cpus):
    image = env.path("build", "arm64-release", "boot-test.tar")
    with env.machine(image=image, append="panic=off", cpus=cpus,
                     cpu=f"cortex-a72,cntfrq={hertz}") as machine:
        machine.expect(rf"timer: .*{hertz} Hz", 60)
        machine.expect(r"TESTS DONE", 240)
        text = machine.text()
    results = re.findall(r"\bTEST (\S*(?:clock|timer)\S*) (ok|FAIL[^\r\n]*)", text)
    assert len(results) > 8, results
    assert all(verdict == "ok" for _, verdict in results), results


def test_24_megahertz(env):
    clocks_hold(env, 24000000, 4)


def test_32768_hertz(env):
    clocks_hold(env, 32768, 1)
