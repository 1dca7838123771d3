# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
import flax.linen as nn
def nn_vmap_forward(seed, x_batch, features):
    m = nn.vmap(nn.Dense, in_axes=0, out_axes=0, variable_axes={'params': None}, split_rngs={'params': False})(features)
    return m.apply(m.init(jax.random.PRNGKey(seed & 0x7fffffff), x_batch), x_batch).reshape(-1)
