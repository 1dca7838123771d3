"""The transforms that are held to the laws, one file each."""

from conformance.transforms import jax_pmap, jax_shard_map, jax_vmap, linen_vmap, nnx_vmap
from properties.transform import Transform

TRANSFORMS: dict[str, Transform] = {
    transform.name: transform
    for transform in (
        jax_vmap.TRANSFORM,
        jax_pmap.TRANSFORM,
        jax_shard_map.TRANSFORM,
        linen_vmap.TRANSFORM,
        nnx_vmap.VMAP,
        nnx_vmap.PMAP,
    )
}
