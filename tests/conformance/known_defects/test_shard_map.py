"""Which of a user's functions show known defects of shard_map: loops that end the process, gradients."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from conformance import own
from conformance.known_defects.shard_map import SHARD_MAP
from conformance.user_subjects.subjects import registered
from properties.call import Axes, FunctionCall

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


def refused(x: jax.Array) -> Any:
    """What jax 0.6.0 says of a gradient within `shard_map`."""
    raise ValueError(
        "unexpected JAX type (e.g. shape/dtype) for argument to vjp function: got float32[]"
    )


def failing(x: jax.Array) -> Any:
    """A fault of the user's own."""
    raise ValueError("x has a wrong shape")


@pytest.mark.parametrize(
    ("function", "affected"),
    [(refused, True), (failing, False), (jax.grad(lambda x: jnp.sum(x**2)), False)],
)
@pytest.mark.skipif("0.6.0" in jax.__version__, reason="jax 0.6.0 refuses every gradient there")
def test_a_gradient_that_shard_map_refuses_is_known(
    function: Callable[..., Any], affected: bool
) -> None:
    call = FunctionCall("mine", {"batch": 2, "n": 4}, (Axes((0,), 0),))
    with registered(own.function("mine", function, [("n", 3)])):
        assert DEFECTS["shard-map-gradients-inside"].affects(call) == affected
