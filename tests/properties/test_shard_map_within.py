"""A map around a shard_map over another axis of its mesh: what passes, what is noticed, where it applies."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import pytest

from conformance.transforms import TRANSFORMS
from properties.call import Axes, FunctionCall
from properties.law import violation
from properties.laws import LAWS
from properties.laws.parallel import within
from properties.subjects import SUBJECTS

LAW, VMAP = LAWS["parallel.shard-map-within"], TRANSFORMS["jax.vmap"]


def with_map(change: Callable[[Any], Any]) -> Any:
    """The transform, whose mapped functions are changed."""
    return attrs.evolve(VMAP, map=lambda function, axes: change(VMAP.map(function, axes)))


@pytest.mark.parametrize("out_axis", [0, 1])
def test_the_map_as_it_is_passes(out_axis: int) -> None:
    call = call_of("linear", (1, None, None), out_axis)
    assert violation(LAW, VMAP, call) is None


def call_of(name: str, in_axes: tuple[int | None, ...], out_axis: int) -> FunctionCall:
    """A call of four examples."""
    return FunctionCall(name, {"batch": 4, "m": 2, "n": 3, "k": 2}, (Axes(in_axes, out_axis),))


def test_a_wrong_value_is_noticed_in_the_batch_that_has_it() -> None:
    def second_is_the_first(mapped: Any) -> Any:
        return lambda *x: jax.tree_util.tree_map(lambda y: y.at[1].set(y[0]), mapped(*x))

    found = violation(LAW, with_map(second_is_the_first), call_of("square", (0,), 0))
    assert found is not None
    assert "values differ" in str(found)


def test_an_option_that_is_left_out_of_a_map_that_needs_it_changes_no_value() -> None:
    def plain(function: Any, axes: Axes) -> Any:
        return VMAP.map(function, attrs.evolve(axes, options={}))

    assert violation(LAW, attrs.evolve(VMAP, map=plain), call_of("square", (0,), 0)) is None


def test_both_axes_of_the_mesh_have_devices() -> None:
    for size in (2, 3, 4):
        assert within.mesh_of_two_axes(size).devices.shape == (2, size)
    assert within.mesh_of_two_axes(5).devices.shape == (2, 1)


def test_rules_are_not_checked_and_functions_are_every_second_time() -> None:
    assert not within.is_checked(call_of("lax.sort", (0,), 0))
    square = call_of("square", (0,), 0)
    assert [within.is_checked(attrs.evolve(square, seed=s)) for s in (0, 1)] == [False, True]


def test_what_has_a_mesh_of_its_own_is_left_out() -> None:
    reason = LAW.skip_if(VMAP, SUBJECTS["lax.reshard"])
    assert reason == "lax.reshard is about a mesh of its own"
