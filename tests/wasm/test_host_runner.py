# SPDX-License-Identifier: MIT
#
# The runner on the host, under the address sanitizer (wasm/host.mk): every program of apps/ against Node,
# and thousands of damaged modules. Whatever a module contains, the runner ends with one of its codes
# (bullfinch/runner.h) and a reason; it never crashes and never hangs. Once, not for every machine.

import os
import random
import subprocess
import tempfile
import threading

import test_programs as programs

ARCHS = ("arm64",)
BUILDS = ("release",)

RUN_SECONDS = 60
MUTANTS = 500
CODES = {programs.CODE_NOT_LOADED, programs.CODE_TRAPPED, programs.CODE_NO_MEMORY}


BUILDING = threading.Lock()  # tests run side by side; make must not


def runner(env):
    """Builds the runner for the host; its path."""
    path = os.path.join("build", "host", "runner")
    with BUILDING:
        done = subprocess.run(["make", "-j2", "--no-print-directory", path, "wasm"], cwd=env.root,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-4000:]
    return env.path(path)


def host_run(path, program, args=(), stdin=b"", limit_mib=256):
    return subprocess.run([path, program, *args], input=stdin, capture_output=True,
                          timeout=RUN_SECONDS, env={"LIMIT_MIB": str(limit_mib)}, check=False)


def test_programs_do_the_same_as_under_node(env):
    path = runner(env)
    for name, args in (("hello", ()), ("args", ("a", "b c")), ("filecopy", ()), ("dirlist", ()), ("fileops", ()),
                       ("numeric", ()),
                       ("sha256", ()), ("readstdin", ()), ("timeclock", ())):
        expected, code = programs.node_run(env, name, args, programs.STDIN_TEXT)
        got = host_run(path, programs.app(env, name), args, programs.STDIN_TEXT)
        assert (got.stdout, got.returncode) == (expected, code), \
            f"{name}: {got.stdout!r} {got.stderr!r} {got.returncode}, under Node {expected!r} {code}"


def test_memory_runs_out_politely(env):
    got = host_run(runner(env), programs.app(env, "bigmem"), limit_mib=40)
    assert (got.stdout, got.returncode) == (programs.BIGMEM_TEXT, 0), f"{got.stdout!r}"


def test_ends_are_told_apart(env):
    path = runner(env)
    for name, args, code, reason in (
            ("trap", (), 134, "trap: integer divide by zero"),
            ("trap", ("abort",), 134, "trap: unreachable"),
            ("recurse", (), 134, "call stack exhausted"),
            ("badimport", (), 126, "unknown import env.missing_function (function)"),
            ("hugemem", (), 137, "out of memory: wants 4096 MiB")):
        got = host_run(path, programs.app(env, name), args)
        assert got.returncode == code, f"{name} {args}: {got.returncode} {got.stderr!r}"
        assert got.stderr.decode() == f"{name}.wasm: {reason}\n", f"{name} {args}: {got.stderr!r}"


def wat(folder, name, text):
    """A module from its text form."""
    path = os.path.join(folder, name + ".wasm")
    subprocess.run(["wat2wasm", "--no-check", "-o", path, "-"], input=text.encode(), check=True)
    return path


def test_odd_modules_are_told_what_is_wrong(env):
    path = runner(env)
    for text, code, reason in (
            ("(module)", 126, "not a program: it exports no function _start"),
            ('(module (func (export "_start") (param i32)))', 126,
             "not a program: it exports no function _start"),
            ('(module (memory (export "_start") 1))', 126,
             "not a program: it exports no function _start"),
            ('(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32)))'
             ' (func (export "_start")))', 126,
             "unknown import wasi_snapshot_preview1.fd_close (function)"),
            ('(module (import "wasi_unstable" "fd_close" (func (param i32) (result i32)))'
             ' (func (export "_start")))', 126, "unknown import wasi_unstable.fd_close (function)"),
            ('(module (import "env" "memory" (memory 1)) (func (export "_start")))', 126,
             "unknown import env.memory (memory)"),
            ('(module (func $s unreachable) (start $s) (func (export "_start")))', 134,
             "trap: unreachable"),
            ('(module (import "wasi_snapshot_preview1" "proc_exit" (func $x (param i32)))'
             ' (func $s (call $x (i32.const 7))) (start $s) (func (export "_start")))', 7, None),
            ('(module (import "wasi_snapshot_preview1" "proc_exit" (func $x (param i32)))'
             ' (func (export "_start") (call $x (i32.const 263))))', 7, None),
            # No memory at all: pointers then lead nowhere.
            ('(module (import "wasi_snapshot_preview1" "fd_write"'
             ' (func $w (param i32 i32 i32 i32) (result i32)))'
             ' (import "wasi_snapshot_preview1" "proc_exit" (func $x (param i32)))'
             ' (func (export "_start") (call $x (call $w (i32.const 1) (i32.const 0)'
             ' (i32.const 1) (i32.const 0)))))', 21, None),
            ('(module (memory 1) (func (export "_start")'
             ' (memory.fill (i32.const 0) (i32.const 1) (i32.const -1))))', 134,
             "trap: out of bounds memory access"),
            ('(module (table 1 funcref) (func (export "_start")'
             ' (call_indirect (i32.const 0))))', 134, "trap: uninitialized element"),
            ('(module (func (export "_start") (result i32) (i32.const 1)))', 126,
             "not a program: it exports no function _start")):
        with tempfile.TemporaryDirectory() as folder:
            got = host_run(path, wat(folder, "odd", text))
        expected = "" if reason is None else f"odd.wasm: {reason}\n"
        assert (got.returncode, got.stderr.decode()) == (code, expected), \
            f"{text}: {got.returncode} {got.stderr!r}"


def mutant(rng, sources):
    """A module with a few bytes changed, now and then with some inserted or cut."""
    data = bytearray(rng.choice(sources))
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(8, len(data))
        how = rng.randrange(8)
        if how == 0:
            del data[at:at + rng.randrange(1, 6)]
        elif how == 1:
            data[at:at] = rng.randbytes(rng.randrange(1, 5))
        else:
            data[at] = rng.choice((rng.randrange(256), data[at] ^ 1 << rng.randrange(8), 0x7f, 0xff))
    return bytes(data)


def test_damaged_modules_never_crash_the_runner(env):
    path = runner(env)
    sources = []
    for name in ("hello", "args", "trap", "badimport"):
        with open(programs.app(env, name), "rb") as file:
            sources.append(file.read())
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "damaged.wasm")
        for i in range(MUTANTS):
            with open(program, "wb") as file:
                file.write(mutant(rng, sources))
            try:
                got = subprocess.run([path, program], input=b"", capture_output=True, timeout=5,
                                     env={"LIMIT_MIB": "64"}, check=False)
            except subprocess.TimeoutExpired:
                continue  # a damaged program may loop for ever; its parent ends it
            assert got.returncode >= 0 and b"Sanitizer" not in got.stderr, \
                f"mutant {i}: {got.returncode}\n{got.stderr.decode(errors='replace')[:3000]}"
            if got.returncode in CODES:
                assert got.stderr.startswith(b"damaged.wasm: "), f"mutant {i}: {got.stderr[:500]!r}"
