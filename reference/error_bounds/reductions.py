"""How sums of many terms round, and what a choice among many terms carries along.

A sum of n terms, in whatever order, is within ``gamma(n)`` times the sum of its terms' magnitudes
(Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., sections 3.1 and 4.2).
"""

from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    UnsupportedPrimitive,
    error_of,
    out_dtype,
)
from reference.error_bounds.roundoff import ELEMENTARY_UNITS, gamma, smallest_normal, unit_roundoff
from reference.types import Array


def _reduce_sum(equation: Any, x: BoundedArray) -> BoundedArray:
    axes = tuple(equation.params["axes"])
    terms = int(np.prod([x.value.shape[i] for i in axes], dtype=int))
    size = np.sum(np.abs(x.value), axis=axes)
    carried = np.sum(error_of(x), axis=axes)
    bound = carried + gamma(terms, out_dtype(equation)) * size
    return BoundedArray(np.sum(x.value, axis=axes), bound)


def _reduce_pick(function: Any) -> Rule:
    """A maximum moves by no more than its terms do."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        axes = tuple(equation.params["axes"])
        return BoundedArray(function(x.value, axis=axes), np.max(error_of(x), axis=axes))

    return rule


def _cumsum(equation: Any, x: BoundedArray) -> BoundedArray:
    axis, reverse = equation.params["axis"], equation.params["reverse"]

    def along(values: Array) -> Array:
        flipped = np.flip(values, axis) if reverse else values
        total = np.cumsum(flipped, axis)
        return np.flip(total, axis) if reverse else total

    bound = gamma(x.value.shape[axis], out_dtype(equation))
    return BoundedArray(along(x.value), along(error_of(x)) + bound * along(np.abs(x.value)))


def _cumlogsumexp(equation: Any, x: BoundedArray) -> BoundedArray:
    """The logarithm of a sum moves by no more than its terms do; each step takes an exp and a log."""
    axis, reverse = equation.params["axis"], equation.params["reverse"]
    if np.any(error_of(x)):
        raise UnsupportedPrimitive("no float64 rule for 'cumlogsumexp' of what was rounded")
    flipped = np.flip(x.value, axis) if reverse else x.value
    total = np.logaddexp.accumulate(flipped, axis)
    steps = 2 * ELEMENTARY_UNITS * x.value.shape[axis] * unit_roundoff(out_dtype(equation))
    largest = np.maximum(1.0, np.max(np.abs(x.value), axis=axis, keepdims=True))
    return BoundedArray(
        np.flip(total, axis) if reverse else total,
        np.broadcast_to(steps * (largest + np.log(x.value.shape[axis])), np.shape(total)),
    )


def _dot_general(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    """Sums of products: ``gamma(n)`` times the sum of the products' magnitudes, n terms in each."""
    ((ca, cb), (ba, bb)) = equation.params["dimension_numbers"]
    terms = max(int(np.prod([a.value.shape[i] for i in ca], dtype=int)), 1)

    def dot(x: Array, y: Array) -> Array:
        xs, ys = list(range(x.ndim)), [x.ndim + i for i in range(y.ndim)]
        for i, j in (*zip(ca, cb, strict=True), *zip(ba, bb, strict=True)):
            ys[j] = xs[i]
        free = [xs[i] for i in range(x.ndim) if i not in (*ca, *ba)]
        free += [ys[j] for j in range(y.ndim) if j not in (*cb, *bb)]
        return np.einsum(x, xs, y, ys, [xs[i] for i in ba] + free)

    value, size = dot(a.value, b.value), dot(np.abs(a.value), np.abs(b.value))
    ea, eb = error_of(a), error_of(b)
    carried = dot(np.abs(a.value), eb) + dot(ea, np.abs(b.value)) + dot(ea, eb)
    dtype = out_dtype(equation)
    return BoundedArray(
        value, carried + gamma(terms, dtype) * size + terms * smallest_normal(dtype)
    )


REDUCTIONS: dict[str, Rule] = {
    "reduce_sum": _reduce_sum,
    "reduce_max": _reduce_pick(np.max),
    "reduce_min": _reduce_pick(np.min),
    "cumsum": _cumsum,
    "cumlogsumexp": _cumlogsumexp,
    "dot_general": _dot_general,
}
