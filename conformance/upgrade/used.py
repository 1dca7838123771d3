"""What of the suite a user's names of JAX and Flax stand for: primitives, and transforms.

In a cell: it traces functions of JAX, and runs nothing.
"""

import inspect
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.observations.record import Absent, needed

_TRACED = ("jax.numpy.", "jax.lax.", "jax.nn.", "jax.random.", "jax.scipy.")
"""Modules of functions of arrays."""
_OF_FILES = ("save", "load", "from", "print")
_OF_LAYERS = {
    "Attention": ("dot_general", "exp", "reduce_max", "reduce_sum"),
    "BatchNorm": ("reduce_sum", "rsqrt"),
    "Cell": ("dot_general", "logistic", "tanh"),
    "Conv": ("conv_general_dilated",),
    "ConvTranspose": ("conv_general_dilated",),
    "Dense": ("dot_general",),
    "Dropout": ("random_bits", "select_n"),
    "Einsum": ("dot_general",),
    "Embed": ("gather",),
    "Linear": ("dot_general",),
    "Norm": ("reduce_sum", "rsqrt"),
    "RNN": ("scan",),
    "pool": ("reduce_window",),
    "scan": ("scan",),
}
"""By the end of a name of Flax's, which primitives that layer is traced to."""


def primitives(names: Iterable[str]) -> set[str]:
    """The primitives that these names stand for, as far as small arrays show them."""
    return {primitive for name in names for primitive in _of(name)}


def transforms(names: Iterable[str]) -> set[str]:
    """The transforms of the suite that are among the names."""
    from conformance.transforms import TRANSFORMS

    last = {"jax.experimental.shard_map.shard_map": "jax.shard_map"}
    return {last.get(name, name) for name in names} & TRANSFORMS.keys()


def _of(name: str) -> Iterator[str]:
    package, _, last = name.rpartition(".")
    if package.startswith("flax."):
        yield from (p for end, of in _OF_LAYERS.items() if last.endswith(end) for p in of)
    elif package == "jax.lax":
        yield last
    if name.startswith(_TRACED) and not last.startswith(_OF_FILES):
        try:
            yield from _traced(needed(name))
        except Absent:
            return


def _traced(function: Any) -> set[str]:
    """What a function is traced to on as few small arrays as it takes."""
    import jax
    import jax.numpy as jnp

    from conformance.observations.jaxprs import counted

    if not callable(function) or inspect.isclass(function):
        return set()
    key, x, shape = jax.random.key(0), jnp.ones((3, 3)), (3, 3)
    arrays = [(x,) * count for count in (1, 2, 3)]
    for arguments in itertools.chain(arrays, [(key,), (key, x), (key, x, x)]):
        try:
            return set(counted(function, *arguments)["primitives"])
        except Exception:  # it takes other arguments  # noqa: S112 (the next ones are tried)
            continue
    try:
        return set(counted(lambda key: function(key, shape), key)["primitives"])
    except Exception:  # nor such
        return set()
