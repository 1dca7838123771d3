"""The oracle of functions: each example evaluated by itself, in float64 with a bound on rounding."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from properties.call import Axes, FunctionCall
from properties.compare import Expected
from properties.oracle import collectives, estimated, unmapped
from properties.oracle.placement import example_sizes, placed, with_batch_axis
from properties.subject import FunctionSubject
from properties.subjects import SUBJECTS
from reference.error_bounds.evaluate import Rounded, evaluator
from reference.loop import per_example
from reference.types import PyTree

NOT_EVALUATED = ("float64", "complex64", "complex128")
"""Dtypes that float64 is no measure for, or that the error analysis has no rules for."""


def of_function(call: FunctionCall) -> Expected:
    """What mapping the call's function over its examples must give, for the call's only axes.

    Raises:
        UnsupportedPrimitive: the error analysis has no rule for something in the function.
        BranchUndecidable: rounding decides which branch the function takes.
    """
    (axes,) = call.axes
    results, like, judges = _each_example(
        call.subject_name,
        tuple(call.sizes.items()),
        call.dtype,
        call.seed,
        call.edge_values,
        axes.leading.in_axes,
    )
    estimated.record(*judges)
    return placed(results, like, call.sizes["batch"], axes)


def from_first(call: FunctionCall) -> Expected:
    """What the subject's `from_first` gives of all examples, for the call's only axes."""
    (axes,) = call.axes
    assert call.subject.from_first is not None
    results = unmapped.exactly(call.subject.from_first)(*call.batch_first(axes))
    like = jax.eval_shape(call.subject.function, *call.example())
    return placed(results, like, call.sizes["batch"], axes)


def shape_of_function(call: FunctionCall) -> PyTree:
    """Shapes and dtypes of `of_function`, without computing any value."""
    (axes,) = call.axes
    one = jax.eval_shape(call.subject.function, *call.example())
    return with_batch_axis(one, call.sizes["batch"], axes.out_axes)


@functools.lru_cache(maxsize=64)
def _each_example(
    subject_name: str,
    sizes: tuple[tuple[str, int], ...],
    dtype: str,
    seed: int,
    edge_values: bool,
    in_axes: tuple[int | None, ...],
) -> tuple[Rounded, PyTree, frozenset[str]]:
    """The results of all examples stacked in front, shape and dtype of one, and the oracles.

    They do not depend on where the batch axes are, so that all combinations of axes share them.
    """
    call = FunctionCall(subject_name, dict(sizes), (Axes(in_axes, 0),), dtype, seed, edge_values)
    subject, size = call.subject, call.sizes["batch"]
    arguments = call.batch_first(call.axes[0])
    if subject.kind == "collective":
        with estimated.judges() as judges:
            results = collectives.answered(call)(*arguments)
        return results, collectives.shape_of_example(call), frozenset(judges)
    like = jax.eval_shape(subject.function, *call.example())
    if not size:
        empty = jax.tree_util.tree_map(lambda leaf: np.zeros((0, *leaf.shape), leaf.dtype), like)
        return Rounded(empty, empty), like, frozenset()
    with estimated.judges() as judges:
        results = per_example(one_example(call), in_axes, axis_size=size)(*arguments)
    return results, like, frozenset(judges)


def one_example(call: FunctionCall) -> Callable[..., Rounded]:
    """A function of one example's arguments that gives what is expected of it, and its bound."""
    if call.subject.answer is not None:
        return collectives.answered(call)
    if call.subject.own is not None:
        return _cached_evaluator(call.subject_name, example_sizes(call), call.dtype)
    if call.subject.exact:
        return _exactly(call.subject_name)
    if call.dtype in NOT_EVALUATED:
        return _nearly(call.subject_name)
    return _cached_evaluator(call.subject_name, example_sizes(call), call.dtype)


@functools.cache
def _exactly(subject_name: str) -> unmapped.Oracle:
    return unmapped.exactly(_function(subject_name))


@functools.cache
def _nearly(subject_name: str) -> unmapped.Oracle:
    return unmapped.nearly(_function(subject_name))


def _function(subject_name: str) -> Callable[..., PyTree]:
    subject = SUBJECTS[subject_name]
    assert isinstance(subject, FunctionSubject)
    return subject.function


@functools.cache
def _cached_evaluator(
    subject_name: str, sizes: tuple[tuple[str, int], ...], dtype: str
) -> Callable[..., Rounded]:
    # The shapes of one example do not depend on the batch, so one trace serves every batch size.
    call = FunctionCall(subject_name, {**dict(sizes), "batch": 1}, (), dtype)
    own = call.subject.own
    if own is not None:
        return estimated.best(call.subject.function, *call.example(), tolerance=own.tolerance)
    return evaluator(call.subject.function, *call.example())


def clear_caches() -> None:
    """Forget the traces of all functions."""
    for cached in (_each_example, _exactly, _nearly, _cached_evaluator):
        cached.cache_clear()
