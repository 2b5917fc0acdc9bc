# SPDX-License-Identifier: MIT
#
# Scheduler and timers, measured in virtual time: every guest instruction advances the machine's clock
# by 8 ns, and while all CPUs sleep it jumps to the next deadline. What the host does meanwhile cannot
# be seen in the guest, so limits are exact. The tests themselves are tests/user/usertests/test_time.c.

import os
import re

ICOUNT = ("-icount", "shift=3,sleep=off", "-rtc", "clock=vm")


def virtual_time(env, suite, cpus, least):
    image = os.path.join(env.out, "boot-test.tar")
    with env.machine(image=image, append=f"panic=off tests={suite}", cpus=cpus,
                     extra=ICOUNT) as machine:
        done = machine.expect(r"TESTS DONE (\d+) passed (\d+) failed", 200)
        machine.expect_off(20)
        text = machine.text()
    failed = re.findall(r"\bTEST (\S+ FAIL[^\r\n]*)", text)
    assert int(done[2]) == 0 and not failed, "\n".join(failed)
    assert len(re.findall(r"\bTEST time\.\S+ ok", text)) == int(done[1]) >= least, text[-2000:]


def test_shares_and_wakeups_are_exact(env):
    virtual_time(env, "time", 1, 3)


def test_one_cpu_takes_interrupts_only_for_deadlines(env):
    virtual_time(env, "ticks", 1, 4)


def test_four_cpus_take_interrupts_only_for_deadlines(env):
    virtual_time(env, "ticks", 4, 4)
