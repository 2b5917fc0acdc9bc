#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Runs the soak on a debug kernel with four CPUs, a machine for each architecture at the same time, and says
# how it went:
#
#     tools/soak.py [--arch arm64|riscv64] [--time SECONDS] [--seed N] [--cpus N]
#
# Each round has a seed; a failure names it, and --seed repeats from there. Built by `make soak`.

import argparse
import os
import random
import re
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402

ROUND_SECONDS = 240  # the last round is finished when the time is up


def soak(arch, args, verdicts):
    image = os.path.join(qemu.output_dir(arch, "debug"), "boot-soak.tar")
    append = f"panic=off asid_bits=5 soak_seconds={args.time} soak_seed={args.seed}"
    try:
        with qemu.Machine(arch, "debug", image=image, append=append, cpus=args.cpus) as machine:
            match = machine.expect(r"SOAK (DONE (\d+) rounds|FAIL[^\r\n]*)", args.time + ROUND_SECONDS)
            machine.expect_off(30)
        text = match[1].decode()
        verdicts[arch] = (text.startswith("DONE"), re.sub("^DONE ", "", text))
    except qemu.ExpectError as error:
        verdicts[arch] = (False, str(error))


def main():
    parser = argparse.ArgumentParser(description="Stress on all CPUs for a given time.")
    parser.add_argument("--arch", choices=sorted(qemu.EMULATORS))
    parser.add_argument("--time", type=int, default=120)
    parser.add_argument("--seed", type=int, default=random.getrandbits(31))
    parser.add_argument("--cpus", type=int, default=4)
    args = parser.parse_args()
    verdicts = {}
    threads = [threading.Thread(target=soak, args=(arch, args, verdicts))
               for arch in ([args.arch] if args.arch else sorted(qemu.EMULATORS))]
    print(f"soak: {args.time} s from seed {args.seed}", flush=True)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for arch, (passed, text) in sorted(verdicts.items()):
        print(f"soak: {arch}: {'passed' if passed else 'FAILED'}: {text}")
    sys.exit(0 if all(passed for passed, _ in verdicts.values()) else 1)


if __name__ == "__main__":
    main()
