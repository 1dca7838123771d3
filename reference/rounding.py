"""A result in float64 together with a bound on what rounding may do to it.

The unmapped function is traced once and its jaxpr evaluated in NumPy float64. Beside each value goes
an absolute error that any evaluation in the program's own dtypes stays within, whatever the order of
its sums: a running error analysis, with ``gamma(n) = n u / (1 - n u)`` for a sum of n terms (Higham,
*Accuracy and Stability of Numerical Algorithms*, 2nd ed., sections 3.1 and 3.3). The magnitudes are
those of the terms (sum of |x||w|), not of the result, so cancellation is allowed for, and nothing
else is. An answer passes when it lies within ``SLACK`` times that error of the value.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SLACK = 2.0
"""Room for the terms of second order that the running analysis drops, and nothing more."""

ELEMENTARY_UNITS = 8.0
"""Error of one exp, tanh, log ... in units of roundoff u. XLA promises no figure; the tests measure
the worst over a grid on the installed release, and fail when it exceeds this."""


class Rounded(NamedTuple):
    """Pytrees of one structure: the value in float64 and the error that rounding may cause.

    Leaves that are not floating point are exact: value in the dtype of the program, error zero.
    """

    value: Any
    error: Any


class Undecidable(Exception):
    """Rounding decides which branch a program takes, so no single value is right."""


def evaluate(function: Callable[..., Any], *arguments: Any) -> Rounded:
    """Evaluate ``function(*arguments)`` in float64, with the error its own dtypes may cause.

    Raises NotImplementedError for a primitive that has no rule here, Undecidable where a comparison
    falls within the error.
    """
    return evaluator(function, *arguments)(*arguments)


def evaluator(function: Callable[..., Any], *like: Any) -> Callable[..., Rounded]:
    """Trace ``function`` once for arguments shaped ``like``; return its float64 evaluation."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*like)
    structure = jax.tree_util.tree_structure(shape)

    def run(*arguments: Any) -> Rounded:
        leaves = [_start(leaf) for leaf in jax.tree_util.tree_leaves(arguments)]
        results = _run(closed.jaxpr, [_start(c) for c in closed.consts], leaves)
        values = [
            overflowed(r, v.aval.dtype) for r, v in zip(results, closed.jaxpr.outvars, strict=True)
        ]
        errors = [_error(r) for r in results]
        return Rounded(
            jax.tree_util.tree_unflatten(structure, values),
            jax.tree_util.tree_unflatten(structure, errors),
        )

    return run


def overflowed(result: "Term", dtype: Any) -> Any:
    """The value, infinite where the program's dtype ends."""
    if not is_float(dtype):
        return np.asarray(result.value) if not _is_key(result.value) else result.value
    largest = float(jnp.finfo(dtype).max)
    return np.where(np.abs(result.value) > largest, np.copysign(np.inf, result.value), result.value)


def unit(dtype: Any) -> float:
    """Unit roundoff u of a floating dtype: half the distance from 1 to the next number."""
    return float(jnp.finfo(dtype).eps) / 2


def gamma(n: int, dtype: Any) -> float:
    """Higham's gamma_n = n u / (1 - n u)."""
    nu = n * unit(dtype)
    return nu / (1 - nu) if nu < 1 else float("inf")


def is_float(dtype: Any) -> bool:
    return bool(jnp.issubdtype(dtype, jnp.floating))


class Term(NamedTuple):
    """One array on its way through the program; ``error`` is None where the array is exact."""

    value: Any
    error: Any


def _is_key(value: Any) -> bool:
    return hasattr(value, "dtype") and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def _start(leaf: Any) -> Term:
    if _is_key(leaf) or not is_float(jnp.result_type(leaf)):
        return Term(leaf, None)
    return Term(np.asarray(leaf).astype(np.float64), None)


def _error(term: Term) -> Any:
    if _is_key(term.value):
        return np.zeros(term.value.shape)
    return np.zeros(np.shape(term.value)) if term.error is None else term.error


