"""One array on its way through a program, with the error that rounding may cause in it."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from reference.error_bounds.agreement import SLACK
from reference.error_bounds.roundoff import smallest_normal, unit_roundoff
from reference.types import Array


class BranchUndecidable(Exception):
    """Rounding decides which branch a program takes, so that no single value is right."""


class UnsupportedPrimitive(NotImplementedError):
    """Nothing can be said of a result: it comes of a primitive whose rounding is not known here, say."""


class BoundedArray(NamedTuple):
    """A value, and an absolute error that no evaluation in the program's own dtypes exceeds."""

    value: Array
    """float64 where the program's dtype is floating, else of the program's dtype."""
    error: Array | None
    """Of the value's shape; None where the value is exact. Of integers and booleans it is infinite
    where rounding decides the value, and zero elsewhere."""


Rule: TypeAlias = Callable[..., BoundedArray | list[BoundedArray]]
"""`rule(equation, *operands)` gives what an equation of a jaxpr gives: one array or several."""


def is_float(dtype: Any) -> bool:
    """Whether a dtype is real and floating."""
    return bool(jnp.issubdtype(dtype, jnp.floating))


def is_key(value: Any) -> bool:
    """Whether an array holds typed PRNG keys."""
    return hasattr(value, "dtype") and bool(jnp.issubdtype(value.dtype, jax.dtypes.prng_key))


def as_bounded(leaf: Any) -> BoundedArray:
    """An array without error: floats in float64, all else as it is."""
    if is_key(leaf) or not is_float(jnp.result_type(leaf)):
        return BoundedArray(leaf, None)
    return BoundedArray(np.asarray(leaf).astype(np.float64), None)


def error_of(array: BoundedArray) -> Array:
    """The error as an array, zeros where the value is exact."""
    if is_key(array.value):
        return np.zeros(array.value.shape)
    return np.zeros(np.shape(array.value)) if array.error is None else array.error


def reach_of(array: BoundedArray) -> Array:
    """How far a result that is accepted may be from the value: what decides whether a branch is certain."""
    return SLACK * error_of(array)


def is_certain(array: BoundedArray) -> bool:
    """Whether no element has an error."""
    return array.error is None or not np.any(array.error)


def require_certain(equation: Any, *operands: BoundedArray) -> None:
    """Raise `BranchUndecidable` where an operand that says what the equation does has an error."""
    if not all(map(is_certain, operands)):
        raise BranchUndecidable(f"rounding decides what {equation.primitive.name} does")


def with_doubt(value: Array, doubt: Array) -> BoundedArray:
    """Integers or booleans, of which those in doubt have an infinite error."""
    return BoundedArray(value, np.where(doubt, np.inf, 0.0) if np.any(doubt) else None)


def out_dtype(equation: Any) -> Any:
    """The dtype of an equation's first result."""
    return equation.outvars[0].aval.dtype


def rounded(equation: Any, value: Array, carried: Array, units: float = 1.0) -> BoundedArray:
    """A result that is rounded once more.

    Args:
        equation: the equation whose result it is; its dtype says how much it rounds.
        value: the result in float64.
        carried: the absolute error that the operands' own errors cause in it.
        units: the operation's own error in units of roundoff, and of the smallest normal number,
            since a result below it may be flushed to zero.
    """
    dtype = out_dtype(equation)
    own = units * (unit_roundoff(dtype) * np.abs(value) + smallest_normal(dtype))
    return BoundedArray(value, np.nan_to_num(own, nan=0.0, posinf=0.0) + carried)
