"""nesting.*: a map of a map."""

from typing import Any

import attrs
import jax
import numpy as np

from properties import oracle
from properties.call import Axes, FunctionCall
from properties.compare import assert_agrees
from properties.joint_compile import run_together
from properties.law import attribute_to, law
from properties.recipe import TWICE, Recipe, take_second
from properties.strategies import function_calls
from properties.transform import Transform
from properties.trees import Raised, member, raw
from reference.types import PyTree

MAP_IN_MAP = Recipe("map inside a map", result_code=take_second(f"jax.vmap(mapped)(*{TWICE})"))
MAP_IN_ANOTHER = Recipe(
    "map inside a map of another argument",
    result_code=take_second(
        "jax.vmap(lambda _, *x: mapped(*x), (0, *[None] * len(arguments)))(np.zeros(2), *arguments)"
    ),
)


@law(
    "nesting.composes",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    kinds=("function", "rule"),
    only_transform="jax.vmap",
)
def composes(transform: Transform, call: FunctionCall) -> None:
    """Two nested maps are two nested loops, also where the inner one never sees what the outer one maps."""
    (axes,) = call.axes
    batches, stacked = two_batches(call)
    inner = transform.map(call.subject.function, axes)
    leading = attrs.evolve(axes, in_axes=(0,) * len(stacked), out_axes=0)
    unseen = attrs.evolve(axes, in_axes=(0, *(None,) * len(stacked)), out_axes=0)
    pieces = [
        transform.map(inner, leading),
        transform.map(lambda _, *arguments: inner(*arguments), unseen),
    ]
    arguments = [stacked, (np.zeros(2, np.float32), *batches[0].arguments(axes))]
    both, repeated = run_together(pieces, arguments, joined=not call.eager)
    for i, batch in enumerate(batches):
        with attribute_to(batch, MAP_IN_MAP):
            assert_agrees(batch_of(both, i), oracle.of_function(batch))
        with attribute_to(call, MAP_IN_ANOTHER):
            assert_agrees(batch_of(repeated, i), oracle.of_function(call))


@law(
    "nesting.commutes",
    tier="derived",
    cases=function_calls(unmapped="any", most=1),
    only_transform="jax.vmap",
)
def commutes(transform: Transform, call: FunctionCall) -> None:
    """Two nested maps over different axes give the same in either order."""
    (axes,) = call.axes
    batches, stacked = two_batches(call)
    leading = attrs.evolve(axes, in_axes=(0,) * len(stacked), out_axes=0)
    swapped = transform.map(transform.map(call.subject.function, leading), behind(axes))
    (got,) = run_together([swapped], [stacked], joined=not call.eager)
    for i, batch in enumerate(batches):
        with attribute_to(batch, OUTSIDE):
            assert_agrees(batch_of(got, i), oracle.of_function(batch))


def behind(axes: Axes) -> Axes:
    """The same axes of arrays that have one more axis in front."""
    in_axes = tuple(axis if axis is None else axis + 1 for axis in axes.in_axes)
    return attrs.evolve(axes, in_axes=in_axes, out_axes=axes.out_axes + 1)


OUTSIDE = Recipe(
    "map outside a map",
    setup_code=lambda call: "function = jax.vmap(function)",
    axes=behind,
    result_code=take_second(f"mapped(*{TWICE})"),
)


def two_batches(call: FunctionCall) -> tuple[list[FunctionCall], Any]:
    """The call and one of other values, and the arguments of both, stacked along a new first axis."""
    (axes,) = call.axes
    batches = [attrs.evolve(call, seed=(call.seed + i) % 2**31) for i in range(2)]
    arguments = (batch.arguments(axes) for batch in batches)
    return batches, jax.tree_util.tree_map(lambda *x: np.stack(x), *arguments)


def batch_of(result: PyTree, i: int) -> PyTree:
    """What `two_batches` gave for batch `i`, or `Raised`."""
    # Slicing on the host costs nothing; JAX compiles a program for each shape.
    return result if isinstance(result, Raised) else member(jax.device_get(raw(result)), i)
