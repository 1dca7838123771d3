"""How elementary and special functions round, by what is known of their slopes."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    error_of,
    is_certain,
    out_dtype,
    rounded,
)
from reference.error_bounds.roundoff import (
    ELEMENTARY_UNITS,
    ROOT_UNITS,
    SERIES_UNITS,
    of_the_platform,
    unit_roundoff,
)
from reference.types import Array

Function = Callable[..., Array]


def _monotone(function: Function, units: float = ELEMENTARY_UNITS) -> Rule:
    """A monotone function moves by at most what it moves to at either end of the interval."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, error = function(x.value), error_of(x)
        ends = [np.abs(function(x.value + s * error) - value) for s in (-1, 1)]
        carried = np.where(error == 0, 0.0, np.nan_to_num(np.maximum(*ends), nan=np.inf))
        return rounded(equation, value, carried, units)

    return rule


def _erf_inv(equation: Any, x: BoundedArray) -> BoundedArray | list[BoundedArray]:
    """As if the argument were rounded once more.

    XLA evaluates log1p(-x x), whose product rounds or is fused (M. Giles, *Approximating the erfinv
    function*, GPU Computing Gems, 2011): near one, the result moves far more than a unit.
    """
    once = unit_roundoff(out_dtype(equation)) * np.abs(x.value)
    return _monotone(special.erfinv)(equation, BoundedArray(x.value, error_of(x) + once))


def _sqrt(equation: Any, x: BoundedArray) -> BoundedArray | list[BoundedArray]:
    return _monotone(np.sqrt, of_the_platform(ROOT_UNITS))(equation, x)


def _slope_of_at_most_one(function: Function) -> Rule:
    """A function whose slope never exceeds one."""
    return lambda equation, x: rounded(equation, function(x.value), error_of(x), ELEMENTARY_UNITS)


