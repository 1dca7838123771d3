"""Derivatives of the incomplete gamma function and of its inverse, which neither NumPy nor SciPy has."""

from typing import Any

import numpy as np
from scipy import special

from reference.error_bounds.roundoff import SERIES_UNITS, unit_roundoff

_STEP = 1e-4


def order_slope(a: Any, x: Any) -> tuple[Any, Any]:
    """D P(a, x) / d a by central differences of the fourth order, and what float32 may be off by."""
    at = [special.gammainc(a + k * _STEP, x) for k in (-2, -1, 1, 2)]
    value = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * _STEP)
    return value, bound(value)


def sample_slope(a: Any, x: Any) -> tuple[Any, Any]:
    """D x / d a of a sample x of Gamma(a), at a fixed probability: - (dP/da) / (dP/dx)."""
    # scipy.stats has the density, and takes as long to import as JAX.
    density = np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))
    value = -order_slope(a, x)[0] / density
    return value, bound(value)


def sample_curvature(a: float, x: float) -> Any:
    """D^2 x / d a^2 of a sample x of Gamma(a), at a fixed probability, by the same differences."""
    step = 1e-2
    probability = special.gammainc(a, x)
    at = [special.gammaincinv(a + k * step, probability) for k in (-2, -1, 0, 1, 2)]
    return (16 * (at[1] + at[3]) - (at[0] + at[4]) - 30 * at[2]) / (12 * step**2)


def bound(value: Any) -> Any:
    """What a sum of many terms, or of terms that cancel, may be off by in float32."""
    return SERIES_UNITS * unit_roundoff("float32") * np.maximum(np.abs(value), 1.0)
