"""Choices, comparisons, steps and conversions: exact, unless an error reaches the next decision."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    BranchUndecidable,
    Rule,
    UnsupportedPrimitive,
    as_bounded,
    error_of,
    is_float,
    rounded,
)
from reference.error_bounds.roundoff import unit_roundoff


def _pick(function: Any) -> Rule:
    """max and min choose an operand without rounding."""
    return lambda equation, a, b: BoundedArray(
        function(a.value, b.value), np.maximum(error_of(a), error_of(b))
    )


def _clamp(equation: Any, low: BoundedArray, x: BoundedArray, high: BoundedArray) -> BoundedArray:
    error = np.maximum(error_of(x), np.maximum(error_of(low), error_of(high)))
    return BoundedArray(np.clip(x.value, low.value, high.value), error)


def _steps(function: Any) -> Rule:
    """A step function is exact where the error does not reach the next step."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, error = function(x.value), error_of(x)
        if np.any((function(x.value - error) != value) | (function(x.value + error) != value)):
            raise BranchUndecidable(
                f"a step of {equation.primitive.name} is within the rounding error"
            )
        return BoundedArray(value, None if x.error is None else np.zeros(np.shape(value)))

    return rule


def _compare(function: Any) -> Rule:
    """A comparison is decided where the operands' intervals do not overlap."""

    def rule(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
        doubt = error_of(a) + error_of(b)
        if np.any((np.abs(a.value - b.value) <= doubt) & (doubt > 0)):
            raise BranchUndecidable(f"{equation.primitive.name} falls within the rounding error")
        return BoundedArray(function(a.value, b.value), None)

    return rule


def _convert(equation: Any, x: BoundedArray) -> BoundedArray:
    """To a wider float exactly, to a narrower one rounded, to an integer only what is exact."""
    dtype, was = equation.params["new_dtype"], equation.invars[0].aval.dtype
    if not is_float(dtype):
        if x.error is not None and np.any(x.error > 0):
            raise BranchUndecidable(f"a rounded value is converted to {dtype}")
        return BoundedArray(np.asarray(jnp.asarray(x.value, jnp.float32).astype(dtype)), None)
    value = np.asarray(x.value, np.float64)
    if is_float(was) and unit_roundoff(dtype) <= unit_roundoff(was):
        return BoundedArray(value, x.error)
    return rounded(equation, value, error_of(x))


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
    "gt": _compare(np.greater),
    "ge": _compare(np.greater_equal),
    "lt": _compare(np.less),
    "le": _compare(np.less_equal),
    "eq": _compare(np.equal),
    "ne": _compare(np.not_equal),
    "is_finite": lambda equation, x: BoundedArray(np.isfinite(x.value), None),
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
}
