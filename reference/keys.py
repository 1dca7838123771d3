"""Which key a draw gets: Linen's derivation, from the stream's key, the scope's path and a count; and NNX's.

Source: `flax/core/scope.py` (`Scope.make_rng`, `Scope.push`, `LazyRng`, `_fold_in_static`) and
`flax/core/lift.py` (`vmap`, `split_fn`), read in Flax 0.8.5, 0.11.0, 0.12.8 and 0.12.12 and held to
them by `tests/reference/test_keys.py`. Flax documents that keys come from the path and a counter
(https://flax.readthedocs.io/en/latest/guides/flax_fundamentals/rng_guide.html), not how.

This is Linen's default. `FLAX_FIX_RNG_SEPARATOR=1` (`flax_fix_rng_separator`, off in every release
read) puts a zero byte before each part of the digest, and `FLAX_LAZY_RNG=0` (0.8.5 still has it)
folds each part by itself: under either, Linen's keys are others than these.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

Key = jax.Array


def derive(key: Key, path: Sequence[str], count: int) -> Key:
    """The key of draw number `count` (the first is 1) from a stream in the scope at `path`.

    The names from the root to the scope and the count, as bytes with nothing between them, go
    through SHA-1; the digest's first four bytes, big-endian, are folded into the stream's key. So
    ("ab", "c") and ("a", "bc") share their keys: Linen's own collision, kept.

    `key` is one key, typed or raw, of any PRNG implementation; the result is of the same kind. (For
    "rbg" keys alone, JAX's own `fold_in` and `split` map over the two halves of a key.) Raises
    ValueError when `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"draws are counted from 1, got count={count}")
    # The fewest bytes that hold the count: draw 256 is the first to need two.
    count_bytes = count.to_bytes((count.bit_length() + 7) // 8, byteorder="big")
    digest = hashlib.sha1("".join(path).encode() + count_bytes).digest()  # noqa: S324 (Linen derives keys by it)
    return jax.random.fold_in(key, jnp.uint32(int.from_bytes(digest[:4], byteorder="big")))


def derive_in_order(key: Key, path: Sequence[str], count: int) -> Key:
    """NNX's key of draw number `count` (the first is 1) from a stream, wherever in the module it is.

    Source: `RngStream.__call__` in `flax/nnx/rnglib.py`, read in Flax 0.11.0, 0.12.8 and 0.12.12.
    """
    return jax.random.fold_in(key, count - 1)


class Derivation(NamedTuple):
    """How a framework derives keys."""

    derive: Callable[[Key, Sequence[str], int], Key]
    by_scope: bool
    """Draws are counted in each scope by itself, not over the whole module."""
    splits: Callable[[Key], Key]
    """From a stream's root key to the one that is split for the examples."""


LINEN = Derivation(derive, by_scope=True, splits=lambda root: root)
NNX = Derivation(derive_in_order, by_scope=False, splits=lambda root: derive_in_order(root, (), 1))
"""`nnx.split_rngs` splits what it draws from the stream. Source: `flax/nnx/rnglib.py`, as above."""


def lift(
    rngs: Mapping[str, Key],
    split: Mapping[str, bool],
    size: int,
    derivation: Derivation = LINEN,
) -> list[dict[str, Key]]:
    """The streams that each of `size` examples sees inside a lift with `split_rngs=split`.

    A split stream gives example i the i-th of `size` keys split from the stream's *root* key (in NNX,
    from the first key drawn from it): paths and counts are folded in afterwards, whatever the lifted
    module's own path. An unsplit one gives every example the root key itself. A stream that `split`
    does not name is not there for anyone.
    """
    split_keys = {
        name: jax.random.split(derivation.splits(rngs[name]), size)
        for name in rngs
        if split.get(name)
    }
    return [
        {name: split_keys[name][i] if split[name] else rngs[name] for name in rngs if name in split}
        for i in range(size)
    ]
