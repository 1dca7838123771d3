"""How each primitive rounds: its value in float64, and the error it adds to what its operands carry.

The sources are named in `reference.error_bounds.evaluate`, which applies these rules.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from reference.error_bounds.bounded_array import (
    BoundedArray,
    BranchUndecidable,
    UnsupportedPrimitive,
    as_bounded,
    error_of,
    gamma,
    is_float,
    unit_roundoff,
)
from reference.error_bounds.movement import MOVEMENT

ELEMENTARY_UNITS = 8.0
"""Error of one exp, tanh, log ... in units of roundoff u. XLA promises no figure; the tests measure
the worst over a grid on the installed release, and fail when it exceeds this."""


DIVISION_UNITS, ROOT_UNITS = 4.0, 2.0
"""Error of a division and of a square root where they are not IEEE's: the GPU's fast ones are within 2
and 1 units in the last place, each two units of roundoff (CUDA C++ Programming Guide, appendix
Mathematical Functions, for -prec-div=false and -prec-sqrt=false)."""


def of_the_platform(units: float) -> float:
    """That many units of roundoff, or one on a CPU, which rounds as IEEE 754 says."""
    return 1.0 if jax.default_backend() == "cpu" else units


def of_two_computations(value: Any, dtype: Any) -> Any:
    """What two computations, in ``dtype``, of one elementary function may differ by."""
    return 2 * ELEMENTARY_UNITS * unit_roundoff(dtype) * np.abs(value)


def _rounded(equation: Any, value: Any, carried: Any, units: float = 1.0) -> BoundedArray:
    """Add one rounding (``units`` of roundoff, and underflow) to the error carried from before."""
    info = jnp.finfo(equation.outvars[0].aval.dtype)
    own = units * (float(info.eps) / 2 * np.abs(value) + float(info.tiny))
    return BoundedArray(value, np.nan_to_num(own, nan=0.0, posinf=0.0) + carried)


def _add(sign: int) -> Callable[..., BoundedArray]:
    def rule(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
        return _rounded(equation, a.value + sign * b.value, error_of(a) + error_of(b))

    return rule


def _mul(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    ea, eb = error_of(a), error_of(b)
    carried = np.abs(a.value) * eb + ea * np.abs(b.value) + ea * eb
    return _rounded(equation, a.value * b.value, carried)


def _div(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    value, margin = a.value / b.value, np.abs(b.value) - error_of(b)
    carried = np.where(
        error_of(a) + error_of(b) == 0,
        0.0,
        (error_of(a) + np.abs(value) * error_of(b)) / np.maximum(margin, 0),
    )
    return _rounded(equation, value, carried, of_the_platform(DIVISION_UNITS))


def _sqrt(equation: Any, x: BoundedArray) -> BoundedArray:
    return _monotone(np.sqrt, of_the_platform(ROOT_UNITS))(equation, x)


def _monotone(
    function: Callable[[Any], Any], units: float = ELEMENTARY_UNITS
) -> Callable[..., BoundedArray]:
    """A monotone function moves by at most what it moves to at either end of the interval."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, error = function(x.value), error_of(x)
        ends = [np.abs(function(x.value + s * error) - value) for s in (-1, 1)]
        carried = np.where(error == 0, 0.0, np.nan_to_num(np.maximum(*ends), nan=np.inf))
        return _rounded(equation, value, carried, units)

    return rule


def _lipschitz(function: Callable[[Any], Any], units: float) -> Callable[..., BoundedArray]:
    """A function whose slope never exceeds one."""
    return lambda equation, x: _rounded(equation, function(x.value), error_of(x), units)


def _fed_exactly(
    function: Callable[..., Any], units: float = ELEMENTARY_UNITS
) -> Callable[..., BoundedArray]:
    """A function of operands that carry no error, so that nothing need be known of its slopes."""

    def rule(equation: Any, *operands: BoundedArray) -> BoundedArray:
        if any(np.any(error_of(operand)) for operand in operands):
            raise UnsupportedPrimitive(
                f"no float64 rule for {equation.primitive.name!r} of what was rounded"
            )
        return _rounded(equation, function(*(operand.value for operand in operands)), 0.0, units)

    return rule


