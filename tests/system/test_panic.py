# SPDX-License-Identifier: MIT
#
# How the kernel ends: each way that tests/kernel/crash.c knows (option crash=), on another CPU than
# the boot CPU unless said otherwise, and what must be in the report: the cause in words, registers,
# the functions of the backtrace, the trace ring, the part of every other CPU. And always: the
# machine stops.

import re

BUILDS = ("debug",)

# What each architecture calls the same thing.
WORDS = {
    "arm64": {
        "read": r"data abort, read: (translation|permission) fault, level \d",
        "write": r"data abort, write: (translation|permission) fault, level \d",
        "write-ro": r"data abort, write: permission fault, level \d",
        "exec": r"instruction abort: permission fault, level \d",
        "user-exec": r"instruction abort: translation fault, level \d",
        "illegal": r"trap of the compiler's",
        "shift": r"undefined behaviour: shift out of bounds",
        "index": r"undefined behaviour: index out of bounds",
        "registers": r"x30 [0-9a-f]{16}  sp  [0-9a-f]{16}  pc  [0-9a-f]{16}",
    },
    "riscv64": {
        "read": r"load page fault",
        "write": r"store page fault",
        "write-ro": r"store page fault",
        "exec": r"instruction page fault",
        "user-exec": r"instruction page fault",
        "illegal": r"trap of the compiler's",
        "shift": r"trap of the compiler's: undefined behaviour",
        "index": r"trap of the compiler's: undefined behaviour",
        "registers": r"s8 [0-9a-f]{16}  s9 [0-9a-f]{16} s10 [0-9a-f]{16} s11 [0-9a-f]{16}",
    },
}


def crash_text(env, kind, cpu=1, cpus=2, model=None):
    """What the console shows from the panic on until the machine is off."""
    with env.machine(append=f"panic=off crash={kind} crash_cpu={cpu}", cpus=cpus,
                     cpu=model) as machine:
        machine.expect_off(60)
        text = machine.text().replace("\r", "")
    start = re.search(r"PANIC on CPU", text)
    assert start, "no panic; the console shows\n" + text[-3000:]
    return text[start.start():]


def expect_all(text, *patterns):
    """The patterns, in this order."""
    position = 0
    for pattern in patterns:
        match = re.compile(pattern).search(text, position)
        assert match, f"{pattern!r} is missing, or not where it should be, in\n{text}"
        position = match.end()


def crash(kind, cause, *functions, cpu=1, cpus=2, registers=True, models=None):
    """A test of one kind of end; `cause` follows "PANIC on CPU n: ", with {words} of the architecture;
    `functions` must be in the backtrace, in this order."""
    def test(env):
        words = WORDS[env.arch]
        patterns = [rf"PANIC on CPU {cpu}: " + re.sub(r"{([\w-]+)}", lambda m: words[m[1]], cause)]
        if registers:
            patterns.append(words["registers"])
        patterns.append(rf"CPU {cpu}: kernel task crash")
        patterns += [rf"#\d+ [0-9a-f]{{16}} {name}\+0x" for name in functions]
        patterns.append(rf"CPU {cpu}: last events:(.|\n)*switch to thread id 0 name crash")
        for other in range(cpus):
            if other != cpu:
                patterns += [rf"CPU {other}: (idle|starting|thread|kernel task)", r"#0 [0-9a-f]{16} \w",
                             rf"CPU {other}: last events:"]
        patterns.append("the system has stopped")
        model = (models or {}).get(env.arch)
        expect_all(crash_text(env, kind, cpu, cpus, model), *patterns)
    return test


test_a_panic_is_reported = crash("panic", "told to, with 3 words\n", "crash_panic", "crash_run",
                                 "sched_exit", registers=False)
test_a_failed_assertion_is_reported = crash(
    "assert", r"tests/kernel/crash.c:\d+: assertion failed: many == 78\n", "crash_assert",
    registers=False)
test_a_null_pointer_is_reported = crash("null", r"kernel fault: {read}, address 0x0, pc", "crash_null",
                                        "crash_run", "sched_exit")
test_a_null_pointer_is_reported_on_the_boot_cpu = crash(
    "null", r"kernel fault: {read}, address 0x0, pc", "crash_null", "crash_run", cpu=0)
test_four_cpus_report_in_turn = crash("null", r"kernel fault: {read}, address 0x0, pc", "crash_null",
                                      cpu=2, cpus=4)
