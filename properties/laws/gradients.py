"""Derivatives of maps are maps of derivatives."""

import functools
import inspect
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties import oracle
from properties.applicability import single_argument
from properties.call import Axes, FunctionCall, move_batch_axis
from properties.compare import Expected, assert_agrees
from properties.joint_compile import run_together
from properties.law import attribute_to, law
from properties.recipe import Recipe
from properties.sizes import some_call
from properties.strategies import function_calls
from properties.subject import FunctionSubject
from properties.transform import Transform
from properties.trees import Raised, literal
from properties.values import draw

WEIGHTS = 1_000_003
"""The seed of what the outputs are weighted with, so that no two of them have the same gradient."""


def _replicated(transform: Transform, subject: FunctionSubject) -> str | None:
    if transform.name != "jax.shard_map" or len(subject.arguments) < 2:
        return None
    return (
        "within shard_map the gradient by what all devices share is summed over the devices: "
        "https://docs.jax.dev/en/latest/301/sharding-ad.html"
    )


def _no_gradient(transform: Transform, subject: FunctionSubject) -> str | None:
    return _undifferentiable(subject, gradient_of)


def _no_forward_mode(transform: Transform, subject: FunctionSubject) -> str | None:
    return _undifferentiable(subject, forward_of)


@functools.cache
def _undifferentiable(subject: FunctionSubject, derivative: Any) -> str | None:
    if subject.answer is not None:
        return f"{subject.name} is told its right answers, which say nothing of derivatives"
    if "float32" not in subject.dtypes or not by(subject):
        return f"{subject.name} takes integers, by which there is no derivative"
    call = some_call(attrs.evolve(subject, dtypes=("float32",)))
    if all(weights is None for weights in weights_of(call)):
        return f"{subject.name} gives no floats"
    try:
        # Of forward mode through custom_vjp, tracing says nothing.
        jax.jit(derivative(call)).lower(*call.example())
    except Exception as refused:
        return f"JAX does not differentiate {subject.name} unmapped: {Raised(refused)!r}"
    return None


def by(subject: FunctionSubject) -> tuple[int, ...]:
    """The places of the arguments by which there is a gradient: those that hold floats only."""
    leaves = [jax.tree_util.tree_leaves(tree) for tree in subject.arguments]
    return tuple(
        i
        for i, arrays in enumerate(leaves)
        if all(array.below is None and array.dtype in (None, "float32") for array in arrays)
    )


def _float_calls(unmapped: str) -> Any:
    def floats(transform: Transform, subject: FunctionSubject, profile: Any) -> Any:
        # A gradient is many primitives, most of which the catalogue has more combinations of.
        most = 1 if subject.kind == "rule" else 3
        cases = function_calls(unmapped=unmapped, most=most)
        return cases(transform, attrs.evolve(subject, dtypes=("float32",)), profile)

    return floats


def weights_of(call: FunctionCall) -> list[Any]:
    """What each leaf of one example's result is weighted with: None for what is not float32.

    Where the function does not round, nor does the weighted sum: the weights are small integers.
    """
    kind = "whole" if call.subject.exact else "normal"
    shapes = jax.tree_util.tree_leaves(jax.eval_shape(call.subject.function, *call.example()))
    return [
        draw(WEIGHTS + i, leaf.shape, "float32", kind=kind) if leaf.dtype == jnp.float32 else None
        for i, leaf in enumerate(shapes)
    ]


def total(result: Any, weights: list[Any]) -> Any:
    """The weighted sum of a result."""
    leaves = zip(jax.tree_util.tree_leaves(result), weights, strict=True)
    return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)


def gradient_of(call: FunctionCall) -> Any:
    """The gradient, by every argument of floats, of one example's weighted result."""
    function, weights = call.subject.function, weights_of(call)
    return jax.grad(lambda *x: total(function(*x), weights), argnums=by(call.subject))


def along_itself(function: Any, places: tuple[int, ...]) -> Any:
    """The derivatives in forward mode of a function's floats by its arguments at ``places``, along
    these arguments themselves: no two examples have the same direction."""

    def forward(*arguments: Any) -> list[Any]:
        def of_floats(*floats: Any) -> Any:
            given = dict(zip(places, floats, strict=True))
            return function(*(given.get(i, argument) for i, argument in enumerate(arguments)))

        floats = tuple(arguments[place] for place in places)
        tangents = jax.tree_util.tree_leaves(jax.jvp(of_floats, floats, floats)[1])
        return [leaf for leaf in tangents if leaf.dtype != jax.dtypes.float0]

    return forward


def forward_of(call: FunctionCall) -> Any:
    """The derivatives in forward mode of one example's result."""
    return along_itself(call.subject.function, by(call.subject))


def of_each(call: FunctionCall) -> Expected:
    """The right gradients of a call's only axes, one for each example, stacked in front."""
    return oracle.of_derivative(call.only(_in_front(call.axes[0])), gradient_of(call))


def forward_of_each(call: FunctionCall) -> Expected:
    """The right derivatives in forward mode, for the call's only axes."""
    return oracle.of_derivative(call, forward_of(call))


def spread(call: FunctionCall) -> list[Any]:
    """The weights for every example, the batch axis where the call's only axes put it."""
    return [
        weights
        if weights is None
        else move_batch_axis(np.stack([weights] * call.sizes["batch"]), call.axes[0].out_axes)
        for weights in weights_of(call)
    ]


def of_the_sum(call: FunctionCall) -> Expected:
    """The right gradients of the weighted sum over all examples, by each of the arguments."""
    axes = call.axes[0].in_axes
    return summed(of_each(call), [axes[place] for place in by(call.subject)])


