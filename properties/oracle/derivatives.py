"""The oracle of derivatives: JAX's own derivative of the unmapped function, example by example."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from properties.call import Axes, FunctionCall
from properties.compare import Expected
from properties.oracle import estimated, unmapped
from properties.oracle.placement import example_sizes, placed
from reference.error_bounds.evaluate import Rounded, evaluator
from reference.error_bounds.roundoff import gamma
from reference.loop import per_example, take
from reference.types import PyTree

Derivative = Callable[[FunctionCall], Callable[..., PyTree]]
"""From a call to the derivative of its function. It depends on the shapes of one example alone."""


def of_derivative(call: FunctionCall, derivative: Derivative) -> Expected:
    """What a derivative must give at each example, for the call's only axes.

    Where the function does not round, that is JAX's own derivative, unmapped; signs of zeros are not
    compared, since sums choose them.

    Raises:
        UnsupportedPrimitive, BranchUndecidable: as in `of_function`.
    """
    (axes,) = call.axes
    results, like, judges = _each_example(
        call.subject_name,
        tuple(call.sizes.items()),
        call.dtype,
        call.seed,
        call.edge_values,
        axes.leading.in_axes,
        derivative,
    )
    estimated.record(*judges)
    return placed(results, like, call.sizes["batch"], axes)


def of_weighted(call: FunctionCall, gradient: Callable[..., PyTree], weights: PyTree) -> Expected:
    """What the gradient of a user's function must give at each example of the call's only axes.

    Args:
        call: Every argument is mapped in front.
        gradient: `gradient(weights, *arguments)` of one example's result, weighted.
        weights: Those of all results, the batch axis in front.
    """
    (axes,) = call.axes
    arguments = (weights, *call.batch_first(axes))
    example, own = take(arguments, 0, 0), call.subject.own
    like = jax.eval_shape(gradient, *example)
    with estimated.judges() as judges:
        one = estimated.best(gradient, *example, tolerance=own.tolerance if own else None)
        results = per_example(one, (0,) * len(arguments))(*arguments)
    estimated.record(*judges)
    return placed(results, like, call.sizes["batch"], axes)


@functools.lru_cache(maxsize=64)
def _each_example(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    dtype: str,
    seed: int,
    edge_values: bool,
    in_axes: tuple[int | None, ...],
    derivative: Derivative,
) -> tuple[Rounded, PyTree, frozenset[str]]:
    """The derivatives at all examples stacked in front, shape and dtype of one, and the oracles."""
    call = FunctionCall(subject_name, dict(sizes), (Axes(in_axes, 0),), dtype, seed, edge_values)
    one, like = _evaluator(subject_name, example_sizes(call), dtype, derivative)
    with estimated.judges() as judges:
        results = per_example(one, in_axes)(*call.batch_first(call.axes[0]))
    return results, like, frozenset(judges)


@functools.lru_cache(maxsize=64)
def _evaluator(
    subject_name: str, sizes: tuple[tuple[str, int], ...], dtype: str, derivative: Derivative
) -> tuple[Callable[..., Rounded], PyTree]:
    """The oracle of the derivative at one example, and the derivative's shapes."""
    call = FunctionCall(subject_name, {**dict(sizes), "batch": 1}, (), dtype)
    function, example, own = derivative(call), call.example(), call.subject.own
    like = jax.eval_shape(function, *example)
    if own is not None:
        return estimated.best(function, *example, tolerance=own.tolerance), like
    if not call.subject.exact:
        return evaluator(function, *example), like
    if " div " in str(jax.make_jaxpr(function)(*example)):
        return unmapped.among_ties(function), like
    return unmapped.exactly(function, unmapped.SMALLEST), like


def clear_caches() -> None:
    """Forget the traces of all derivatives."""
    _each_example.cache_clear()
    _evaluator.cache_clear()


def sum_error(values: Any) -> Any:
    """What rounding may do to a float32 sum over the first axis: gamma(n) times the magnitudes."""
    return gamma(len(values), "float32") * np.abs(values).sum(0)
