"""What the unmapped function gives as the right answer, and how far another computation may be from it."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from properties.trees import raw
from reference.error_bounds.arithmetic import of_two_computations
from reference.error_bounds.bounded_array import unit_roundoff
from reference.error_bounds.evaluate import Rounded

SMALLEST = float(np.finfo(np.float64).tiny)
"""A bound that no error but that of a zero's sign is within."""

Answer = Callable[..., Rounded]


def exactly(function: Callable[..., Any], bound: float = 0.0) -> Answer:
    """To the bit, or with that bound everywhere."""
    return _within(function, lambda leaf: np.full(leaf.shape, bound))


def nearly(function: Callable[..., Any]) -> Answer:
    """As near as two computations of one elementary function are."""
    return _within(function, lambda leaf: of_two_computations(leaf, leaf.dtype))


def among_ties(derivative: Callable[..., Any]) -> Answer:
    """A maximum's gradient is divided among equal values, which rounds, as do the products and sums
    of the few quotients: by no more than 16 units of the largest of them, or of one."""

    def bound(leaf: Any) -> Any:
        largest = max(1.0, float(np.abs(leaf).max(initial=0)))
        return np.full(leaf.shape, 16 * unit_roundoff(leaf.dtype) * largest)

    return _within(derivative, bound)


def _within(function: Callable[..., Any], bound: Callable[[Any], Any]) -> Answer:
    compiled = jax.jit(function)

    def one(*arguments: Any) -> Rounded:
        value = jax.tree_util.tree_map(np.asarray, raw(compiled(*arguments)))
        return Rounded(value, jax.tree_util.tree_map(bound, value))

    return one
