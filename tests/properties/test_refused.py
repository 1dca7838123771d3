"""Functions that a map must refuse: by themselves they do what is said of them."""

import jax
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws.errors.within import GIVEN, REFUSED, Refused
from properties.laws.errors.within import within_the_function as law
from properties.trees import Raised, attempt
from tests.conformance.mutation.rewriting import rewritten

THERE = [each for each in REFUSED if not each.needs or hasattr(jax, each.needs)]


@pytest.mark.parametrize("each", THERE, ids=lambda each: each.source.strip()[:40])
def test_each_works_alone_or_raises_alone_as_is_said(each: Refused) -> None:
    got = attempt(each.function(), jax.numpy.asarray(GIVEN[0][1]))
    jax.effects_barrier()
    assert isinstance(got, Raised) is not each.works_alone
    assert each.works_alone or isinstance(got.error, each.kind)


def test_many_are_refused_for_the_map_alone() -> None:
    assert sum(each.works_alone for each in REFUSED) > 20


def test_an_axis_that_no_result_has_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    call = FunctionCall("softmax", {"batch": 3, "m": 2}, (Axes((0,), 0),), "float32", 7)
    assert violation(law, TRANSFORMS["jax.vmap"], call) is None
    within = "if not -num_dims <= axis < num_dims:"
    last = f"axis = min(axis, num_dims - 1)\n  {within}"
    function, broken = rewritten("jax._src.util:canonicalize_axis", within, last)
    monkeypatch.setattr(function, "__code__", broken.__code__)
    assert "no result has the axis 2" in str(violation(law, TRANSFORMS["jax.vmap"], call))


@pytest.mark.skipif(not hasattr(jax, "new_ref"), reason="this release has no references")
def test_a_reference_that_a_map_hides_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from jax._src.interpreters import batching

    call = FunctionCall("softmax", {"batch": 3, "m": 2}, (Axes((0,), 0),), "float32", 7)
    assert violation(law, TRANSFORMS["jax.vmap"], call) is None
    monkeypatch.setattr(batching.BatchTracer, "get_referent", lambda tracer: tracer)
    found = violation(law, TRANSFORMS["jax.vmap"], call)
    assert "of which one is mapped" in str(found)
