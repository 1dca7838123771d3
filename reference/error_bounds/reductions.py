"""How sums of many terms round, and what a choice among many terms carries along.

A sum of n terms, in whatever order, is within `gamma(n)` times the sum of its terms' magnitudes
(Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., sections 3.1 and 4.2).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    error_of,
    out_dtype,
)
from reference.error_bounds.roundoff import (
    ELEMENTARY_UNITS,
    gamma,
    largest,
    smallest_normal,
    unit_roundoff,
)
from reference.types import Array


def summed(value: Array, carried: Array, size: Array, terms: int, dtype: Any) -> BoundedArray:
    """A sum of `terms` terms: `size` is the sum of their magnitudes, `carried` of their errors.

    Where the magnitudes together are beyond the dtype, the order decides whether a sum overflows.
    """
    error = carried + gamma(terms, dtype) * size
    overflows = np.isfinite(size) & (size > largest(dtype))
    return BoundedArray(value, np.where(overflows, np.inf, error))


def multiplied(
    values: Array, errors: Array, product: Callable[[Array], Array], terms: int, dtype: Any
) -> BoundedArray:
    """A product of `terms` factors: each may be anywhere in its interval, and each step rounds.

    The order decides where a partial product overflows or is flushed to zero.
    """
    value, size = product(values), product(np.abs(values))
    farthest = product(np.abs(values) + errors)
    most = product(np.maximum(np.abs(values) + errors, 1.0))
    error = farthest - size + gamma(terms, dtype) * farthest
    least = product(np.minimum(np.abs(values), 1.0))
    small = smallest_normal(dtype)
    flushed = np.where(least < small, terms * small * most, 0.0)
    return BoundedArray(value, np.where(most > largest(dtype), np.inf, error + flushed))


def _reduce_sum(equation: Any, x: BoundedArray) -> BoundedArray:
    axes = tuple(equation.params["axes"])
    size = np.sum(np.abs(x.value), axis=axes)
    carried = np.sum(error_of(x), axis=axes)
    value = np.sum(x.value, axis=axes)
    return summed(value, carried, size, _count(x, axes), out_dtype(equation))


def _count(x: BoundedArray, axes: Sequence[int]) -> int:
    return int(np.prod([x.value.shape[i] for i in axes], dtype=int))


def _reduce_prod(equation: Any, x: BoundedArray) -> BoundedArray:
    axes = tuple(equation.params["axes"])

    def product(values: Array) -> Array:
        return np.prod(values, axis=axes)

    return multiplied(x.value, error_of(x), product, _count(x, axes), out_dtype(equation))


def _reduce_pick(function: Any) -> Rule:
    """A maximum moves by no more than its terms do."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        axes = tuple(equation.params["axes"])
        return BoundedArray(function(x.value, axis=axes), np.max(error_of(x), axis=axes))

    return rule


def _along(equation: Any, function: Any) -> Callable[[Array], Array]:
    """`function(values, axis)` along the equation's axis, from its end where it says `reverse`."""
    axis, reverse = equation.params["axis"], equation.params["reverse"]

    def along(values: Array) -> Array:
        flipped = np.flip(values, axis) if reverse else values
        result = function(flipped, axis)
        return np.flip(result, axis) if reverse else result

    return along


def _cumsum(equation: Any, x: BoundedArray) -> BoundedArray:
    along, terms = _along(equation, np.cumsum), x.value.shape[equation.params["axis"]]
    size = along(np.abs(x.value))
    return summed(along(x.value), along(error_of(x)), size, terms, out_dtype(equation))


def _cumprod(equation: Any, x: BoundedArray) -> BoundedArray:
    along, terms = _along(equation, np.cumprod), x.value.shape[equation.params["axis"]]
    return multiplied(x.value, error_of(x), along, terms, out_dtype(equation))


def _cumulative_pick(function: Any) -> Rule:
    """The largest so far moves by no more than those that it is chosen from."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value = _along(equation, function.accumulate)(x.value)
        return BoundedArray(value, _along(equation, np.maximum.accumulate)(error_of(x)))

    return rule


def _cumlogsumexp(equation: Any, x: BoundedArray) -> BoundedArray:
    """The logarithm of a sum moves by no more than its terms do; each step takes an exp and a log."""
    axis, terms = equation.params["axis"], x.value.shape[equation.params["axis"]]
    error = error_of(x)
    steps = 2 * ELEMENTARY_UNITS * terms * unit_roundoff(out_dtype(equation))
    finite = np.where(np.isfinite(x.value), np.abs(x.value) + error, 0.0)
    size = np.maximum(1.0, np.max(finite, axis=axis, keepdims=True, initial=0.0))
    total = _along(equation, np.logaddexp.accumulate)(x.value)
    carried = _along(equation, np.maximum.accumulate)(error)
    return BoundedArray(total, carried + steps * (size + np.log(max(terms, 1))))


def _dot_general(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    """Sums of products: `gamma(n)` times the sum of the products' magnitudes, n terms in each."""
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
    "reduce_prod": _reduce_prod,
    "cumsum": _cumsum,
    "cumprod": _cumprod,
    "cummax": _cumulative_pick(np.maximum),
    "cummin": _cumulative_pick(np.minimum),
    "cumlogsumexp": _cumlogsumexp,
    "dot_general": _dot_general,
}
