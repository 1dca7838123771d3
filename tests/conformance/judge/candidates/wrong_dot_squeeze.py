# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def vectorized_dot_product(x, y): return jnp.squeeze(jnp.asarray(x)[:, None, :] @ jnp.asarray(y)[:, :, None])
