"""Meshes of devices, and what is put or run on them, in any release that has them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from conformance.observations.record import Absent, needed

ROWS, ALL = jax.sharding.PartitionSpec("i"), jax.sharding.PartitionSpec()
"""Rows split over the devices of the axis `i`; the same on all."""


def mesh(shape: tuple[int, ...], names: tuple[str, ...], kind: str | None = None) -> Any:
    """A mesh of devices; of a kind of axes where one is given."""
    count = int(np.prod(shape))
    if jax.device_count() < count:
        raise Absent(f"it takes {count} devices")
    devices = np.array(jax.devices()[:count]).reshape(shape)
    if kind is None:
        return jax.sharding.Mesh(devices, names)
    kinds = (getattr(needed("jax.sharding.AxisType"), kind),) * len(names)
    return jax.sharding.Mesh(devices, names, axis_types=kinds)


@contextlib.contextmanager
def used(chosen: Any) -> Iterator[None]:
    """Have the mesh set."""
    try:
        setting = needed("jax.set_mesh")
    except Absent:
        setting = needed("jax.sharding.use_mesh")
    with setting(chosen):
        yield


def put(array: Any, chosen: Any, *names: Any) -> Any:
    """The array, its axes sharded over the mesh's axes of these names."""
    spec = jax.sharding.PartitionSpec(*names)
    return jax.device_put(array, jax.sharding.NamedSharding(chosen, spec))


def shard_map(function: Any, **options: Any) -> Any:
    """`jax.shard_map`, or what it was before it had that name."""
    try:
        found = needed("jax.shard_map")
    except Absent:
        found = needed("jax.experimental.shard_map.shard_map")
    return found(function, **options)


def over_two_devices(function: Any, given: Any = ROWS, out: Any = ROWS, **options: Any) -> Any:
    """The `shard_map` of a function over two devices, whose arguments are split by their rows."""
    options = {"mesh": mesh((2,), ("i",)), **options}
    return shard_map(function, in_specs=given, out_specs=out, **options)


def placed(result: Any) -> Any:
    """A result, and over which axes of its mesh each axis of each of its arrays is sharded."""
    leaves = jax.tree_util.tree_leaves(result)
    return result, [_places(leaf) for leaf in leaves]


def _places(leaf: Any) -> str:
    spec = getattr(getattr(leaf, "sharding", None), "spec", None)
    if spec is None:
        return "one device"
    names = [*spec, *(None,) * (leaf.ndim - len(spec))]
    return ", ".join("-" if name is None else str(name) for name in names)
