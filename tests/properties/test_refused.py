"""Functions that a map must refuse: by themselves they do what is said of them."""

import jax
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws.errors.within import GIVEN, REFUSED, Refused
from properties.laws.errors.within import within_the_function as law
from properties.trees import Raised, attempt

THERE = [each for each in REFUSED if not each.needs or hasattr(jax, each.needs)]


@pytest.mark.parametrize("each", THERE, ids=lambda each: each.source.strip()[:40])
def test_each_works_alone_or_raises_alone_as_is_said(each: Refused) -> None:
    got = attempt(each.function(), jax.numpy.asarray(GIVEN[0][1]))
    jax.effects_barrier()
    assert isinstance(got, Raised) is not each.works_alone
    assert each.works_alone or isinstance(got.error, each.kind)


def test_most_are_refused_for_the_map_alone() -> None:
    assert sum(each.works_alone for each in REFUSED) > len(REFUSED) / 2


@pytest.mark.skipif(not hasattr(jax, "new_ref"), reason="this release has no references")
def test_a_reference_that_a_map_hides_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from jax._src.interpreters import batching

    call = FunctionCall("softmax", {"batch": 3, "m": 2}, (Axes((0,), 0),), "float32", 7)
    assert violation(law, TRANSFORMS["jax.vmap"], call) is None
    monkeypatch.setattr(batching.BatchTracer, "get_referent", lambda tracer: tracer)
    found = violation(law, TRANSFORMS["jax.vmap"], call)
    assert "of which one is mapped" in str(found)