_TOTAL = """
def total(result):
    leaves = zip(jax.tree_util.tree_leaves(result), weights)
    return sum(jnp.sum(leaf * weight) for leaf, weight in leaves if weight is not None)

"""


def _differentiated(call: FunctionCall) -> str:
    return f"""
forward, weights = function, {literal(weights_of(call))}
{_TOTAL}
function = jax.grad(lambda *x: total(forward(*x)), {by(call.subject)})"""


def _summed(call: FunctionCall) -> str:
    return f"""
weights = {literal(spread(call))}
{_TOTAL}
got = jax.grad(lambda *x: total(mapped(*x)), {by(call.subject)})(*arguments)"""


def _forward(call: FunctionCall) -> str:
    return f"{inspect.getsource(along_itself)}\n\nfunction = along_itself(function, {by(call.subject)})"


def _forward_of_map(call: FunctionCall) -> str:
    return f"{inspect.getsource(along_itself)}\n\ngot = along_itself(mapped, {by(call.subject)})(*arguments)"


def _in_front(axes: Axes) -> Axes:
    return attrs.evolve(axes, out_axes=0)


MAP_OF_GRADIENT = Recipe("map of the gradient", setup_code=_differentiated, axes=_in_front)
GRADIENT_OF_MAP = Recipe("gradient of the map", result_code=_summed)
MAP_OF_FORWARD = Recipe("map of the derivative in forward mode", setup_code=_forward)
FORWARD_OF_MAP = Recipe("derivative in forward mode of the map", result_code=_forward_of_map)


@law(
    "gradients.per-example",
    cases=_float_calls("any"),
    kinds=("function", "rule"),
    skip_if=lambda transform, subject: (
        _no_gradient(transform, subject) or _replicated(transform, subject)
    ),
)
def mapped_gradient_is_the_gradient_of_each(transform: Transform, call: FunctionCall) -> None:
    """Mapping a gradient gives the gradient at each example."""
    gradient = gradient_of(call)
    pieces = [transform.map(gradient, _in_front(axes)) for axes in call.axes]
    _hold(transform, call, of_each, {MAP_OF_GRADIENT: pieces})


@law(
    "gradients.shared-sum",
    tier="derived",
    cases=_float_calls("some"),
    skip_if=lambda transform, subject: (
        _no_gradient(transform, subject) or single_argument(transform, subject)
    ),
)
def shared_gradient_is_the_sum(transform: Transform, call: FunctionCall) -> None:
    """The gradient of a mapped sum by a shared argument is the sum of the per-example gradients."""
    pieces = []
    for axes in call.axes:
        mapped = transform.map(call.subject.function, axes)
        pieces.append(_of_the_sum(mapped, spread(call.only(axes)), by(call.subject)))
    _hold(transform, call, of_the_sum, {GRADIENT_OF_MAP: pieces})


@law(
    "gradients.forward",
    cases=_float_calls("any"),
    kinds=("function", "rule"),
    skip_if=_no_forward_mode,
    tier="derived",
)
def forward_derivatives_commute_with_maps(transform: Transform, call: FunctionCall) -> None:
    """In forward mode the map of the derivative and the derivative of the map are each example's."""
    function, places = call.subject.function, by(call.subject)
    inside = [transform.map(along_itself(function, places), axes) for axes in call.axes]
    outside = [along_itself(transform.map(function, axes), places) for axes in call.axes]
    _hold(transform, call, forward_of_each, {MAP_OF_FORWARD: inside, FORWARD_OF_MAP: outside})


def _hold(transform: Transform, call: FunctionCall, of: Any, pieces: dict[Recipe, Any]) -> None:
    arguments = [call.arguments(axes) for axes in call.axes]
    right = [of(call.only(axes)) for axes in call.axes]
    joined = transform.traceable and not call.eager
    every = [piece for each in pieces.values() for piece in each]
    results = run_together(every, arguments * len(pieces), joined)
    due = [(way, *one) for way in pieces for one in zip(call.axes, right, strict=True)]
    for (way, axes, answer), got in zip(due, results, strict=True):
        with attribute_to(call.only(axes), way, right=answer):
            assert_agrees(got, answer)


def _of_the_sum(mapped: Any, weights: list[Any], places: tuple[int, ...]) -> Any:
    return jax.grad(lambda *arguments: total(mapped(*arguments), weights), argnums=places)


def summed(each: Expected, in_axes: Any) -> Expected:
    """Per-example gradients: summed over the examples where shared, batch axis in place where not."""

    def place(axis: int | None, value: Any, bound: Any, like: Any) -> tuple[Any, Any, Any]:
        if axis is not None:
            shape = jax.ShapeDtypeStruct(np.moveaxis(value, 0, axis).shape, like.dtype)
            return move_batch_axis(value, axis), move_batch_axis(bound, axis), shape
        more = oracle.sum_error(value)
        shape = jax.ShapeDtypeStruct(like.shape[1:], like.dtype)
        return value.sum(0), bound.sum(0) + more, shape

    placed = []
    for axis, *trees in zip(in_axes, each.value, each.bound, each.like, strict=True):
        leaves, structure = zip(*map(jax.tree_util.tree_flatten, trees), strict=True)
        triples = [place(axis, *leaf) for leaf in zip(*leaves, strict=True)]
        placed.append([structure[0].unflatten(part) for part in zip(*triples, strict=True)])
    return Expected(*(tuple(part) for part in zip(*placed, strict=True)))
