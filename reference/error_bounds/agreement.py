"""When two arrays agree: the one policy for NaN, infinities, signed zeros and bounds.

NumPy only: what compares results of another process need not import JAX.
"""

from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

from reference.types import Array

SLACK = 2.0
"""How many times the error of the analysis is allowed: for the terms of second order that it drops,
and for nothing more."""

BoolArray: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


def agree(got: Array, expected: Array, allowed: Array) -> BoolArray:
    """Which elements of two arrays agree.

    - NaN agrees with NaN, and with nothing else.
    - An infinity agrees with the infinity of its sign.
    - Where `allowed` is infinite nothing is known, and any value agrees.
    - Where nothing is allowed in the whole array, values are equal; zeros have one sign where both
      arrays are of one real dtype.
    - Else the distance is at most what is allowed; zeros of either sign are equal. Integers and
      booleans are compared as float64, complex numbers by the modulus of their difference.

    Args:
        got: an array of any dtype.
        expected: of the same shape, in the same dtype or a wider one.
        allowed: the largest absolute difference, of the same shape or a scalar; not negative.

    Returns:
        Booleans of the arrays' shape.
    """
    got, expected, allowed = np.asarray(got), np.asarray(expected), np.asarray(allowed)
    with np.errstate(all="ignore"):
        same = (got == expected) | ((got != got) & (expected != expected))
        if not np.any(allowed):
            if got.dtype == expected.dtype and not np.iscomplexobj(got):
                same = same & ((np.signbit(got) == np.signbit(expected)) | (got != got))
            return np.asarray(same, bool)
        wide = complex if np.iscomplexobj(got) or np.iscomplexobj(expected) else float
        distance = np.abs(got.astype(wide) - expected.astype(wide))
        return np.asarray(same | (distance <= allowed) | (allowed == np.inf), bool)


def share_of_allowed(got: Array, expected: Array, allowed: Array) -> FloatArray:
    """The distance of each element as a share of what is allowed.

    Zero where the elements are equal, both are NaN, or anything is allowed; at most one where the
    distance is allowed; infinite where no distance explains it: a number against NaN, an infinity
    against another value.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    with np.errstate(all="ignore"):
        distance = np.abs(widest(got) - widest(expected))
        share = distance / np.maximum(allowed, np.finfo(np.float64).tiny)
        same = (got == expected) | ((got != got) & (expected != expected))
        same = same | (np.asarray(allowed) == np.inf)
    return np.where(same, 0.0, np.nan_to_num(share, nan=np.inf, posinf=np.inf))


def ulps(got: Array, expected: Array) -> FloatArray:
    """The distance in units in the last place of `got`'s dtype, at the expected value.

    For printing, never a criterion: near zero an honest error is many of them. Zero where both are
    NaN or the same infinity, infinite where one of them is. Of integers, the difference.
    """
    got, expected = np.asarray(got), np.asarray(expected)
    with np.errstate(all="ignore"):
        distance = np.abs(widest(got) - widest(expected))
        if not is_real_float(got.dtype):
            return np.asarray(distance, np.float64)
        info = ml_dtypes.finfo(got.dtype)
        size = np.maximum(np.abs(widest(expected)), float(info.smallest_normal))
        units = distance / (np.exp2(np.floor(np.log2(size))) * float(info.eps))
    same = agree(got, expected, 0.0) | (got == expected)
    return np.where(same, 0.0, np.nan_to_num(units, nan=np.inf, posinf=np.inf))


def is_real_float(dtype: Any) -> bool:
    """Whether a dtype of NumPy or of ml_dtypes is real and floating."""
    dtype = np.dtype(dtype)
    # The narrow floats of ml_dtypes have the kind of raw data.
    return dtype.kind == "f" or (dtype.kind == "V" and "float" in dtype.name)


def widest(array: Array) -> Array:
    """The same numbers in float64, or in complex128."""
    array = np.asarray(array)
    return array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
