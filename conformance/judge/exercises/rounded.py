"""Right answers with an error bound, for references that draw parameters and then round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from reference.error_bounds import evaluate as rounding
from reference.error_bounds.evaluate import Rounded

DRAWN_UNITS = 4
"""Roundoffs between two right draws of one parameter: releases multiply a normal draw's factors in
different orders, and a jitted draw fuses them; 2 units in the last place are at most 4 of these."""


def with_draw_error(tree: Any) -> Any:
    """Parameters as a right candidate may have drawn them, inside a function that is evaluated."""

    def loosen(leaf: Any) -> Any:
        for _ in range(DRAWN_UNITS):
            leaf = leaf * np.float32(1)
        return leaf

    return jax.tree_util.tree_map(loosen, tree)


@lru_cache(maxsize=256)
def _evaluator(function: Callable[..., Any], structure: Any, kinds: Any) -> Callable[..., Rounded]:
    like = structure.unflatten([jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in kinds])
    return rounding.evaluator(function, *like)


def evaluate(function: Callable[..., Any], *arguments: Any) -> Rounded:
    """`reference.error_bounds.evaluate.evaluate`, tracing a function once for each set of shapes."""
    leaves, structure = jax.tree_util.tree_flatten(arguments)
    kinds = tuple((np.shape(leaf), jax.numpy.result_type(leaf)) for leaf in leaves)
    return _evaluator(function, structure, kinds)(*arguments)


def each(results: Sequence[Rounded]) -> Rounded:
    """The results of the examples, stacked along a new first axis."""

    def stack(*leaves: Any) -> Any:
        return np.stack(leaves)

    values = jax.tree_util.tree_map(stack, *(result.value for result in results))
    return Rounded(values, jax.tree_util.tree_map(stack, *(result.error for result in results)))


def moved(result: Rounded, function: Callable[[Any], Any]) -> Rounded:
    """Data movement on value and error alike."""
    move = partial(jax.tree_util.tree_map, function)
    return Rounded(move(result.value), move(result.error))


def flat(result: Rounded) -> Rounded:
    return moved(result, np.ravel)
