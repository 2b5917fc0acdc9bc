#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Builds every configuration and runs every test; prints one line for each, and last
#     N passed, N failed
#
#     tools/test.py [--arch arm64|riscv64] [--all] [PATTERN...]
#
# Only tests with a PATTERN in their name; --all takes every machine of tools/configurations.py for the
# target tests instead of a covering set.
#
# What is run, by the first word of a test's name:
#   build    make image for each architecture and build, make host
#   check    formatting, clang-tidy, include directions, references of the book
#   host     tests/host/test_*.c: cmocka programs, each of their tests counted
#   target   tests/user: each machine of tools/configurations.py boots the image boot-test.tar, whose
#            manifest runs `usertests`; it prints lines `TEST name ok` or `TEST name FAIL why`, then
#            `TESTS DONE n passed m failed`, and powers off
#   system   tests/system/test_*.py and tests/wasm/test_*.py: every function test_*(env) with an Env
#            (below) for each architecture and build; an exception fails the test. A module may
#            set BUILDS = ("release",) to run on fewer builds, or ARCHS; a function too, as
#            test_that.BUILDS = ("release",).
# At most two machines run at a time. A pattern that names one test needs no other to be built.

import argparse
import concurrent.futures
import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import configurations  # noqa: E402
import qemu  # noqa: E402

BUILDS = ("release", "debug")
TARGET_SECONDS = 240  # for all target tests of one machine
HOST_SECONDS = 120
MACHINES_AT_ONCE = 2


class Results:
    """What passed and failed, printed as it comes, from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed = 0
        self.failures = []

    def add(self, name, why=None, seconds=None):
        """One result: passed when `why` is None."""
        with self.lock:
            time_text = f" ({seconds:.1f} s)" if seconds is not None else ""
            if why is None:
                self.passed += 1
                print(f"ok    {name}{time_text}", flush=True)
            else:
                self.failures.append(name)
                print(f"FAIL  {name}{time_text}\n{indent(why)}", flush=True)


def indent(text):
    return "\n".join("      " + line for line in text.rstrip().splitlines())


class ProgramResult:
    """How a WebAssembly program ended: code, stdout and stderr as bytes."""

    def __init__(self, code, stdout, stderr):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


class Env:
    """What a system test gets: the architecture and build it is for, and ways to run things."""

    def __init__(self, arch, build):
        self.arch = arch
        self.build = build
        self.root = qemu.ROOT
        self.out = qemu.output_dir(arch, build)

    def symbol(self, name):
        """The address of a symbol of the kernel."""
        listing = subprocess.run(["llvm-nm-19", os.path.join(self.out, "kernel.elf")],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout
        return int(re.search(rf"^(\S+) \S {name}$", listing, re.MULTILINE)[1], 16)

    def machine(self, **options):
        """A machine to be used in a `with`; options as of qemu.qemu_command."""
        return qemu.Machine(self.arch, self.build, **options)

    def path(self, *parts):
        """A path below the repository's root."""
        return os.path.join(self.root, *parts)

    def run_program(self, program, args=(), stdin=b"", timeout=120, options=()):
        """Runs a .wasm file through tools/run."""
        timeout *= qemu.SLOW
        log = self.path("build", f"run-{self.arch}-{self.build}-{threading.get_ident()}.log")
        command = [self.path("tools", "run"), "--arch", self.arch, "--build", self.build,
                   "--timeout", str(timeout), "--log", log, *options,
                   "--program", str(program), "--", *args]
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout + 60,
                              check=False)
        return ProgramResult(done.returncode, done.stdout, done.stderr)


