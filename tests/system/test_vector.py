# SPDX-License-Identifier: MIT
#
# RISC-V harts with vector registers of several lengths: what tests/user/usertests/test_registers.c
# tries, on one hart (where a thread keeps them until another wants them) and on four.

import os
import re

ARCHS = ("riscv64",)


def vectors(env, bits, cpus):
    image = os.path.join(env.out, "boot-test.tar")
    with env.machine(image=image, append="panic=off tests=vector", cpus=cpus,
                     cpu=f"rv64,v=true,vlen={bits},elen=64,vext_spec=v1.0") as machine:
        machine.expect(f"vectors of {bits} bits", 30)
        done = machine.expect(r"TESTS DONE (\d+) passed (\d+) failed", 120)
        machine.expect_off(20)
        text = machine.text()
    failed = re.findall(r"\bTEST (\S+ FAIL[^\r\n]*)", text)
    assert int(done[2]) == 0 and not failed, "\n".join(failed)
    assert len(re.findall(r"\bTEST vector\.\S+ ok", text)) == 4, text[-2000:]


def test_vectors_of_128_bits_on_one_hart(env):
    vectors(env, 128, 1)


def test_vectors_of_256_bits_on_four_harts(env):
    vectors(env, 256, 4)


def test_vectors_of_1024_bits_on_four_harts(env):
    vectors(env, 1024, 4)
