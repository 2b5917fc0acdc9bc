# SPDX-License-Identifier: MIT
#
# The way from power-on to the shell, as far as it can be seen from outside: how long it takes, how
# little memory it needs, and what a damaged boot image is told. A machine that cannot boot must say
# what is wrong, where, and power off; that it hangs is the failure these tests look for.

import io
import os
import subprocess
import tarfile
import tempfile
import time

import qemu

PROMPT = r"bullfinch> "
BOOT_SECONDS = 5 * qemu.SLOW


def boot_entries(env):
    """[(name, data)] of the build's boot image, in its order."""
    with tarfile.open(os.path.join(env.out, "boot.tar")) as tar:
        return [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]


def tar_bytes(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def changed(entries, name, change):
    """The entries with the data of one replaced."""
    assert any(n == name for n, _ in entries), f"the boot image has no {name}"
    return [(n, change(d) if n == name else d) for n, d in entries]


def refuses(env, image, *words):
    """Boots the bytes `image`; the console must show all the words and the machine power off."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(image)
        file.flush()
        with env.machine(image=file.name, append="panic=off") as machine:
            machine.expect_off(30)
            text = machine.text()
            for word in words:
                assert word in text, f"the console does not show {word!r}; it shows\n" + machine.tail()


def test_the_shell_is_there_within_five_seconds(env):
    start = time.monotonic()
    with env.machine() as machine:
        machine.expect(PROMPT, 60)
        seconds = time.monotonic() - start
        assert seconds < BOOT_SECONDS, f"it took {seconds:.1f} s"


test_the_shell_is_there_within_five_seconds.BUILDS = ("release",)


def test_further_processors_do_no_harm(env):
    with env.machine(cpus=4) as machine:
        machine.expect(PROMPT, 60)


def test_an_archive_of_noise_is_refused(env):
    refuses(env, os.urandom(100_000))


def test_a_truncated_archive_is_refused(env):
    whole = tar_bytes(boot_entries(env))
    refuses(env, whole[:len(whole) // 2])


def test_an_archive_without_a_root_supervisor_is_refused(env):
    refuses(env, tar_bytes([e for e in boot_entries(env) if e[0] != "root"]), "root")


def test_a_root_supervisor_with_a_wrong_header_is_refused(env):
    refuses(env, tar_bytes(changed(boot_entries(env), "root", lambda d: b"\xff" * 64 + d[64:])),
            "root")


def test_a_missing_manifest_is_named(env):
    refuses(env, tar_bytes([e for e in boot_entries(env) if e[0] != "etc/manifest"]),
            "etc/manifest")


def test_a_mistake_in_the_manifest_is_named_with_its_line(env):
    refuses(env, tar_bytes(changed(boot_entries(env), "etc/manifest", lambda d: b"\nwhat\n" + d)),
            "etc/manifest, line 2", "what")


def test_a_truncated_program_is_named(env):
    refuses(env, tar_bytes(changed(boot_entries(env), "bin/ramfs", lambda d: d[:3000])), "ramfs")


def test_a_program_for_another_machine_is_named(env):
    refuses(env, tar_bytes(changed(boot_entries(env), "bin/ramfs",
                                   lambda d: d[:18] + b"\x3e\x00" + d[20:])), "ramfs")


def test_make_run_prints_the_program_and_nothing_else(env):
    done = subprocess.run(["make", "-s", "run", f"ARCH={env.arch}", "RUN=build/wasm/hello.wasm"],
                          cwd=env.root, stdin=subprocess.DEVNULL, capture_output=True, timeout=120 * qemu.SLOW,
                          check=False)
    alone = env.run_program(env.path("build/wasm/hello.wasm"))
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == alone.stdout != b"", (done.stdout, alone.stdout)


test_make_run_prints_the_program_and_nothing_else.BUILDS = ("release",)


def test_make_run_fails_when_the_program_does(env):
    done = subprocess.run(["make", "-s", "run", f"ARCH={env.arch}", "RUN=build/wasm/trap.wasm"],
                          cwd=env.root, stdin=subprocess.DEVNULL, capture_output=True, timeout=120 * qemu.SLOW,
                          check=False)
    assert done.returncode != 0
    assert b"trap" in done.stderr, done.stderr


test_make_run_fails_when_the_program_does.BUILDS = ("release",)
