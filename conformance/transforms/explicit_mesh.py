"""Arrays on an Explicit mesh, where a type says along which axis an array is divided over the devices."""

from typing import Any

import jax
import numpy as np

DEVICES = "devices"
"""The name of the mesh's axis."""


def mesh_of(size: int) -> Any:
    """An Explicit mesh of as many devices as can share `size` members equally."""
    count = max(n for n in range(1, jax.device_count() + 1) if size % n == 0)
    kinds: Any = jax.sharding.AxisType
    return jax.make_mesh(
        (count,), (DEVICES,), axis_types=(kinds.Explicit,), devices=jax.devices()[:count]
    )


def along(array: Any, axis: int) -> Any:
    """The array with this axis divided over the devices of the mesh that is set."""
    return jax.device_put(array, jax.sharding.PartitionSpec(*[None] * axis, DEVICES))


def divided(tree: Any) -> Any:
    """Along which axes each array of a tree is divided over the devices, as its type says."""

    def of(array: Any) -> Any:
        typed: Any = jax.typeof(array)
        return np.array(
            [DEVICES in jax.tree_util.tree_leaves(each) for each in typed.sharding.spec]
        )

    return jax.tree_util.tree_map(of, tree)


def divided_along(tree: Any, axis: int) -> Any:
    """What `divided` gives of arrays of which this axis alone is divided."""
    return jax.tree_util.tree_map(lambda array: np.arange(array.ndim) == axis, tree)
