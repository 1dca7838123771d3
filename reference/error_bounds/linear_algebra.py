"""Solving triangular systems, of which a bound element by element is known.

Cholesky, LU and QR factors and eigenvectors have bounds by norm alone, with constants that depend on
the algorithm: they have no rule here.
"""

from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import BoundedArray, Rule, error_of, out_dtype
from reference.error_bounds.roundoff import gamma, smallest_normal
from reference.types import Array


def _triangular_solve(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    """Substitution: `|x' - x| <= |T^-1| (gamma(n) |T| |x| + dT |x| + db)`, whatever its order.

    Source: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., theorem 8.5. Two units
    more are allowed for a reciprocal of the diagonal in place of a quotient.
    """
    params, dtype = equation.params, out_dtype(equation)
    triangle = np.tril if params["lower"] else np.triu
    size = np.shape(a.value)[-1]

    def matrix(values: Array, diagonal: float) -> Array:
        values = triangle(values)
        if params["unit_diagonal"]:
            values = triangle(values, -1 if params["lower"] else 1) + diagonal * np.eye(size)
        return np.swapaxes(values, -1, -2) if params["transpose_a"] else values

    t, dt = matrix(a.value, 1.0), matrix(error_of(a), 0.0)
    left = params["left_side"]
    value, db = (b.value, error_of(b)) if left else (_turned(b.value), _turned(error_of(b)))
    if not left:
        t, dt = _turned(t), _turned(dt)
    try:
        inverse = np.linalg.inv(t)
    except np.linalg.LinAlgError:
        return BoundedArray(np.full(np.shape(b.value), np.nan), np.full(np.shape(b.value), np.inf))
    x = inverse @ value
    perturbation = gamma(size + 2, dtype) * np.abs(t) + dt
    error = np.abs(inverse) @ (perturbation @ np.abs(x) + db + size * smallest_normal(dtype))
    # A perturbation of the matrix that is not small may make it singular.
    amplified = (
        np.max(np.abs(inverse) @ perturbation, axis=(-1, -2), keepdims=True, initial=0.0) * size
    )
    error = np.where(amplified < 0.5, error / (1 - np.minimum(amplified, 0.5)), np.inf)
    return BoundedArray(x if left else _turned(x), error if left else _turned(error))


def _turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


LINEAR_ALGEBRA: dict[str, Rule] = {"triangular_solve": _triangular_solve}
