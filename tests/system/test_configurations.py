# SPDX-License-Identifier: MIT
#
# The machines of tools/configurations.py: the covering set must cover.

import itertools

import configurations

BUILDS = ("release",)


def test_every_two_values_meet_in_a_machine(env):
    met = [{v.word for v in c.values} for c in configurations.cover(env.arch)]
    for one, other in itertools.combinations(configurations.FACTORS[env.arch], 2):
        for a, b in itertools.product(one, other):
            assert any(a.word in m and b.word in m for m in met), f"{a.word} never meets {b.word}"


def test_the_covering_set_is_small(env):
    assert len(configurations.cover(env.arch)) <= 12


def test_names_tell_machines_apart(env):
    names = [c.name for c in configurations.product(env.arch)]
    assert len(set(names)) == len(names)
    words = [v.word for values in configurations.FACTORS[env.arch] for v in values]
    assert len(set(words)) == len(words), "a word that stands for two values"
