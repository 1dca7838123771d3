"""How elementary and special functions round, by what is known of their slopes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    UnsupportedPrimitive,
    error_of,
    rounded,
)
from reference.error_bounds.roundoff import (
    ELEMENTARY_UNITS,
    ROOT_UNITS,
    SERIES_UNITS,
    of_the_platform,
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


def _sqrt(equation: Any, x: BoundedArray) -> BoundedArray | list[BoundedArray]:
    return _monotone(np.sqrt, of_the_platform(ROOT_UNITS))(equation, x)


def _slope_of_at_most_one(function: Function) -> Rule:
    """A function whose slope never exceeds one."""
    return lambda equation, x: rounded(equation, function(x.value), error_of(x), ELEMENTARY_UNITS)


def _of_exact_operands(function: Function, units: float = ELEMENTARY_UNITS) -> Rule:
    """A function of operands that carry no error, so that nothing need be known of its slopes."""

    def rule(equation: Any, *operands: BoundedArray) -> BoundedArray:
        if any(np.any(error_of(operand)) for operand in operands):
            raise UnsupportedPrimitive(
                f"no float64 rule for {equation.primitive.name!r} of what was rounded"
            )
        return rounded(equation, function(*(operand.value for operand in operands)), 0.0, units)

    return rule


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
    "cosh": _of_exact_operands(np.cosh),
    "asinh": _monotone(np.arcsinh),
    "acosh": _monotone(np.arccosh),
    "atanh": _monotone(np.arctanh),
    "sin": _slope_of_at_most_one(np.sin),
    "cos": _slope_of_at_most_one(np.cos),
    "tan": _of_exact_operands(np.tan),
    "asin": _monotone(np.arcsin),
    "acos": _monotone(np.arccos),
    "atan": _monotone(np.arctan),
    "atan2": _of_exact_operands(np.arctan2),
}

SPECIAL: dict[str, Rule] = {
    "erf": _monotone(special.erf),
    "erfc": _monotone(special.erfc),
    "erf_inv": _monotone(special.erfinv),
    "bessel_i0e": _of_exact_operands(special.i0e),
    "bessel_i1e": _of_exact_operands(special.i1e),
    "digamma": _of_exact_operands(special.digamma, SERIES_UNITS),
    "lgamma": _of_exact_operands(special.gammaln, SERIES_UNITS),
    "igamma": _of_exact_operands(special.gammainc, SERIES_UNITS),
    "igammac": _of_exact_operands(special.gammaincc, SERIES_UNITS),
    "zeta": _of_exact_operands(special.zeta, SERIES_UNITS),
    "polygamma": _of_exact_operands(special.polygamma, SERIES_UNITS),
    "regularized_incomplete_beta": _of_exact_operands(special.betainc, SERIES_UNITS),
}
