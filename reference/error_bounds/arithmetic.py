"""How sums, products, quotients and powers round. Sources: `reference.error_bounds.evaluate`."""

from typing import Any

import numpy as np

from reference.error_bounds.agreement import SLACK
from reference.error_bounds.bounded_array import (
    BoundedArray,
    Rule,
    error_of,
    out_dtype,
    rounded,
)
from reference.error_bounds.roundoff import (
    DIVISION_UNITS,
    ELEMENTARY_UNITS,
    of_the_platform,
    smallest_normal,
    unit_roundoff,
)


def _add(sign: int) -> Rule:
    def rule(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
        result = rounded(equation, a.value + sign * b.value, error_of(a) + error_of(b))
        return _exact_where_representable(equation, result, a, b)

    return rule


def _exact_where_representable(
    equation: Any, result: BoundedArray, *operands: BoundedArray
) -> BoundedArray:
    """IEEE 754 rounds correctly: what the dtype holds, of operands without error, has none."""
    dtype = out_dtype(equation)
    if unit_roundoff(dtype) <= unit_roundoff(np.float64):
        return result
    exact = np.asarray(result.value).astype(dtype).astype(np.float64) == result.value
    for operand in operands:
        exact = exact & (error_of(operand) == 0)
    # Below the smallest normal number a result may be flushed to zero.
    exact = exact & ((np.abs(result.value) >= smallest_normal(dtype)) | (result.value == 0))
    return BoundedArray(result.value, np.where(exact, 0.0, error_of(result)))


def _mul(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    ea, eb = error_of(a), error_of(b)
    carried = np.abs(a.value) * eb + ea * np.abs(b.value) + ea * eb
    result = rounded(equation, a.value * b.value, carried)
    return _exact_where_representable(equation, result, a, b)


def _div(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    """The quotient's error is unbounded where the divisor's interval reaches zero."""
    value, margin = a.value / b.value, np.abs(b.value) - error_of(b)
    carried = np.where(
        error_of(a) + error_of(b) == 0,
        0.0,
        (error_of(a) + np.abs(value) * error_of(b)) / np.maximum(margin, 0),
    )
    # A reciprocal below the smallest normal number may be flushed to zero.
    large = np.isfinite(b.value) & (np.abs(b.value) * smallest_normal(out_dtype(equation)) > 1)
    carried = np.where(large, np.inf, carried)
    return rounded(equation, value, carried, of_the_platform(DIVISION_UNITS))


def _square(equation: Any, x: BoundedArray) -> BoundedArray:
    return _mul(equation, x, x)


def _one_minus_square(equation: Any, x: BoundedArray) -> BoundedArray:
    squared = _square(equation, x)
    return rounded(equation, 1 - squared.value, error_of(squared))


def _integer_pow(equation: Any, x: BoundedArray) -> BoundedArray:
    """As many products as the power, and for a negative one a quotient; unbounded near its pole."""
    power = equation.params["y"]
    value, error = x.value**power, error_of(x)
    ends = [np.abs((np.abs(x.value) + s * error) ** power - np.abs(value)) for s in (-1, 1)]
    carried = np.where(error == 0, 0.0, np.maximum(*ends))
    if power < 0:
        carried = np.where((error > 0) & (np.abs(x.value) <= error), np.inf, carried)
    quotient = of_the_platform(DIVISION_UNITS) - 1 if power < 0 else 0.0
    return rounded(equation, value, carried, abs(power) + quotient)


def _pow(equation: Any, x: BoundedArray, y: BoundedArray) -> BoundedArray:
    """X ** y as exp(y log |x|): the exponent's own rounding is magnified by its size.

    A base that may be zero is bounded where the exponent is exact and positive, a negative one where
    the exponent is exact (whole, or the result is NaN). Elsewhere nothing is known.
    """
    exponent = np.asarray(y.value, np.float64)
    value = np.power(x.value, exponent)
    base, ex, ey = np.abs(x.value), error_of(x), error_of(y)
    size = np.abs(value)
    logarithm = np.abs(np.log(np.where(base > 0, base, 1.0)))
    steepness = np.where(ex == 0, 0.0, np.abs(exponent) * ex / np.maximum(base - ex, 0.0))
    carried = size * np.expm1(steepness + logarithm * ey)
    to_zero = (ex > 0) & (base <= ex) & (ey == 0) & (exponent > 0)
    carried = np.where(to_zero, (base + ex) ** exponent + size, carried)
    # Of a base that may be negative, a power that is not whole is NaN.
    defined = (x.value - ex > 0) | (exponent == np.round(exponent))
    known = (ey == 0) | (x.value - ex > 0)
    known = known & ((ex == 0) | (defined & ((base > ex) | to_zero)))
    units = ELEMENTARY_UNITS * (1 + np.abs(exponent) * logarithm)
    own = units * unit_roundoff(out_dtype(equation))
    own = np.where((base == 0) | ~np.isfinite(size), 0.0, size * own)
    return rounded(equation, value, np.where(known, carried + own, np.inf))


def _rem(equation: Any, x: BoundedArray, y: BoundedArray) -> BoundedArray:
    """The remainder of exact operands is exact. It jumps where the quotient's integer part may change."""
    value, quotient = np.fmod(x.value, y.value), x.value / y.value
    ex, ey = error_of(x), error_of(y)
    whole = np.trunc(quotient)
    moved = np.where(
        ex + ey == 0, 0.0, (ex + np.abs(quotient) * ey) / np.maximum(np.abs(y.value) - ey, 0.0)
    )
    same = np.trunc(quotient - SLACK * moved) == np.trunc(quotient + SLACK * moved)
    carried = np.where(same, ex + np.abs(whole) * ey, np.abs(y.value) + ey)
    carried = np.where((ey > 0) & (np.abs(y.value) <= ey), np.inf, carried)
    return BoundedArray(value, np.where(ex + ey == 0, 0.0, carried))


def _reduce_precision(equation: Any, x: BoundedArray) -> BoundedArray:
    """Rounded to as many bits of mantissa."""
    units = 2.0 ** -(equation.params["mantissa_bits"] + 1) / unit_roundoff(out_dtype(equation))
    return rounded(equation, x.value, error_of(x), units if units > 1 else 0.0)


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
    "rem": _rem,
    "reduce_precision": _reduce_precision,
    "abs": lambda equation, x: BoundedArray(np.abs(x.value), x.error),
    "neg": lambda equation, x: BoundedArray(-x.value, x.error),
}
