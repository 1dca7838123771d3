"""NNX's lifted maps, `flax.nnx.vmap` and `flax.nnx.pmap`."""
