"""The unmapped function as an oracle: its own results, and how far another computation may be off."""

from collections.abc import Callable
from typing import TypeAlias

import jax
import numpy as np

from properties.trees import raw
from reference.error_bounds.evaluate import Rounded
from reference.error_bounds.roundoff import of_two_computations, unit_roundoff
from reference.types import Array, PyTree

SMALLEST = float(np.finfo(np.float64).tiny)
"""A bound that only the sign of a zero is within."""

Oracle: TypeAlias = Callable[..., Rounded]
"""From one example's arguments to what is expected of it, and its bound."""


def exactly(function: Callable[..., PyTree], bound: float = 0.0) -> Oracle:
    """To the bit, or with that absolute bound everywhere."""
    return _within(function, lambda leaf: np.full(leaf.shape, bound))


def nearly(function: Callable[..., PyTree]) -> Oracle:
    """As near as two computations of one elementary function are."""
    return _within(function, lambda leaf: of_two_computations(leaf, leaf.dtype))


def among_ties(derivative: Callable[..., PyTree]) -> Oracle:
    """To 16 units of roundoff of the largest result, or of one.

    The gradient of a maximum is divided among equal values, which rounds, as do the products and sums
    of the few quotients.
    """

    def bound(leaf: Array) -> Array:
        largest = max(1.0, float(np.abs(leaf).max(initial=0)))
        return np.full(leaf.shape, 16 * unit_roundoff(leaf.dtype) * largest)

    return _within(derivative, bound)


def _within(function: Callable[..., PyTree], bound: Callable[[Array], Array]) -> Oracle:
    compiled = jax.jit(function)

    def oracle(*arguments: PyTree) -> Rounded:
        value = jax.tree_util.tree_map(np.asarray, raw(compiled(*arguments)))
        return Rounded(value, jax.tree_util.tree_map(bound, value))

    return oracle