test_one_cpu_reports_alone = crash("null", r"kernel fault: {read}, address 0x0, pc", "crash_null", cpu=0,
                                   cpus=1)
test_text_is_not_written = crash("write-text", "kernel fault: {write-ro}", "crash_write_text")
test_constants_are_not_written = crash("write-rodata", "kernel fault: {write-ro}",
                                       "crash_write_rodata")
test_text_is_not_written_through_the_physical_map = crash(
    "write-alias", "kernel fault: {write-ro}", "crash_write_alias")
test_data_is_not_executed = crash("exec-data", "kernel fault: {exec}", "crash_exec_data")
test_text_is_not_executed_through_the_physical_map = crash("exec-alias", "kernel fault: {exec}",
                                                           "crash_exec_alias")
test_user_pages_are_not_executed_by_the_kernel = crash("user-exec", "kernel fault: {user-exec}, address "
                                                       "0x10000000", "crash_user_exec")
test_a_stray_read_of_user_memory_faults = crash(
    "user-read", r"kernel fault: {read}, address 0x10000000", "crash_user_read")
test_a_stray_write_to_user_memory_faults = crash(
    "user-write", r"kernel fault: {write}, address 0x10000000", "crash_user_write")
test_a_stray_read_of_user_memory_faults_with_all_features = crash(
    "user-read", r"kernel fault: {read}, address 0x10000000", "crash_user_read",
    models={"arm64": "max"})
test_a_stack_overflow_is_caught_by_the_guard_page = crash(
    "stack", r"kernel stack overflow: {write}", "crash_stack", "crash_stack", "crash_stack")
test_a_stack_overflow_is_caught_on_the_boot_cpu = crash(
    "stack", r"kernel stack overflow: {write}", "crash_stack", "crash_stack", cpu=0)
test_a_smashed_stack_is_caught_before_it_is_used = crash(
    "smash", "stack smashed in crash_smash: ", registers=False)
test_a_compiler_trap_is_reported = crash("illegal", "kernel fault: {illegal}", "crash_illegal")
test_a_bad_shift_is_reported = crash("ubsan-shift", "kernel fault: {shift}", "crash_ubsan_shift")
test_a_bad_index_is_reported = crash("ubsan-index", "kernel fault: {index}", "crash_ubsan_index")
test_a_lock_taken_twice_is_reported = crash("lock-twice", "lock crash: CPU 1 takes it twice",
                                            "crash_lock_twice", registers=False)
test_a_lock_taken_out_of_order_is_reported = crash(
    "lock-order", r"lock outer \(rank 10\) taken while holding inner \(rank 80\)", "crash_lock_order",
    registers=False)


def test_a_fault_inside_the_report_prints_a_line_and_stops(env):
    text = crash_text(env, "double")
    expect_all(text, "PANIC on CPU 1: a fault whose report fails",
               "panic inside a panic: kernel fault: " + WORDS[env.arch]["read"] + ", address 0x0")
    assert "the system has stopped" not in text


def test_a_cpu_that_is_stuck_does_not_hold_up_the_report(env):
    text = crash_text(env, "stuck", cpu=1, cpus=3)
    expect_all(text, "PANIC on CPU 1: another CPU is stuck", "CPU 1: last events:",
               r"CPU 0: (idle|thread|kernel task)", "CPU 2: does not answer; last events:",
               "switch to thread id 0 name crash", "the system has stopped")


def test_cpus_that_fail_together_report_one_after_the_other(env):
    text = crash_text(env, "all", cpu=0, cpus=4)
    for cpu in range(4):
        expect_all(text, rf"PANIC on CPU {cpu}: kernel fault: " + WORDS[env.arch]["read"],
                   WORDS[env.arch]["registers"], rf"CPU {cpu}: kernel task crash", r"crash_null\+0x",
                   rf"CPU {cpu}: last events:")
    expect_all(text, "the system has stopped")
    assert len(re.findall("PANIC on CPU", text)) == 4, text


def test_other_builds_do_not_crash_when_told_to(env):
    with env.machine(append="panic=off crash=null", cpus=2) as machine:
        machine.expect("bullfinch> ", 60)
        assert "PANIC" not in machine.text()


test_other_builds_do_not_crash_when_told_to.BUILDS = ("release",)
