# expect: conforms
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def vectorized_linear_layer(weights, biases, inputs):
    lhs = jnp.asarray(inputs)[:, :, None]
    rhs = jnp.asarray(weights).T[:, :, None]
    return lax.conv(lhs, rhs, (1,), 'VALID')[..., 0] + biases
