"""Whether numbers are distributed as they should be: within a bound that no sound sampler leaves.

The bound is that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (Annals of Probability 18,
1990): the empirical distribution function of n independent draws is nowhere further than
sqrt(log(2 / p) / (2 n)) from the true one, but with probability p, whatever n and the distribution are.
"""

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_P = 1e-12
"""The probability that a sound sampler is called wrong."""


def farthest(draws: Array, distribution: Any, unit: float) -> str | None:
    """Where draws leave their distribution, in words; None where they are within the bound.

    Args:
        draws: Of any shape; real numbers or whole ones.
        distribution: As `scipy.stats` has them, with `cdf`.
        unit: The unit roundoff of the draws' dtype; 0 of whole numbers. A draw may be rounded, and so
            counts for all values within a few units of it, relative to the larger of it and the median.

    """
    values = np.sort(np.asarray(draws, np.float64).reshape(-1))
    if not np.all(np.isfinite(values)):
        return f"{np.count_nonzero(~np.isfinite(values))} draws of {values.size} are not finite"
    bound = math.sqrt(math.log(2 / _P) / (2 * values.size))
    points, first = np.unique(values, return_index=True)
    below = first / values.size
    until = np.append(first[1:], values.size) / values.size
    blur = 4 * unit * np.maximum(np.abs(points), abs(float(np.median(values))) + unit)
    # Of whole numbers, what is below a value is what is until the one before.
    step = 1.0 if unit == 0 else 0.0
    high = below - distribution.cdf(points - step + blur)
    low = distribution.cdf(points - blur) - until
    apart = np.maximum(high, low)
    worst = int(np.argmax(apart))
    if apart[worst] <= bound:
        return _beyond(values, distribution) if unit == 0 else None
    side = "below" if high[worst] >= low[worst] else "up to"
    share = below[worst] if side == "below" else until[worst]
    right = float(distribution.cdf(points[worst] - (step if side == "below" else 0.0)))
    return f"{share:.0%} of draws are {side} {points[worst]:.4g}, where {right:.0%} should be"


def _beyond(values: Array, distribution: Any) -> str | None:
    """The greatest of sorted whole numbers, in words, where so great a one should hardly ever be drawn."""
    chance = float(distribution.sf(values[-1] - 1)) * values.size
    if chance >= _P:
        return None
    count = np.count_nonzero(values == values[-1])
    return f"{count} draws of {values.size} are {values[-1]:.4g}, which should hardly ever be drawn"
