"""Array values from one integer, the same bits in every environment."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

Shape = tuple[int, ...]
Values = np.ndarray[Any, Any]

SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 3.4e38, -3.4e38, 1.0, -1.0], np.float64
)
"""Floats at the edges: signed zeros, infinities, NaN, subnormals and extremes of float32."""


@functools.lru_cache(maxsize=256)
def draw(
    seed: int, shape: Shape, dtype: str, edge_values: bool = False, kind: str = "normal"
) -> Values:
    """An array of `shape`. Slices differ: replicated examples hide what a map can do wrong.

    NumPy's RandomState is frozen, so a seed means the same bits in every release. Of the kind
    `normal`, integers are drawn without replacement while they last, and floats are standard normal,
    rounded to `dtype`; with `edge_values`, two of five are values at the edges. The other kinds are
    in `KINDS`. Read-only: the combinations of axes share it.
    """
    array = _drawn(seed, shape, dtype, edge_values, kind)
    array.flags.writeable = False
    return array


def _drawn(seed: int, shape: Shape, dtype: str, edge_values: bool, kind: str) -> Values:
    random = np.random.RandomState(seed)
    count = int(np.prod(shape, dtype=int))
    if dtype == "bool":
        return random.randint(2, size=shape).astype(bool)
    if kind != "normal":
        chosen = _apart(KINDS[kind], random, shape)
        if jnp.issubdtype(dtype, jnp.complexfloating):
            more = KINDS[kind](random, shape)
            # A matrix is positive definite where it is its own conjugate transpose.
            if kind == "positive-definite":
                more = np.triu(more, 1)
                more = more - np.swapaxes(more, -1, -2)
            chosen = chosen + 1j * more
        return np.asarray(chosen, jnp.dtype(dtype))
    if jnp.issubdtype(dtype, jnp.integer):
        largest = min(int(jnp.iinfo(dtype).max), max(100, 2 * count))
        smallest = 0 if jnp.issubdtype(dtype, jnp.unsignedinteger) else -largest
        everything = random.permutation(np.arange(smallest, largest))
        return np.asarray(np.resize(everything, count).reshape(shape), dtype)
    normal = random.standard_normal(count)
    if edge_values:
        chosen = SPECIAL[random.randint(len(SPECIAL), size=count)]
        normal = np.where(random.uniform(size=count) < 0.4, chosen, normal)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        normal = normal + 1j * random.standard_normal(count)
    with np.errstate(over="ignore"):
        return normal.reshape(shape).astype(jnp.dtype(dtype))


def _apart(kind: Callable[[Any, Shape], Values], random: Any, shape: Shape) -> Values:
    """Values of a kind, no two slices along the first axis alike where the kind has enough of them."""
    drawn = kind(random, shape)
    for _ in range(20 if len(shape) > 0 else 0):
        first: dict[bytes, int] = {}
        again = [i for i, row in enumerate(drawn) if first.setdefault(row.tobytes(), i) != i]
        if not again:
            break
        drawn[again] = kind(random, (len(again), *shape[1:]))
    return drawn


def away_from(values: Any, seed: int) -> Values:
    """Floating numbers near those of the array and of the same sign, positive for zeros.

    Integers and booleans stay as they are. What must be positive or in order stays so.
    """
    array: Values = np.asarray(values)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return array
    uniform = np.random.RandomState(seed % 2**32).uniform(size=array.shape)
    wide = array.astype(np.float64)
    away = np.where(wide == 0, 0.05 + 0.1 * uniform, wide * (0.75 + 0.5 * uniform))
    return np.asarray(away, array.dtype)


def indices(seed: int, shape: Sequence[int], size: int, dtype: str = "int32") -> Values:
    """Indices into an axis of `size`."""
    return np.asarray(np.random.RandomState(seed).randint(size, size=tuple(shape)), dtype)


def _between(low: float, high: float) -> Callable[[Any, Shape], Values]:
    return lambda random, shape: random.uniform(low, high, size=shape)


def _whole(largest: int) -> Callable[[Any, Shape], Values]:
    """Integers of either sign, zero not among them: a zero has two signs, and sums choose one."""

    def drawn(random: Any, shape: Shape) -> Values:
        magnitudes = random.randint(1, largest + 1, size=shape)
        return np.asarray(magnitudes * (2 * random.randint(2, size=shape) - 1))

    return drawn


def _bits(random: Any, shape: Shape) -> Values:
    return np.asarray(random.randint(0, 2**32, size=shape, dtype=np.uint64))


def _distinct(random: Any, shape: Shape) -> Values:
    count = int(np.prod(shape, dtype=int))
    return np.asarray(random.permutation(count).reshape(shape) - count // 2)


def _matrix(random: Any, shape: Shape) -> Values:
    """Near enough to a multiple of the identity to be well conditioned."""
    near = random.uniform(-0.5, 0.5, size=shape)
    return np.asarray(near + 2 * np.sqrt(shape[-1]) * np.eye(shape[-2], shape[-1]))


def _positive_definite(random: Any, shape: Shape) -> Values:
    near = random.uniform(-0.5, 0.5, size=shape)
    return np.asarray(near + np.swapaxes(near, -1, -2) + 2 * shape[-1] * np.eye(shape[-1]))


def _lower(random: Any, shape: Shape) -> Values:
    return np.tril(_matrix(random, shape))


KINDS: dict[str, Callable[[Any, Shape], Values]] = {
    "whole": _whole(8),
    "few": _whole(2),
    "small": lambda random, shape: random.randint(0, 8, size=shape),
    "distinct": _distinct,
    "holes": lambda random, shape: np.where(random.uniform(size=shape) < 0.5, np.inf, 1.0),
    "bits": _bits,
    "unit": _between(0.05, 0.95),
    "within-one": _between(-0.9, 0.9),
    "positive": _between(0.5, 3.0),
    "above-one": _between(1.1, 4.0),
    "above-two": _between(2.2, 6.0),
    "matrix": _matrix,
    "positive-definite": _positive_definite,
    "lower": _lower,
}
"""Values for functions that are not defined, not exact or not conditioned well everywhere: integers
whose sums and products no dtype rounds, intervals, and (stacks of) matrices."""