def _integer_pow(equation: Any, x: BoundedArray) -> BoundedArray:
    power = equation.params["y"]
    value, error = x.value**power, error_of(x)
    ends = [np.abs((np.abs(x.value) + s * error) ** power - np.abs(value)) for s in (-1, 1)]
    return _rounded(equation, value, np.where(error == 0, 0.0, np.maximum(*ends)), abs(power))


def _square(equation: Any, x: BoundedArray) -> BoundedArray:
    return _mul(equation, x, x)


def _one_minus_square(equation: Any, x: BoundedArray) -> BoundedArray:
    squared = _square(equation, x)
    return _rounded(equation, 1 - squared.value, squared.error)


def _pick(function: Callable[..., Any]) -> Callable[..., BoundedArray]:
    """max and min choose an operand without rounding."""
    return lambda equation, a, b: BoundedArray(
        function(a.value, b.value), np.maximum(error_of(a), error_of(b))
    )


def _clamp(equation: Any, low: BoundedArray, x: BoundedArray, high: BoundedArray) -> BoundedArray:
    error = np.maximum(error_of(x), np.maximum(error_of(low), error_of(high)))
    return BoundedArray(np.clip(x.value, low.value, high.value), error)


def _steps(function: Callable[[Any], Any]) -> Callable[..., BoundedArray]:
    """A step function is exact where the error does not reach the next step."""

    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        value, error = function(x.value), error_of(x)
        if np.any((function(x.value - error) != value) | (function(x.value + error) != value)):
            raise BranchUndecidable(
                f"a step of {equation.primitive.name} is within the rounding error"
            )
        return BoundedArray(value, None if x.error is None else np.zeros(np.shape(value)))

    return rule


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
    own = units * unit_roundoff(equation.outvars[0].aval.dtype)
    return _rounded(equation, value, np.abs(value) * (np.expm1(moved) + own))


def _cumsum(equation: Any, x: BoundedArray) -> BoundedArray:
    axis, reverse = equation.params["axis"], equation.params["reverse"]

    def along(values: Any) -> Any:
        flipped = np.flip(values, axis) if reverse else values
        total = np.cumsum(flipped, axis)
        return np.flip(total, axis) if reverse else total

    bound = gamma(x.value.shape[axis], equation.outvars[0].aval.dtype)
    return BoundedArray(along(x.value), along(error_of(x)) + bound * along(np.abs(x.value)))


def _polynomial(equation: Any, x: BoundedArray, *coefficients: BoundedArray) -> BoundedArray:
    """Horner's rule, from the highest degree down: a product and a sum for each."""
    *lower, result = coefficients
    for coefficient in reversed(lower):
        product = _mul(equation, result, x)
        value, carried = product.value + coefficient.value, product.error + error_of(coefficient)
        result = _rounded(equation, value, carried)
    return result


def _cumlogsumexp(equation: Any, x: BoundedArray) -> BoundedArray:
    """The logarithm of a sum moves by no more than its terms do; each step takes an exp and a log."""
    axis, reverse = equation.params["axis"], equation.params["reverse"]
    if np.any(error_of(x)):
        raise UnsupportedPrimitive("no float64 rule for 'cumlogsumexp' of what was rounded")
    flipped = np.flip(x.value, axis) if reverse else x.value
    total = np.logaddexp.accumulate(flipped, axis)
    steps = (
        2 * ELEMENTARY_UNITS * x.value.shape[axis] * unit_roundoff(equation.outvars[0].aval.dtype)
    )
    largest = np.maximum(1.0, np.max(np.abs(x.value), axis=axis, keepdims=True))
    return BoundedArray(
        np.flip(total, axis) if reverse else total,
        np.broadcast_to(steps * (largest + np.log(x.value.shape[axis])), np.shape(total)),
    )


