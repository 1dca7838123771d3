"""A mapped function is the function applied to each example."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from properties import oracle
from properties.applicability import single_argument
from properties.call import Axes, FunctionCall, move_batch_axis
from properties.compare import (
    Expected,
    Mismatch,
    assert_agrees,
    assert_same_structure,
    computed,
)
from properties.joint_compile import map_together, run_together
from properties.law import attribute_to, law
from properties.recipe import MAP, Recipe
from properties.strategies import function_calls, with_explicit_axis_size
from properties.transform import Transform
from properties.trees import Raised, attempt

JIT_OF_MAP = Recipe("jit of the map", result_code=lambda call: "got = jax.jit(mapped)(*arguments)")
MAP_OF_JIT = Recipe("map of the jit", setup_code=lambda call: "function = jax.jit(function)")
AHEAD_OF_TIME = Recipe(
    "map compiled ahead of time",
    result_code=lambda call: "got = jax.jit(mapped).lower(*arguments).compile()(*arguments)",
)
JOINED = (4,)
"""How many examples a batch that is taken apart has: few enough for as many devices."""


@law(
    "mapping.equals-per-example",
    tier="essential",
    cases=function_calls(unmapped="any"),
    kinds=("function", "rule"),
)
def mapping_equals_the_loop(transform: Transform, call: FunctionCall) -> None:
    """Mapping a function gives what applying it to each example and stacking gives."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        with attribute_to(single, MAP):
            assert_agrees(got, oracle.of_function(single))


@law(
    "mapping.broadcasts-unmapped",
    cases=with_explicit_axis_size(function_calls(unmapped="some")),
    skip_if=single_argument,
)
def unmapped_arguments_are_the_same_for_all(transform: Transform, call: FunctionCall) -> None:
    """An argument with axis None is the same for every example, even where all are, told `axis_size`."""
    mapping_equals_the_loop(transform, call)


@law(
    "mapping.permutation-equivariant", tier="derived", cases=function_calls(unmapped="any", most=3)
)
def permuting_examples_permutes_results(transform: Transform, call: FunctionCall) -> None:
    """Permuting the examples permutes the results."""
    order = np.random.RandomState(call.seed).permutation(call.sizes["batch"])
    _selections_agree(transform, call, [order])


@law(
    "mapping.concatenates",
    tier="derived",
    cases=function_calls(unmapped="any", most=3, batches=JOINED),
)
def maps_of_parts_join_to_the_map(transform: Transform, call: FunctionCall) -> None:
    """Mapping over two batches joined gives the two results joined."""
    _selections_agree(transform, call, np.split(np.arange(call.sizes["batch"]), [1]))


def _selections_agree(transform: Transform, call: FunctionCall, selections: list[Any]) -> None:
    """Hold the map of some examples, for each of the selections, to what the map of all gave them."""
    every = np.arange(call.sizes["batch"])
    for axes, arguments, results in _of_examples(transform, call, every, *selections):
        single, (whole, *apart) = call.only(axes), results
        right = oracle.of_function(single)
        if not isinstance(whole, Raised):
            with attribute_to(single, MAP, arguments[0], right):
                assert_same_structure(whole, right.like)
        for given, selection, got in zip(arguments[1:], selections, apart, strict=True):
            taken = partial(_taken, selection=selection, axis=axes.out_axes)
            due = computed(whole, right, taken)
            if due is None:
                continue
            try:
                assert_agrees(got, due)
            except Mismatch as found:
                # One of the two is wrong: say which.
                with attribute_to(single, MAP, arguments[0], right):
                    assert_agrees(whole, right)
                with attribute_to(single, MAP, given, Expected(*map(taken, right))):
                    raise found from None


def _taken(tree: Any, selection: Any, axis: int) -> Any:
    def leaf_taken(leaf: Any) -> Any:
        if isinstance(leaf, jax.ShapeDtypeStruct):
            shape = np.take(np.empty(leaf.shape, np.bool_), selection, axis).shape
            return jax.ShapeDtypeStruct(shape, leaf.dtype)
        return np.take(leaf, selection, axis)

    return jax.tree_util.tree_map(leaf_taken, tree)


def _of_examples(
    transform: Transform, call: FunctionCall, *selections: Any
) -> Iterator[tuple[Axes, list[Any], list[Any]]]:
    """The map of some examples by number, for each of the selections: arguments and results."""
    arguments = [[_selected(call, axes, s) for s in selections] for axes in call.axes]
    mapped = [transform.map(call.subject.function, axes) for axes in call.axes]
    joined = transform.traceable and not call.eager
    if transform.max_batch_size() is None:
        pieces = [each for each in mapped for _ in selections]
        together = run_together(pieces, [a for own in arguments for a in own], joined)
        results = [together[i :: len(selections)] for i in range(len(selections))]
    else:
        # One compilation has one number of devices.
        results = [
            run_together(mapped, [own[i] for own in arguments], joined)
            for i in range(len(selections))
        ]
    yield from zip(call.axes, arguments, map(list, zip(*results, strict=True)), strict=True)


def _selected(call: FunctionCall, axes: Axes, selection: Any) -> Any:
    """The call's arguments, of all their examples those in the selection."""
    return tuple(
        argument
        if axis is None
        else move_batch_axis(jax.tree_util.tree_map(lambda leaf: leaf[selection], argument), axis)
        for argument, axis in zip(call.batch_first(axes), axes.in_axes, strict=True)
    )


@law("mapping.jit-agrees", tier="derived", cases=function_calls(unmapped="any", most=1))
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
    right = oracle.of_function(call)
    for way, function in ways.items():
        got = attempt(function, *arguments)
        with attribute_to(call, way):
            assert_agrees(got, right)
            # A second call finds the compiled program: it must be this function's, of these axes.
            if not isinstance(got, Raised):
                assert_agrees(attempt(function, *arguments), right)
