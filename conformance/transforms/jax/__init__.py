"""JAX's own mapping transforms: `jax.vmap`, `jax.pmap` and `jax.shard_map`."""
