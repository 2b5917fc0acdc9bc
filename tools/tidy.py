#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Runs clang-tidy on the sources listed in --files (lines `K path` for kernel code, `U path` for user
# code), two at a time, with the flags they are compiled with. Writes compile_commands.json beside
# the list, which editors can use too. A file that passed is not looked at again until it, a header,
# the flags or .clang-tidy change. Prints findings and fails if there are any.

import argparse
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def commands_of(args):
    flags = {"K": shlex.split(args.kernel_flags), "U": shlex.split(args.user_flags)}
    with open(args.files, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                kind, path = line.split()
                yield {"directory": ROOT, "file": path,
                       "arguments": [args.clang, *flags[kind], "-c", path]}


def headers_hash():
    """One hash of all headers and the configuration: coarse, but never wrong."""
    total = hashlib.sha256()
    for top in ("abi", "arch", "kernel", "user", "wasm", "build/gen"):
        for folder, _, files in sorted(os.walk(os.path.join(ROOT, top))):
            for name in sorted(files):
                if name.endswith(".h"):
                    with open(os.path.join(folder, name), "rb") as file:
                        total.update(name.encode() + file.read())
    with open(os.path.join(ROOT, ".clang-tidy"), "rb") as file:
        total.update(file.read())
    return total.digest()


def command_hash(command, headers):
    with open(os.path.join(ROOT, command["file"]), "rb") as file:
        text = file.read()
    return hashlib.sha256(headers + " ".join(command["arguments"]).encode() + text).hexdigest()


def file_check(args, command):
    done = subprocess.run([args.tidy, "--quiet", "-p", args.out, command["file"]], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == 0:
        return None
    return (done.stdout + done.stderr).decode(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    for name in ("files", "out", "tidy", "clang", "kernel-flags", "user-flags"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()

    commands = list(commands_of(args))
    with open(os.path.join(args.out, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(commands, file, indent=1)
    passed_path = os.path.join(args.out, "tidy-passed")
    passed = set()
    if os.path.exists(passed_path):
        with open(passed_path, encoding="utf-8") as file:
            passed = set(file.read().split())

    headers = headers_hash()
    hashes = {c["file"]: command_hash(c, headers) for c in commands}
    todo = [c for c in commands if hashes[c["file"]] not in passed]
    good = set(hashes.values()) & passed
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for command, text in zip(todo, pool.map(lambda c: file_check(args, c), todo)):
            if text is None:
                good.add(hashes[command["file"]])
            else:
                failed += 1
                print(text)
    with open(passed_path, "w", encoding="utf-8") as file:
        file.write("\n".join(sorted(good)) + "\n")
    print(f"tidy: {len(commands)} files, {failed} with findings")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
