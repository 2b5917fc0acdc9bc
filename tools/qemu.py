# SPDX-License-Identifier: MIT
#
# A QEMU machine running Bullfinch, for tools/run and the tests: the command line, and class
# Machine, whose serial console a test reads and types on. A machine is always ended by its own
# process; a test that fails shows the last lines of its console.

import os
import re
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# On a machine that is busy with other things, BULLFINCH_SLOW=4 makes every time limit four times as
# long.
SLOW = float(os.environ.get("BULLFINCH_SLOW", "1"))

EMULATORS = {"arm64": "qemu-system-aarch64", "riscv64": "qemu-system-riscv64"}
CPUS = {"arm64": "cortex-a72", "riscv64": "rv64"}  # unless another is asked for


def output_dir(arch, build):
    return os.path.join(ROOT, "build", f"{arch}-{build}")


def machine_type(gic=None, el2=False, secure=False, aia=None):
    """What stands behind -M. arm64: the version of the GIC, whether the kernel is entered at EL2, whether
    there is a secure world. riscv64: aia="aplic" for the newer interrupt controllers."""
    options = {"gic-version": gic, "virtualization": "on" if el2 else None,
               "secure": "on" if secure else None, "aia": aia}
    return "virt" + "".join(f",{name}={value}" for name, value in options.items() if value)


def qemu_command(arch, build, *, cpus=1, mem="256M", image=None, append="", cpu=None,
                 gic=None, el2=False, secure=False, aia=None, kernel=None, serial="stdio", extra=()):
    """The command line of a machine; `image` is the boot archive, boot.tar of the build if None, and
    `kernel` the build's kernel.img; "" for one of them leaves it out."""
    out = output_dir(arch, build)
    cpu = cpu or CPUS[arch]
    if cpu == "max" and arch == "arm64":
        cpu += ",pauth-impdef=on"  # the architected algorithm is slow to emulate
    # reserve=off: a host with less memory than the machine may run it as long as the guest touches little.
    command = [EMULATORS[arch], "-cpu", cpu, "-smp", str(cpus), "-m", str(mem),
               "-object", f"memory-backend-ram,id=ram,size={mem},reserve=off",
               "-M", machine_type(gic, el2, secure, aia) + ",memory-backend=ram",
               "-nodefaults", "-nographic", "-no-reboot", "-serial", serial]
    kernel = os.path.join(out, "kernel.img") if kernel is None else kernel
    image = os.path.join(out, "boot.tar") if image is None else image
    if kernel:
        command += ["-kernel", kernel]
    if image:
        command += ["-initrd", image]
    if append:
        command += ["-append", append]
    return command + list(extra)


class ExpectError(AssertionError):
    """The console did not show what was expected; the text says what it showed."""


class Machine:
    """One running machine. Use as a context manager, so that it ends whatever happens."""

    def __init__(self, arch, build="release", **options):
        self.command = qemu_command(arch, build, **options)
        self.output = bytearray()  # everything the console has shown
        self.position = 0  # how far expect() has read
        self.process = None
        self.changed = threading.Condition()
        self.ended = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        bufsize=0)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            data = self.process.stdout.read(65536)
            with self.changed:
                if data:
                    self.output += data
                else:
                    self.ended = True
                self.changed.notify_all()
            if not data:
                return

    def expect(self, regex, timeout=20):
        """Waits until the console shows `regex` (str or bytes) behind what was matched before, and
        returns the match. ExpectError after `timeout` seconds or when the machine ends."""
        pattern = re.compile(regex.encode() if isinstance(regex, str) else regex)
        deadline = time.monotonic() + timeout * SLOW
        with self.changed:
            while True:
                match = pattern.search(bytes(self.output), self.position)
                if match:
                    self.position = match.end()
                    return match
                left = deadline - time.monotonic()
                if left <= 0 or self.ended:
                    why = "the machine ended" if self.ended else f"not within {timeout} s"
                    raise ExpectError(f"expected {regex!r}: {why}; the console's last lines:\n"
                                      + self.tail())
                self.changed.wait(left)

    def expect_off(self, timeout=20):
        """Waits until the machine has powered off by itself."""
        try:
            self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise ExpectError(f"the machine is still on after {timeout} s; the console's last "
                              "lines:\n" + self.tail()) from None
        with self.changed:  # what it said last may still be on its way through the pipe
            self.changed.wait_for(lambda: self.ended, 10 * SLOW)

    def send(self, data):
        """Types on the console."""
        try:
            self.process.stdin.write(data.encode() if isinstance(data, str) else data)
        except BrokenPipeError:
            raise ExpectError("typed on a machine that has ended; the console's last lines:\n"
                              + self.tail()) from None

    def text(self):
        with self.changed:
            return self.output.decode(errors="replace")

    def tail(self, lines=25):
        text = self.output.decode(errors="replace").replace("\r", "")
        return "\n".join("    | " + line for line in text.splitlines()[-lines:])

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stdin.close()
