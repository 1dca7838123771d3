"""`jax.shard_map` over a mesh of as many devices as there are examples, each mapping its own one."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import jax
import numpy as np

from conformance.transforms.jax import pmap
from properties.call import Axes, FunctionCall
from properties.transform import Transform
from reference.loop import number_of_examples
from reference.types import Array, PyTree

MESH_AXIS = "devices"
"""The name of the mesh's only axis."""


def map_function(
    function: Callable[..., PyTree], axes: Axes, checked: bool = True
) -> Callable[..., PyTree]:
    """`jax.shard_map` of `jax.vmap` of the function, with the specs of these axes.

    Where it is not `checked` (check_vma=False), shard_map does not know which arrays all devices
    share, and a gradient by one of them that is taken within is each device's own.
    """

    def mapped(*arguments: PyTree) -> PyTree:
        from jax.sharding import Mesh
        from jax.sharding import PartitionSpec as P

        size = number_of_examples(arguments, axes.in_axes)
        mesh = Mesh(np.array(jax.devices()[:size]), (MESH_AXIS,))
        local = jax.vmap(function, axes.in_axes, axes.out_axes)
        shapes = jax.eval_shape(local, *arguments)

        def spec(leaf: Array, axis: int | None) -> P:
            if axis is None:
                return P()
            return P(*(MESH_AXIS if i == axis % leaf.ndim else None for i in range(leaf.ndim)))

        arrays = jax.tree_util.tree_map(jax.numpy.asarray, arguments)
        in_specs = tuple(
            jax.tree_util.tree_map(lambda leaf, axis=axis: spec(leaf, axis), argument)
            for argument, axis in zip(arrays, axes.in_axes, strict=True)
        )
        out_specs = jax.tree_util.tree_map(lambda leaf: spec(leaf, axes.out_axes), shapes)
        shard_map = getattr(jax, "shard_map", None) or _experimental()
        options = {} if checked else {_name_of_check(shard_map): False}
        return shard_map(local, mesh=mesh, in_specs=in_specs, out_specs=out_specs, **options)(
            *arrays
        )

    return mapped


def _name_of_check(shard_map: Any) -> str:
    parameters = inspect.signature(shard_map).parameters
    return "check_vma" if "check_vma" in parameters else "check_rep"


def _experimental() -> Any:
    """Where it was before it was public."""
    from jax.experimental.shard_map import shard_map

    return shard_map


def source(call: FunctionCall) -> str:
    """`Transform.source`: Python that defines `mapped`."""
    (axes, *_) = call.axes
    return f"""
from jax.sharding import Mesh, PartitionSpec as P

shard_map = getattr(jax, "shard_map", None)
if shard_map is None:
    from jax.experimental.shard_map import shard_map
in_axes, out_axes = {axes.in_axes}, {axes.out_axes}
mesh = Mesh(np.array(jax.devices()[:{call.sizes["batch"]}]), ("devices",))


def split(leaf, axis):
    if axis is None:
        return P()
    return P(*("devices" if i == axis % leaf.ndim else None for i in range(leaf.ndim)))


def mapped(*arguments):
    arguments = jax.tree_util.tree_map(jnp.asarray, arguments)
    local = jax.vmap(function, in_axes, out_axes)
    in_specs = tuple(
        jax.tree_util.tree_map(lambda leaf: split(leaf, axis), a) for a, axis in zip(arguments, in_axes)
    )
    shapes = jax.eval_shape(local, *arguments)
    out_specs = jax.tree_util.tree_map(lambda leaf: split(leaf, out_axes), shapes)
    return shard_map(local, mesh=mesh, in_specs=in_specs, out_specs=out_specs)(*arguments)
"""


TRANSFORM = Transform(
    "jax.shard_map",
    "maps a function over a mesh of devices",
    map_function,
    kinds=("function",),
    tier="derived",
    max_batch_size=pmap.TRANSFORM.max_batch_size,
    accepts_axis_size_only=False,
    unavailable=partial(pmap.one_device, "shard_map"),
    source=source,
)

UNCHECKED = attrs.evolve(TRANSFORM, map=partial(map_function, checked=False))
"""Without `check_vma`. It is no transform of the catalogue: it tells what the check is the cause of."""
