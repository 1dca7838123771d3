"""A mapped function is the function applied to each example."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from properties import expected
from properties.calls import Axes, FunctionCall, moved
from properties.compare import Expected, assert_agrees, computed
from properties.law import blame, law
from properties.strategies import function_calls, single_argument
from properties.together import map_together, run_together
from properties.transform import Transform
from properties.trees import Raised, attempt
from properties.way import MAP, Way

JIT_OF_MAP = Way("jit of the map", after=lambda call: "got = jax.jit(mapped)(*arguments)")
MAP_OF_JIT = Way("map of the jit", before=lambda call: "function = jax.jit(function)")
AHEAD_OF_TIME = Way(
    "map compiled ahead of time",
    after=lambda call: "got = jax.jit(mapped).lower(*arguments).compile()(*arguments)",
)
JOINED = (4,)
"""How many examples a batch that is taken apart has: few enough for as many devices."""


@law("mapping.equals-per-example", cases=function_calls(unmapped="any"), kinds=("function", "rule"))
def mapping_equals_the_loop(transform: Transform, call: FunctionCall) -> None:
    """Mapping a function gives what applying it to each example and stacking gives."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        with blame(single, MAP):
            assert_agrees(got, expected.of_function(single))


@law(
    "mapping.broadcasts-unmapped",
    cases=function_calls(unmapped="some"),
    unless=single_argument,
)
def unmapped_arguments_are_the_same_for_all(transform: Transform, call: FunctionCall) -> None:
    """An argument with axis None is the same for every example."""
    mapping_equals_the_loop(transform, call)


@law("mapping.permutation-equivariant", cases=function_calls(unmapped="any", most=3))
def permuting_examples_permutes_results(transform: Transform, call: FunctionCall) -> None:
    """Permuting the examples permutes the results."""
    every = np.arange(call.sizes["batch"])
    order = np.random.RandomState(call.seed).permutation(every)
    for axes, arguments, (whole, permuted) in _of_examples(transform, call, every, order):
        right = _reordered(call, axes, whole, order)
        if right is not None:
            with blame(call.only(axes), MAP, arguments[1], right):
                assert_agrees(permuted, right)


@law("mapping.concatenates", cases=function_calls(unmapped="any", most=3, batches=JOINED))
def maps_of_parts_join_to_the_map(transform: Transform, call: FunctionCall) -> None:
    """Mapping over two batches joined gives the two results joined."""
    every = np.arange(call.sizes["batch"])
    parts = np.split(every, [1])
    for axes, arguments, (whole, *apart) in _of_examples(transform, call, every, *parts):
        for given, part, got in zip(arguments[1:], parts, apart, strict=True):
            right = _reordered(call, axes, whole, part)
            if right is not None:
                with blame(call.only(axes), MAP, given, right):
                    assert_agrees(got, right)


def _of_examples(
    transform: Transform, call: FunctionCall, *selections: Any
) -> Iterator[tuple[Axes, list[Any], list[Any]]]:
    """The map of some examples by number, for each of the selections: arguments and results."""
    arguments = [_selected(call, axes, selection) for axes in call.axes for selection in selections]
    pieces = [transform.map(call.subject.function, axes) for axes in call.axes for _ in selections]
    results = run_together(pieces, arguments, transform.traceable and not call.eager)
    for i, axes in enumerate(call.axes):
        here = slice(i * len(selections), (i + 1) * len(selections))
        yield axes, arguments[here], results[here]


def _selected(call: FunctionCall, axes: Axes, selection: Any) -> Any:
    """The call's arguments, of all their examples those in the selection."""
    return tuple(
        argument
        if axis is None
        else moved(jax.tree_util.tree_map(lambda leaf: leaf[selection], argument), axis)
        for argument, axis in zip(call.stacked(axes), axes.in_axes, strict=True)
    )


def _reordered(call: FunctionCall, axes: Axes, whole: Any, selection: Any) -> Expected | None:
    """A result that was computed, of its examples those in the selection."""
    return computed(
        whole,
        expected.of_function(call.only(axes)),
        lambda tree: jax.tree_util.tree_map(
            lambda leaf: np.take(leaf, selection, axes.out_axes), tree
        ),
    )


@law("mapping.jit-agrees", cases=function_calls(unmapped="any", most=1))
def compiling_changes_nothing(transform: Transform, call: FunctionCall) -> None:
    """`jit` of the map, the map of `jit`, and the map compiled ahead of time all give the map."""
    (axes,) = call.axes
    arguments = jax.tree_util.tree_map(jax.numpy.asarray, call.arguments(axes))
    mapped = transform.map(call.subject.function, axes)
    ways = {
        JIT_OF_MAP: jax.jit(mapped),
        MAP_OF_JIT: transform.map(jax.jit(call.subject.function), axes),
        AHEAD_OF_TIME: lambda *given: jax.jit(mapped).lower(*given).compile()(*given),
    }
    right = expected.of_function(call)
    for way, function in ways.items():
        got = attempt(function, *arguments)
        with blame(call, way):
            assert_agrees(got, right)
            # A second call finds the compiled program: it must be this function's, of these axes.
            if not isinstance(got, Raised):
                assert_agrees(attempt(function, *arguments), right)
