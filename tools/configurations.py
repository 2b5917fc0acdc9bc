# SPDX-License-Identifier: MIT
#
# The machines that the target suite is run on. Each architecture has factors (build, CPUs, interrupt
# controller, ...), each factor a few values. `make test` takes a covering set: every value of a factor
# meets every value of every other in at least one machine, which finds what goes wrong when two
# things come together, with a handful of machines instead of their product. `make test-all` takes
# the product. tests/system/test_configurations.py checks that the covering set covers.

import itertools
import re


class Value:
    """One value of a factor: its word in a machine's name, options of qemu.qemu_command that make it,
    and what the kernel's boot messages must show when it is in effect."""

    def __init__(self, word, shows, **options):
        self.word = word
        self.shows = shows
        self.options = options


BUILD = [Value("release", r"\(release\)", build="release"), Value("debug", r"\(debug\)", build="debug")]
CPUS = [Value("1cpu", r"cpus: 1 of 1 in use", cpus=1), Value("4cpus", r"cpus: 4 of 4 in use[^\0]*cpus: 3 of 3 others are off", cpus=4)]
ASIDS = [Value("asid16", r"paging: .* 16 ASID bits"),
         Value("asid5", r"paging: .* 5 ASID bits", append="asid_bits=5"),
         Value("asid0", r"paging: .* 0 ASID bits", append="asid_bits=0")]
MEMORY = [Value("32M", r"memory: 32 MiB", mem="32M"), Value("8G", r"memory: 8192 MiB", mem="8G")]

# The order is that of the words in a machine's name.
FACTORS = {
    "arm64": [
        BUILD,
        CPUS,
        [Value("gicv2", r"interrupts: GICv2", gic="2"), Value("gicv3", r"interrupts: GICv3", gic="3")],
        [Value("a53", r"Cortex-A53", cpu="cortex-a53"), Value("a72", r"Cortex-A72", cpu="cortex-a72"),
         Value("max", r"PAN", cpu="max")],
        [Value("el1", r"entered at EL1", el2=False), Value("el2", r"entered at EL2", el2=True)],
        ASIDS,
        MEMORY,
    ],
    "riscv64": [
        BUILD,
        CPUS,
        [Value("plic", r"interrupts: PLIC"), Value("aplic", r"interrupts: APLIC", aia="aplic")],
        [Value("sv39", r"paging: Sv39", append="sv39"), Value("sv48", r"paging: Sv48")],
        [Value("sstc", r"timer: Sstc", cpu="rv64"), Value("nosstc", r"timer: SBI", cpu="rv64,sstc=off")],
        ASIDS,
        MEMORY,
    ],
}


class Configuration:
    """One machine: a Value of each factor of its architecture."""

    def __init__(self, arch, values):
        self.arch = arch
        self.values = values
        self.name = arch + "-" + "-".join(v.word for v in values)
        self.options = {}
        for value in values:
            self.options.update(value.options)
        self.options["append"] = " ".join(v.options["append"] for v in values if "append" in v.options)
        self.build = self.options.pop("build")

    def missing(self, text):
        """What the boot messages do not show although this machine has it."""
        return [v.shows for v in self.values if not re.search(v.shows, text)]


def product(arch):
    """Every machine of the architecture."""
    return [Configuration(arch, values) for values in itertools.product(*FACTORS[arch])]


def pairs(configuration):
    """The pairs of words that meet in the machine."""
    return set(itertools.combinations((v.word for v in configuration.values), 2))


def cover(arch):
    """A set of machines in which every pair of values meets: always the machine with the most pairs
    that are still missing, the first of those that are equally good; then without those that later
    choices made superfluous."""
    every = set().union(*map(pairs, product(arch)))
    left = set(every)
    chosen = []
    while left:
        best = max(product(arch), key=lambda c: len(pairs(c) & left))
        chosen.append(best)
        left -= pairs(best)
    for configuration in list(chosen):
        others = [c for c in chosen if c is not configuration]
        if set().union(*map(pairs, others)) == every:
            chosen = others
    return chosen
