"""A map that gives each example its neighbour's result: what the pictures of a failing run are made of."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from conformance import own


def off_by_one_vmap(
    function: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    **options: Any,
) -> Callable[..., Any]:
    """`jax.vmap`, but the results are moved by one example along axis 0."""
    mapped = jax.vmap(function, in_axes, out_axes, **options)

    def moved(*arguments: Any) -> Any:
        return jax.tree.map(
            lambda leaf: jnp.roll(leaf, 1, 0) if leaf.ndim else leaf, mapped(*arguments)
        )

    return moved


SUBJECTS: list[Any] = []
TRANSFORMS = [own.transform("off-by-one-vmap", off_by_one_vmap)]
