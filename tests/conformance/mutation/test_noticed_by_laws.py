"""Slips that a law notices only where its call has a certain form, and not where it has another."""

import itertools
from typing import Any

import attrs
import jax
import pytest

from conformance.mutation.control import first_violation, unbroken
from conformance.mutation.source.operators import slips
from conformance.mutation.source.targets import replaced, targets
from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall
from properties.laws import LAWS
from properties.laws.collectives import outer_first
from properties.profile import PROFILES
from properties.subjects import SUBJECTS
from tests.conformance.mutation.rewriting import rewritten

ALL_TO_ALL = "jax._src.lax.parallel:_all_to_all_batched_collective"


def over_two_names(first: bool) -> FunctionCall:
    """A call whose function gives the outer name first, or last."""
    call = FunctionCall("all-to-all", {"batch": 3, "n": 2}, (Axes((0,), 0, "batch"),))
    seeds = (attrs.evolve(call, seed=seed) for seed in itertools.count())
    return next(each for each in seeds if outer_first(each) is first)


@pytest.mark.parametrize("first", [True, False])
def test_a_slip_in_names_after_the_mapped_one_is_noticed_where_the_outer_name_is_last(
    first: bool,
) -> None:
    function = targets().get(ALL_TO_ALL)
    every = slips(function.definition) if function else ()
    found = [s for s in every if s.operator == "keyword-dropped" and "=minor_axes" in s.before]
    if function is None or not found:
        pytest.skip(f"jax {jax.__version__} has {ALL_TO_ALL} written otherwise")
    law, vmap = LAWS["collectives.over-two-names"], TRANSFORMS["jax.vmap"]
    calls = [over_two_names(first)]
    assert first_violation(law, vmap, calls) is None
    (slip,) = found
    with replaced(function, slip.definition):
        jax.clear_caches()
        assert (first_violation(law, vmap, calls) is not None) is not first
    jax.clear_caches()


@pytest.mark.parametrize(
    ("subject", "is_noticed"),
    [("lax.custom_vjp_call.shared", True), ("lax.custom_vjp_call", False)],
)
def test_a_wrong_sum_of_a_custom_gradient_is_noticed_where_an_argument_is_shared(
    subject: str, is_noticed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jax._src.interpreters import batching

    whole = batching.matchaxis

    def mean(axis_data: Any, src: Any, dst: Any, x: Any, sum_match: bool = False) -> Any:
        summed = whole(axis_data, src, dst, x, sum_match=sum_match)
        return summed / 2 if sum_match and dst is None and src is not None else summed

    law, vmap = LAWS["mapping.equals-per-example"], TRANSFORMS["jax.vmap"]
    calls = unbroken(law, vmap, SUBJECTS[subject], PROFILES["quick"]).calls
    assert first_violation(law, vmap, calls) is None
    monkeypatch.setattr(batching, "matchaxis", mean)
    jax.clear_caches()
    try:
        assert (first_violation(law, vmap, calls) is not None) is is_noticed
    finally:
        monkeypatch.undo()
        jax.clear_caches()


def test_a_map_of_a_shard_map_that_fails_where_nothing_is_compiled_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    law, vmap = LAWS["parallel.placed-within"], TRANSFORMS["jax.vmap"]
    subject = SUBJECTS["placed-shard_map"]
    if reason := law.skip_reason(vmap, subject):
        pytest.skip(reason)
    calls = unbroken(law, vmap, subject, PROFILES["quick"]).calls
    assert first_violation(law, vmap, calls) is None
    # Eagerly alone JAX asks for the devices of the mesh.
    function, broken = rewritten(
        "jax._src.shard_map:_shard_map_impl",
        "mesh = get_mesh_from_args(args, mesh)",
        "raise KeyError",
    )
    monkeypatch.setattr(function, "__code__", broken.__code__)
    assert first_violation(law, vmap, calls) is not None
