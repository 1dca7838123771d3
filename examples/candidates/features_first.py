"""A wrong solution of nn_vmap_forward: the answer's axes are the wrong way round."""

import flax.linen as nn
import jax


def nn_vmap_forward(seed, x_batch, features):
    mapped = nn.vmap(
        nn.Dense,
        in_axes=0,
        out_axes=1,
        variable_axes={"params": None},
        split_rngs={"params": False},
    )
    layer = mapped(features)
    variables = layer.init(jax.random.PRNGKey(seed), x_batch)
    return layer.apply(variables, x_batch).reshape(-1)
