"""How much one operation may round: units of roundoff, and the accuracy of what is not IEEE's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reference.types import Array

ELEMENTARY_UNITS = 8.0
"""Error of one exp, tanh, log ... in units of roundoff u. XLA promises no figure; the tests measure
the worst over a grid on the installed release, and fail when it exceeds this."""

SERIES_UNITS = 2048.0
"""Error of a special function that JAX sums or iterates in the program's own dtype. Like
`ELEMENTARY_UNITS`, measured by the tests over the intervals that the catalogue draws from; the worst
seen is the 1,209 of random_gamma_grad, on jax 0.4.30 as on 0.12.0."""

DIVISION_UNITS, ROOT_UNITS = 4.0, 2.0
"""Error of a division and of a square root where they are not IEEE's: the GPU's fast ones are within 2
and 1 units in the last place, each two units of roundoff (CUDA C++ Programming Guide, appendix
Mathematical Functions, for -prec-div=false and -prec-sqrt=false)."""


def unit_roundoff(dtype: Any) -> float:
    """Unit roundoff u of a floating dtype: half the distance from 1 to the next number."""
    return float(jnp.finfo(dtype).eps) / 2


def smallest_normal(dtype: Any) -> float:
    """The smallest normal number of a floating dtype; below it, numbers may be flushed to zero."""
    return float(jnp.finfo(dtype).tiny)


def largest(dtype: Any) -> float:
    """The largest finite number of a floating dtype."""
    return float(jnp.finfo(dtype).max)


def gamma(n: int, dtype: Any) -> float:
    """Higham's `gamma_n = n u / (1 - n u)`, the relative error of n roundings.

    Source: Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., lemma 3.1.
    """
    nu = n * unit_roundoff(dtype)
    return nu / (1 - nu) if nu < 1 else float("inf")


def of_the_platform(units: float) -> float:
    """That many units of roundoff, or one on a CPU, which rounds as IEEE 754 says."""
    return 1.0 if jax.default_backend() == "cpu" else units


def of_two_computations(value: Array, dtype: Any) -> Array:
    """What two computations, in `dtype`, of one elementary function may differ by."""
    return 2 * ELEMENTARY_UNITS * unit_roundoff(dtype) * np.abs(value)
