"""collectives.*: what examples exchange along the batch axis."""

import random
from collections.abc import Callable
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
from properties.laws.mapping.values import equals_per_example
from properties.oracle.placement import with_batch_axis
from properties.recipe import Recipe
from properties.strategies import function_calls
from properties.subject import AXIS, FunctionSubject, Subject
from properties.subjects.collectives import IN_GROUPS, OF_ORDER, source_over
from properties.transform import Transform
from properties.trees import literal
from properties.values import draw
from reference.loop import stack
from reference.types import Array, PyTree

law = partial(law, kinds=("collective",))
HALF = 0.5
WEIGHTS = 3_000_017
"""The seed of the weights of results, so that no two of them have the same gradient."""


def _is_plain(subject: Subject) -> bool:
    """Whether the subject is one collective of one operand; a user's own may be anything."""
    return subject.own is None


def _no_groups(transform: Transform, subject: FunctionSubject) -> str | None:
    if transform.max_batch_size() is not None or subject.name not in IN_GROUPS:
        return None
    return f"{transform.name} takes no axis_index_groups: JAX raises NotImplementedError"


def _no_derivative(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name in OF_ORDER:
        return f"JAX does not differentiate {subject.name}"
    return _no_groups(transform, subject)


def _one_axis_only(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.name in IN_GROUPS:
        return f"{subject.name} numbers the examples of one axis"
    return None


@law("collectives.equal-plain-reductions", cases=function_calls(), skip_if=_no_groups)
def equal_plain_reductions(transform: Transform, call: FunctionCall) -> None:
    """A collective over the batch axis gives each example what a plain reduction over all examples gives."""
    equals_per_example.check(transform, call)


def _unmapped(axes: Axes) -> Axes:
    """The axes of a map of the examples' places, which are mapped, and of the operand, which is not."""
    return attrs.evolve(axes, in_axes=(0, None))


UNMAPPED_OPERAND = Recipe(
    "map of a collective of what is not mapped",
    setup_code=lambda call: "collective = function\nfunction = lambda place, a: collective(a)",
    axes=_unmapped,
)


@law(
    "collectives.unmapped-operand",
    tier="derived",
    where=_is_plain,
    cases=function_calls(front, anywhere, most=3),
    skip_if=_no_groups,
)
def unmapped_operand(transform: Transform, call: FunctionCall) -> None:
    """A collective of an unmapped operand gives what it gives of one copy for each example."""
    function = call.subject.function
    (operand,) = call.batch_first(attrs.evolve(call.axes[0], in_axes=(None,)))
    given = (np.arange(call.sizes["batch"], dtype=np.float32), operand)
    pieces = [
        transform_or_raise(transform.map, lambda place, a: function(a), _unmapped(axes))
        for axes in call.axes
    ]
    results = run_together(pieces, [given] * len(pieces), transform.traceable and not call.eager)
    for axes, got in zip(call.axes, results, strict=True):
        single = call.only(axes)
        expected = oracle.of_collective(single, np.stack([operand] * call.sizes["batch"]))
        with attribute_to(single, UNMAPPED_OPERAND, given, expected):
            assert_agrees(got, expected)


def _weights(call: FunctionCall) -> Array:
    """Weights of the results: small integers, with the batch axis of the call's only axes."""
    (axes,) = call.axes
    leading = oracle.of_function(call.only(axes.leading))
    weights = draw(WEIGHTS, leading.like.shape, "float32", kind="whole")
    return move_batch_axis(weights, axes.out_axes)


GRADIENT = Recipe(
    "gradient of the map",
    result_code=lambda call: (
        f"weights = {literal(_weights(call))}\n"
        "got = jax.grad(lambda x: jnp.sum(weights * mapped(x)))(*arguments)"
    ),
)


@law(
    "collectives.gradients",
    tier="derived",
    cases=function_calls(most=2),
    skip_if=_no_derivative,
    where=_is_plain,
)
def gradients(transform: Transform, call: FunctionCall) -> None:
    """The gradient of a mapped collective is the gradient of the plain reduction."""
    singles = [call.only(axes) for axes in call.axes]
    pieces = [
        _gradient(transform_or_raise(transform.map, call.subject.function, axes), _weights(single))
        for axes, single in zip(call.axes, singles, strict=True)
    ]
    arguments = [call.arguments(axes) for axes in call.axes]
    results = run_together(pieces, arguments, transform.traceable and not call.eager)
    for single, got in zip(singles, results, strict=True):
        expected = oracle.of_transpose(single, _weights(single))
        with attribute_to(single, GRADIENT, expected=expected):
            assert_agrees(got, expected)


def _gradient(mapped: Callable[..., Array], weights: Array) -> Callable[..., Array]:
    """The gradient of the weighted sum of a map's results."""

    def weighted_sum(operand: Array) -> Array:
        return jnp.sum(weights * mapped(operand))

    return jax.grad(weighted_sum)


OUTER = "outer"
"""The axis name of the outer of two maps."""
OUTER_SIZE = 2
"""How many examples the outer of two maps has."""


def outer_first(call: FunctionCall) -> bool:
    """Whether the function gives the outer map's name first: then that map's index counts most."""
    return random.Random(f"{call.seed}/names").random() < HALF


def _code_over_both(call: FunctionCall) -> str:
    names = (OUTER, AXIS) if outer_first(call) else (AXIS, OUTER)
    return f"{source_over(call.subject, names)}\nfunction = jax.vmap(function, axis_name={AXIS!r})"


TWO_NAMES = Recipe(
    "map of a map of a collective over both of their names",
    setup_code=_code_over_both,
    axes=lambda axes: Axes((0,), 0, OUTER),
)


@law(
    "collectives.over-two-names",
    tier="derived",
    where=_is_plain,
    cases=function_calls(front, front, most=1),
    skip_if=_one_axis_only,
)
def over_two_names(transform: Transform, call: FunctionCall) -> None:
    """A collective over the axis names of two nested maps is one over all their examples."""
    size = call.sizes[AXIS]
    joined = attrs.evolve(call, sizes={**call.sizes, AXIS: OUTER_SIZE * size})
    (operands,) = joined.batch_first(call.axes[0])
    given = (_in_two(operands, size, outer_first(call)),)
    defined: dict[str, Any] = {}
    exec(_code_over_both(call), defined)  # noqa: S102 (a function of our own text)
    mapped = transform_or_raise(transform.map, defined["function"], TWO_NAMES.axes(call.axes[0]))
    (got,) = run_together([mapped], [given], transform.traceable and not call.eager)
    expected = oracle.of_collective(joined, operands)
    expected = Expected(*(_in_two(part, size, outer_first(call)) for part in expected))
    with attribute_to(call, TWO_NAMES, given, expected):
        assert_agrees(got, expected)


def _in_two(array: PyTree, size: int, outer_first: bool) -> PyTree:
    """An array of all examples, as an array of two batches of `size` examples.

    Unless `outer_first`, neighbours are in different batches.
    """
    shape = (OUTER_SIZE, size, *array.shape[1:])
    if isinstance(array, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct(shape, array.dtype)
    if outer_first:
        return array.reshape(shape)
    return array.reshape(size, OUTER_SIZE, *array.shape[1:]).swapaxes(0, 1)


INNER_SIZE = 2
"""How many examples the map between a collective and its name has."""


def between(call: FunctionCall) -> tuple[int | None, bool]:
    """The axis of the map between, None where it never sees the operand; and whether the outer map does."""
    chance = random.Random(f"{call.seed}/between")
    axis, both = chance.choice((0, -1, None)), chance.random() < HALF
    # JAX gets a wrong shape of all_to_all of what is not mapped: the known defects have it.
    return axis, both or axis is None or call.subject_name.startswith("all-to-all")


def _code_between(call: FunctionCall) -> str:
    axis = between(call)[0]
    return (
        f"collective = jax.vmap(function, {axis}, axis_size={INNER_SIZE})\n"
        "function = lambda place, a: collective(a)"
    )


def _of_place_and(axis: int | None, which: str) -> Recipe:
    """The map of a map: the outer one maps the examples' places, and the operand where `axis` says."""
    return Recipe(
        f"map of a map of a collective, {which}",
        setup_code=_code_between,
        axes=lambda axes: attrs.evolve(axes, in_axes=(0, axis)),
    )


BOTH_MAP = _of_place_and(0, "both of which map the operand")
INNER_MAPS = _of_place_and(None, "the inner of which alone maps the operand")
OUTER_MAPS = _of_place_and(0, "the outer of which alone maps the operand")


@law(
    "collectives.map-between",
    tier="derived",
    cases=function_calls(front, front, most=1),
    skip_if=_no_groups,
)
def map_between(transform: Transform, call: FunctionCall) -> None:
    """A collective under another map, without a name, is the collective for each of that map's examples."""
    size, (axis, both) = call.sizes[AXIS], between(call)
    own = attrs.evolve(call.axes[0], in_axes=(0 if both else None,))
    each = [
        attrs.evolve(call, seed=call.seed + (0 if axis is None else number)).batch_first(own)[0]
        for number in range(INNER_SIZE)
    ]
    operand = each[0] if axis is None else np.stack(each, axis if axis < 0 or not both else 1)
    given = (np.arange(size, dtype=np.float32), operand)
    inner = jax.vmap(call.subject.function, axis, axis_size=INNER_SIZE)
    recipe = (OUTER_MAPS if axis is None else BOTH_MAP) if both else INNER_MAPS
    mapped = transform_or_raise(transform.map, lambda place, a: inner(a), recipe.axes(call.axes[0]))
    (got,) = run_together([mapped], [given], transform.traceable and not call.eager)
    parts = [oracle.of_collective(call, part if both else np.stack([part] * size)) for part in each]
    expected = Expected(
        stack([part.value for part in parts], 1),
        stack([part.bound for part in parts], 1),
        with_batch_axis(parts[0].like, INNER_SIZE, 1),
    )
    with attribute_to(call, recipe, given, expected):
        assert_agrees(got, expected)
