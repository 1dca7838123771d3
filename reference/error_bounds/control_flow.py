"""Control flow: what runs is what runs in float64; a choice that rounding decides is undecidable."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    UnsupportedPrimitive,
    error_of,
    is_key,
    require_certain,
)

Run: TypeAlias = Callable[[Any, Sequence[BoundedArray]], list[BoundedArray]]
"""`run(closed_jaxpr, arguments)` evaluates a jaxpr."""

ControlRule: TypeAlias = Callable[[Run, Any, list[BoundedArray]], list[BoundedArray]]


def _scan(run: Run, equation: Any, operands: list[BoundedArray]) -> list[BoundedArray]:
    """Step by step, as its semantics is written in the docstring of `jax.lax.scan`."""
    params = equation.params
    first, carried = scan_counts(equation)
    last = first + carried
    consts, carry, xs = operands[:first], operands[first:last], operands[last:]
    rows: list[list[BoundedArray]] = []
    steps = range(params["length"])
    for i in reversed(steps) if params["reverse"] else steps:
        row = [BoundedArray(x.value[i], None if x.error is None else x.error[i]) for x in xs]
        results = run(params["jaxpr"], [*consts, *carry, *row])
        carry, out = results[: len(carry)], results[len(carry) :]
        rows.append(out)
    if params["reverse"]:
        rows.reverse()
    if not rows:
        raise UnsupportedPrimitive("no float64 rule for a scan of no steps")
    return [*carry, *(_stacked(column) for column in zip(*rows, strict=True))]


def scan_counts(equation: Any) -> tuple[int, int]:
    """How many operands of a scan are constants, and how many are carried.

    Releases write these numbers in different ways (jax 0.11 took `num_consts` and `num_carry` out of the
    parameters). What is sliced, and what is stacked, has one axis less within.
    """
    body = getattr(equation.params["jaxpr"], "jaxpr", equation.params["jaxpr"])
    carried = _of_one_rank(equation.outvars, body.outvars)
    return _of_one_rank(equation.invars, body.invars) - carried, carried


def _of_one_rank(outside: Sequence[Any], within: Sequence[Any]) -> int:
    return sum(len(a.aval.shape) == len(b.aval.shape) for a, b in zip(outside, within, strict=True))


def _stacked(arrays: Sequence[BoundedArray]) -> BoundedArray:
    if is_key(arrays[0].value):
        return BoundedArray(jnp.stack([array.value for array in arrays]), None)
    value = np.stack([array.value for array in arrays])
    exact = all(array.error is None for array in arrays)
    return BoundedArray(value, None if exact else np.stack([error_of(array) for array in arrays]))


def _while(run: Run, equation: Any, operands: list[BoundedArray]) -> list[BoundedArray]:
    params = equation.params
    first = params["cond_nconsts"]
    last = first + params["body_nconsts"]
    cond, body, carry = operands[:first], operands[first:last], operands[last:]
    while _decided(equation, run(params["cond_jaxpr"], [*cond, *carry])[0]):
        carry = run(params["body_jaxpr"], [*body, *carry])
    return carry


def _decided(equation: Any, condition: BoundedArray) -> bool:
    require_certain(equation, condition)
    return bool(condition.value)


def _cond(run: Run, equation: Any, operands: list[BoundedArray]) -> list[BoundedArray]:
    index, *arguments = operands
    require_certain(equation, index)
    branches = equation.params["branches"]
    return run(branches[min(max(int(index.value), 0), len(branches) - 1)], arguments)


CONTROL_FLOW: dict[str, ControlRule] = {"scan": _scan, "while": _while, "cond": _cond}
