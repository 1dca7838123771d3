"""Array values from one integer, the same bits in every environment."""

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 3.4e38, -3.4e38, 1.0, -1.0], np.float64
)
"""Floats at the edges: signed zeros, infinities, NaN, subnormals and extremes of float32."""


@functools.lru_cache(maxsize=256)
def draw(
    seed: int, shape: tuple[int, ...], dtype: str, special: bool = False
) -> np.ndarray[Any, Any]:
    """An array of ``shape``. Slices differ: replicated examples hide what a map can do wrong.

    NumPy's RandomState is frozen, so a seed means the same bits in every release. Integers are drawn
    without replacement while they last; floats are standard normal, rounded to ``dtype``; with
    ``special``, two of five are values at the edges. Read-only: the combinations of axes share it.
    """
    array = _drawn(seed, shape, dtype, special)
    array.flags.writeable = False
    return array


def _drawn(seed: int, shape: tuple[int, ...], dtype: str, special: bool) -> np.ndarray[Any, Any]:
    random = np.random.RandomState(seed)
    count = int(np.prod(shape, dtype=int))
    if jnp.issubdtype(dtype, jnp.integer):
        largest = min(int(jnp.iinfo(dtype).max), max(100, 2 * count))
        smallest = 0 if jnp.issubdtype(dtype, jnp.unsignedinteger) else -largest
        everything = random.permutation(np.arange(smallest, largest))
        return np.resize(everything, count).reshape(shape).astype(dtype)
    normal = random.standard_normal(count)
    if special:
        chosen = SPECIAL[random.randint(len(SPECIAL), size=count)]
        normal = np.where(random.uniform(size=count) < 0.4, chosen, normal)
    with np.errstate(over="ignore"):
        return normal.reshape(shape).astype(jnp.dtype(dtype))


def indices(seed: int, shape: Sequence[int], size: int) -> np.ndarray[Any, Any]:
    """int32 indices into an axis of ``size``."""
    return np.random.RandomState(seed).randint(size, size=tuple(shape)).astype(np.int32)
