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

from reference.error_bounds.arithmetic import RULES
from reference.error_bounds.bounded_array import (
    BoundedArray,
    UnsupportedPrimitive,
    as_bounded,
    error_of,
    is_float,
    is_key,
)

SLACK = 2.0
"""Room for the terms of second order that the running analysis drops, and nothing more."""


class Rounded(NamedTuple):
    """Pytrees of one structure: the value in float64 and the error that rounding may cause.

    Leaves that are not floating point are exact: value in the dtype of the program, error zero.
    """

    value: Any
    error: Any


def evaluate(function: Callable[..., Any], *arguments: Any) -> Rounded:
    """Evaluate ``function(*arguments)`` in float64, with the error its own dtypes may cause.

    Raises `UnsupportedPrimitive` for a primitive whose rounding is not known, and `BranchUndecidable`
    where a comparison falls within the error.
    """
    return evaluator(function, *arguments)(*arguments)


def evaluator(function: Callable[..., Any], *like: Any) -> Callable[..., Rounded]:
    """Trace ``function`` once for arguments shaped ``like``; return its float64 evaluation."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*like)
    structure = jax.tree_util.tree_structure(shape)

    def run(*arguments: Any) -> Rounded:
        leaves = [as_bounded(leaf) for leaf in jax.tree_util.tree_leaves(arguments)]
        results = _run(closed.jaxpr, [as_bounded(c) for c in closed.consts], leaves)
        values = [
            overflowed(r, v.aval.dtype) for r, v in zip(results, closed.jaxpr.outvars, strict=True)
        ]
        errors = [error_of(r) for r in results]
        return Rounded(
            jax.tree_util.tree_unflatten(structure, values),
            jax.tree_util.tree_unflatten(structure, errors),
        )

    return run


def overflowed(result: BoundedArray, dtype: Any) -> Any:
    """The value, infinite where the program's dtype ends."""
    if not is_float(dtype):
        return np.asarray(result.value) if not is_key(result.value) else result.value
    largest = float(jnp.finfo(dtype).max)
    return np.where(np.abs(result.value) > largest, np.copysign(np.inf, result.value), result.value)


def _run(
    jaxpr: Any, consts: Sequence[BoundedArray], arguments: Sequence[BoundedArray]
) -> list[BoundedArray]:
    known: dict[Any, BoundedArray] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> BoundedArray:
        return (
            as_bounded(np.asarray(atom.val, atom.aval.dtype))
            if hasattr(atom, "val")
            else known[atom]
        )

    for equation in jaxpr.eqns:
        results = _equation(equation, [read(atom) for atom in equation.invars])
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")


def _equation(equation: Any, terms: list[BoundedArray]) -> list[BoundedArray]:
    floats_in = any(is_float(atom.aval.dtype) for atom in equation.invars)
    name = equation.primitive.name
    inner = next((equation.params[key] for key in INNER if key in equation.params), None)
    if not floats_in and name != "iota" and (inner is None or name in ("jit", "pjit")):
        return _native(equation, terms)
    if name in CONTROL:
        return CONTROL[name](equation, terms)
    if inner is not None:
        return _run(
            getattr(inner, "jaxpr", inner),
            [as_bounded(c) for c in getattr(inner, "consts", ())],
            terms,
        )
    rule = RULES.get(name)
    if rule is None:
        raise UnsupportedPrimitive(f"no float64 rule for the primitive {name!r}")
    with np.errstate(all="ignore"):
        result = rule(equation, *terms)
    return result if isinstance(result, list) else [result]


def _closed(closed: Any, arguments: Sequence[BoundedArray]) -> list[BoundedArray]:
    return _run(closed.jaxpr, [as_bounded(const) for const in closed.consts], arguments)


def _scan(equation: Any, terms: list[BoundedArray]) -> list[BoundedArray]:
    """Step by step, as its semantics is written in the docstring of `jax.lax.scan`."""
    params = equation.params
    body = getattr(params["jaxpr"], "jaxpr", params["jaxpr"])
    # Releases write the numbers of constants and carries in different ways. What is sliced, and what
    # is stacked, has one axis less within.
    first = last = _of_one_rank(equation.invars, body.invars)
    first -= _of_one_rank(equation.outvars, body.outvars)
    consts, carry, xs = terms[:first], terms[first:last], terms[last:]
    rows: list[list[BoundedArray]] = []
    steps = range(params["length"])
    for i in reversed(steps) if params["reverse"] else steps:
        row = [BoundedArray(x.value[i], None if x.error is None else x.error[i]) for x in xs]
        results = _closed(params["jaxpr"], [*consts, *carry, *row])
        carry, out = results[: len(carry)], results[len(carry) :]
        rows.append(out)
    if params["reverse"]:
        rows.reverse()
    if not rows:
        raise UnsupportedPrimitive("no float64 rule for a scan of no steps")
    return [*carry, *(_stacked(column) for column in zip(*rows, strict=True))]


def _of_one_rank(outside: Sequence[Any], within: Sequence[Any]) -> int:
    return sum(len(a.aval.shape) == len(b.aval.shape) for a, b in zip(outside, within, strict=True))


def _stacked(terms: Sequence[BoundedArray]) -> BoundedArray:
    if is_key(terms[0].value):
        return BoundedArray(jnp.stack([term.value for term in terms]), None)
    value = np.stack([term.value for term in terms])
    exact = all(term.error is None for term in terms)
    return BoundedArray(value, None if exact else np.stack([error_of(term) for term in terms]))


def _while(equation: Any, terms: list[BoundedArray]) -> list[BoundedArray]:
    params = equation.params
    first = params["cond_nconsts"]
    last = first + params["body_nconsts"]
    asks, does, carry = terms[:first], terms[first:last], terms[last:]
    while _closed(params["cond_jaxpr"], [*asks, *carry])[0].value:
        carry = _closed(params["body_jaxpr"], [*does, *carry])
    return carry


def _cond(equation: Any, terms: list[BoundedArray]) -> list[BoundedArray]:
    index, *arguments = terms
    branches = equation.params["branches"]
    return _closed(branches[min(max(int(index.value), 0), len(branches) - 1)], arguments)


CONTROL: dict[str, Callable[[Any, list[BoundedArray]], list[BoundedArray]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
}
"""Control flow: what runs is what ran in float64. A choice that rounding decides is `BranchUndecidable`."""


def _native(equation: Any, terms: Sequence[BoundedArray]) -> list[BoundedArray]:
    """Integers, booleans and keys have no rounding: let JAX compute them."""
    result = equation.primitive.bind(*(term.value for term in terms), **equation.params)
    results = result if equation.primitive.multiple_results else [result]
    return [as_bounded(r) for r in results]
