"""axes.*: where the batch axis is changes nothing but where it is."""

import inspect
from functools import partial
from typing import Any

import attrs
import jax

from properties import oracle
from properties.applicability import single_argument, takes_specs
from properties.batch_axes import anywhere, from_the_end, front
from properties.call import Axes, FunctionCall, move_batch_axis
from properties.compare import Expected, assert_agrees, computed
from properties.joint_compile import map_together, run_together, transform_or_raise
from properties.law import attribute_to, law
from properties.recipe import MAP, Recipe
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform

MASKS = 2
"""Choices of mapped arguments in one call: for each, the map with every axis 0 is computed, too."""


def _check_with_leading(transform: Transform, call: FunctionCall) -> None:
    """Check that each combination gives what the transform gives with every batch axis 0."""
    leading = tuple(dict.fromkeys(axes.leading for axes in call.axes))
    results = dict(map_together(transform, attrs.evolve(call, axes=(*call.axes, *leading))))
    for axes in call.axes:
        expected = computed(
            results[axes.leading],
            oracle.of_function(call.only(axes.leading)),
            partial(move_batch_axis, axis=axes.out_axes),
        )
        # Where axis 0 raises there is nothing to compare with; mapping.equals-per-example checks it.
        if expected is not None:
            with attribute_to(call.only(axes), MAP):
                assert_agrees(results[axes], expected)


@law("axes.in-axes-permute", cases=function_calls(anywhere, front, unmapped="any", masks=MASKS))
def in_axes_permute(transform: Transform, call: FunctionCall) -> None:
    """Moving the batch axis of an input together with its `in_axes` does not change the result."""
    _check_with_leading(transform, call)


@law("axes.out-axes-permute", cases=function_calls(front, anywhere, unmapped="any", masks=MASKS))
def out_axes_permute(transform: Transform, call: FunctionCall) -> None:
    """`out_axes=k` gives the result of `out_axes=0` with the batch axis moved to k."""
    _check_with_leading(transform, call)


@law(
    "axes.negative-count-from-end",
    cases=function_calls(from_the_end, from_the_end, unmapped="any", masks=MASKS),
)
def negative_count_from_end(transform: Transform, call: FunctionCall) -> None:
    """A negative axis counts from the end of the batched array, in `in_axes` and in `out_axes`."""
    _check_with_leading(transform, call)


def of_a_tree(function: Any) -> Any:
    """The function, of one tree that contains its arguments; its result is a tree, too."""

    def function_of_a_tree(tree: Any) -> Any:
        result = function(tree["first"], *tree["rest"])
        return {"here": result, "there": [result, result]}

    return function_of_a_tree


def in_a_tree(arguments: Any) -> Any:
    """The argument of `of_a_tree`."""
    first, *rest = arguments
    return {"first": first, "rest": tuple(rest)}


def prefixes(axes: Axes) -> Axes:
    """The axes of `of_a_tree`: a prefix of its argument, and one of its result."""
    first, *rest = axes.in_axes
    # A prefix may stop above the leaves: one entry for all arguments below it.
    below: Any = rest[0] if rest and set(rest) == {rest[0]} else tuple(rest)
    in_axes: Any = ({"first": first, "rest": below},)
    out_axes: Any = {"here": axes.out_axes, "there": [0, axes.out_axes]}
    return attrs.evolve(axes, in_axes=in_axes, out_axes=out_axes)


IN_A_TREE = Recipe(
    "map of a function of a tree",
    setup_code=lambda call: f"{inspect.getsource(of_a_tree)}\n\nfunction = of_a_tree(function)",
    axes=prefixes,
)


def expected_in_a_tree(call: FunctionCall) -> Expected:
    """What the map of `of_a_tree` should give, for the call's only axes."""
    (axes,) = call.axes
    here, front = (
        oracle.of_function(call.only(attrs.evolve(axes, out_axes=axis)))
        for axis in (axes.out_axes, 0)
    )
    trees = ({"here": h, "there": [f, h]} for h, f in zip(here, front, strict=True))
    return Expected(*trees)


@law(
    "axes.pytree-prefix",
    tier="derived",
    cases=function_calls(unmapped="any", most=3),
    skip_if=takes_specs,
)
def pytree_prefix(transform: Transform, call: FunctionCall) -> None:
    """`in_axes` and `out_axes` may be pytree prefixes: one entry is for all leaves below it."""
    function = of_a_tree(call.subject.function)
    pieces = [transform_or_raise(transform.map, function, prefixes(axes)) for axes in call.axes]
    arguments = [(in_a_tree(call.arguments(axes)),) for axes in call.axes]
    results = run_together(pieces, arguments, transform.traceable and not call.eager)
    for axes, given, got in zip(call.axes, arguments, results, strict=True):
        expected = expected_in_a_tree(call.only(axes))
        with attribute_to(call.only(axes), IN_A_TREE, given, expected):
            assert_agrees(got, expected)


def beside_none(function: Any) -> Any:
    """The function, of one tuple of its arguments and any number of None."""

    def function_beside_none(arguments: Any, *none: None) -> Any:
        return function(*arguments)

    return function_beside_none


def _nothing(axes: Axes) -> tuple[None, ...]:
    """So many times None that the tuple of arguments has as many leaves as there are arguments."""
    return (None,) * (len(axes.in_axes) - 1)


def _of_the_tuple(axes: Axes) -> Axes:
    """The axes of `beside_none`: one for the whole tuple, and None for each None."""
    return attrs.evolve(axes, in_axes=(0, *_nothing(axes)))


BESIDE_NONE = Recipe(
    "map of a function of a tuple beside None",
    setup_code=lambda call: f"{inspect.getsource(beside_none)}\n\nfunction = beside_none(function)",
    axes=_of_the_tuple,
)


def _takes_no_arrays_alone(transform: Transform, subject: FunctionSubject) -> str | None:
    reason = takes_specs(transform, subject) or single_argument(transform, subject)
    if reason or len(jax.tree_util.tree_leaves(subject.arguments)) == len(subject.arguments):
        return reason
    return f"an argument of {subject.name} is a tree: it is of those whose arguments are arrays"


@law(
    "axes.none-beside-a-tree",
    tier="derived",
    cases=function_calls(front, anywhere, most=2),
    skip_if=_takes_no_arrays_alone,
)
def none_beside_a_tree(transform: Transform, call: FunctionCall) -> None:
    """One axis is for all leaves of its argument, also where there are as many arguments as leaves."""
    # The other arguments are None: arguments and leaves are then as many, and not one for one.
    function = beside_none(call.subject.function)
    pieces = [transform_or_raise(transform.map, function, _of_the_tuple(a)) for a in call.axes]
    arguments = [(call.arguments(axes), *_nothing(axes)) for axes in call.axes]
    results = run_together(pieces, arguments, transform.traceable and not call.eager)
    for axes, given, got in zip(call.axes, arguments, results, strict=True):
        with attribute_to(call.only(axes), BESIDE_NONE, given):
            assert_agrees(got, oracle.of_function(call.only(axes)))
