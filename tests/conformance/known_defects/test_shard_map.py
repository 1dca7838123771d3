"""Which of a user's functions show known defects of shard_map: loops that end the process, gradients."""

from collections.abc import Callable
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import pytest

from conformance import own
from conformance.known_defects.minimal_calls import has_empty_operands, square_call
from conformance.known_defects.shard_map import SHARD_MAP
from conformance.runner.items import Item
from conformance.runner.run_item import run_item
from conformance.transforms import TRANSFORMS
from conformance.transforms.jax import shard_map
from conformance.user_subjects.subjects import registered
from properties.call import Axes, FunctionCall
from properties.laws import LAWS
from properties.profile import PROFILES

DEFECTS = {each.id: each for each in SHARD_MAP}
DIES = DEFECTS["shard-map-gather-in-a-loop-dies"]


def traced_back(table: jax.Array) -> Any:
    """The path that the table's rows point along."""
    return jax.lax.scan(lambda i, row: (row[i], row[i]), jnp.argmax(table[0]), table.astype(int))[1]


def summed(table: jax.Array) -> Any:
    """A loop that indexes nothing."""
    return jax.lax.scan(lambda total, row: (total + row, total), jnp.zeros(3), table)[1]


def picked(table: jax.Array) -> Any:
    """An index, and no loop."""
    return table[jnp.argmax(table[:, 0])]


@pytest.mark.parametrize(
    ("function", "affected"), [(traced_back, True), (summed, False), (picked, False)]
)
@pytest.mark.parametrize("in_axis", [0, 2])
def test_a_loop_that_indexes_by_what_it_carries_is_known(
    function: Callable[..., Any], affected: bool, in_axis: int
) -> None:
    call = FunctionCall("mine", {"batch": 2, "n": 4}, (Axes((in_axis,), 0),))
    with registered(own.function("mine", function, [("n", 3)])):
        assert DIES.affects(call) == affected


def beside_an_empty_one(x: jax.Array, w: jax.Array) -> Any:
    """One part of the result has no elements."""
    return x @ w, jnp.concatenate([x, w[None]])


def test_an_empty_part_of_a_result_is_known_where_the_map_of_jit_is_called() -> None:
    """Whatever the axes are, of which only some are called without jit."""
    law, transform = LAWS["mapping.jit-agrees"], TRANSFORMS["jax.shard_map"]
    defect = DEFECTS["shard-map-empty-result-unreadable"]
    subject = own.function("mine", beside_an_empty_one, [(0, 3), (3,)])
    for seed in range(4):
        few = attrs.evolve(PROFILES["ci"], seed=seed, examples=2)
        with registered(subject):
            result = run_item(Item(law, transform, subject), few)
        assert result.outcome == "holds" or getattr(result.detail, "source", "") == defect.id, (
            result
        )
    assert not defect.explains(square_call(0, 0))


@pytest.mark.parametrize(
    ("function", "shapes", "affected"),
    [
        (lambda x, y: x @ y, [(0,), (0,)], True),
        (lambda x, y: (x @ y, y @ x), [(0, 3), (3, 0)], True),
        (lambda x, y: x * y, [(0,), (0,)], False),
        (lambda x, y: x.sum() + y, [(0,), (2,)], False),
    ],
    ids=["number", "in-part", "nothing", "one-has-some"],
)
def test_a_result_with_elements_of_arguments_without_is_known(
    function: Callable[..., Any], shapes: list[tuple[int, ...]], affected: bool
) -> None:
    call = FunctionCall("mine", {"batch": 2}, (Axes((0, 0), 0),))
    with registered(own.function("mine", function, shapes)):
        assert has_empty_operands(call) == affected


REFUSED = "unexpected JAX type (e.g. shape/dtype) for argument to vjp function: got float32[]"


@pytest.mark.parametrize(
    ("message", "affected"), [(REFUSED, True), ("x has a wrong shape", False), (None, False)]
)
def test_a_gradient_that_shard_map_refuses_is_known_by_its_message(
    monkeypatch: pytest.MonkeyPatch, message: str | None, affected: bool
) -> None:
    def map_function(function: Callable[..., Any], axes: Axes) -> Callable[..., Any]:
        def mapped(x: jax.Array) -> Any:
            if message is not None:
                raise ValueError(message)
            return x

        return mapped

    monkeypatch.setattr(shard_map, "map_function", map_function)
    assert DEFECTS["shard-map-gradients-inside"].affects(square_call(0, 0)) == affected
