"""`flax.nnx.vmap` is held to the laws of sharing, and a broken one is noticed."""

import attrs
import pytest

from conformance.transforms import TRANSFORMS
from properties.hold import hold
from properties.laws import LAWS
from properties.mutants import MUTANTS
from properties.profiles import PROFILES
from properties.subjects import SUBJECTS

NNX = TRANSFORMS["flax.nnx.vmap"]
PROFILE = attrs.evolve(PROFILES["quick"], examples=8, shapes=2)

pytestmark = pytest.mark.skipif(NNX.unavailable() is not None, reason=str(NNX.unavailable()))


@pytest.mark.parametrize(
    ("mutant", "law", "subject"),
    [
        ("ensemble-where-sharing-was-asked", "sharing.no-batch-axis", "dense"),
        ("ensemble-axis-in-front", "sharing.ensemble-leading-axis", "dense"),
        ("lifted-batch-reversed", "sharing.equals-per-example", "dense"),
        ("updates-dropped", "sharing.equals-per-example", "batch-norm"),
    ],
)
def test_a_broken_map_of_modules_is_noticed(mutant: str, law: str, subject: str) -> None:
    what = LAWS[law], SUBJECTS[subject], PROFILE
    assert hold(what[0], NNX, *what[1:]).violation is None
    broken = MUTANTS[mutant].mutate(NNX)
    assert hold(what[0], broken, *what[1:], shrink=False).violation is not None


@pytest.mark.parametrize("subject", ["gru-cell", "self-attention"])
def test_what_is_not_written_in_nnx_says_so(subject: str) -> None:
    why = LAWS["sharing.no-batch-axis"].not_applicable(NNX, SUBJECTS[subject])
    assert why is not None
    assert subject in why


def test_its_keys_are_not_the_references() -> None:
    why = LAWS["sharing.init-matches-reference"].not_applicable(NNX, SUBJECTS["dense"])
    assert why is not None
    assert "keys" in why