def _compare(function: Callable[..., Any]) -> Callable[..., BoundedArray]:
    def rule(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
        doubt = error_of(a) + error_of(b)
        if np.any((np.abs(a.value - b.value) <= doubt) & (doubt > 0)):
            raise BranchUndecidable(f"{equation.primitive.name} falls within the rounding error")
        return BoundedArray(function(a.value, b.value), None)

    return rule


def _dot_general(equation: Any, a: BoundedArray, b: BoundedArray) -> BoundedArray:
    ((ca, cb), (ba, bb)) = equation.params["dimension_numbers"]
    terms = int(np.prod([a.value.shape[i] for i in ca], dtype=int))

    def dot(x: Any, y: Any) -> Any:
        xs, ys = list(range(x.ndim)), [x.ndim + i for i in range(y.ndim)]
        for i, j in (*zip(ca, cb, strict=True), *zip(ba, bb, strict=True)):
            ys[j] = xs[i]
        free = [xs[i] for i in range(x.ndim) if i not in (*ca, *ba)]
        free += [ys[j] for j in range(y.ndim) if j not in (*cb, *bb)]
        return np.einsum(x, xs, y, ys, [xs[i] for i in ba] + free)

    value, size = dot(a.value, b.value), dot(np.abs(a.value), np.abs(b.value))
    ea, eb = error_of(a), error_of(b)
    carried = dot(np.abs(a.value), eb) + dot(ea, np.abs(b.value)) + dot(ea, eb)
    dtype = equation.outvars[0].aval.dtype
    tiny = max(terms, 1) * float(jnp.finfo(dtype).tiny)
    return BoundedArray(value, carried + gamma(max(terms, 1), dtype) * size + tiny)


def _reduce_sum(equation: Any, x: BoundedArray) -> BoundedArray:
    axes = tuple(equation.params["axes"])
    terms = int(np.prod([x.value.shape[i] for i in axes], dtype=int))
    size = np.sum(np.abs(x.value), axis=axes)
    carried = np.sum(error_of(x), axis=axes)
    return BoundedArray(
        np.sum(x.value, axis=axes), carried + gamma(terms, equation.outvars[0].aval.dtype) * size
    )


def _reduce_pick(function: Callable[..., Any]) -> Callable[..., BoundedArray]:
    def rule(equation: Any, x: BoundedArray) -> BoundedArray:
        axes = tuple(equation.params["axes"])
        return BoundedArray(function(x.value, axis=axes), np.max(error_of(x), axis=axes))

    return rule


def _convert(equation: Any, x: BoundedArray) -> BoundedArray:
    dtype = equation.params["new_dtype"]
    if not is_float(dtype):
        if x.error is not None and np.any(x.error > 0):
            raise BranchUndecidable(f"a rounded value is converted to {dtype}")
        return BoundedArray(np.asarray(jnp.asarray(x.value, jnp.float32).astype(dtype)), None)
    value = np.asarray(x.value, np.float64)
    if is_float(equation.invars[0].aval.dtype) and unit_roundoff(dtype) <= unit_roundoff(
        equation.invars[0].aval.dtype
    ):
        return BoundedArray(value, x.error)
    return _rounded(equation, value, error_of(x))


def _bitcast(equation: Any, x: BoundedArray) -> BoundedArray:
    """The bits of a number that no error has touched, as JAX gives them."""
    held = np.asarray(x.value).astype(equation.invars[0].aval.dtype)
    if np.any(error_of(x)) or np.any(held != x.value):
        raise UnsupportedPrimitive("no float64 rule for 'bitcast_convert_type' of what was rounded")
    return as_bounded(equation.primitive.bind(jnp.asarray(held), **equation.params))


def _scatter_add(
    equation: Any, x: BoundedArray, indices: BoundedArray, updates: BoundedArray
) -> BoundedArray:
    """Sums of what falls on a place: the transpose, a gather, says of each update where it does."""
    shape, dtype = np.shape(x.value), equation.outvars[0].aval.dtype
    size = int(np.prod(shape, dtype=int))
    zeros, params = jnp.zeros(shape, jnp.float32), dict(equation.params)
    if params["mode"] != jax.lax.GatherScatterMode.CLIP:
        # What is promised to be within bounds, and is not, a scatter drops and a gather does not.
        params["mode"] = jax.lax.GatherScatterMode.FILL_OR_DROP

    def scattered(updates: Any) -> Any:
        return equation.primitive.bind(zeros, indices.value, updates, **params)

    _, transpose = jax.vjp(scattered, jnp.zeros(np.shape(updates.value), jnp.float32))
    (places,) = transpose(jnp.arange(1, size + 1, dtype=jnp.float32).reshape(shape))
    where = np.asarray(places).astype(int).ravel()  # zero: dropped

    def summed(as_bounded: Any, added: Any) -> Any:
        flat = np.concatenate([[0.0], np.ravel(as_bounded)])
        np.add.at(flat, where, np.ravel(added))
        return flat[1:].reshape(shape)

    most = int(np.bincount(where, minlength=1)[1:].max(initial=0)) + 1
    size_of_terms = summed(np.abs(x.value), np.abs(updates.value))
    carried = summed(error_of(x), error_of(updates))
    return BoundedArray(
        summed(x.value, updates.value), carried + gamma(most, dtype) * size_of_terms
    )


SERIES_UNITS = 2048.0
"""Error of a special function that JAX sums or iterates in the program's own dtype. Like
`ELEMENTARY_UNITS`, measured by the tests over the intervals that the catalogue draws from; the worst
seen is the 1,209 of random_gamma_grad, on jax 0.4.30 as on 0.12.0."""

RULES: dict[str, Callable[..., Any]] = {
    **MOVEMENT,
    "add": _add(1),
    "add_any": _add(1),
    "sub": _add(-1),
    "mul": _mul,
    "div": _div,
    "square": _square,
    "one_minus_square": _one_minus_square,
    "integer_pow": _integer_pow,
    "dot_general": _dot_general,
    "reduce_sum": _reduce_sum,
    "reduce_max": _reduce_pick(np.max),
    "reduce_min": _reduce_pick(np.min),
    "max": _pick(np.maximum),
    "min": _pick(np.minimum),
    "exp": _monotone(np.exp),
    "log": _monotone(np.log),
    "tanh": _monotone(np.tanh),
    "logistic": _monotone(lambda x: 1 / (1 + np.exp(-x))),
    "sqrt": _sqrt,
    "rsqrt": _monotone(lambda x: 1 / np.sqrt(x)),
    "exp2": _monotone(np.exp2),
    "log1p": _monotone(np.log1p),
    "expm1": _monotone(np.expm1),
    "erf": _monotone(special.erf),
    "erfc": _monotone(special.erfc),
    "log2": _monotone(np.log2),
    "asinh": _monotone(np.arcsinh),
    "atan": _monotone(np.arctan),
    "cbrt": _monotone(np.cbrt),
    "sinh": _monotone(np.sinh),
    "asin": _monotone(np.arcsin),
    "acos": _monotone(np.arccos),
    "atanh": _monotone(np.arctanh),
    "acosh": _monotone(np.arccosh),
    "erf_inv": _monotone(special.erfinv),
    "cosh": _fed_exactly(np.cosh),
    "tan": _fed_exactly(np.tan),
    "bessel_i0e": _fed_exactly(special.i0e),
    "bessel_i1e": _fed_exactly(special.i1e),
    "digamma": _fed_exactly(special.digamma, SERIES_UNITS),
    "lgamma": _fed_exactly(special.gammaln, SERIES_UNITS),
    "atan2": _fed_exactly(np.arctan2),
    "igamma": _fed_exactly(special.gammainc, SERIES_UNITS),
    "igammac": _fed_exactly(special.gammaincc, SERIES_UNITS),
    "zeta": _fed_exactly(special.zeta, SERIES_UNITS),
    "polygamma": _fed_exactly(special.polygamma, SERIES_UNITS),
    "regularized_incomplete_beta": _fed_exactly(special.betainc, SERIES_UNITS),
    "cumlogsumexp": _cumlogsumexp,
    "polynomial": _polynomial,
    "pow": _pow,
    "cumsum": _cumsum,
    "clamp": _clamp,
    "sign": _steps(np.sign),
    "floor": _steps(np.floor),
    "ceil": _steps(np.ceil),
    "sin": _lipschitz(np.sin, ELEMENTARY_UNITS),
    "cos": _lipschitz(np.cos, ELEMENTARY_UNITS),
    "abs": lambda equation, x: BoundedArray(np.abs(x.value), x.error),
    "neg": lambda equation, x: BoundedArray(-x.value, x.error),
    "stop_gradient": lambda equation, x: x,
    "copy": lambda equation, x: x,
    "is_finite": lambda equation, x: BoundedArray(np.isfinite(x.value), None),
    "gt": _compare(np.greater),
    "ge": _compare(np.greater_equal),
    "lt": _compare(np.less),
    "le": _compare(np.less_equal),
    "eq": _compare(np.equal),
    "ne": _compare(np.not_equal),
    "convert_element_type": _convert,
    "bitcast_convert_type": _bitcast,
    "scatter-add": _scatter_add,
}
