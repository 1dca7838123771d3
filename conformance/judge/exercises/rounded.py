"""Expected answers with an error bound, for references that draw parameters and then round.

The bounds hold for every legal way to compile: optimised or not, eager or jitted, fused or not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from reference.error_bounds import evaluate as rounding
from reference.error_bounds.evaluate import Rounded
from reference.error_bounds.roundoff import gamma

SQRT_2 = np.float32(np.sqrt(2))


def uniforms(key: Any, shape: Sequence[int]) -> jax.Array:
    """The uniform numbers in [0, 1) behind a float32 draw from `key`.

    They are multiples of 2^-23, so every way of compiling gives the same bits.
    """
    return jax.random.uniform(key, tuple(shape), np.float32)


def truncated_normal(uniform: jax.Array, lower: jax.Array, upper: jax.Array) -> jax.Array:
    """`jax.random.truncated_normal` as a function of its `uniforms`, for `evaluate`.

    Source: `jax.random._truncated_normal`, read in JAX 0.4.30 and 0.12.0. The product and the sum
    round absolutely (one fused operation or two), so a small draw has no small relative error.
    Give the limits as arguments, or their rounding counts as exact.
    """
    low, high = jax.lax.erf(lower / SQRT_2), jax.lax.erf(upper / SQRT_2)
    draw = SQRT_2 * jax.lax.erf_inv(uniform * (high - low) + low)
    return jax.numpy.clip(draw, lower, upper)  # JAX's limits are one number further inside


def of_fewer_digits(dtype: str, values: np.ndarray) -> np.ndarray:
    """Float32 values rounded to a dtype of 16 bits and back: for recognising an answer, never for a verdict.

    Args:
        dtype: `float16` or `bfloat16`.
        values: of any shape.

    """
    return np.asarray(jax.numpy.asarray(values).astype(dtype).astype(np.float32))


def open_interval(uniform: Any) -> np.ndarray:
    """The numbers in (-1, 1) that `jax.random.normal` inverts: float32, shaped like `uniform`.

    2 f - 1 + 2^-24 is a multiple of 2^-24 below 1: float32 holds it, however it is computed.
    """
    return np.asarray(2 * np.asarray(uniform, np.float64) - (1 - 2.0**-24), np.float32)


def normal(symmetric: jax.Array) -> jax.Array:
    """`jax.random.normal` as a function of its `open_interval`, for `evaluate`."""
    return SQRT_2 * jax.lax.erf_inv(symmetric)


@lru_cache(maxsize=256)
def _evaluator(function: Callable[..., Any], structure: Any, kinds: Any) -> Callable[..., Rounded]:
    like = structure.unflatten([jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in kinds])
    return rounding.evaluator(function, *like)


def evaluate(function: Callable[..., Any], *arguments: Any) -> Rounded:
    """`reference.error_bounds.evaluate.evaluate`, tracing a function once for each set of shapes."""
    leaves, structure = jax.tree_util.tree_flatten(arguments)
    kinds = tuple((np.shape(leaf), jax.numpy.result_type(leaf)) for leaf in leaves)
    return _evaluator(function, structure, kinds)(*arguments)


def at_least(result: Rounded, roundings: int) -> Rounded:
    """The result with an error of so many roundings of its value, where it is smaller.

    Where a result happens to be exact its analysis has no error, but another order of the same sums and
    products rounds all the same. Source: `reference.error_bounds.roundoff.gamma`.
    """

    def larger(value: Any, error: Any) -> Any:
        return np.maximum(error, gamma(roundings, np.float32) * np.abs(value))

    return Rounded(result.value, jax.tree_util.tree_map(larger, result.value, result.error))


ROUGH = 1e-4
"""The error of `roughly`, as a share of the largest value: for recognising an answer, never for a verdict."""


def roughly(values: Any) -> Rounded:
    """Values computed in float32 in some order, with an error that any other order stays within.

    For pitfalls that `evaluate` has no rules for, or whose bound would be wider than the answer.
    """

    def error(leaf: np.ndarray) -> np.ndarray:
        finite = np.abs(leaf[np.isfinite(leaf)])  # an infinite error would admit any number
        return np.full(np.shape(leaf), ROUGH * np.max(finite, initial=0.0))

    found = jax.tree_util.tree_map(np.asarray, jax.device_get(values))
    return Rounded(found, jax.tree_util.tree_map(error, found))


def each(results: Sequence[Rounded]) -> Rounded:
    """The results of the examples, stacked along a new first axis."""

    def stack(*leaves: Any) -> Any:
        return np.stack(leaves)

    values = jax.tree_util.tree_map(stack, *(result.value for result in results))
    return Rounded(values, jax.tree_util.tree_map(stack, *(result.error for result in results)))


def moved(result: Rounded, function: Callable[[Any], Any]) -> Rounded:
    """Data movement on value and error alike."""
    move = partial(jax.tree_util.tree_map, function)
    return Rounded(move(result.value), move(result.error))


def flat(result: Rounded) -> Rounded:
    """The result with each array of value and error flattened to one axis."""
    return moved(result, np.ravel)
