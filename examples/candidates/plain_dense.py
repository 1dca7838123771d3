"""A right solution of nn_vmap_forward without the lift: a remark, and a failure under --strict."""

import flax.linen as nn
import jax


def nn_vmap_forward(seed, x_batch, features):
    layer = nn.Dense(features)
    variables = layer.init(jax.random.PRNGKey(seed), x_batch[0])
    return jax.vmap(layer.apply, in_axes=(None, 0))(variables, x_batch).reshape(-1)
