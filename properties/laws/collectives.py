"""What examples say to each other along the batch axis."""

from functools import partial
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties import oracle
from properties.batch_axes import anywhere, front
from properties.call import Axes, FunctionCall, move_batch_axis
from properties.compare import Expected, assert_agrees
from properties.joint_compile import run_together, transform_or_raise
from properties.law import attribute_to, law
from properties.laws.mapping.values import mapping_equals_the_loop
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import AXIS, FunctionSubject
from properties.subjects.collectives import IN_GROUPS, OF_ORDER, source_over
from properties.transform import Transform
from properties.trees import literal
from properties.values import draw

law = partial(law, kinds=("collective",))
WEIGHTS = 3_000_017
"""The seed of what outputs are weighted with, so that no two of them have the same gradient."""


def _no_groups(transform: Transform, subject: FunctionSubject) -> str | None:
    if transform.max_batch_size() is not None or subject.name not in IN_GROUPS:
        return None
    return f"{transform.name} takes no axis_index_groups: JAX raises NotImplementedError"


def _no_derivative(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name in OF_ORDER:
        return f"JAX does not differentiate {subject.name}"
    return _no_groups(transform, subject)


@law("collectives.equal-plain-reductions", cases=function_calls(), skip_if=_no_groups)
def collectives_are_plain_reductions(transform: Transform, call: FunctionCall) -> None:
    """A collective over the batch axis gives each example what a plain reduction over all gives."""
    mapping_equals_the_loop(transform, call)


def _of_shared(axes: Axes) -> Axes:
    return attrs.evolve(axes, in_axes=(0, None))


OF_SHARED = Recipe(
    "map of a collective of what is not mapped",
    setup_code=lambda call: "collective = function\nfunction = lambda place, a: collective(a)",
    axes=_of_shared,
)


@law(
    "collectives.of-what-is-shared",
    tier="derived",
    cases=function_calls(front, anywhere, most=3),
    skip_if=_no_groups,
)
def what_is_shared_is_as_many_copies(transform: Transform, call: FunctionCall) -> None:
    """A collective of what is not mapped gives what it gives of as many copies as there are examples."""
    function = call.subject.function
    (shared,) = call.batch_first(attrs.evolve(call.axes[0], in_axes=(None,)))
    given = (np.arange(call.sizes["batch"], dtype=np.float32), shared)
    pieces = [
        transform_or_raise(transform.map, lambda place, a: function(a), _of_shared(axes))
        for axes in call.axes
    ]
    results = run_together(pieces, [given] * len(pieces), transform.traceable and not call.eager)
    for axes, got in zip(call.axes, results, strict=True):
        single = call.only(axes)
        right = oracle.of_collective(single, np.stack([shared] * call.sizes["batch"]))
        with attribute_to(single, OF_SHARED, given, right):
            assert_agrees(got, right)


def _weights(call: FunctionCall) -> Any:
    """What the results are weighted with: small integers, the batch axis where the call puts it."""
    (axes,) = call.axes
    front = oracle.of_function(call.only(axes.leading))
    return move_batch_axis(draw(WEIGHTS, front.like.shape, "float32", kind="whole"), axes.out_axes)


GRADIENT = Recipe(
    "gradient of the map",
    result_code=lambda call: (
        f"weights = {literal(_weights(call))}\n"
        "got = jax.grad(lambda x: jnp.sum(weights * mapped(x)))(*arguments)"
    ),
)


@law("collectives.gradients", tier="derived", cases=function_calls(most=2), skip_if=_no_derivative)
def gradients_go_back_the_way_results_came(transform: Transform, call: FunctionCall) -> None:
    """The gradient of a weighted sum of a mapped collective's results is that of the plain reduction's."""
    singles = [call.only(axes) for axes in call.axes]
    pieces = [
        _gradient(transform_or_raise(transform.map, call.subject.function, axes), _weights(single))
        for axes, single in zip(call.axes, singles, strict=True)
    ]
    arguments = [call.arguments(axes) for axes in call.axes]
    results = run_together(pieces, arguments, transform.traceable and not call.eager)
    for single, got in zip(singles, results, strict=True):
        right = oracle.of_transpose(single, _weights(single))
        with attribute_to(single, GRADIENT, right=right):
            assert_agrees(got, right)


def _gradient(mapped: Any, weights: Any) -> Any:
    return jax.grad(lambda operand: jnp.sum(weights * mapped(operand)))


OUTER = "outer"
OUTERMOST = 2
"""How many examples the outer of two maps has."""


def _named_twice(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name in IN_GROUPS:
        return f"{subject.name} numbers the examples of one axis"
    return None


def _over_both(call: FunctionCall) -> str:
    return f"{source_over(call.subject, (OUTER, AXIS))}\nfunction = jax.vmap(function, axis_name={AXIS!r})"


TWO_NAMES = Recipe(
    "map of a map of a collective over both of their names",
    setup_code=_over_both,
    axes=lambda axes: Axes((0,), 0, OUTER),
)


@law(
    "collectives.over-two-names",
    tier="derived",
    cases=function_calls(front, front, most=1),
    skip_if=_named_twice,
)
def two_maps_are_one_to_a_collective(transform: Transform, call: FunctionCall) -> None:
    """A collective over the names of two nested maps is one over all their examples."""
    size = call.sizes[AXIS]
    joined = attrs.evolve(call, sizes={**call.sizes, AXIS: OUTERMOST * size})
    (operands,) = joined.batch_first(call.axes[0])
    given = (_in_two(operands, size),)
    defined: dict[str, Any] = {}
    exec(_over_both(call), defined)
    mapped = transform_or_raise(transform.map, defined["function"], TWO_NAMES.axes(call.axes[0]))
    (got,) = run_together([mapped], [given], transform.traceable and not call.eager)
    right = oracle.of_collective(joined, operands)
    right = Expected(*(_in_two(part, size) for part in right))
    with attribute_to(call, TWO_NAMES, given, right):
        assert_agrees(got, right)


def _in_two(array: Any, size: int) -> Any:
    shape = (OUTERMOST, size, *array.shape[1:])
    if isinstance(array, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(shape, array.dtype)
    return array.reshape(shape)
