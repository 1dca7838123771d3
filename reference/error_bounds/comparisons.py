"""Choices, comparisons, steps and conversions: exact, unless an error reaches the next decision.

A comparison that rounding decides is in doubt, element by element: see `BoundedArray.error`.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    UnsupportedPrimitive,
    as_bounded,
    error_of,
    is_certain,
    is_float,
    reach_of,
    rounded,
    with_doubt,
)
from reference.error_bounds.roundoff import unit_roundoff
from reference.types import Array


def _pick(function: Any) -> Rule:
    """Max and min choose an operand without rounding."""
    return lambda equation, a, b: BoundedArray(
        function(a.value, b.value), np.maximum(error_of(a), error_of(b))
    )


def _clamp(equation: Any, low: BoundedArray, x: BoundedArray, high: BoundedArray) -> BoundedArray:
    error = np.maximum(error_of(x), np.maximum(error_of(low), error_of(high)))
    return BoundedArray(np.clip(x.value, low.value, high.value), error)


def _steps(function: Any) -> Rule:
    """A rising step function is exact where the error does not reach the next step."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, reach = function(x.value), reach_of(x)
        if is_certain(x):
            return BoundedArray(value, x.error)
        ends = [np.abs(function(x.value + s * reach) - value) for s in (-1, 1)]
        return BoundedArray(value, np.where(reach == 0, 0.0, np.maximum(*ends)))

    return rule


def _round(equation: Any, x: BoundedArray) -> BoundedArray | list[BoundedArray]:
    """To the nearest whole number: halves to even, or away from zero."""
    to_even = int(equation.params["rounding_method"]) == 1
    return _steps(np.round if to_even else _away_from_zero)(equation, x)


def _away_from_zero(x: Array) -> Array:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


def _compare(function: Any) -> Rule:
    """A comparison is decided where the operands' intervals do not overlap."""

    def rule(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
        reach = reach_of(a) + reach_of(b)
        doubt = (reach > 0) & ~(np.abs(a.value - b.value) > reach)
        # NaN compares as it does, whatever the other operand is.
        doubt = doubt & ~((np.isnan(a.value) | np.isnan(b.value)) & np.isfinite(reach))
        first, second = equation.invars
        if first is second:
            # A value compared with itself, as `isnan` does: certain where it is certainly a number.
            doubt = np.isinf(reach)
        return with_doubt(function(a.value, b.value), doubt)

    return rule


def _total_order_less(a: Array, b: Array) -> Array:
    """-0.0 is less than 0.0, and NaN of positive sign is the largest."""
    (a, nan_a), (b, nan_b) = (
        (np.where(np.isnan(x), np.copysign(np.inf, x), x), np.isnan(x)) for x in (a, b)
    )
    sign_a, sign_b = np.signbit(a), np.signbit(b)
    of_equal = np.where(
        nan_a | nan_b, np.where(sign_a, nan_a & ~nan_b, nan_b & ~nan_a), sign_a & ~sign_b
    )
    return (a < b) | ((a == b) & of_equal)


def _total_order_less_equal(a: Array, b: Array) -> Array:
    return ~_total_order_less(b, a)


def _is_finite(equation: Any, x: BoundedArray) -> BoundedArray:
    return with_doubt(np.isfinite(x.value), np.isinf(error_of(x)))


def _convert(equation: Any, x: BoundedArray) -> BoundedArray:
    """To a wider float exactly, to a narrower one rounded, to an integer where all are one integer."""
    dtype, was = equation.params["new_dtype"], equation.invars[0].aval.dtype
    if not is_float(dtype):
        return _to_whole(np.asarray(x.value), reach_of(x), dtype)
    value = np.asarray(x.value, np.float64)
    if not is_float(was) and not is_certain(x):
        # A boolean is zero or one; of an integer in doubt nothing is known.
        unknown = 1.0 if was == np.dtype(bool) else np.inf
        return rounded(equation, value, np.where(error_of(x) > 0, unknown, 0.0))
    if is_float(was) and unit_roundoff(dtype) <= unit_roundoff(was):
        return BoundedArray(value, x.error)
    return rounded(equation, value, error_of(x))


def _to_whole(value: Array, reach: Array, dtype: Any) -> BoundedArray:
    if dtype == np.dtype(bool):
        return with_doubt(value != 0, (reach > 0) & (np.abs(value) <= reach))
    ends = np.trunc(value - reach), np.trunc(value + reach)
    doubt = (reach > 0) & ((ends[0] != np.trunc(value)) | (ends[1] != np.trunc(value)))
    return with_doubt(np.asarray(jnp.asarray(value, jnp.float32).astype(dtype)), doubt)


def _bitcast(equation: Any, x: BoundedArray) -> BoundedArray:
    """The bits of a number that no error has touched, as JAX gives them."""
    stored = np.asarray(x.value).astype(equation.invars[0].aval.dtype)
    if np.any(error_of(x)) or np.any(stored != x.value):
        raise UnsupportedPrimitive("no float64 rule for 'bitcast_convert_type' of what was rounded")
    return as_bounded(equation.primitive.bind(jnp.asarray(stored), **equation.params))


COMPARISONS: dict[str, Rule] = {
    "max": _pick(np.maximum),
    "min": _pick(np.minimum),
    "clamp": _clamp,
    "sign": _steps(np.sign),
    "floor": _steps(np.floor),
    "ceil": _steps(np.ceil),
    "round": _round,
    "gt": _compare(np.greater),
    "ge": _compare(np.greater_equal),
    "lt": _compare(np.less),
    "lt_to": _compare(_total_order_less),
    "le_to": _compare(_total_order_less_equal),
    "le": _compare(np.less_equal),
    "eq": _compare(np.equal),
    "ne": _compare(np.not_equal),
    "is_finite": _is_finite,
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
}
