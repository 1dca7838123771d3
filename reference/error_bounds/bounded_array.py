"""One array on its way through a program, with the error that rounding may cause in it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class BranchUndecidable(Exception):
    """Rounding decides which branch a program takes, so no single value is right."""


class UnsupportedPrimitive(NotImplementedError):
    """Nothing can be said of a result: of a primitive whose rounding is not known here, say."""


def unit_roundoff(dtype: Any) -> float:
    """Unit roundoff u of a floating dtype: half the distance from 1 to the next number."""
    return float(jnp.finfo(dtype).eps) / 2


def gamma(n: int, dtype: Any) -> float:
    """Higham's gamma_n = n u / (1 - n u)."""
    nu = n * unit_roundoff(dtype)
    return nu / (1 - nu) if nu < 1 else float("inf")


def is_float(dtype: Any) -> bool:
    return bool(jnp.issubdtype(dtype, jnp.floating))


class BoundedArray(NamedTuple):
    """One array on its way through the program; ``error`` is None where the array is exact."""

    value: Any
    error: Any


def is_key(value: Any) -> bool:
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def as_bounded(leaf: Any) -> BoundedArray:
    if is_key(leaf) or not is_float(jnp.result_type(leaf)):
        return BoundedArray(leaf, None)
    return BoundedArray(np.asarray(leaf).astype(np.float64), None)


def error_of(term: BoundedArray) -> Any:
    if is_key(term.value):
        return np.zeros(term.value.shape)
    return np.zeros(np.shape(term.value)) if term.error is None else term.error
