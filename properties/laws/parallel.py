"""Mapping over devices gives what mapping on one device gives."""

from typing import Any

import attrs
import jax
import numpy as np

from properties import expected
from properties.calls import FunctionCall
from properties.compare import assert_agrees, computed
from properties.law import blame, law
from properties.strategies import function_calls
from properties.together import map_together
from properties.transform import Transform
from properties.trees import Raised, attempt, member

VMAP = Transform(
    "jax.vmap",
    "the measure of the others",
    lambda function, axes: jax.vmap(function, axes.in_axes, axes.out_axes),
)


@law(
    "parallel.pmap-agrees-with-vmap",
    cases=function_calls(unmapped="any"),
    only="jax.pmap",
)
def pmap_agrees_with_vmap(transform: Transform, call: FunctionCall) -> None:
    """pmap gives what vmap gives, for all axes, on fewer examples than devices, and inside vmap."""
    vmapped = dict(map_together(VMAP, call))
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        right = computed(vmapped[axes], expected.of_function(single))
        if right is not None:
            with blame(single, "map"):
                assert_agrees(got, right)
    _agrees_inside_vmap(transform, call)


def _agrees_inside_vmap(transform: Transform, call: FunctionCall) -> None:
    """Hold vmap of the map to vmap of vmap, on two batches whose values differ."""
    axes = call.axes[0]
    batches = [attrs.evolve(call, seed=call.seed + i, axes=(axes,)) for i in range(2)]
    outer = jax.tree_util.tree_map(lambda *x: np.stack(x), *(b.arguments(axes) for b in batches))
    got = attempt(jax.vmap(transform.map(call.subject.function, axes)), *outer)
    twice = attempt(jax.jit(jax.vmap(VMAP.map(call.subject.function, axes))), *outer)
    for i, batch in enumerate(batches):
        right = computed(_member(twice, i), expected.of_function(batch))
        if right is not None:
            with blame(batch, "map inside vmap"):
                assert_agrees(_member(got, i), right)


def _member(result: Any, i: int) -> Any:
    return result if isinstance(result, Raised) else member(result, i)
