"""A map within a map."""

import attrs
import jax
import jax.numpy as jnp

from properties import expected
from properties.calls import FunctionCall
from properties.compare import assert_agrees
from properties.law import blame, law
from properties.strategies import function_calls
from properties.together import run_together
from properties.transform import Transform
from properties.trees import Raised, member

MAP_IN_MAP, MAP_IN_ANOTHER = "map inside a map", "map inside a map of another argument"


@law(
    "nesting.composes",
    cases=function_calls(unmapped="any", most=1),
    kinds=("function", "rule"),
    only="jax.vmap",
)
def two_maps_are_the_double_loop(transform: Transform, call: FunctionCall) -> None:
    """Two maps are the double loop, also when the outer one maps an argument the inner never sees."""
    (axes,) = call.axes
    batches = [attrs.evolve(call, seed=(call.seed + i) % 2**31) for i in range(2)]
    outer = jax.tree_util.tree_map(lambda *x: jnp.stack(x), *(b.arguments(axes) for b in batches))
    inner = transform.map(call.subject.function, axes)
    front = attrs.evolve(axes, in_axes=(0,) * len(outer), out_axes=0)
    unseen = attrs.evolve(axes, in_axes=(0, *(None,) * len(outer)), out_axes=0)
    pieces = [
        transform.map(inner, front),
        transform.map(lambda _, *arguments: inner(*arguments), unseen),
    ]
    arguments = [outer, (jnp.zeros(2), *batches[0].arguments(axes))]
    both, repeated = run_together(pieces, arguments, joined=not call.eager)
    for i, batch in enumerate(batches):
        with blame(batch, MAP_IN_MAP):
            assert_agrees(_of(both, i), expected.of_function(batch))
        with blame(call, MAP_IN_ANOTHER):
            assert_agrees(_of(repeated, i), expected.of_function(call))


def _of(result: object, i: int) -> object:
    return result if isinstance(result, Raised) else member(result, i)
