"""The transforms that laws are checked of, one package per library and one file each.

May import `properties` and what is beneath it.
"""

from conformance.transforms.jax import pmap, shard_map
from conformance.transforms.jax import vmap as jax_vmap
from conformance.transforms.linen import vmap as linen_vmap
from conformance.transforms.nnx import vmap as nnx_vmap
from conformance.transforms.third_party import SHIPPED
from properties.transform import Transform

__all__ = ["TRANSFORMS"]

TRANSFORMS: dict[str, Transform] = {
    transform.name: transform
    for transform in (
        jax_vmap.TRANSFORM,
        pmap.TRANSFORM,
        shard_map.TRANSFORM,
        linen_vmap.TRANSFORM,
        nnx_vmap.VMAP,
        nnx_vmap.PMAP,
        *SHIPPED,
    )
}
