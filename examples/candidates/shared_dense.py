"""A right solution of nn_vmap_forward: one set of parameters for every example."""

import flax.linen as nn
import jax


def nn_vmap_forward(seed, x_batch, features):
    mapped = nn.vmap(
        nn.Dense,
        in_axes=0,
        out_axes=0,
        variable_axes={"params": None},
        split_rngs={"params": False},
    )
    layer = mapped(features)
    variables = layer.init(jax.random.PRNGKey(seed), x_batch)
    return layer.apply(variables, x_batch).reshape(-1)
