# SPDX-License-Identifier: MIT
#
# The shell on a booted machine: typing, files, programs, and what bad input gets. Each test types on
# the serial console as a person would and reads what a person would see.

# Booting is most of a test's time: the release build stands for both.
BUILDS = ("release",)
PROMPT = r"bullfinch(:[^>\n]*)?> "
BOOT_SECONDS = 60


class Session:
    """Commands and their output on one machine."""

    def __init__(self, env, **options):
        self.machine = env.machine(**options)

    def __enter__(self):
        self.machine.start()
        try:
            self.machine.expect(PROMPT, BOOT_SECONDS)
        except Exception:
            self.machine.kill()
            raise
        return self

    def __exit__(self, *_):
        self.machine.kill()

    def run(self, line, timeout=30):
        """Types a line and returns what came between its echo and the next prompt."""
        self.machine.send(line + "\r")
        match = self.machine.expect(r"\r\n((?s:.*?))\r" + PROMPT, timeout)
        return match.group(1).decode(errors="replace").replace("\r", "")

    def says(self, line, *wanted, timeout=30):
        """Runs a line whose output must contain all the texts."""
        output = self.run(line, timeout)
        for text in wanted:
            assert text in output, f"{line!r} said {output!r}, not {text!r}"
        return output


def test_the_prompt_comes_and_commands_answer(env):
    with Session(env) as s:
        s.says("help", "ls [-l]", "shutdown", "power off")
        s.says("echo one  'two  three'", "one two  three")
        s.says("ls", "apps/", "bin/", "etc/", "home/", "tmp/")
        s.says("ls /apps", "hello.wasm")
        s.says("cat /etc/manifest", "service", "ramfs")
        s.says("mem", "KiB  free", "page tables", "dma32", "largest block", "cpu 0")
        s.says("slab", "handle", "vmo", "page tree node", "in use")
        s.says("trace", "cpu 0  switch to thread id ")
        s.says("ps", "shell", "console", "ramfs")
        s.says("tree", "root", "shell", "running")
        s.says("uptime", "up 00:")
        s.says("dmesg", "Bullfinch")
        s.says("pwd", "/")


def test_files_are_made_changed_and_removed(env):
    with Session(env) as s:
        assert s.run("cd /home; mkdir d; echo hello > d/f; cat d/f") == "hello\n"
        assert s.run("cp d/f g; mv g h; cat h; ls") == "hello\nd/  h\n"
        s.says("ls -l d", "6", "f")
        s.says("rm d", "rm: d:", "is a directory")
        assert s.run("rm -r d; ls; rm h; ls") == "h\n"
        assert s.run("touch a; ls; rm a") == "a\n"
        s.says("cd ..; pwd", "/")
        s.says("rm /bin/runner", "rm: /bin/runner:", "may not be changed")
        s.says("cat < /etc/manifest", "service")


def test_mistakes_are_named(env):
    with Session(env) as s:
        s.says("nothing", "nothing: no such command or program")
        s.says("echo $?", "127")
        s.says("cat /missing", "cat: /missing: no such thing")
        s.says("cd /etc/manifest", "cd: /etc/manifest:", "not a directory")
        s.says("ls /missing", "ls: /missing: no such thing")
        s.says("mkdir /apps", "mkdir: /apps: it is there already")
        s.says("kill nobody", "kill: nobody: no service")
        s.says("echo 'open", "without its end")
        s.says("run", "usage: run")
        s.says("/etc/manifest", "neither WebAssembly nor an ELF program")
        s.says("echo junk > /tmp/bad.wasm; /tmp/bad.wasm", "bad.wasm:")
        s.says("echo $?", "126")
        s.says("fg", "no such program")


def test_keys_edit_the_line(env):
    with Session(env) as s:
        m = s.machine
        assert s.run("echo helloX\x7f") == "hello\n"
        assert s.run("cho abc\x01e") == "abc\n"
        assert s.run("echo acd\x1b[D\x1b[Db") == "abcd\n"  # left, left
        assert s.run("echo xyz\x17word") == "word\n"
        assert s.run("garbage\x15echo clean") == "clean\n"
        assert s.run("echo end\x1b[H\x1b[F!") == "end!\n"
        assert s.run("echo \xc3\xa4\xe2\x82\xac".encode("latin-1").decode()) == "\xe4\u20ac\n"
        assert s.run("\x1b[A\x1b[A") == "end!\n"  # up, up
        s.says("history", "echo clean")
        assert s.run("echo /et\tmani\t") == "/etc/manifest\n"
        s.says("dm\t", "Bullfinch")
        m.send("not run\x03")
        m.expect(r"\^C\r\n\r" + PROMPT)
        m.send("\x04")
        m.expect("shutdown powers off")
        m.expect(PROMPT)


