"""How near a factorisation must come to what it factors, and a solution to what it solves.

Factors are not unique (signs, order, phases), so what is compared is what they multiply to. LAPACK's
own tests accept `|A - QR| < 30 n eps |A|` in the 1-norm, and the same of its other factorisations
(LAPACK Working Note 41, section 2.2; their threshold is 30).
"""

from typing import Any

import numpy as np

THRESHOLD = 30


def near(value: Any, *factors: Any, dtype: Any = np.float32) -> tuple[Any, Any]:
    """A matrix with LAPACK's bound on each of its elements: 30 n eps times the factors' 1-norms."""
    value = np.asarray(value)
    matrices = [np.atleast_2d(factor) for factor in factors]
    size = max(max(matrix.shape) for matrix in matrices)
    norms = [float(np.linalg.norm(matrix, 1)) for matrix in matrices]
    allowed = THRESHOLD * size * float(np.finfo(dtype).eps) * float(np.prod(norms))
    return value, np.full(value.shape, allowed)


def all_of(*parts: tuple[Any, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Several of them as one result."""
    return tuple(value for value, _ in parts), tuple(error for _, error in parts)
