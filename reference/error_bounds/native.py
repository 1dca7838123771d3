"""Integers, booleans and keys have no rounding: JAX computes them, and doubt about them goes along."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.error_bounds.bounded_array import (
    BoundedArray,
    as_bounded,
    error_of,
    is_certain,
    require_certain,
    with_doubt,
)
from reference.error_bounds.movement import MOVEMENT
from reference.types import Array

ELEMENTWISE = {
    *("and", "or", "not", "xor", "add", "sub", "mul", "neg", "abs", "sign", "max", "min", "clamp"),
    *("eq", "ne", "lt", "le", "gt", "ge", "convert_element_type"),
}
"""Primitives of which each element of the result depends on one element of each operand."""

REDUCTIONS = {"reduce_and", "reduce_or", "reduce_max", "reduce_min", "reduce_sum", "reduce_xor"}


def native(equation: Any, operands: Sequence[BoundedArray]) -> list[BoundedArray]:
    """What JAX computes of operands that are not floating.

    Raises:
        BranchUndecidable: an operand is in doubt, and what depends on it is not known element by
            element.
    """
    name = equation.primitive.name
    if not all(map(is_certain, operands)):
        if name in MOVEMENT:
            moved = MOVEMENT[name](equation, *operands)
            return moved if isinstance(moved, list) else [moved]
        if name not in ELEMENTWISE | REDUCTIONS:
            require_certain(equation, *operands)
    result = equation.primitive.bind(*(x.value for x in operands), **equation.params)
    results = result if equation.primitive.multiple_results else [result]
    if all(map(is_certain, operands)):
        return [as_bounded(r) for r in results]
    return [with_doubt(np.asarray(results[0]), _doubt(equation, operands))]


def _doubt(equation: Any, operands: Sequence[BoundedArray]) -> Array:
    doubts = [error_of(x) > 0 for x in operands]
    name = equation.primitive.name
    if name in REDUCTIONS:
        return np.any(doubts[0], axis=tuple(equation.params["axes"]))
    either = np.logical_or.reduce(
        [np.broadcast_to(d, equation.outvars[0].aval.shape) for d in doubts]
    )
    if name in ("and", "or"):
        # What is certainly false (true) decides, whatever the other operand is.
        for x, doubt in zip(operands, doubts, strict=True):
            decides = ~doubt & (np.asarray(x.value) == (name == "or"))
            if equation.outvars[0].aval.dtype == bool:
                either = either & ~decides
    return either