class Runner:
    def __init__(self, archs, patterns, everything):
        self.archs = archs
        self.patterns = patterns
        self.everything = everything
        self.results = Results()
        self.built = {}

    def wanted(self, name):
        return not self.patterns or any(p in name for p in self.patterns)

    def make(self, name, *words):
        """Runs make as a test. Returns whether it succeeded."""
        start = time.monotonic()
        done = subprocess.run(["make", "-j2", "--no-print-directory", *words], cwd=qemu.ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = done.stdout.decode(errors="replace")
        why = None if done.returncode == 0 else "\n".join(text.splitlines()[-60:])
        self.results.add(name, why, time.monotonic() - start)
        return why is None

    def build_all(self, configurations):
        for arch, build in configurations:
            self.built[arch, build] = self.make(f"build {arch}-{build}", "image", f"ARCH={arch}",
                                                f"BUILD={build}")

    # --- host tests

    def host_run(self, path):
        name = os.path.basename(path)
        env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
        try:
            done = subprocess.run([path], env=env, cwd=qemu.ROOT, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=HOST_SECONDS * qemu.SLOW, check=False)
        except subprocess.TimeoutExpired:
            self.results.add(f"host {name}", f"not done after {HOST_SECONDS} s")
            return
        text = done.stdout.decode(errors="replace")
        failed = 0
        for line in re.findall(r"^(?:not )?ok \d+ - .*$", text, re.MULTILINE):
            test = line.split(" - ", 1)[1]
            bad = line.startswith("not")
            failed += bad
            self.results.add(f"host {name} {test}", text if bad and failed == 1 else
                             ("above" if bad else None))
        if done.returncode != 0 and not failed:
            self.results.add(f"host {name}", f"ended with {done.returncode}\n" + text[-6000:])
        if done.returncode == 0 and "ok 1" not in text:
            self.results.add(f"host {name}", "ran no test\n" + text[-2000:])

    def host_all(self):
        tests = sorted(name[:-2] for name in list_dir("tests/host")
                       if name.startswith("test_") and name.endswith(".c"))
        tests = [t for t in tests if self.wanted("host " + t)]
        paths = [os.path.join("build", "host", test) for test in tests]
        if paths:
            subprocess.run(["make", "-k", "-j2", *paths], cwd=qemu.ROOT, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Then each by itself, so that one that does not compile does not hide the others.
        for test in tests:
            path = os.path.join("build", "host", test)
            if self.make(f"build host {test}", path):
                self.host_run(os.path.join(qemu.ROOT, path))

    # --- target tests

    def targets(self):
        """The machines that run the target tests, of those whose name is wanted."""
        choose = configurations.product if self.everything else configurations.cover
        return [c for arch in self.archs for c in choose(arch) if self.wanted(f"target {c.name}")]

    def target_run(self, configuration):
        name = f"target {configuration.name}"
        start = time.monotonic()
        image = os.path.join(qemu.output_dir(configuration.arch, configuration.build), "boot-test.tar")
        options = dict(configuration.options, image=image)
        options["append"] = f"panic=off {options.get('append', '')}"
        with qemu.Machine(configuration.arch, configuration.build, **options) as machine:
            try:
                machine.expect(r"TESTS DONE (\d+) passed (\d+) failed", TARGET_SECONDS)
                why = None
                machine.expect_off(20)
            except qemu.ExpectError as error:
                why = str(error)
            text = machine.text()
        lines = re.findall(r"\bTEST (\S+) (ok|FAIL)([^\r\n]*)", text, re.MULTILINE)
        for test, verdict, detail in lines:
            self.results.add(f"{name} {test}", None if verdict == "ok" else detail.strip() or "FAIL")
        done = re.search(r"TESTS DONE (\d+) passed (\d+) failed", text)
        if why is None and int(done[1]) + int(done[2]) != len(lines):
            why = f"announced {done[0]!r}, but {len(lines)} results were seen"
        if why is None and not lines:
            why = "ran no test"
        missing = configuration.missing(text)
        if why is None and missing:
            why = f"the boot messages do not show {missing}:\n" + "\n".join(text.splitlines()[:60])
        self.results.add(name, why, time.monotonic() - start)

    # --- system tests

    def system_tests(self):
        """[(name, function, arch, build)] of all system tests that are wanted."""
        found = []
        for folder in ("tests/system", "tests/wasm"):
            for file in list_dir(folder):
                if not (file.startswith("test_") and file.endswith(".py")):
                    continue
                try:
                    module = module_load(os.path.join(qemu.ROOT, folder, file))
                except Exception:  # whatever the file does wrong, it is one failed test
                    self.results.add(f"system {file}", traceback.format_exc())
                    continue
                found += self.module_tests(file[:-3], module)
        return found

    def module_tests(self, module_name, module):
        for arch in self.archs:
            for build in getattr(module, "BUILDS", BUILDS):
                for test in (n for n in vars(module) if n.startswith("test_")):
                    function = getattr(module, test)
                    if (build not in getattr(function, "BUILDS", BUILDS)
                            or arch not in getattr(function, "ARCHS", self.archs)):
                        continue
                    name = f"system {arch}-{build} {module_name}.{test}"
                    if self.wanted(name) and arch in getattr(module, "ARCHS", self.archs):
                        yield name, function, arch, build

    def system_run(self, name, function, arch, build):
        start = time.monotonic()
        try:
            function(Env(arch, build))
            why = None
        except qemu.ExpectError as error:
            why = str(error)
        except Exception:  # a test may fail in any way
            why = traceback.format_exc()
        self.results.add(name, why, time.monotonic() - start)

    # --- all of it

    def run(self):
        system = self.system_tests()
        target = self.targets()
        needed = {(a, b) for _, _, a, b in system} | {(c.arch, c.build) for c in target}
        self.build_all([(a, b) for a in self.archs for b in BUILDS
                        if (a, b) in needed or self.wanted(f"build {a}-{b}")])
        self.host_all()
        with concurrent.futures.ThreadPoolExecutor(MACHINES_AT_ONCE) as pool:
            for configuration in target:
                if self.built[configuration.arch, configuration.build]:
                    pool.submit(self.guarded, self.target_run, configuration)
            for name, function, arch, build in system:
                if self.built[arch, build]:
                    pool.submit(self.guarded, self.system_run, name, function, arch, build)
                else:
                    self.results.add(name, "there is no image to run: its build failed")
        for check in ("format", "includes", "book", "tidy"):
            for arch in self.archs if check == "tidy" else self.archs[:1]:
                name = f"check {check}" + (f" {arch}" if check == "tidy" else "")
                if self.wanted(name):
                    self.make(name, f"check-{check}", f"ARCH={arch}",
                              "TIDY=all" if arch == self.archs[0] else "TIDY=arch")

    def guarded(self, function, *args):
        """Runs a job of the pool; a mistake of the runner itself must not pass for a success."""
        try:
            function(*args)
        except Exception:
            self.results.add(f"runner {args}", traceback.format_exc())


def list_dir(folder):
    path = os.path.join(qemu.ROOT, folder)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def module_load(path):
    name = os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, os.path.dirname(path))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def main():
    parser = argparse.ArgumentParser(description="Builds and runs every test.")
    parser.add_argument("--arch", choices=sorted(qemu.EMULATORS))
    parser.add_argument("--all", action="store_true", help="every machine for the target tests")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    args = parser.parse_args()
    start = time.monotonic()
    runner = Runner([args.arch] if args.arch else sorted(qemu.EMULATORS), args.patterns,
                    args.all)
    runner.run()
    results = runner.results
    print(f"\n{time.monotonic() - start:.0f} seconds")
    for name in results.failures:
        print(f"failed: {name}")
    print(f"{results.passed} passed, {len(results.failures)} failed", flush=True)
    sys.exit(1 if results.failures or not results.passed else 0)


if __name__ == "__main__":
    main()
