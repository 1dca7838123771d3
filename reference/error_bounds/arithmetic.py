"""How sums, products, quotients and powers round. Sources: `reference.error_bounds.evaluate`."""

from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    UnsupportedPrimitive,
    error_of,
    out_dtype,
    rounded,
)
from reference.error_bounds.roundoff import (
    DIVISION_UNITS,
    ELEMENTARY_UNITS,
    of_the_platform,
    unit_roundoff,
)


def _add(sign: int) -> Rule:
    def rule(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
        return rounded(equation, a.value + sign * b.value, error_of(a) + error_of(b))

    return rule


def _mul(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    ea, eb = error_of(a), error_of(b)
    carried = np.abs(a.value) * eb + ea * np.abs(b.value) + ea * eb
    return rounded(equation, a.value * b.value, carried)


def _div(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    """The quotient's error is unbounded where the divisor's interval reaches zero."""
    value, margin = a.value / b.value, np.abs(b.value) - error_of(b)
    carried = np.where(
        error_of(a) + error_of(b) == 0,
        0.0,
        (error_of(a) + np.abs(value) * error_of(b)) / np.maximum(margin, 0),
    )
    return rounded(equation, value, carried, of_the_platform(DIVISION_UNITS))


def _square(equation: Any, x: BoundedArray) -> BoundedArray:
    return _mul(equation, x, x)


def _one_minus_square(equation: Any, x: BoundedArray) -> BoundedArray:
    squared = _square(equation, x)
    return rounded(equation, 1 - squared.value, error_of(squared))


def _integer_pow(equation: Any, x: BoundedArray) -> BoundedArray:
    power = equation.params["y"]
    value, error = x.value**power, error_of(x)
    ends = [np.abs((np.abs(x.value) + s * error) ** power - np.abs(value)) for s in (-1, 1)]
    return rounded(equation, value, np.where(error == 0, 0.0, np.maximum(*ends)), abs(power))


def _pow(equation: Any, x: BoundedArray, y: BoundedArray) -> BoundedArray:
    """x ** y as exp(y log x): the exponent's own rounding is magnified by its size."""
    if np.any(x.value - error_of(x) <= 0):
        raise UnsupportedPrimitive(
            "no float64 rule for the primitive 'pow' of a base that may not be positive"
        )
    value, exponent = x.value**y.value, np.abs(y.value * np.log(x.value))
    slope = np.abs(y.value) * error_of(x) / (x.value - error_of(x))
    moved = slope + np.abs(np.log(x.value)) * error_of(y)
    units = ELEMENTARY_UNITS * (1 + exponent)
    own = units * unit_roundoff(out_dtype(equation))
    return rounded(equation, value, np.abs(value) * (np.expm1(moved) + own))


def _polynomial(equation: Any, x: BoundedArray, *coefficients: BoundedArray) -> BoundedArray:
    """Horner's rule, from the highest degree down: a product and a sum for each."""
    *lower, result = coefficients
    for coefficient in reversed(lower):
        product = _mul(equation, result, x)
        carried = error_of(product) + error_of(coefficient)
        result = rounded(equation, product.value + coefficient.value, carried)
    return result


ARITHMETIC: dict[str, Rule] = {
    "add": _add(1),
    "add_any": _add(1),
    "sub": _add(-1),
    "mul": _mul,
    "div": _div,
    "square": _square,
    "one_minus_square": _one_minus_square,
    "integer_pow": _integer_pow,
    "pow": _pow,
    "polynomial": _polynomial,
    "abs": lambda equation, x: BoundedArray(np.abs(x.value), x.error),
    "neg": lambda equation, x: BoundedArray(-x.value, x.error),
}