def test_programs_run_by_name(env):
    with Session(env) as s:
        s.says("hello.wasm", "ello")
        s.says("echo $?", "0")
        s.says("hello", "ello")
        s.says("args.wasm one 'two three'", "one", "two three")
        s.says("cd /tmp; hello.wasm > out; cat out", "ello")
        s.says("trap.wasm", "trap.wasm:")
        output = s.run("echo $?")
        assert output.strip() != "0", output
        s.says("ps", "shell")


def test_control_c_ends_a_program_that_loops(env):
    with Session(env) as s:
        m = s.machine
        m.send("readstdin.wasm\r")
        m.expect("readstdin.wasm\r\n")
        m.send("some text\r")
        m.expect("some text")
        m.send("\x03")
        m.expect(r"\^C\r\n")
        m.expect(r"readstdin.wasm: interrupted\r\n\r" + PROMPT)
        s.says("echo $?", "130")
        m.send("sha256.wasm\r")
        m.expect("sha256.wasm\r\n")
        m.send("\x03")
        m.expect(r"interrupted\r\n\r" + PROMPT)
        s.says("hello.wasm", "ello")


def test_programs_run_in_the_background(env):
    with Session(env) as s:
        m = s.machine
        s.says("readstdin.wasm &", "[%1] readstdin.wasm")
        s.says("jobs", "[%1] readstdin.wasm")
        s.says("echo typed", "typed")
        m.send("fg\r")
        m.expect("fg\r\n")
        m.send("line\r\x04")
        m.expect(PROMPT)
        s.run("jobs")
        s.says("readstdin.wasm &", "[%1]")
        output = s.run("kill %1") + s.run("echo x")
        assert "[%1] readstdin.wasm: killed" in output, output
        assert s.run("jobs") == ""


def test_killed_services_come_back_while_one_types(env):
    with Session(env) as s:
        driver = "pl011" if env.arch == "arm64" else "ns16550"
        tree = s.run("tree")
        name = next(w for line in tree.splitlines() for w in line.split() if driver in w or "uart" in w)
        for _ in range(3):
            s.machine.send(f"kill {name}\r")
            s.machine.expect(PROMPT, 30)
            s.says("echo still here", "still here")
        s.says("tree", "restarts 3")
        s.machine.send("kill console\r")
        s.machine.expect(PROMPT, 30)
        s.machine.send("\r")
        s.machine.expect(PROMPT, 30)
        s.says("echo $HOME", "/home")
        s.run("echo kept > /tmp/f")
        s.run("kill ramfs")
        s.says("ls /apps; ls /tmp", "hello.wasm")
        s.says("cat /tmp/f", "no such thing")  # a new life begins with the boot image
        s.says("hello.wasm", "ello")


def test_shutdown_powers_off(env):
    with Session(env) as s:
        s.machine.send("shutdown\r")
        s.machine.expect_off(20)


def test_it_works_in_64_mib(env):
    with Session(env, mem="64M") as s:
        s.says("hello.wasm", "ello")
        s.says("ls", "apps/")


def test_a_full_file_server_says_so_and_nobody_dies(env):
    with Session(env, mem="64M") as s:
        s.run("cp /bin/runner /tmp/a")
        output = ""
        for i in range(8):
            output += s.run("; ".join(f"cp /tmp/a /tmp/{i}x{j}" for j in range(40)), 120)
            if "no room" in output:
                break
        assert "no room" in output, output
        s.says("echo x > /tmp/y", "no room")
        s.says("hello.wasm", "ello")
        s.run("rm -r /tmp; mkdir /tmp; echo again > /tmp/y")
        s.says("cat /tmp/y", "again")
        tree = s.run("tree")
        assert "memory" not in tree, tree
