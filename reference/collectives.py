"""Collectives as plain reductions over all examples, stacked in front: (value, what rounding may do)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.error_bounds.roundoff import gamma

Answer = Callable[[Any], tuple[Any, Any]]


def exactly(reduce: Callable[[Any], Any]) -> Answer:
    """Nothing rounds: the data are small integers, or only move."""

    def answer(x: Any) -> tuple[Any, Any]:
        value = np.asarray(reduce(x))
        return value, np.zeros(value.shape)

    return answer


def everywhere(reduce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Every example gets the same."""
    return lambda x: np.broadcast_to(reduce(x), (len(x), *np.shape(reduce(x))))


def in_groups(reduce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Every example gets that of its group: even places and odd ones apart, where as many are each."""

    def grouped(x: Any) -> Any:
        step = 2 if len(x) % 2 == 0 else 1
        each = [everywhere(reduce)(x[first::step]) for first in range(step)]
        return np.stack([each[place % step][place // step] for place in range(len(x))])

    return grouped


def mean(x: Any) -> tuple[Any, Any]:
    """The mean in float32, everywhere: a sum of n terms, and a division."""
    margin = gamma(len(x) + 1, "float32")
    return everywhere(lambda x: x.mean(0))(x), margin * everywhere(lambda x: np.abs(x).mean(0))(x)


def scattered_sum(x: Any) -> Any:
    """Example i gets slice i of the sum: (batch, batch, ...) to (batch, ...)."""
    return x.sum(0)


def exchanged(x: Any) -> Any:
    """Example i gets slice i of each example: (batch, batch, ...), the first two axes swapped."""
    return np.swapaxes(x, 0, 1)


def shifted(x: Any) -> Any:
    """Example i + 1 gets what example i had, the first what the last had."""
    return np.roll(x, 1, 0)


def handed_on(x: Any) -> Any:
    """Example i + 1 gets what example i had, and the first, to which nobody sends, zeros.

    Source: https://docs.jax.dev/en/latest/_autosummary/jax.lax.ppermute.html
    """
    return np.concatenate([np.zeros_like(x[:1]), x[:-1]])


def numbered(x: Any) -> Any:
    """Each example plus its place."""
    return x + np.arange(len(x)).reshape(-1, *(1,) * (x.ndim - 1))