def _run(jaxpr: Any, consts: Sequence[Term], arguments: Sequence[Term]) -> list[Term]:
    known: dict[Any, Term] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Term:
        return (
            _start(np.asarray(atom.val, atom.aval.dtype)) if hasattr(atom, "val") else known[atom]
        )

    for equation in jaxpr.eqns:
        results = _equation(equation, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")


def _equation(equation: Any, terms: list[Term]) -> list[Term]:
    floats_in = any(is_float(atom.aval.dtype) for atom in equation.invars)
    name = equation.primitive.name
    inner = next((equation.params[key] for key in INNER if key in equation.params), None)
    if not floats_in and name != "iota" and (inner is None or name in ("jit", "pjit")):
        return _native(equation, terms)
    if inner is not None:
        return _run(
            getattr(inner, "jaxpr", inner), [_start(c) for c in getattr(inner, "consts", ())], terms
        )
    rule = RULES.get(name)
    if rule is None:
        raise NotImplementedError(f"no float64 rule for the primitive {name!r}")
    with np.errstate(all="ignore"):
        result = rule(equation, *terms)
    return result if isinstance(result, list) else [result]


def _native(equation: Any, terms: Sequence[Term]) -> list[Term]:
    """Integers, booleans and keys have no rounding: let JAX compute them."""
    result = equation.primitive.bind(*(term.value for term in terms), **equation.params)
    results = result if equation.primitive.multiple_results else [result]
    return [_start(r) for r in results]


# --- rules: one for each kind of primitive ---------------------------------------------------------


def _rounded(equation: Any, value: Any, carried: Any, units: float = 1.0) -> Term:
    """Add one rounding (``units`` of roundoff, and underflow) to the error carried from before."""
    info = jnp.finfo(equation.outvars[0].aval.dtype)
    own = units * (float(info.eps) / 2 * np.abs(value) + float(info.tiny))
    return Term(value, np.nan_to_num(own, nan=0.0, posinf=0.0) + carried)


def _add(sign: int) -> Callable[..., Term]:
    def rule(equation: Any, a: Term, b: Term) -> Term:
        return _rounded(equation, a.value + sign * b.value, _error(a) + _error(b))

    return rule


def _mul(equation: Any, a: Term, b: Term) -> Term:
    ea, eb = _error(a), _error(b)
    carried = np.abs(a.value) * eb + ea * np.abs(b.value) + ea * eb
    return _rounded(equation, a.value * b.value, carried)


def _div(equation: Any, a: Term, b: Term) -> Term:
    value, room = a.value / b.value, np.abs(b.value) - _error(b)
    carried = np.where(
        _error(a) + _error(b) == 0,
        0.0,
        (_error(a) + np.abs(value) * _error(b)) / np.maximum(room, 0),
    )
    return _rounded(equation, value, carried)


def _monotone(
    function: Callable[[Any], Any], units: float = ELEMENTARY_UNITS
) -> Callable[..., Term]:
    """A monotone function moves by at most what it moves to at either end of the interval."""

    def rule(equation: Any, x: Term) -> Term:
        value, error = function(x.value), _error(x)
        ends = [np.abs(function(x.value + s * error) - value) for s in (-1, 1)]
        carried = np.where(error == 0, 0.0, np.nan_to_num(np.maximum(*ends), nan=np.inf))
        return _rounded(equation, value, carried, units)

    return rule


def _lipschitz(function: Callable[[Any], Any], units: float) -> Callable[..., Term]:
    """A function whose slope never exceeds one."""
    return lambda equation, x: _rounded(equation, function(x.value), _error(x), units)


def _integer_pow(equation: Any, x: Term) -> Term:
    power = equation.params["y"]
    value, error = x.value**power, _error(x)
    ends = [np.abs((np.abs(x.value) + s * error) ** power - np.abs(value)) for s in (-1, 1)]
    return _rounded(equation, value, np.where(error == 0, 0.0, np.maximum(*ends)), abs(power))


def _square(equation: Any, x: Term) -> Term:
    return _mul(equation, x, x)


def _one_minus_square(equation: Any, x: Term) -> Term:
    squared = _square(equation, x)
    return _rounded(equation, 1 - squared.value, squared.error)


def _pick(function: Callable[..., Any]) -> Callable[..., Term]:
    """max and min choose an operand without rounding."""
    return lambda equation, a, b: Term(function(a.value, b.value), np.maximum(_error(a), _error(b)))


def _compare(function: Callable[..., Any]) -> Callable[..., Term]:
    def rule(equation: Any, a: Term, b: Term) -> Term:
        doubt = _error(a) + _error(b)
        if np.any((np.abs(a.value - b.value) <= doubt) & (doubt > 0)):
            raise Undecidable(f"{equation.primitive.name} falls within the rounding error")
        return Term(function(a.value, b.value), None)

    return rule


def _dot_general(equation: Any, a: Term, b: Term) -> Term:
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
    ea, eb = _error(a), _error(b)
    carried = dot(np.abs(a.value), eb) + dot(ea, np.abs(b.value)) + dot(ea, eb)
    dtype = equation.outvars[0].aval.dtype
    tiny = max(terms, 1) * float(jnp.finfo(dtype).tiny)
    return Term(value, carried + gamma(max(terms, 1), dtype) * size + tiny)


def _reduce_sum(equation: Any, x: Term) -> Term:
    axes = tuple(equation.params["axes"])
    terms = int(np.prod([x.value.shape[i] for i in axes], dtype=int))
    size = np.sum(np.abs(x.value), axis=axes)
    carried = np.sum(_error(x), axis=axes)
    return Term(
        np.sum(x.value, axis=axes), carried + gamma(terms, equation.outvars[0].aval.dtype) * size
    )


def _reduce_pick(function: Callable[..., Any]) -> Callable[..., Term]:
    def rule(equation: Any, x: Term) -> Term:
        axes = tuple(equation.params["axes"])
        return Term(function(x.value, axis=axes), np.max(_error(x), axis=axes))

    return rule


def _convert(equation: Any, x: Term) -> Term:
    dtype = equation.params["new_dtype"]
    if not is_float(dtype):
        if x.error is not None and np.any(x.error > 0):
            raise Undecidable(f"a rounded value is converted to {dtype}")
        return Term(np.asarray(jnp.asarray(x.value, jnp.float32).astype(dtype)), None)
    value = np.asarray(x.value, np.float64)
    if is_float(equation.invars[0].aval.dtype) and unit(dtype) <= unit(
        equation.invars[0].aval.dtype
    ):
        return Term(value, x.error)
    return _rounded(equation, value, _error(x))


def _moves(function: Callable[..., Any]) -> Callable[..., Term]:
    """Data movement takes the error along with the value."""

    def rule(equation: Any, *terms: Term) -> Term:
        value = function(equation.params, *(t.value for t in terms))
        if all(t.error is None for t in terms):
            return Term(value, None)
        return Term(value, function(equation.params, *(_error(t) for t in terms)))

    return rule


def _broadcast(params: Any, x: Any) -> Any:
    shape = [1] * len(params["shape"])
    for position, size in zip(params["broadcast_dimensions"], np.shape(x), strict=True):
        shape[position] = size
    return np.broadcast_to(np.reshape(x, shape), params["shape"])


def _slice(params: Any, x: Any) -> Any:
    strides = params["strides"] or (1,) * np.ndim(x)
    bounds = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return x[tuple(slice(*b) for b in bounds)]


def _pad(params: Any, x: Any, fill: Any) -> Any:
    if any(interior or low < 0 or high < 0 for low, high, interior in params["padding_config"]):
        raise NotImplementedError("no float64 rule for interior or negative padding")
    widths = [(low, high) for low, high, _ in params["padding_config"]]
    return np.pad(x, widths, constant_values=fill)


def _select(equation: Any, which: Term, *cases: Term) -> Term:
    index = np.asarray(which.value).astype(int)
    value = np.choose(np.broadcast_to(index, np.shape(cases[0].value)), [c.value for c in cases])
    if all(c.error is None for c in cases):
        return Term(value, None)
    return Term(value, np.choose(np.broadcast_to(index, value.shape), [_error(c) for c in cases]))


def _moves_by_index(equation: Any, x: Term, *rest: Term) -> Term:
    """Movement that NumPy has no name for: JAX moves the positions, NumPy follows them."""
    positions = jnp.arange(np.size(x.value), dtype=jnp.int32).reshape(np.shape(x.value))
    params = dict(equation.params)
    if "fill_value" in params:
        params["fill_value"] = -1
    moved = np.asarray(equation.primitive.bind(positions, *(t.value for t in rest), **params))
    inside = moved >= 0
    take = np.where(inside, moved, 0)

    def follow(values: Any, fill: float) -> Any:
        return (
            np.where(inside, np.ravel(values)[take], fill)
            if np.size(values)
            else np.zeros(moved.shape)
        )

    return Term(follow(x.value, np.nan), None if x.error is None else follow(x.error, 0.0))


def _iota(equation: Any, *_: Term) -> Term:
    shape, axis = equation.params["shape"], equation.params["dimension"]
    dtype = np.float64 if is_float(equation.params["dtype"]) else equation.params["dtype"]
    along = np.arange(shape[axis], dtype=dtype).reshape(
        [-1 if i == axis else 1 for i in range(len(shape))]
    )
    return Term(np.broadcast_to(along, shape), None)


RULES: dict[str, Callable[..., Any]] = {
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
    "sqrt": _monotone(np.sqrt, 1.0),
    "rsqrt": _monotone(lambda x: 1 / np.sqrt(x)),
    "sin": _lipschitz(np.sin, ELEMENTARY_UNITS),
    "cos": _lipschitz(np.cos, ELEMENTARY_UNITS),
    "abs": lambda equation, x: Term(np.abs(x.value), x.error),
    "neg": lambda equation, x: Term(-x.value, x.error),
    "stop_gradient": lambda equation, x: x,
    "copy": lambda equation, x: x,
    "is_finite": lambda equation, x: Term(np.isfinite(x.value), None),
    "gt": _compare(np.greater),
    "ge": _compare(np.greater_equal),
    "lt": _compare(np.less),
    "le": _compare(np.less_equal),
    "eq": _compare(np.equal),
    "ne": _compare(np.not_equal),
    "convert_element_type": _convert,
    "select_n": _select,
    "iota": _iota,
    "reshape": _moves(lambda params, x: np.reshape(x, params["new_sizes"])),
    "transpose": _moves(lambda params, x: np.transpose(x, params["permutation"])),
    "squeeze": _moves(lambda params, x: np.squeeze(x, tuple(params["dimensions"]))),
    "expand_dims": _moves(lambda params, x: np.expand_dims(x, tuple(params["dimensions"]))),
    "rev": _moves(lambda params, x: np.flip(x, tuple(params["dimensions"]))),
    "broadcast_in_dim": _moves(_broadcast),
    "slice": _moves(_slice),
    "pad": _moves(_pad),
    "concatenate": _moves(lambda params, *xs: np.concatenate(xs, params["dimension"])),
    "gather": _moves_by_index,
    "dynamic_slice": _moves_by_index,
}
