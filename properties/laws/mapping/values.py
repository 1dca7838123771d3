"""The values of a map: the function applied to each example."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import chex
import jax
import numpy as np

from properties import oracle
from properties.applicability import single_argument
from properties.assertions import is_chex
from properties.call import Axes, FunctionCall, move_batch_axis
from properties.compare import (
    Expected,
    Mismatch,
    assert_agrees,
    assert_same_structure,
    computed,
    exactly,
)
from properties.joint_compile import map_together, run_together
from properties.law import attribute_to, law
from properties.recipe import MAP, Recipe
from properties.smaller import smaller_sizes
from properties.strategies import (
    function_calls,
    with_explicit_axis_size,
    with_other_batches,
)
from properties.transform import Transform
from properties.trees import Raised, attempt
from reference.types import Array, PyTree

JIT_OF_MAP = Recipe("jit of the map", result_code=lambda call: "got = jax.jit(mapped)(*arguments)")
MAP_OF_JIT = Recipe("map of the jit", setup_code=lambda call: "function = jax.jit(function)")
AHEAD_OF_TIME = Recipe(
    "map compiled ahead of time",
    result_code=lambda call: "got = jax.jit(mapped).lower(*arguments).compile()(*arguments)",
)
_COUNTING = """
traces = 0


def counted(*given):
    global traces
    traces += 1
    return mapped(*given)


compiled = jax.jit(counted)
compiled(*arguments)
compiled(*arguments)
got = np.array(traces)
"""
TRACES = Recipe("number of traces of two calls", result_code=lambda call: _COUNTING)
JOINED = (4,)
"""The size of a batch that is split in two: few enough examples for as many devices."""


@law(
    "mapping.equals-per-example",
    tier="essential",
    cases=with_other_batches(function_calls(unmapped="any")),
    kinds=("function", "rule"),
    # Most faults show in this law, too, and a report shows each by its smallest call.
    smaller=smaller_sizes,
)
def equals_per_example(transform: Transform, call: FunctionCall) -> None:
    """Mapping a function gives the results of applying it to each example, stacked."""
    for axes, got in map_together(transform, call):
        single = call.only(axes)
        with attribute_to(single, MAP):
            assert_agrees(got, oracle.of_function(single))


@law(
    "mapping.broadcasts-unmapped",
    cases=with_explicit_axis_size(with_other_batches(function_calls(unmapped="some"))),
    skip_if=single_argument,
)
def broadcasts_unmapped(transform: Transform, call: FunctionCall) -> None:
    """An argument with axis None is the same for every example, also where none is mapped."""
    equals_per_example.check(transform, call)


@law(
    "mapping.permutation-equivariant", tier="derived", cases=function_calls(unmapped="any", most=3)
)
def permutation_equivariant(transform: Transform, call: FunctionCall) -> None:
    """Permuting the examples permutes the results."""
    order = np.random.RandomState(call.seed).permutation(call.sizes["batch"])
    _check_selections(transform, call, [order])


@law(
    "mapping.concatenates",
    tier="derived",
    cases=function_calls(unmapped="any", most=3, batches=JOINED),
)
def concatenates(transform: Transform, call: FunctionCall) -> None:
    """Mapping over two batches joined gives the results of the two, joined."""
    _check_selections(transform, call, np.split(np.arange(call.sizes["batch"]), [1]))


def _check_selections(transform: Transform, call: FunctionCall, selections: list[Array]) -> None:
    """Check that the map of each selection of the examples gives what the map of all gives them."""
    every = np.arange(call.sizes["batch"])
    for axes, arguments, results in _map_selections(transform, call, [every, *selections]):
        single, (whole, *parts) = call.only(axes), results
        expected = oracle.of_function(single)
        if not isinstance(whole, Raised):
            with attribute_to(single, MAP, arguments[0], expected):
                assert_same_structure(whole, expected.like)
        for given, selection, got in zip(arguments[1:], selections, parts, strict=True):
            select = partial(selected, selection=selection, axis=axes.out_axes)
            expected_part = computed(whole, expected, select)
            if expected_part is None:
                continue
            try:
                assert_agrees(got, expected_part)
            except Mismatch as found:
                # One of the two is wrong: say which.
                with attribute_to(single, MAP, arguments[0], expected):
                    assert_agrees(whole, expected)
                with attribute_to(single, MAP, given, Expected(*map(select, expected))):
                    raise found from None


def selected(tree: PyTree, selection: Array, axis: int) -> PyTree:
    """The selected examples of a result whose batch axis is `axis`."""

    def take(leaf: Array) -> Array:
        if isinstance(leaf, jax.ShapeDtypeStruct):
            shape = np.take(np.empty(leaf.shape, np.bool_), selection, axis).shape
            return jax.ShapeDtypeStruct(shape, leaf.dtype)
        return np.take(leaf, selection, axis)

    return jax.tree_util.tree_map(take, tree)


def _map_selections(
    transform: Transform, call: FunctionCall, selections: Sequence[Array]
) -> Iterator[tuple[Axes, list[PyTree], list[PyTree]]]:
    """For each combination of axes: the arguments and the results of each selection of examples."""
    arguments = [[select_arguments(call, axes, s) for s in selections] for axes in call.axes]
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


def select_arguments(call: FunctionCall, axes: Axes, selection: Array) -> PyTree:
    """The call's arguments, with the selected examples only."""
    return tuple(
        argument
        if axis is None
        else move_batch_axis(jax.tree_util.tree_map(lambda leaf: leaf[selection], argument), axis)
        for argument, axis in zip(call.batch_first(axes), axes.in_axes, strict=True)
    )


@law("mapping.jit-agrees", tier="derived", cases=function_calls(unmapped="any", most=1))
def jit_agrees(transform: Transform, call: FunctionCall) -> None:
    """`jit` of the map, the map of `jit` and the map compiled ahead of time give what the map gives."""
    (axes,) = call.axes
    arguments = jax.tree_util.tree_map(jax.numpy.asarray, call.arguments(axes))
    mapped = transform.map(call.subject.function, axes)
    functions = {
        JIT_OF_MAP: jax.jit(_traced_once(mapped)),
        MAP_OF_JIT: transform.map(jax.jit(call.subject.function), axes),
        AHEAD_OF_TIME: lambda *given: jax.jit(mapped).lower(*given).compile()(*given),
    }
    expected = oracle.of_function(call)
    for recipe, function in functions.items():
        got = attempt(function, *arguments)
        with attribute_to(call, recipe):
            assert_agrees(got, expected)
        # A second call finds the compiled program: it must be this function's, of these axes.
        again = attempt(function, *arguments)
        if isinstance(again, Raised) and is_chex(again.error):
            with attribute_to(call, TRACES, expected=exactly(np.array(1))):
                message = "a second call of the same shapes was traced and compiled again"
                raise Mismatch("value", message, np.array(1), np.array(2))
        with attribute_to(call, recipe.called_twice()):
            assert_agrees(again, expected)


def _traced_once(mapped: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """The map, which raises when it is traced again: a second call must find the compiled program."""
    # Chex counts traces by where a function is made, and this place makes one for every call.
    chex.clear_trace_counter()

    def traced(*arguments: PyTree) -> PyTree:
        return mapped(*arguments)

    at_most_once: Callable[..., PyTree] = chex.assert_max_traces(traced, n=1)
    return at_most_once
