"""A large group of observations is recorded in parts, which together are the group."""

import itertools

import pytest

from conformance.observations import PARTS, calls
from conformance.observations.selection import Selection
from conformance.runner.items import observed


@pytest.mark.parametrize("parts", [1, 3, 7])
def test_the_parts_of_the_calls_are_all_of_them_once_and_in_order(
    parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = {
        "jax.vmap": lambda: {name: lambda: 1 for name in "abc"},
        "flax.linen.vmap": lambda: {name: lambda: 1 for name in "abcd"},
    }
    monkeypatch.setattr(calls, "_FORMS", forms)
    chosen = [Selection(sweeps=False, part=(part, parts)) for part in range(1, parts + 1)]
    found = [[key for key, _ in calls.observe(selection)] for selection in chosen]
    assert list(itertools.chain(*found)) == [
        f"calls/{transform}/{name}" for transform, of in forms.items() for name in of()
    ]
    assert max(map(len, found)) - min(map(len, found)) <= 1


def test_a_run_observes_each_part_in_one_shard() -> None:
    groups = {"prng": 1, **PARTS}
    every = observed(groups, [])
    assert [each.name for each in observed(groups, ["calls"])] == [
        f"calls/part {part} of {PARTS['calls']}" for part in range(1, PARTS["calls"] + 1)
    ]
    assert [each.name for each in every if each.group == "prng"] == ["prng"]
    shards = [observed(groups, [], (shard, 3)) for shard in (1, 2, 3)]
    assert sorted(map(str, itertools.chain(*shards))) == sorted(map(str, every))
    assert all(shards)