def _even(function: Function) -> Rule:
    """An even function that rises from zero on: it moves most at the end that is farther from zero."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, error = function(x.value), error_of(x)
        carried = np.where(error == 0, 0.0, function(np.abs(x.value) + error) - value)
        return rounded(equation, value, carried, ELEMENTARY_UNITS)

    return rule


def _tan(equation: Any, x: BoundedArray) -> BoundedArray:
    """Monotone between two poles; unbounded where the interval may hold one."""
    value, error = np.tan(x.value), error_of(x)
    low, high = x.value - error, x.value + error
    same = np.floor(low / np.pi + 0.5) == np.floor(high / np.pi + 0.5)
    ends = np.maximum(np.abs(np.tan(low) - value), np.abs(np.tan(high) - value))
    carried = np.where(error == 0, 0.0, np.where(same, ends, np.inf))
    return rounded(equation, value, carried, ELEMENTARY_UNITS)


def _atan2(equation: Any, y: BoundedArray, x: BoundedArray) -> BoundedArray:
    """The gradient is (x, -y) / r^2. At the negative x axis the angle jumps by two pi."""
    value, ey, ex = np.arctan2(y.value, x.value), error_of(y), error_of(x)
    ay, ax = np.abs(y.value), np.abs(x.value)
    nearest = np.maximum(ax - ex, 0) ** 2 + np.maximum(ay - ey, 0) ** 2
    carried = ((ax + ex) * ey + (ay + ey) * ex) / nearest
    jumps = (x.value - ex <= 0) & (ay <= ey) & (ey > 0)
    carried = np.where(jumps, 2 * np.pi, np.minimum(np.nan_to_num(carried, nan=np.inf), 2 * np.pi))
    carried = np.where(ex + ey == 0, 0.0, carried)
    return rounded(equation, value, carried, ELEMENTARY_UNITS)


def _by_slope(function: Function, slope: Function, units: float) -> Rule:
    """A function of positive numbers, whose slope is largest in size at an end of any interval.

    Elsewhere it has poles: there nothing is known of what was rounded.
    """

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, error = function(x.value), error_of(x)
        low, high = x.value - error, x.value + error
        steepest = np.maximum(np.abs(slope(np.where(low > 0, low, 1.0))), np.abs(slope(high)))
        carried = np.where(error == 0, 0.0, np.where(low > 0, steepest * error, np.inf))
        # Near a zero of the function, its error is that of the terms it is summed from.
        own = units * unit_roundoff(out_dtype(equation)) * np.maximum(1.0 - np.abs(value), 0.0)
        return rounded(equation, value, carried + np.nan_to_num(own), units)

    return rule


def _monotone_in_each(function: Function, *where: Function) -> Rule:
    """A function that is monotone in each operand, where all of them are in their domain.

    It moves by at most what it moves to at a corner of the box of intervals. `where` says of each
    operand which numbers are in the domain; of a box that leaves it nothing is known.
    """

    def rule(equation: Any, *operands: BoundedArray) -> BoundedArray:
        value = function(*(x.value for x in operands))
        if all(map(is_certain, operands)):
            return rounded(equation, value, np.zeros(np.shape(value)), SERIES_UNITS)
        inside, moved = np.ones(np.shape(value), bool), np.zeros(np.shape(value))
        for signs in itertools.product((-1, 1), repeat=len(operands)):
            corner = [x.value + s * error_of(x) for x, s in zip(operands, signs, strict=True)]
            moved = np.maximum(moved, np.abs(function(*corner) - value))
            for each, domain in zip(corner, where, strict=True):
                inside = inside & domain(each)
        reach = functools.reduce(np.add, map(error_of, operands))
        carried = np.where(reach == 0, 0.0, np.where(inside, moved, np.inf))
        return rounded(equation, value, carried, SERIES_UNITS)

    return rule


def _trigamma(x: Array) -> Array:
    return special.polygamma(1, x)


def _positive(x: Array) -> Array:
    return x > 0


def _not_negative(x: Array) -> Array:
    return x >= 0


def _above_one(x: Array) -> Array:
    return x > 1


def _in_unit_interval(x: Array) -> Array:
    return (x >= 0) & (x <= 1)


ELEMENTARY: dict[str, Rule] = {
    "exp": _monotone(np.exp),
    "exp2": _monotone(np.exp2),
    "expm1": _monotone(np.expm1),
    "log": _monotone(np.log),
    "log1p": _monotone(np.log1p),
    "log2": _monotone(np.log2),
    "sqrt": _sqrt,
    "rsqrt": _monotone(lambda x: 1 / np.sqrt(x)),
    "cbrt": _monotone(np.cbrt),
    "logistic": _monotone(lambda x: 1 / (1 + np.exp(-x))),
    "tanh": _monotone(np.tanh),
    "sinh": _monotone(np.sinh),
    "cosh": _even(np.cosh),
    "asinh": _monotone(np.arcsinh),
    "acosh": _monotone(np.arccosh),
    "atanh": _monotone(np.arctanh),
    "sin": _slope_of_at_most_one(np.sin),
    "cos": _slope_of_at_most_one(np.cos),
    "tan": _tan,
    "asin": _monotone(np.arcsin),
    "acos": _monotone(np.arccos),
    "atan": _monotone(np.arctan),
    "atan2": _atan2,
}

SPECIAL: dict[str, Rule] = {
    "erf": _monotone(special.erf),
    "erfc": _monotone(special.erfc),
    "erf_inv": _erf_inv,
    "bessel_i0e": _slope_of_at_most_one(special.i0e),
    "bessel_i1e": _slope_of_at_most_one(special.i1e),
    "digamma": _by_slope(special.digamma, _trigamma, SERIES_UNITS),
    "lgamma": _by_slope(special.gammaln, special.digamma, SERIES_UNITS),
    "igamma": _monotone_in_each(special.gammainc, _positive, _not_negative),
    "igammac": _monotone_in_each(special.gammaincc, _positive, _not_negative),
    "zeta": _monotone_in_each(special.zeta, _above_one, _positive),
    "polygamma": _monotone_in_each(special.polygamma, _not_negative, _positive),
    "regularized_incomplete_beta": _monotone_in_each(
        special.betainc, _positive, _positive, _in_unit_interval
    ),
}
