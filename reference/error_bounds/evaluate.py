"""A result in float64 together with a bound on what rounding may do to it.

The unmapped function is traced once and its jaxpr evaluated in NumPy float64. Beside each value goes
an absolute error that any evaluation in the program's own dtypes stays within, whatever the order of
its sums: a running error analysis, with `gamma(n) = n u / (1 - n u)` for a sum of n terms (Higham,
*Accuracy and Stability of Numerical Algorithms*, 2nd ed., sections 3.1 and 3.3). The magnitudes are
those of the terms (sum of |x||w|), not of the result, so cancellation is allowed for, and nothing
else is. A result is accepted where it lies within `SLACK` times that error of the value.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from reference.error_bounds.agreement import SLACK
from reference.error_bounds.bounded_array import (
    BoundedArray,
    BranchUndecidable,
    UnsupportedPrimitive,
    as_bounded,
    error_of,
    is_certain,
    is_float,
    is_key,
)
from reference.error_bounds.control_flow import CONTROL_FLOW
from reference.error_bounds.movement import MOVEMENT
from reference.error_bounds.native import native
from reference.error_bounds.roundoff import largest
from reference.error_bounds.rules import RULES
from reference.types import Array, PyTree


class Rounded(NamedTuple):
    """Pytrees of one structure: the value in float64 and the error that rounding may cause.

    Leaves that are not floating point are exact: value in the dtype of the program, error zero.
    """

    value: PyTree
    error: PyTree


def evaluate(function: Callable[..., PyTree], *arguments: PyTree) -> Rounded:
    """Evaluate `function(*arguments)` in float64, with the error its own dtypes may cause.

    Raises:
        UnsupportedPrimitive: the function has a primitive whose rounding is not known.
        BranchUndecidable: rounding decides what runs, where an element goes, or every value.
    """
    return evaluator(function, *arguments)(*arguments)


def evaluator(function: Callable[..., PyTree], *like: PyTree) -> Callable[..., Rounded]:
    """Trace `function` once for arguments shaped `like`; return its evaluation in float64."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*like)
    structure = jax.tree_util.tree_structure(shape)

    def run(*arguments: PyTree) -> Rounded:
        leaves = [as_bounded(leaf) for leaf in jax.tree_util.tree_leaves(arguments)]
        results = _run_closed(closed, leaves)
        values = [
            overflowed(r, v.aval.dtype) for r, v in zip(results, closed.jaxpr.outvars, strict=True)
        ]
        errors = [error_of(r) for r in results]
        if _all_in_doubt(values, errors):
            raise BranchUndecidable("rounding decides every value of the result")
        return Rounded(
            jax.tree_util.tree_unflatten(structure, values),
            jax.tree_util.tree_unflatten(structure, errors),
        )

    return run


def _all_in_doubt(values: Sequence[Array], errors: Sequence[Array]) -> bool:
    """Whether nothing is known of a result, part of which are integers or booleans."""
    sized = [(v, e) for v, e in zip(values, errors, strict=True) if np.size(e)]
    whole = any(not is_float(v.dtype) for v, _ in sized)
    return whole and all(bool(np.all(np.isinf(e))) for _, e in sized)


def overflowed(result: BoundedArray, dtype: Any) -> Array:
    """The value, infinite where it is beyond what the program's dtype holds."""
    if is_key(result.value):
        return result.value
    if not is_float(dtype):
        return np.asarray(result.value)
    beyond = np.abs(result.value) > largest(dtype)
    return np.where(beyond, np.copysign(np.inf, result.value), result.value)


def _run_closed(closed: Any, arguments: Sequence[BoundedArray]) -> list[BoundedArray]:
    """Evaluate a jaxpr, closed or without constants."""
    jaxpr = getattr(closed, "jaxpr", closed)
    known: dict[Any, BoundedArray] = {}
    consts = map(as_bounded, getattr(closed, "consts", ()))
    known.update(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> BoundedArray:
        if hasattr(atom, "val"):
            return as_bounded(np.asarray(atom.val, atom.aval.dtype))
        return known[atom]

    for equation in jaxpr.eqns:
        results = _equation(equation, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters under which a primitive that calls a function has its jaxpr."""


def _equation(equation: Any, operands: list[BoundedArray]) -> list[BoundedArray]:
    name = equation.primitive.name
    if name == "call_hi_primitive":
        return _run_closed(_expanded(equation), operands)
    inner = next((equation.params[key] for key in INNER if key in equation.params), None)
    dtypes = [atom.aval.dtype for atom in (*equation.invars, *equation.outvars)]
    if any(jnp.issubdtype(dtype, jnp.complexfloating) for dtype in dtypes) and inner is None:
        raise UnsupportedPrimitive(f"no float64 rule for {name!r} of complex numbers")
    has_floats = any(is_float(atom.aval.dtype) for atom in equation.invars)
    whole = inner is None or (name in ("jit", "pjit") and all(map(is_certain, operands)))
    if not has_floats and name != "iota" and whole:
        return native(equation, operands)
    if name in CONTROL_FLOW:
        return CONTROL_FLOW[name](_run_closed, equation, operands)
    if inner is not None:
        return _run_closed(inner, operands)
    rule = RULES.get(name)
    if rule is None:
        raise UnsupportedPrimitive(f"no float64 rule for the primitive {name!r}")
    with np.errstate(all="ignore"):
        if name not in MOVEMENT:
            pairs = zip(operands, equation.invars, strict=True)
            operands = [_lost_beyond(x, atom.aval.dtype) for x, atom in pairs]
        result = rule(equation, *operands)
        results = result if isinstance(result, list) else [result]
        lost = any(x.error is not None and np.any(np.isinf(x.error)) for x in operands)
        pairs = zip(results, equation.outvars, strict=True)
        return [_settled(x, variable.aval.dtype, lost) for x, variable in pairs]


def _expanded(equation: Any) -> Any:
    """The jaxpr of a primitive that is defined by others (`jax.numpy.searchsorted` in jax 0.12)."""
    primitive = equation.params["_prim"]

    def expand(*leaves: Array) -> list[Array]:
        arguments = jax.tree_util.tree_unflatten(primitive.in_tree, leaves)
        result: list[Array] = jax.tree_util.tree_leaves(primitive.expand(*arguments))
        return result

    like = [jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars]
    return jax.make_jaxpr(expand)(*like)


def _lost_beyond(operand: BoundedArray, dtype: Any) -> BoundedArray:
    """An operand of which nothing is known where it overflows the program's dtype.

    XLA rewrites expressions in ways that change what an infinity within becomes (`a / exp(b)` to
    `a * exp(-b)`, say).
    """
    if operand.error is None or not is_float(dtype):
        return operand
    beyond = np.isfinite(operand.value) & (np.abs(operand.value) > largest(dtype))
    return BoundedArray(operand.value, np.where(beyond, np.inf, operand.error))


def _settled(result: BoundedArray, dtype: Any, lost: bool) -> BoundedArray:
    """A result with an error that is a number, infinite where it may or may not overflow.

    An error that is NaN comes of an infinity: of an infinite result of exact operands there is no
    error, of others nothing is known; `lost` says that something was unknown before.
    """
    if result.error is None or not is_float(dtype):
        return result
    value, error = result.value, result.error
    unknown = np.isnan(error) & (lost | np.isfinite(value))
    error = np.where(unknown, np.inf, np.where(np.isnan(error), 0.0, error))
    end, size, reach = largest(dtype), np.abs(value), SLACK * error
    may_overflow = np.isfinite(value) & (size + reach > end) & (size - reach <= end)
    return BoundedArray(value, np.where(may_overflow, np.inf, error))
