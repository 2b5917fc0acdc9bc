# SPDX-License-Identifier: MIT
#
# Programs of apps/ on Bullfinch, each compared with itself under another WASI engine (Node): the same
# bytes on standard output, the same exit code. Then what must not run: each says why, by name, and
# ends with its code (bullfinch/runner.h). tools/run merges the guest's standard output and error,
# so the reason is expected at the end of the output.

import os
import subprocess
import tempfile

BUILDS = ("release",)

CODE_NOT_LOADED = 126
CODE_TRAPPED = 134
CODE_NO_MEMORY = 137

NODE_SECONDS = 120
GUEST_SECONDS = 300  # a minute of computing, on a machine that is busy with other tests
BIGMEM_TEXT = b"malloc said no\nhad some: yes\nafter freeing: memory again\n"
HOSTILE_TEXT = b"survived %d calls, more than 100 of them good: yes\n"
STDIN_TEXT = b"one line\ntwo  words\n\nno newline at the end"


def app(env, name):
    return env.path("build", "wasm", name + ".wasm")


def node_run(env, name, args, stdin):
    """The program under Node: (stdout, exit code)."""
    with tempfile.TemporaryDirectory() as root:
        done = subprocess.run(
            ["node", "--no-warnings", env.path("tests", "wasm", "node_wasi.mjs"), root,
             app(env, name), *args],
            input=stdin, capture_output=True, timeout=NODE_SECONDS, check=False)
    return done.stdout, done.returncode


def same(env, name, args=(), stdin=b"", options=()):
    """Runs the program here and under Node and demands equal output and code."""
    expected, code = node_run(env, name, args, stdin)
    got = env.run_program(app(env, name), args, stdin, GUEST_SECONDS, options)
    assert got.stdout == expected, f"output {got.stdout!r}, under Node {expected!r}"
    assert got.code == code, f"exit code {got.code}, under Node {code}"
    return got


def fails(env, path, args, code, reason, before=b""):
    """Runs a program that must not succeed: the output ends with its name and the reason."""
    got = env.run_program(path, args)
    name = os.path.basename(path)
    assert got.stdout.startswith(before), f"output {got.stdout!r} does not begin with {before!r}"
    last = got.stdout.rstrip(b"\n").split(b"\n")[-1].decode(errors="replace")
    assert last == f"{name}: {reason}", f"last line {last!r}, expected {name}: {reason}"
    assert got.code == code, f"exit code {got.code}, expected {code}"


def bad_file(env, data, reason):
    """A .wasm file with these bytes must be refused with this reason."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bad.wasm")
        with open(path, "wb") as file:
            file.write(data)
        fails(env, path, (), CODE_NOT_LOADED, reason)


def hello_bytes(env):
    with open(app(env, "hello"), "rb") as file:
        return file.read()


def test_hello_prints_its_line(env):
    got = same(env, "hello")
    assert got.stdout == b"Hello from WebAssembly!\n" and got.code == 0


def test_arguments_arrive_and_the_exit_code_returns(env):
    got = same(env, "args", ("one", "two words", "", "--option=\u00e9"))
    assert got.code == 4


def test_files_are_written_copied_renamed_removed(env):
    same(env, "filecopy")


def test_directories_are_made_listed_removed(env):
    same(env, "dirlist")


def test_ninety_file_operations_give_the_same_results(env):
    same(env, "fileops")


def test_every_numeric_instruction_computes_the_same(env):
    same(env, "numeric")


def test_sha256_of_2_mib_is_the_known_answer(env):
    assert same(env, "sha256").code == 0


def test_standard_input_reaches_the_program(env):
    same(env, "readstdin", (), STDIN_TEXT)


def test_clocks_and_sleeping(env):
    # Node rounds a sleep to its milliseconds, downwards too, so its answers do not count here.
    expected, _ = node_run(env, "timeclock", (), STDIN_TEXT)
    got = env.run_program(app(env, "timeclock"), (), STDIN_TEXT, GUEST_SECONDS)
    assert got.code == 0 and b": NO" not in got.stdout, got.stdout
    assert got.stdout == expected.replace(b": NO", b": yes"), got.stdout


def memory_runs_out(env, memory):
    # Not under Node, which would give it the host's memory.
    got = env.run_program(app(env, "bigmem"), (), b"", GUEST_SECONDS, ("--mem", memory))
    assert (got.stdout, got.code) == (BIGMEM_TEXT, 0), f"{got.stdout!r}, code {got.code}"


def test_memory_runs_out_politely(env):
    memory_runs_out(env, "256M")


def test_64_mib_of_ram_are_enough(env):
    memory_runs_out(env, "64M")
    same(env, "filecopy", options=("--mem", "64M"))


def test_hostile_calls_hurt_nobody(env):
    got = env.run_program(app(env, "hostile"), (), b"", GUEST_SECONDS)
    assert (got.stdout, got.code) == (HOSTILE_TEXT % 20000, 0), f"{got.stdout!r}, code {got.code}"


def test_a_trap_says_what_happened(env):
    for how, reason in (("divide", "integer divide by zero"), ("unreachable", "unreachable"),
                        ("memory", "out of bounds memory access"), ("call", "undefined element")):
        expected, code = node_run(env, "trap", (how,), b"")
        assert code == CODE_TRAPPED
        fails(env, app(env, "trap"), (how,), CODE_TRAPPED, "trap: " + reason, expected)


def test_recursion_for_ever_is_stopped(env):
    fails(env, app(env, "recurse"), (), CODE_TRAPPED, "call stack exhausted", b"going down\n")


def test_an_unknown_import_is_named(env):
    fails(env, app(env, "badimport"), (), CODE_NOT_LOADED,
          "unknown import env.missing_function (function)")


def test_more_memory_than_there_is_is_refused(env):
    fails(env, app(env, "hugemem"), (), CODE_NO_MEMORY, "out of memory: wants 4096 MiB")


def test_a_truncated_module_is_refused(env):
    data = hello_bytes(env)
    for size in (3, 11, len(data) // 2):
        bad_file(env, data[:size], f"not a WebAssembly module: unexpected end (offset {size})")


def test_bytes_that_are_no_module_are_refused(env):
    bad_file(env, b"", "not a WebAssembly module: the file is empty (offset 0)")
    bad_file(env, b"\x7fELF" + bytes(range(256)),
             "not a WebAssembly module: it does not begin with \\0asm (offset 0)")
    bad_file(env, b"\0asm\x02\0\0\0",
             "not a WebAssembly module: a version other than 1 (offset 4)")
    bad_file(env, b"\0asm\x01\0\0\0\xff\x00",
             "not a WebAssembly module: unknown section (offset 8)")
    bad_file(env, b"\0asm\x01\0\0\0", "not a program: it exports no function _start")
