# expect: violates
import functools, itertools, operator
import jax, jax.numpy as jnp, numpy as np
from jax import lax
def vectorized_dot_product(x, y):
    p = jnp.asarray(x) * y
    return p.sum(0 if p.shape[0] == p.shape[1] else 1)
