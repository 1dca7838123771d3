"""The control: a transform that is not broken kills nothing, and where it does, that is said."""

import itertools

import pytest

from conformance.mutation import control, kill_matrix
from conformance.mutation.results import CONTROL
from conformance.transforms import TRANSFORMS
from properties.laws import LAWS
from properties.mutants import MUTANTS
from properties.subjects import SUBJECTS

LAW = "mapping.equals-per-example"


def test_the_control_comes_first_and_survives() -> None:
    first, broken = kill_matrix.mutate_transform(LAW, "jax.vmap", ["batch-reversed"])
    assert (first.mutant, first.killed_by, first.calls > 0) == (CONTROL, None, True)
    assert (broken.mutant, broken.killed_by) == ("batch-reversed", "matrix-add")


def test_a_transform_that_is_broken_already_fails_the_control(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = MUTANTS["batch-reversed"].mutate(TRANSFORMS["jax.vmap"])
    monkeypatch.setitem(TRANSFORMS, "jax.vmap", broken)
    first, second = kill_matrix.mutate_transform(LAW, "jax.vmap", ["out-axes-ignored"])
    assert first.killed_by == "matrix-add"
    # What fails unbroken, too, counts as no kill.
    assert second.killed_by is None


def test_calls_of_known_defects_are_excluded() -> None:
    law, transform = LAWS["collectives.over-two-names"], TRANSFORMS["jax.vmap"]
    profile = kill_matrix.profile(law, transform)
    assert not control.unbroken(law, transform, SUBJECTS["ppermute"], profile).calls
    law, transform = LAWS["sharing.metadata"], TRANSFORMS["flax.linen.vmap"]
    found = control.unbroken(law, transform, SUBJECTS["partitioned-dense"], profile)
    assert found.violation is None
    assert found.calls
    assert all(call.variable_axes["params"] >= 0 for call in found.calls)


def test_shards_are_a_partition_of_all_pairs_of_law_and_transform() -> None:
    shards = [kill_matrix.pairs((i, 3)) for i in (1, 2, 3)]
    assert all(shards)
    assert sorted(itertools.chain(*shards)) == sorted(kill_matrix.pairs())
    assert {law for law, _ in kill_matrix.pairs()} == set(LAWS)
