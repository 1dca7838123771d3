"""Derivatives of maps are maps of derivatives."""

from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from properties import expected
from properties.calls import Axes, FunctionCall, moved
from properties.compare import Expected, assert_agrees
from properties.law import blame, law
from properties.strategies import function_calls, single_argument, some_call
from properties.subject import FunctionSubject
from properties.together import run_together
from properties.transform import Transform
from properties.trees import literal
from properties.values import draw
from properties.way import Way

WEIGHTS = 1_000_003
"""The seed of what the outputs are weighted with, so that no two of them have the same gradient."""


def _replicated(transform: Transform, subject: FunctionSubject) -> str | None:
    if transform.name != "jax.shard_map" or len(subject.arguments) < 2:
        return None
    return (
        "within shard_map the gradient by what all devices share is summed over the devices: "
        "https://docs.jax.dev/en/latest/301/sharding-ad.html"
    )


def _no_derivative(transform: Transform, subject: FunctionSubject) -> str | None:
    if subject.exact:
        return f"{subject.name} only moves and compares: its gradient has no rounding rule"
    arrays = jax.tree_util.tree_leaves(subject.arguments)
    if "float32" not in subject.dtypes or any(a.below is not None or a.dtype for a in arrays):
        return f"{subject.name} takes integers, by which there is no gradient"
    result = jax.eval_shape(subject.function, *some_call(subject).example())
    if not isinstance(result, jax.ShapeDtypeStruct) or result.dtype != jnp.float32:
        return f"{subject.name} gives other than one array of floats"
    return None


def _float_calls(unmapped: str) -> Any:
    cases = function_calls(unmapped=unmapped, most=3)

    def floats(transform: Transform, subject: FunctionSubject, profile: Any) -> Any:
        return cases(transform, attrs.evolve(subject, dtypes=("float32",)), profile)

    return floats


def weights_of(call: FunctionCall) -> Any:
    """What one example's result is weighted with."""
    shape = jax.eval_shape(call.subject.function, *call.example()).shape
    return draw(WEIGHTS, shape, "float32")


def gradient_of(call: FunctionCall) -> Any:
    """The gradient, by every argument, of one example's weighted result."""
    weights = weights_of(call)

    def weighted(*example: Any) -> Any:
        return jnp.sum(call.subject.function(*example) * weights)

    return jax.grad(weighted, argnums=tuple(range(len(call.subject.arguments))))


def of_each(call: FunctionCall) -> Expected:
    """The right gradients of a call's only axes, one for each example, stacked in front."""
    return expected.of_gradient(call, gradient_of(call))


def spread(call: FunctionCall) -> Any:
    """The weights for every example, the batch axis where the call's only axes put it."""
    return moved(np.stack([weights_of(call)] * call.sizes["batch"]), call.axes[0].out_axes)


def of_the_sum(call: FunctionCall) -> Expected:
    """The right gradients of the weighted sum over all examples, by each of the arguments."""
    return summed(of_each(call), call.axes[0].in_axes)


def _differentiated(call: FunctionCall) -> str:
    return f"""
forward, weights, every = function, {literal(weights_of(call))}, tuple(range(len(arguments)))
function = jax.grad(lambda *x: jnp.sum(forward(*x) * weights), every)"""


def _summed(call: FunctionCall) -> str:
    return f"""
weights, every = {literal(spread(call))}, tuple(range(len(arguments)))
got = jax.grad(lambda *x: jnp.sum(mapped(*x) * weights), every)(*arguments)"""


def _in_front(axes: Axes) -> Axes:
    return attrs.evolve(axes, out_axes=0)


MAP_OF_GRADIENT = Way("map of the gradient", before=_differentiated, axes=_in_front)
GRADIENT_OF_MAP = Way("gradient of the map", after=_summed)


@law(
    "gradients.per-example",
    cases=_float_calls("any"),
    unless=lambda transform, subject: (
        _no_derivative(transform, subject) or _replicated(transform, subject)
    ),
)
def mapped_gradient_is_the_gradient_of_each(transform: Transform, call: FunctionCall) -> None:
    """Mapping a gradient gives the gradient at each example."""
    gradient = gradient_of(call)
    pieces = [transform.map(gradient, attrs.evolve(axes, out_axes=0)) for axes in call.axes]
    _hold(transform, call, pieces, of_each, MAP_OF_GRADIENT)


@law(
    "gradients.shared-sum",
    cases=_float_calls("some"),
    unless=lambda transform, subject: (
        _no_derivative(transform, subject) or single_argument(transform, subject)
    ),
)
def shared_gradient_is_the_sum(transform: Transform, call: FunctionCall) -> None:
    """The gradient of a mapped sum by a shared argument is the sum of the per-example gradients."""
    pieces = []
    for axes in call.axes:
        mapped = transform.map(call.subject.function, axes)
        pieces.append(_of_the_sum(mapped, spread(call.only(axes)), len(axes.in_axes)))
    _hold(transform, call, pieces, of_the_sum, GRADIENT_OF_MAP)


def _hold(transform: Transform, call: FunctionCall, pieces: Any, of: Any, way: Way) -> None:
    arguments = [call.arguments(axes) for axes in call.axes]
    joined = transform.traceable and not call.eager
    for axes, got in zip(call.axes, run_together(pieces, arguments, joined), strict=True):
        right = of(call.only(axes))
        with blame(call.only(axes), way, right=right):
            assert_agrees(got, right)


def _of_the_sum(mapped: Any, weights: Any, count: int) -> Any:
    def total(*arguments: Any) -> Any:
        return jnp.sum(mapped(*arguments) * weights)

    return jax.grad(total, argnums=tuple(range(count)))


def summed(each: Expected, in_axes: Any) -> Expected:
    """Per-example gradients: summed over the examples where shared, batch axis in place where not."""

    def place(axis: int | None, value: Any, bound: Any, like: Any) -> tuple[Any, Any, Any]:
        if axis is not None:
            shape = jax.ShapeDtypeStruct(np.moveaxis(value, 0, axis).shape, like.dtype)
            return moved(value, axis), moved(bound, axis), shape
        more = expected.sum_error(value)
        shape = jax.ShapeDtypeStruct(like.shape[1:], like.dtype)
        return value.sum(0), bound.sum(0) + more, shape

    placed = []
    for axis, *trees in zip(in_axes, each.value, each.bound, each.like, strict=True):
        leaves, structure = zip(*map(jax.tree_util.tree_flatten, trees), strict=True)
        triples = [place(axis, *leaf) for leaf in zip(*leaves, strict=True)]
        placed.append([structure[0].unflatten(part) for part in zip(*triples, strict=True)])
    return Expected(*(tuple(part) for part in zip(*placed, strict=True)))
