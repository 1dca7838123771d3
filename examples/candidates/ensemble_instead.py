"""A wrong solution of nn_vmap_forward: it makes an ensemble, with other weights for every example."""

import flax.linen as nn
import jax


def nn_vmap_forward(seed, x_batch, features):
    mapped = nn.vmap(
        nn.Dense, in_axes=0, out_axes=0, variable_axes={"params": 0}, split_rngs={"params": True}
    )
    layer = mapped(features)
    variables = layer.init(jax.random.PRNGKey(seed), x_batch)
    return layer.apply(variables, x_batch).reshape(-1)
